//! What stands before each message to the system's log, in either form.
//!
//! Invariant: nothing in it comes from a request, and nothing of the settings can end it early.

use std::process;

use rsgi_middleware::line::stamp;
use rustix::system::uname;

use super::{Facility, Syslog, SyslogAddress, SyslogForm};
use crate::log::level::Level;

/// What stands before each message, made ready.
#[derive(Clone, Debug)]
pub(in crate::log) struct Header {
    facility: Facility,
    form: SyslogForm,
    /// The host's name, where the form has one; it ends in a space.
    host: String,
    tag: String,
}

impl Header {
    /// `part` is `error` or `access`, as Gunicorn tags its messages.
    pub(in crate::log) fn new(syslog: &Syslog, part: &str) -> Self {
        let host = match (&syslog.to, syslog.form) {
            // What a machine tells itself has no host: the receiver would take it for the tag.
            (SyslogAddress::Unix(_), SyslogForm::Rfc3164) => String::new(),
            _ => format!("{} ", word(&uname().nodename().to_string_lossy(), MOST_HOST)),
        };
        let tag = match syslog.prefix.as_str() {
            "" => format!("rsgi.{part}"),
            prefix => format!("rsgi.{prefix}.{part}"),
        };
        let most = if syslog.form == SyslogForm::Rfc3164 { MOST_TAG } else { MOST_APP_NAME };
        Self { facility: syslog.facility, form: syslog.form, host, tag: word(&tag, most) }
    }

    /// Writes it for a message of now.
    pub(in crate::log) fn write(&self, line: &mut Vec<u8>, level: Level) {
        line.push(b'<');
        stamp::number(line, u64::from(self.facility.number()) * 8 + u64::from(level.severity()));
        let pid = u64::from(process::id());
        match self.form {
            SyslogForm::Rfc3164 => {
                line.push(b'>');
                stamp::write(line, stamp::Form::Rfc3164);
                line.push(b' ');
                line.extend_from_slice(self.host.as_bytes());
                line.extend_from_slice(self.tag.as_bytes());
                line.push(b'[');
                stamp::number(line, pid);
                line.extend_from_slice(b"]: ");
            }
            SyslogForm::Rfc5424 => {
                line.extend_from_slice(b">1 ");
                stamp::write(line, stamp::Form::Rfc3339);
                line.push(b' ');
                line.extend_from_slice(self.host.as_bytes());
                line.extend_from_slice(self.tag.as_bytes());
                line.push(b' ');
                stamp::number(line, pid);
                // No message id, no structured data.
                line.extend_from_slice(b" - - ");
            }
        }
    }
}

/// Makes a word that a header may hold: visible ASCII without what separates in either form, never empty.
fn word(text: &str, most: usize) -> String {
    let kept = |character: char| {
        let plain = character.is_ascii_graphic() && !matches!(character, '[' | ']' | ':' | '<' | '>');
        if plain { character } else { '_' }
    };
    let word: String = text.chars().map(kept).take(most).collect();
    if word.is_empty() { String::from("-") } else { word }
}

/// RFC 5424 section 6.
const MOST_HOST: usize = 255;
const MOST_APP_NAME: usize = 48;
/// RFC 3164 section 4.1.3.
const MOST_TAG: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_message_has_priority_time_tag_and_pid() {
        let syslog = Syslog { prefix: "shop".into(), ..Syslog::default() };
        let mut line = Vec::new();
        Header::new(&syslog, "error").write(&mut line, Level::Error);
        let line = String::from_utf8(line).unwrap();
        assert!(line.starts_with("<11>"), "{line}");
        assert!(line.ends_with(&format!(" rsgi.shop.error[{}]: ", process::id())), "{line}");
        assert_eq!(line.find("rsgi"), Some("<11>Nov 23 10:00:00 ".len()), "{line}");
    }

    #[test]
    fn a_remote_message_has_the_seven_parts_of_rfc_5424() {
        let facility = Facility::named("local7").unwrap();
        let syslog = Syslog { facility, ..Syslog::parse("udp://h:514").unwrap() };
        let mut line = Vec::new();
        Header::new(&syslog, "access").write(&mut line, Level::Info);
        let line = String::from_utf8(line).unwrap();
        let parts: Vec<_> = line.split(' ').collect();
        assert_eq!(parts[0], "<190>1");
        assert_eq!(parts[3], "rsgi.access");
        assert_eq!(parts[4], process::id().to_string());
        assert_eq!(&parts[5..], ["-", "-", ""]);
    }

    #[test]
    fn a_hostile_prefix_can_not_end_the_header() {
        let syslog = Syslog { prefix: "a]: b\n<0>".into(), ..Syslog::default() };
        let header = Header::new(&syslog, "error");
        assert_eq!(header.tag, "rsgi.a___b__0_.error");
        assert_eq!(word("", 5), "-");
        assert_eq!(word("abcdef", 5), "abcde");
    }
}
