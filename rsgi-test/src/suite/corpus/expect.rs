//! The verdict over a pair: the lines of an `.expect` file, read and checked.
//!
//! The format is described in `corpus/README.md`. It has no nesting and no escapes of its own: bytes beyond printable
//! ASCII stand as `u8::escape_ascii` writes them, and are compared in that form.
//!
//! Invariant: a file that says two things at once, or nothing, isn't accepted. Next: `observed.rs`.

/// What must come of a pair's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expect {
    /// Why, with the section that says so.
    pub reason: String,
    /// Whether the client ends its direction behind the bytes.
    pub is_ended: bool,
    /// What may come of them; more than one where the sources leave a choice.
    pub stories: Vec<Story>,
}

/// One thing that may come of the bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Story {
    /// The answers, in order.
    pub steps: Vec<Step>,
    /// What becomes of the connection.
    pub ending: Ending,
}

/// What becomes of the connection behind the last answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// It carries another request.
    Open,
    /// The server ends it.
    #[default]
    Closed,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The app saw a request and answered it.
    Request(Request),
    /// The server answered by itself, with one of these statuses; the app saw nothing.
    Refuse(Vec<u16>),
}

/// What the app must have seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Method, target and version, as in a request line.
    pub line: String,
    /// All fields of the names that stand here, in order.
    pub fields: Vec<(String, String)>,
    /// Names of which there must be no field.
    pub absent: Vec<String>,
    /// The content, if it came whole.
    pub body: String,
    /// The kind of the input's error, if it didn't.
    pub error: Option<String>,
    /// All trailers, in order.
    pub trailers: Vec<(String, String)>,
    /// Whether `100 Continue` may come first.
    pub may_continue: bool,
}

impl Request {
    /// The method.
    pub fn method(&self) -> &str {
        self.line.split(' ').next().unwrap_or_default()
    }
}

impl Expect {
    /// Reads a file's text.
    ///
    /// # Errors
    ///
    /// What is wrong with it, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        let reason: Vec<_> = text.lines().map_while(|line| line.strip_prefix("# ")).collect();
        let reason = reason.join(" ");
        if !reason.contains("RFC ") {
            return Err("the first line is a comment that cites an RFC".into());
        }
        let mut reading =
            Reading { expect: Self { reason, is_ended: false, stories: Vec::new() }, story: None };
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            reading.line(line).map_err(|fault| format!("{fault}: {line:?}"))?;
        }
        if reading.story.is_some() || reading.expect.stories.is_empty() {
            return Err("the last line is `open` or `closed`".into());
        }
        Ok(reading.expect)
    }
}

/// A file half read.
struct Reading {
    expect: Expect,
    /// The story whose end wasn't read yet.
    story: Option<Story>,
}

impl Reading {
    fn line(&mut self, line: &str) -> Result<(), &'static str> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (word, &mut self.story) {
            ("eof", None) if self.expect.stories.is_empty() => self.expect.is_ended = true,
            ("or", None) if !self.expect.stories.is_empty() => self.story = Some(Story::default()),
            ("open" | "closed", story) => {
                let mut story = match story.take() {
                    Some(story) => story,
                    None if self.expect.stories.is_empty() => Story::default(),
                    None => return Err("a second end"),
                };
                story.ending = if word == "open" { Ending::Open } else { Ending::Closed };
                self.expect.stories.push(story);
            }
            (_, None) if !self.expect.stories.is_empty() => return Err("`or` is missing"),
            (_, story) => story.get_or_insert_default().step(word, rest)?,
        }
        Ok(())
    }
}

impl Story {
    fn step(&mut self, word: &str, rest: &str) -> Result<(), &'static str> {
        match word {
            "request" if rest.split(' ').count() == 3 => {
                self.steps.push(Step::Request(Request { line: rest.into(), ..Request::default() }));
                return Ok(());
            }
            "refuse" => {
                let statuses: Result<Vec<_>, _> = rest.split('|').map(str::parse).collect();
                self.steps.push(Step::Refuse(statuses.map_err(|_| "statuses are numbers between `|`")?));
                return Ok(());
            }
            _ => {}
        }
        let Some(Step::Request(request)) = self.steps.last_mut() else {
            return Err("no request to say this of");
        };
        match word {
            "field" => request.fields.push(named(rest)?),
            "absent" => request.absent.push(rest.into()),
            "body" => request.body = rest.into(),
            "error" => request.error = Some(rest.into()),
            "trailer" => request.trailers.push(named(rest)?),
            "continue" => request.may_continue = true,
            _ => return Err("an unknown word"),
        }
        Ok(())
    }
}

/// Takes `name: value` apart.
pub(super) fn named(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once(':').ok_or("a field is `name: value`")?;
    Ok((name.into(), value.strip_prefix(' ').unwrap_or(value).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_read_line_by_line() {
        let text = "# Why (RFC 9112 6).\neof\nrequest PUT /a HTTP/1.1\nfield x: y: z\nabsent q\nbody a b\nclosed\n\
                    or\nrefuse 400|501\nclosed\n";
        let expect = Expect::parse(text).unwrap();
        assert!(expect.is_ended);
        assert_eq!(expect.stories.len(), 2);
        let Step::Request(request) = &expect.stories[0].steps[0] else { panic!("a request") };
        assert_eq!((request.method(), request.body.as_str()), ("PUT", "a b"));
        assert_eq!(request.fields, [("x".to_owned(), "y: z".to_owned())]);
        assert_eq!(expect.stories[1].steps, [Step::Refuse(vec![400, 501])]);
    }

    #[test]
    fn a_verdict_without_source_end_or_sense_is_refused() {
        for text in [
            "request GET / HTTP/1.1\nopen\n",
            "# No source.\nopen\n",
            "# RFC 9112\n",
            "# RFC 9112\nrefuse 400\n",
            "# RFC 9112\nrefuse four\nclosed\n",
            "# RFC 9112\nbody x\nclosed\n",
            "# RFC 9112\nclosed\nclosed\n",
            "# RFC 9112\nclosed\nrefuse 400\n",
            "# RFC 9112\nclosed\nor\n",
            "# RFC 9112\nrequest GET /\nopen\n",
            "# RFC 9112\nrequest GET / HTTP/1.1\nsurprise\nopen\n",
        ] {
            assert!(Expect::parse(text).is_err(), "{text:?}");
        }
    }
}
