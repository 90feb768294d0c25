//! The forms of texts that are neither numbers nor one of some words.
//!
//! Nothing is opened or looked up: a host's name stays a name, a path a path.
//!
//! Invariant: what passes a check here is read without an error in `config.rs`.

use http::HeaderValue;
use rsgi_core::server::{Bind, ServeError};
use rsgi_core::trust::IpNet;
use rsgi_middleware::AccessFormat;

use crate::log::output::{Output, OutputError};
use crate::log::statsd::StatsdAddress;
use crate::log::syslog::Syslog;
use crate::settings::kind::{Form, Problem};

pub(super) const PATH: Form = Form { word: "PATH", allowed: "a path", check: path };

pub(super) const OUTPUT: Form = Form {
    word: "OUTPUT",
    allowed: "-, stderr, stdout, a file's path, syslog, syslog:unix://PATH or syslog:udp://HOST:PORT",
    check: output,
};

pub(super) const NAME: Form = Form { word: "NAME", allowed: "a name or a number", check: name };

pub(super) const TEXT: Form = Form { word: "TEXT", allowed: "a text on one line", check: text };

pub(super) const COMMAND: Form =
    Form { word: "COMMAND", allowed: "a shell's command on one line, or nothing", check: no_control };

pub(super) const LINE: Form =
    Form { word: "FORMAT", allowed: "a text with atoms such as %(h)s and %({name}i)s", check: line };

pub(super) const LISTENER: Form =
    Form { word: "ADDRESS", allowed: "HOST:PORT, [IPV6]:PORT, :PORT, unix:PATH or fd://N", check: listener };

pub(super) const ADDRESS: Form =
    Form { word: "ADDRESS", allowed: "HOST:PORT, [IPV6]:PORT or unix:PATH", check: address };

pub(super) const STATSD: Form = Form { word: "ADDRESS", allowed: "HOST:PORT or unix:PATH", check: statsd };

pub(super) const NETWORK: Form =
    Form { word: "NETWORK", allowed: "an IP network or address, unix, or * for everyone", check: trusted };

pub(super) const FIELD: Form =
    Form { word: "FIELD", allowed: "off, forwarded, x-for, x-proto, x-host, x-port", check: field };

pub(super) const KEY_VALUE: Form = Form { word: "KEY=VALUE", allowed: "KEY=VALUE", check: key_value };

pub(super) const FIELD_VALUE: Form =
    Form { word: "TEXT", allowed: "visible characters of ASCII", check: field_value };

pub(super) const MOUNT: Form =
    Form { word: "PATH", allowed: "nothing, or a path such as /shop", check: mount };

pub(super) const SYSLOG: Form =
    Form { word: "ADDRESS", allowed: "unix://PATH or udp://HOST:PORT", check: syslog };

/// The word for every peer.
const EVERYONE: &str = "*";
/// The word for peers on unix sockets.
const UNIX: &str = "unix";

/// Whether this item of a list of networks stands for every peer.
pub(crate) fn everyone(item: &str) -> bool {
    item == EVERYONE
}

/// Whether this item of a list of networks stands for whoever may open our unix sockets.
pub(crate) fn is_unix(item: &str) -> bool {
    item == UNIX
}

/// The network that an item names; `None` for those that are no addresses.
pub(crate) fn network(item: &str) -> Option<IpNet> {
    item.parse().ok()
}

fn path(text: &str) -> Result<(), Problem> {
    if text.is_empty() {
        return Err(Problem::new("the path is empty"));
    }
    no_control(text)
}

fn name(text: &str) -> Result<(), Problem> {
    if text.is_empty() || text.contains([':', '/', ' ']) {
        return Err(Problem::new("this is neither a name nor a number"));
    }
    no_control(text)
}

fn text(text: &str) -> Result<(), Problem> {
    if text.is_empty() {
        return Err(Problem::new("the text is empty"));
    }
    no_control(text)
}

fn line(text: &str) -> Result<(), Problem> {
    AccessFormat::parse(text).map(|_| ()).map_err(|error| Problem::new(error.to_string()))
}

fn no_control(text: &str) -> Result<(), Problem> {
    if text.contains(char::is_control) {
        Err(Problem::new("there is a control character in it"))
    } else {
        Ok(())
    }
}

fn listener(text: &str) -> Result<(), Problem> {
    text.parse::<Bind>().map(|_| ()).map_err(|error| told(text, &error))
}

fn address(text: &str) -> Result<(), Problem> {
    match text.parse() {
        Ok(Bind::Fd(_)) => Err(Problem::new("a descriptor can't be inherited for this")),
        Ok(_) => Ok(()),
        Err(error) => Err(told(text, &error)),
    }
}

fn statsd(text: &str) -> Result<(), Problem> {
    match StatsdAddress::parse(text) {
        Some(_) => no_control(text),
        None => Err(Problem::new("this is no address of a statsd")),
    }
}

fn trusted(text: &str) -> Result<(), Problem> {
    if text == EVERYONE || text == UNIX {
        return Ok(());
    }
    text.parse::<IpNet>().map(|_| ()).map_err(|error| told(text, &error))
}

fn field(text: &str) -> Result<(), Problem> {
    match text {
        "off" | "forwarded" | "x-for" | "x-proto" | "x-host" | "x-port" => Ok(()),
        _ => Err(Problem::new("no such field is read")),
    }
}

fn key_value(text: &str) -> Result<(), Problem> {
    let Some((key, _)) = text.split_once('=') else { return Err(Problem::new("there is no = in it")) };
    if key.is_empty() || text.contains('\0') {
        return Err(Problem::new("this can't stand in an environment"));
    }
    Ok(())
}

fn field_value(text: &str) -> Result<(), Problem> {
    match HeaderValue::from_str(text) {
        Ok(value) if !value.is_empty() && value.to_str().is_ok() => Ok(()),
        _ => Err(Problem::new("this can't be a header field's value")),
    }
}

fn mount(text: &str) -> Result<(), Problem> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%/".contains(&byte);
    if !text.is_empty() && (!text.starts_with('/') || text.ends_with('/')) {
        return Err(Problem::new("a mount point begins with a slash and ends with none"));
    }
    if text.contains("//") || !text.bytes().all(allowed) {
        return Err(Problem::new("this is no path of a URL"));
    }
    Ok(())
}

fn output(text: &str) -> Result<(), Problem> {
    Output::parse(text, Output::Stderr).map(|_| ()).map_err(|error| why(&error))?;
    no_control(text)
}

fn syslog(text: &str) -> Result<(), Problem> {
    Syslog::parse(text).map(|_| ()).map_err(|error| why(&error))
}

/// What an output's error says of the value, without the value.
fn why(error: &OutputError) -> Problem {
    let text = error.to_string();
    let text = text.split_once(" is no output: ").map_or(text.as_str(), |(_, why)| why);
    Problem::new(text.split_once("; allowed").map_or(text, |(why, _)| why))
}

/// Takes problem and remedy out of an error of core, whose text begins with its own name of the setting.
fn told(value: &str, error: &ServeError) -> Problem {
    let text = error.to_string();
    let remedy = error.remedy();
    let begin = format!("{} {value}: ", error.setting().unwrap_or_default());
    let problem = text.strip_prefix(&begin).unwrap_or(&text);
    let problem = problem.strip_suffix(remedy).map_or(problem, |problem| problem.trim_end_matches("; "));
    Problem::with_remedy(problem, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_takes_what_it_says_and_nothing_else() {
        for (form, good, bad) in [
            (PATH, &["a", "/a b"][..], &["", "a\0", "a\nb"][..]),
            (NAME, &["www-data", "33"], &["", "a:b", "a b"]),
            (LINE, &["%(h)s \"%(r)s\"", "%(m)s%%"], &["%", "a\nb", "%(h"]),
            (LISTENER, &[":80", "[::1]:0", "unix:/a", "fd://3"], &["80", "", "http://a:1", "::1:80"]),
            (ADDRESS, &["localhost:9090", "unix:a"], &["fd://3", "9090"]),
            (STATSD, &["localhost:8125", "unix:/run/statsd"], &["localhost", "localhost:0", "unix:"]),
            (NETWORK, &["*", "unix", "10.0.0.0/8", "::1"], &["", "10.0.0.1/8", "localhost"]),
            (FIELD, &["off", "forwarded", "x-port"], &["x-forwarded-for", ""]),
            (KEY_VALUE, &["A=", "A=b=c"], &["A", "=b", "A=\0"]),
            (FIELD_VALUE, &["shop/1"], &["", "a\nb", "ü"]),
            (OUTPUT, &["-", "stdout", "log/a.log", "syslog"], &["", "a\nb", "syslog:/dev/log"]),
            (MOUNT, &["", "/a", "/a/b%20c"], &["a", "/", "/a/", "/a//b", "/a?b", "/ü"]),
            (
                SYSLOG,
                &["unix:///dev/log", "udp://localhost:514"],
                &["", "/dev/log", "unix://a", "udp://localhost", "udp://localhost:0", "tcp://localhost:514"],
            ),
        ] {
            for text in good {
                assert_eq!((form.check)(text), Ok(()), "{text}");
            }
            for text in bad {
                assert!((form.check)(text).is_err(), "{text}");
            }
        }
    }

    #[test]
    fn what_core_says_of_a_wrong_address_is_kept() {
        let problem = listener("8000").unwrap_err();
        assert_eq!(problem.problem, "a host is missing");
        assert!(problem.remedy.unwrap().starts_with("write 127.0.0.1:8000"));
        assert_eq!(trusted("10.0.0.1/8").unwrap_err().problem, "bits are set behind the prefix");
    }
}
