//! The app that corpus runs are made of: it reads its whole input and answers with what it saw.
//!
//! Its answer's content is a line for each thing, which [`Seen::parse`] reads back; so client and app may stand on two
//! machines. An answer to HEAD has no content, so there the lines travel in a field. Bytes beyond printable ASCII
//! stand as `u8::escape_ascii` writes them.
//!
//! Invariant: an answer with the field `seen` was made by this app, every other by the server. Next: `observed.rs`.

use std::fmt::Write as _;

use rsgi_core::http::{HeaderMap, Method, StatusCode};
use rsgi_core::{App, Environ, Error, InputErrorKind, StartResponse, Started, app_fn};

use super::expect::named;
use crate::wire::answer::Answer;

/// Makes the app that a server under test runs.
pub fn app() -> impl App {
    app_fn(tell)
}

async fn tell(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let mut text = format!("line {} ", environ.method());
    let target = environ.target().into_owned();
    let _writing_to_a_string = writeln!(text, "{} {:?}", target.as_bytes().escape_ascii(), environ.version());
    write_fields(&mut text, "field", environ.headers());
    let mut body = Vec::new();
    let mut status = if *environ.method() == Method::CONNECT {
        // A 2xx would begin a tunnel (RFC 9110 section 9.3.6).
        StatusCode::METHOD_NOT_ALLOWED
    } else {
        StatusCode::OK
    };
    loop {
        match environ.input_mut().piece().await {
            Some(Ok(piece)) => body.extend_from_slice(&piece),
            Some(Err(error)) => {
                status = StatusCode::BAD_REQUEST;
                let _writing_to_a_string = writeln!(text, "error {}", kind(error.kind()));
                break;
            }
            None => {
                let _writing_to_a_string = writeln!(text, "body {}", body.escape_ascii());
                break;
            }
        }
    }
    if let Some(trailers) = environ.input_mut().trailers() {
        write_fields(&mut text, "trailer", trailers);
    }
    let head = start_response.start(status, [("content-type", "text/plain")])?;
    if *environ.method() == Method::HEAD {
        return Ok(head.header(SEEN, text.trim_end().replace('\n', "\t"))?.empty());
    }
    Ok(head.header(SEEN, "below")?.body(text))
}

fn write_fields(text: &mut String, word: &str, fields: &HeaderMap) {
    for (name, value) in fields {
        let _writing_to_a_string = writeln!(text, "{word} {name}: {}", value.as_bytes().escape_ascii());
    }
}

fn kind(kind: InputErrorKind) -> &'static str {
    match kind {
        InputErrorKind::Truncated | InputErrorKind::Disconnected => "truncated",
        InputErrorKind::Limit => "limit",
        InputErrorKind::Malformed => "malformed",
        InputErrorKind::TimedOut => "timed-out",
        _ => "other",
    }
}

/// What the app saw of one request, as its answer tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Method, target and version.
    pub line: String,
    /// All fields; those of one name in order.
    pub fields: Vec<(String, String)>,
    /// The content, if it came whole.
    pub body: String,
    /// The kind of the input's error, if it didn't.
    pub error: Option<String>,
    /// All trailers.
    pub trailers: Vec<(String, String)>,
}

impl Seen {
    /// Reads an answer of the app; `None` if the server made it by itself.
    pub(super) fn parse(answer: &Answer) -> Option<Self> {
        let field = answer.field(SEEN)?;
        let text = if field == "below" { answer.text().to_owned() } else { field.replace('\t', "\n") };
        let mut seen = Self::default();
        for line in text.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "line" => rest.clone_into(&mut seen.line),
                "field" => seen.fields.push(named(rest).expect("the app writes a colon")),
                "trailer" => seen.trailers.push(named(rest).expect("the app writes a colon")),
                "body" => rest.clone_into(&mut seen.body),
                "error" => seen.error = Some(rest.to_owned()),
                other => panic!("not a line of the corpus' app: {other}"),
            }
        }
        Some(seen)
    }

    /// All values of a field's name.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        let named = self.fields.iter().filter(|(found, _)| found == name);
        named.map(|(_, value)| value.as_str()).collect()
    }
}

/// The field that marks an answer of the app.
const SEEN: &str = "seen";
