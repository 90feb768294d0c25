//! The access log's JSON form: the facts of Gunicorn's default format, and what only an outcome knows.
//!
//! It is a format as any other, with keys for its literals. `connection` and `request` are the numbers by which the log's
//! lines name the same request.

use rsgi_core::http::header;

use super::atoms::{Early, Late, Style};
use super::format::{AccessFormat, Piece};

impl AccessFormat {
    /// One object of JSON a line: the facts of the combined form, and delivery, cause, phase and fault of the outcome.
    #[must_use]
    pub fn json() -> Self {
        let mut format = Self::empty(Style::Json);
        for (place, (key, piece)) in facts().into_iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            format.literal(&format!("{before}\"{key}\":"));
            format.pieces.push(piece);
        }
        format.literal("}");
        format
    }
}

fn facts() -> [(&'static str, Piece); 22] {
    let early = Piece::Early;
    let late = Piece::Late;
    [
        ("time", late(Late::Time)),
        ("pid", late(Late::Pid)),
        ("connection", early(Early::Connection)),
        ("request", early(Early::Request)),
        ("client", early(Early::Client)),
        ("peer", early(Early::Peer)),
        ("user", early(Early::User)),
        ("method", early(Early::Method)),
        ("target", early(Early::Target)),
        ("protocol", early(Early::Protocol)),
        ("scheme", early(Early::Scheme)),
        ("host", early(Early::Host)),
        ("request_id", early(Early::Field(header::HeaderName::from_static("x-request-id")))),
        ("referer", early(Early::Field(header::REFERER))),
        ("user_agent", early(Early::Field(header::USER_AGENT))),
        ("status", late(Late::Status)),
        ("bytes", late(Late::Bytes)),
        ("microseconds", late(Late::Micros)),
        ("delivery", late(Late::Delivery)),
        ("cause", late(Late::Cause)),
        ("phase", late(Late::Phase)),
        ("fault", late(Late::Fault)),
    ]
}
