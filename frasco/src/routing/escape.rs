//! What a URL escapes (RFC 3986), and an app's path as one below its mount.

use percent_encoding::{AsciiSet, CONTROLS};

/// What a path escapes (RFC 3986 section 3.3): all but `pchar` and the slash.
pub(crate) const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// What a segment escapes: a slash, too.
pub(crate) const SEGMENT: &AsciiSet = &PATH.add(b'/');

/// What of a canonical path is to be escaped: its own escapes stay.
pub(crate) const CANONICAL: &AsciiSet = &PATH.remove(b'%');

/// What must not be in a URL at all: what is escaped, and what has a meaning, stays as it is.
pub(crate) const REFERENCE: &AsciiSet = &CANONICAL.remove(b'#').remove(b'?').remove(b'[').remove(b']');

/// An escaped path of an app, below its mount; never one that begins with two slashes, which would be a host (RFC 3986 section 4.2).
pub(crate) fn below(mount: &str, path: &str) -> String {
    let mount = mount.trim_end_matches('/');
    let is_host = mount.starts_with("//") || mount.is_empty() && path.starts_with("//");
    [if is_host { "/." } else { "" }, mount, path].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_below_a_mount_is_never_a_host() {
        for (mount, path, expected) in [
            ("", "/a", "/a"),
            ("/m/", "/a", "/m/a"),
            ("/m", "//a", "/m//a"),
            ("", "//a", "/.//a"),
            ("//m", "/a", "/.//m/a"),
        ] {
            assert_eq!(below(mount, path), expected);
        }
    }
}
