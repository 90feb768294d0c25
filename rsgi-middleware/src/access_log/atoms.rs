//! The atoms of an access log's line: Gunicorn's, and those that only the JSON form has.
//!
//! *Early* ones are known before the app is asked, and are written then, from the environ, so that nothing of it need be
//! kept; *late* ones are known with the outcome. Every text from outside is escaped by the style it is written in.

use std::cell::OnceCell;
use std::io::Write;
use std::net::IpAddr;
use std::process;

use rsgi_core::http::header::{self, HeaderName};
use rsgi_core::http::{HeaderMap, HeaderValue};
use rsgi_core::trust::{Client, Trusted};
use rsgi_core::{Environ, Outcome, Scheme};

use super::answer::Answer;
use super::{user, words};
use crate::line::{escape, stamp};

/// What is known with the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Early {
    /// Who asks, as far as trusted proxies tell.
    Client,
    /// Always a dash: what identd would say.
    Identity,
    User,
    /// Method, target and protocol, with spaces between.
    Line,
    Method,
    Path,
    Query,
    Target,
    Protocol,
    Scheme,
    Host,
    /// The other end of the connection.
    Peer,
    /// The connection's number.
    Connection,
    /// The request's number on it.
    Request,
    Field(HeaderName),
    Variable(Box<str>),
}

/// What is known with the outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Late {
    Time,
    Status,
    Bytes,
    /// The bytes, or a dash for none.
    SomeBytes,
    Seconds,
    Millis,
    Micros,
    /// Seconds with six decimals.
    Decimal,
    Pid,
    /// The answer's field of this place in the format's list.
    Field(usize),
    Delivery,
    Cause,
    Phase,
    Fault,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Escaped; a dash for what isn't known.
    Text,
    /// A string or a number; `null` for what isn't known.
    Json,
}

/// A request, and what is found out of it but once.
pub(super) struct Facts<'a> {
    pub(super) environ: &'a Environ,
    trusted: OnceCell<Trusted<'a>>,
}

impl<'a> Facts<'a> {
    pub(super) fn new(environ: &'a Environ) -> Self {
        Self { environ, trusted: OnceCell::new() }
    }

    fn trusted(&self) -> &Trusted<'a> {
        self.trusted.get_or_init(|| self.environ.trusted())
    }

    /// Tells whether a proxy's word counts: else its fields need not be looked at.
    fn is_forwarded(&self) -> bool {
        self.environ.trust().trusts(self.environ.peer())
    }
}

impl Early {
    /// Writes it, no text longer than `most` bytes.
    pub(super) fn write(&self, line: &mut Vec<u8>, facts: &Facts<'_>, style: Style, most: usize) {
        let environ = facts.environ;
        match self {
            Self::Client if facts.is_forwarded() => client(line, &facts.trusted().client, style),
            Self::Client => client(line, &Client::from(environ.peer()), style),
            Self::Identity => style.unknown(line),
            Self::User => match (user::named(environ.headers()), style) {
                (Some(user), Style::Text) => escape::word(line, &user, most),
                (user, style) => style.text(line, user.as_deref(), most),
            },
            Self::Line => {
                escape::visible(line, environ.method().as_str().as_bytes(), most);
                line.push(b' ');
                escape::visible(line, environ.target().as_bytes(), most);
                line.push(b' ');
                line.extend_from_slice(words::protocol(environ.version()).as_bytes());
            }
            Self::Method => style.text(line, Some(environ.method().as_str().as_bytes()), most),
            Self::Path => style.text(line, Some(environ.uri().path().as_bytes()), most),
            // Gunicorn writes nothing where there is none.
            Self::Query => style.text(line, Some(environ.query().unwrap_or_default().as_bytes()), most),
            Self::Target => style.text(line, Some(environ.target().as_bytes()), most),
            Self::Protocol => style.text(line, Some(words::protocol(environ.version()).as_bytes()), most),
            Self::Scheme => style.text(line, Some(scheme(facts).as_str().as_bytes()), most),
            Self::Host if facts.is_forwarded() => {
                style.text(line, facts.trusted().host.as_deref().map(str::as_bytes), most);
            }
            Self::Host => style.text(line, environ.host().map(str::as_bytes), most),
            Self::Peer => style.text(line, Some(environ.peer().to_string().as_bytes()), most),
            Self::Connection => stamp::number(line, environ.request_id().0),
            Self::Request => stamp::number(line, environ.request_id().1),
            Self::Field(name) => field(line, environ.headers(), name, style, most),
            Self::Variable(name) => style.text(line, environ.var(name).as_deref(), most),
        }
    }
}

impl Late {
    /// Writes it; the answer's fields are those that were seen.
    pub(super) fn write(&self, line: &mut Vec<u8>, outcome: &Outcome, answer: Option<&Answer>, style: Style) {
        let elapsed = outcome.elapsed;
        let whole = |number: u128| u64::try_from(number).unwrap_or(u64::MAX);
        match self {
            Self::Time => style.time(line),
            Self::Status => match outcome.status {
                Some(status) => stamp::number(line, status.as_u16().into()),
                None => style.unknown(line),
            },
            Self::SomeBytes if outcome.body_bytes == 0 => style.unknown(line),
            Self::Bytes | Self::SomeBytes => stamp::number(line, outcome.body_bytes),
            Self::Seconds => stamp::number(line, elapsed.as_secs()),
            Self::Millis => stamp::number(line, whole(elapsed.as_millis())),
            Self::Micros => stamp::number(line, whole(elapsed.as_micros())),
            Self::Decimal => {
                stamp::number(line, elapsed.as_secs());
                line.push(b'.');
                stamp::padded(line, elapsed.subsec_micros().into(), 6);
            }
            Self::Pid if style == Style::Text => {
                line.push(b'<');
                stamp::number(line, process::id().into());
                line.push(b'>');
            }
            Self::Pid => stamp::number(line, process::id().into()),
            Self::Field(place) => match answer {
                Some(answer) => answer.with(*place, |value| style.text(line, value, MOST_OF_ANSWER)),
                None => style.unknown(line),
            },
            Self::Delivery => {
                style.text(line, Some(words::delivery(outcome.delivery).as_bytes()), escape::WHOLE);
            }
            Self::Cause => {
                style.text(line, words::cause(outcome.delivery).map(str::as_bytes), escape::WHOLE);
            }
            Self::Phase => style.text(line, Some(words::phase(outcome.phase).as_bytes()), escape::WHOLE),
            Self::Fault => {
                style.text(line, outcome.fault.map(|found| words::fault(found).as_bytes()), escape::WHOLE);
            }
        }
    }
}

impl Style {
    fn text(self, line: &mut Vec<u8>, text: Option<&[u8]>, most: usize) {
        match (text, self) {
            (Some(text), Self::Text) => escape::visible(line, text, most),
            (Some(text), Self::Json) => escape::json(line, text, most),
            (None, _) => self.unknown(line),
        }
    }

    fn unknown(self, line: &mut Vec<u8>) {
        line.extend_from_slice(match self {
            Self::Text => b"-",
            Self::Json => b"null",
        });
    }

    fn time(self, line: &mut Vec<u8>) {
        let (before, form, behind) = match self {
            Self::Text => (b'[', stamp::Form::Access, b']'),
            Self::Json => (b'"', stamp::Form::Rfc3339, b'"'),
        };
        line.push(before);
        stamp::write(line, form);
        line.push(behind);
    }
}

fn client(line: &mut Vec<u8>, client: &Client, style: Style) {
    if style == Style::Json {
        line.push(b'"');
    }
    match client {
        Client::Ip { address: IpAddr::V4(address), .. } => {
            for (place, octet) in address.octets().into_iter().enumerate() {
                if place > 0 {
                    line.push(b'.');
                }
                stamp::number(line, octet.into());
            }
        }
        // Whatever its form, there is no character in it that either style would escape; into memory, which doesn't fail.
        other => drop(write!(line, "{other}")),
    }
    if style == Style::Json {
        line.push(b'"');
    }
}

/// Writes all fields of a name, as one.
fn field(line: &mut Vec<u8>, fields: &HeaderMap, name: &HeaderName, style: Style, most: usize) {
    let mut values = fields.get_all(name).iter();
    let first = values.next();
    match values.next() {
        None => style.text(line, first.map(HeaderValue::as_bytes), most),
        Some(_) => style.text(line, joined(fields, name).as_deref(), most),
    }
}

/// The values of all fields of a name, as one (RFC 9110 section 5.3); `None` if there is none.
pub(super) fn joined(fields: &HeaderMap, name: &HeaderName) -> Option<Vec<u8>> {
    let separator: &[u8] = if *name == header::COOKIE { b"; " } else { b", " };
    let values: Vec<_> = fields.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    (!values.is_empty()).then(|| values.join(separator))
}

fn scheme(facts: &Facts<'_>) -> Scheme {
    if facts.is_forwarded() { facts.trusted().scheme } else { facts.environ.scheme() }
}

/// Bytes of one field of an answer that a line shows: the app's own, so none of them is hostile.
const MOST_OF_ANSWER: usize = 1024;
