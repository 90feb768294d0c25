//! Requests and answers of the control socket, as lines; the table is in the folder's `mod.rs`.

use serde::{Deserialize, Serialize};

use crate::fleet::{Answer, Command};
use crate::observe::Facts;

/// What somebody asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// How the service is, answered from the page.
    Facts,
    /// A command for the fleet.
    Fleet(Command),
    /// So many workers more, or fewer.
    ScaleBy(i32),
    /// To stop without waiting for requests.
    StopQuick,
}

/// How the asker reads answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Words,
}

/// A request in JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wire {
    rsgi: u32,
    command: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<i32>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    quick: bool,
}

/// An answer in JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Reply {
    rsgi: u32,
    pub(super) ok: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) took_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) facts: Option<Facts>,
}

impl Request {
    /// Reads a line. How its sender wants to be answered is known even if the line means nothing.
    pub(super) fn parse(line: &[u8]) -> (Form, Result<Self, String>) {
        let line = line.trim_ascii();
        if line.first() == Some(&b'{') {
            return (Form::Json, Self::of_json(line));
        }
        let words = std::str::from_utf8(line).map_err(|_| "this is no text".to_owned());
        (Form::Words, words.and_then(Self::of_words))
    }

    /// As a client writes it.
    pub(super) fn line(self) -> Vec<u8> {
        let wire = |command: &str| Wire { rsgi: VERSION, command: command.to_owned(), ..Wire::default() };
        let wire = match self {
            Self::Facts => wire("facts"),
            Self::ScaleBy(by) => Wire { by: Some(by), ..wire("scale") },
            Self::StopQuick => Wire { quick: true, ..wire("stop") },
            Self::Fleet(Command::Scale(to)) => {
                Wire { to: Some(u32::try_from(to).unwrap_or(u32::MAX)), ..wire("scale") }
            }
            Self::Fleet(Command::Show) => wire("show"),
            Self::Fleet(Command::Reload) => wire("reload"),
            Self::Fleet(Command::Drain) => wire("drain"),
            Self::Fleet(Command::Upgrade) => wire("upgrade"),
            Self::Fleet(Command::Stop) => wire("stop"),
            Self::Fleet(Command::Reopen) => wire("reopen"),
        };
        line_of(&wire)
    }

    fn of_json(line: &[u8]) -> Result<Self, String> {
        /// The version, whatever else another one has.
        #[derive(Deserialize)]
        struct Version {
            rsgi: u32,
        }
        let Version { rsgi } = serde_json::from_slice(line).map_err(|error| {
            format!("this is no request: {error}; write {{\"rsgi\":{VERSION},\"command\":\"show\"}}")
        })?;
        if rsgi != VERSION {
            return Err(format!(
                "this master speaks version {VERSION} of the control socket's language, not {rsgi}"
            ));
        }
        let wire: Wire =
            serde_json::from_slice(line).map_err(|error| format!("this is no request: {error}"))?;
        wire.meaning()
    }

    fn of_words(line: &str) -> Result<Self, String> {
        let mut words = line.split_ascii_whitespace();
        let command = words.next().unwrap_or_default().to_owned();
        let mut wire = Wire { rsgi: VERSION, command, ..Wire::default() };
        for word in words {
            match word {
                "quick" | "--quick" => wire.quick = true,
                _ if word.starts_with(['+', '-']) => wire.by = Some(number(word)?),
                _ => wire.to = Some(number(word)?),
            }
        }
        wire.meaning()
    }
}

fn number<T: std::str::FromStr>(word: &str) -> Result<T, String> {
    word.parse().map_err(|_| format!("{word:?} means nothing here; see `help` of the commands"))
}

impl Wire {
    /// What it asks; nothing that it says may be left over.
    fn meaning(self) -> Result<Request, String> {
        let plain = self.to.is_none() && self.by.is_none() && !self.quick;
        Ok(match (self.command.as_str(), self.to, self.by) {
            ("scale", Some(to), None) if !self.quick => Request::Fleet(Command::Scale(to as usize)),
            ("scale", None, Some(by)) if !self.quick => Request::ScaleBy(by),
            ("scale", ..) => {
                return Err("scale takes a number of workers, such as 4, or a change, such as +1".to_owned());
            }
            ("stop", None, None) if self.quick => Request::StopQuick,
            ("facts", ..) if plain => Request::Facts,
            ("show", ..) if plain => Request::Fleet(Command::Show),
            ("reload", ..) if plain => Request::Fleet(Command::Reload),
            ("drain", ..) if plain => Request::Fleet(Command::Drain),
            ("upgrade", ..) if plain => Request::Fleet(Command::Upgrade),
            ("stop", ..) if plain => Request::Fleet(Command::Stop),
            ("reopen", ..) if plain => Request::Fleet(Command::Reopen),
            (command, ..) if COMMANDS.contains(&command) => {
                return Err(format!("{command} doesn't take what was given with it"));
            }
            (command, ..) => {
                let shown: String = command.chars().take(40).collect();
                return Err(format!("there is no command {shown:?}; there are {}", COMMANDS.join(", ")));
            }
        })
    }
}

impl Reply {
    /// To what the fleet answered.
    pub(super) fn of(answer: &Answer, took_ms: u64) -> Self {
        let base = Self { rsgi: VERSION, took_ms: Some(took_ms), ..Self::default() };
        match answer {
            Answer::Done(text) => Self { ok: true, text: Some(text.clone()), ..base },
            Answer::Refused(why) => Self { error: Some(why.clone()), ..base },
        }
    }

    /// That it can't be done.
    pub(super) fn refused(why: String) -> Self {
        Self { rsgi: VERSION, error: Some(why), ..Self::default() }
    }

    /// With the facts.
    pub(super) fn facts(facts: Facts) -> Self {
        Self { rsgi: VERSION, ok: true, facts: Some(facts), ..Self::default() }
    }

    /// As a line, or as lines of words.
    pub(super) fn bytes(&self, form: Form) -> Vec<u8> {
        match form {
            Form::Json => line_of(self),
            Form::Words => {
                let text = match (&self.text, &self.error, &self.facts) {
                    (_, Some(error), _) => format!("refused: {error}\n"),
                    (Some(text), ..) => format!("{text}\n"),
                    (None, None, Some(facts)) => super::render::table(facts),
                    (None, None, None) => "done\n".to_owned(),
                };
                text.into_bytes()
            }
        }
    }

    /// Reads a line of a master's.
    pub(super) fn parse(line: &[u8]) -> Result<Self, String> {
        let reply: Self = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        if reply.rsgi == VERSION {
            Ok(reply)
        } else {
            Err(format!("it speaks version {}, not {VERSION}", reply.rsgi))
        }
    }
}

fn line_of(value: &impl Serialize) -> Vec<u8> {
    // Neither maps with other keys than strings nor anything else that can fail is in these types.
    let mut line = serde_json::to_vec(value).unwrap_or_default();
    line.push(b'\n');
    line
}

/// Of the language.
const VERSION: u32 = 1;
const COMMANDS: [&str; 8] = ["show", "facts", "scale", "reload", "drain", "upgrade", "stop", "reopen"];

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Request; 9] = [
        Request::Facts,
        Request::ScaleBy(-2),
        Request::StopQuick,
        Request::Fleet(Command::Scale(4)),
        Request::Fleet(Command::Show),
        Request::Fleet(Command::Reload),
        Request::Fleet(Command::Drain),
        Request::Fleet(Command::Upgrade),
        Request::Fleet(Command::Stop),
    ];

    fn error(line: &str) -> String {
        Request::parse(line.as_bytes()).1.unwrap_err()
    }

    #[test]
    fn what_a_client_writes_is_understood() {
        for request in ALL {
            assert_eq!(Request::parse(&request.line()), (Form::Json, Ok(request)));
        }
    }

    #[test]
    fn people_may_write_words() {
        for (line, request) in [
            ("scale 4\r", Request::Fleet(Command::Scale(4))),
            ("  scale +2 ", Request::ScaleBy(2)),
            ("scale -1", Request::ScaleBy(-1)),
            ("stop", Request::Fleet(Command::Stop)),
            ("stop quick", Request::StopQuick),
            ("reopen", Request::Fleet(Command::Reopen)),
            ("facts", Request::Facts),
        ] {
            assert_eq!(Request::parse(line.as_bytes()), (Form::Words, Ok(request)), "{line}");
        }
    }

    #[test]
    fn what_means_nothing_is_refused_with_what_there_is() {
        assert!(error("shw").starts_with("there is no command \"shw\"; there are show, facts, scale"));
        assert!(error("").starts_with("there is no command \"\""));
        assert_eq!(error("reload 3"), "reload doesn't take what was given with it");
        assert!(error("scale").starts_with("scale takes a number"));
        assert!(error("scale many").starts_with("\"many\" means nothing"));
        assert!(error("scale 4 +1").starts_with("scale takes a number"));
        assert!(error("{").starts_with("this is no request"));
        assert!(error(r#"{"rsgi":1,"command":"show","colour":1}"#).contains("unknown field"));
        assert_eq!(Request::parse(b"\xff\xfe").1.unwrap_err(), "this is no text");
    }

    #[test]
    fn another_version_is_told_so_whatever_else_it_has() {
        let told = error(r#"{"rsgi":2,"command":{"new":"form"}}"#);
        assert_eq!(told, "this master speaks version 1 of the control socket's language, not 2");
        let told = Reply::parse(br#"{"rsgi":2,"ok":true}"#).unwrap_err();
        assert_eq!(told, "it speaks version 2, not 1");
    }

    #[test]
    fn an_answer_is_one_line_of_json_and_reads_back() {
        for reply in [
            Reply::of(&Answer::Done("a\nb".into()), 12),
            Reply::of(&Answer::Refused("no".into()), 0),
            Reply::refused("why".into()),
            Reply::facts(Facts::default()),
        ] {
            let line = reply.bytes(Form::Json);
            assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
            assert_eq!(Reply::parse(&line), Ok(reply));
        }
        let words = Reply::of(&Answer::Refused("no".into()), 0).bytes(Form::Words);
        assert_eq!(words, b"refused: no\n");
    }

    #[test]
    fn members_that_a_later_master_adds_are_skipped() {
        let reply =
            Reply::parse(br#"{"rsgi":1,"ok":true,"text":"t","mood":"good","facts":{"new":1}}"#).unwrap();
        assert_eq!((reply.ok, reply.text.as_deref()), (true, Some("t")));
    }
}
