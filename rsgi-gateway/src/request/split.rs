//! Script name and path info, decoded, out of what web servers make of them.
//!
//! Each quirk stands here with the server and the version that it was seen at; the tests have what was sent.
//!
//! Invariant: the script name is empty, or begins with a slash and ends in none; the path info is empty or begins with one.
//! Next: `target.rs`, which finds both in the target.

use std::borrow::Cow;

use rsgi_core::path;

use super::told::Told;

/// Where the app is mounted, and the rest.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Split<'a> {
    pub(super) script_name: Cow<'a, [u8]>,
    pub(super) path_info: Cow<'a, [u8]>,
}

impl<'a> Split<'a> {
    /// Reads it; `None` if the web server tells neither. `path` is that of `REQUEST_URI`, raw.
    pub(super) fn read(told: &Told<'a>, path: Option<&str>) -> Option<Self> {
        if let Some(split) = of_apache_proxy(told, path) {
            return Some(split.tidy());
        }
        let split = match (told.script_name, told.path_info) {
            (script_name, Some(path_info)) => Self::of(script_name.unwrap_or_default(), path_info),
            // nginx with `scgi_params` as shipped (1.22): its own word for the path is this.
            (None, None) => Self::of(b"", told.document_uri?),
            // nginx without `fastcgi_split_path_info` (1.22) and HAProxy without `path-info` (2.6) take the whole path
            // for a script's.
            (Some(whole), None) if names_whole_path(told.software) => Self::of(b"", whole),
            (Some(script_name), None) => Self::of(script_name, b""),
        };
        let split = split.tidy();
        Some(match path {
            Some(path) => split.mounted_once(path),
            None => split,
        })
    }

    fn of(script_name: &'a [u8], path_info: &'a [u8]) -> Self {
        Self { script_name: script_name.into(), path_info: path_info.into() }
    }

    /// Both in one.
    fn whole(&self) -> Cow<'_, [u8]> {
        if self.script_name.is_empty() {
            return Cow::Borrowed(&self.path_info);
        }
        Cow::Owned([&self.script_name[..], &self.path_info[..]].concat())
    }

    /// Where the script name ends in a raw path that decodes to both; `None` if it doesn't.
    pub(super) fn end_in(&self, raw: &str) -> Option<usize> {
        if *path::decode(raw) != *self.whole() {
            return None;
        }
        let end = raw_length(raw, self.script_name.len());
        // An escaped slash separates nothing in a target.
        matches!(raw.as_bytes().get(end), None | Some(b'/')).then_some(end)
    }

    /// Gives the slash between the two to the path info, to which it belongs (PEP 3333, "URL Reconstruction").
    ///
    /// lighttpd (1.4.69) mounted at `/` says `SCRIPT_NAME=/` of its own root; Apache's `mod_proxy_uwsgi` (2.4.71) says
    /// `/app/` and `/`; patterns such as `^(/app)/(.*)$` lose it.
    fn tidy(mut self) -> Self {
        let end = self.script_name.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
        let slash = end < self.script_name.len();
        self.script_name = match self.script_name {
            Cow::Borrowed(name) => Cow::Borrowed(&name[..end]),
            Cow::Owned(mut name) => {
                name.truncate(end);
                Cow::Owned(name)
            }
        };
        if !self.script_name.is_empty() && !self.script_name.starts_with(b"/") {
            self.script_name.to_mut().insert(0, b'/');
        }
        let rootless = !self.path_info.is_empty() && !self.path_info.starts_with(b"/");
        let nothing = self.path_info.is_empty() && (slash || self.script_name.is_empty());
        if rootless || nothing {
            self.path_info.to_mut().insert(0, b'/');
        }
        self
    }

    /// Takes off the path info what is the script name's already.
    fn mounted_once(mut self, path: &str) -> Self {
        if self.script_name.is_empty() {
            return self;
        }
        let asked = path::decode(path);
        if asked == self.whole() {
            return self;
        }
        if asked == self.script_name && *self.path_info == *b"/" {
            // Apache's `mod_proxy_uwsgi` (2.4.71) says `/` of a mount's own URL, too.
            self.path_info = Cow::Borrowed(b"");
            return self;
        }
        // nginx with `uwsgi_param SCRIPT_NAME /app` has the whole path in PATH_INFO; uWSGI's `manage-script-name` and
        // Gunicorn undo the same. Not where the web server but tidied up a path that repeats itself.
        if let Some(rest) = self.path_info.strip_prefix(&*self.script_name)
            && (rest.is_empty() || rest.starts_with(b"/"))
            && *tidied(&asked) != *self.whole()
        {
            self.path_info = Cow::Owned(rest.to_vec());
        }
        self
    }
}

/// How many bytes of a raw path come to so many decoded ones.
fn raw_length(raw: &str, mut decoded: usize) -> usize {
    if !raw.contains('%') {
        return decoded;
    }
    let mut bytes = raw.as_bytes();
    while decoded > 0 {
        bytes = match bytes {
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => rest,
            [_, rest @ ..] => rest,
            [] => break,
        };
        decoded -= 1;
    }
    raw.len() - bytes.len()
}

fn names_whole_path(software: &[u8]) -> bool {
    software.starts_with(b"nginx") || software.starts_with(b"HAProxy")
}

/// Apache's `mod_proxy_fcgi` and `mod_proxy_scgi` (2.4.71): `SCRIPT_FILENAME` is `proxy:fcgi://host:port/path`, its path that
/// of the app, encoded; `SCRIPT_NAME` is the whole path, and there is no `PATH_INFO`. With `proxy-fcgi-pathinfo` there is
/// one, encoded, and `SCRIPT_NAME` is cut at the wrong place if there was anything to encode.
fn of_apache_proxy<'a>(told: &Told<'a>, path: Option<&str>) -> Option<Split<'a>> {
    let behind = path_behind_proxy(told.script_filename)?;
    let whole = match told.path_info {
        None => Cow::Borrowed(told.script_name?),
        Some(same) if same == behind.as_bytes() => Cow::Owned(tidied(&path::decode(path?))),
        // By `SetHandler`: both are right.
        Some(_) => return None,
    };
    // A mount without a slash at its end, before a host with one, has two.
    let behind = if behind.starts_with("//") { &behind[1..] } else { behind };
    let path_info = path::decode(behind);
    let is_file = [told.document_root, told.context_root]
        .into_iter()
        .any(|root| root.len() > 1 && path_info.starts_with(root));
    if is_file {
        // By `SetHandler`, of a mount's own URL.
        return None;
    }
    let (script_name, path_info) = match whole.strip_suffix(&*path_info) {
        Some(script_name) => (script_name.to_vec(), path_info.into_owned()),
        None if *path_info == *b"/" => (whole.into_owned(), Vec::new()),
        // Mapped to another path.
        None => (Vec::new(), path_info.into_owned()),
    };
    Some(Split { script_name: script_name.into(), path_info: path_info.into() })
}

/// The path of `proxy:fcgi://host/path`, also with `unix:/socket|` before it.
fn path_behind_proxy(file: &[u8]) -> Option<&str> {
    let mut url = std::str::from_utf8(file.strip_prefix(b"proxy:")?).ok()?;
    if url.starts_with("unix:") {
        url = url.split_once('|')?.1;
    }
    let (scheme, rest) = url.split_once("://")?;
    // `mod_proxy_uwsgi` has a PATH_INFO of its own.
    if !matches!(scheme, "fcgi" | "scgi" | "balancer") {
        return None;
    }
    let path = &rest[rest.find('/')?..];
    Some(path.split_once('?').map_or(path, |(path, _)| path))
}

/// A decoded path as web servers tidy it up: repeated slashes merged, dot segments resolved.
fn tidied(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut ends_in_slash = false;
    for segment in path.split(|byte| *byte == b'/').skip(1) {
        ends_in_slash = matches!(segment, b"" | b"." | b"..");
        match segment {
            b"" | b"." => {}
            b".." => {
                let parent = out.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
                out.truncate(parent);
            }
            segment => {
                out.push(b'/');
                out.extend_from_slice(segment);
            }
        }
    }
    if ends_in_slash {
        out.push(b'/');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tidying_is_what_web_servers_do() {
        for (path, clean) in [
            ("/", "/"),
            ("//", "/"),
            ("/a//b", "/a/b"),
            ("/a/./b/", "/a/b/"),
            ("/a/../b", "/b"),
            ("/../../x", "/x"),
            ("/a/b/..", "/a/"),
            ("/a/.", "/a/"),
            ("/..a/.b", "/..a/.b"),
        ] {
            assert_eq!(tidied(path.as_bytes()), clean.as_bytes(), "{path}");
        }
    }

    #[test]
    fn the_path_behind_a_proxys_host_is_found_in_every_form() {
        for (file, path) in [
            ("proxy:fcgi://127.0.0.1:9000/a%20b", Some("/a%20b")),
            ("proxy:scgi://h/", Some("/")),
            ("proxy:balancer://pool//a?b", Some("//a")),
            ("proxy:unix:/run/a.sock|fcgi://localhost/x", Some("/x")),
            ("proxy:uwsgi://h/x", None),
            ("proxy:fcgi://h", None),
            ("/srv/app.cgi", None),
            ("proxy:unix:/run/a.sock", None),
            ("", None),
        ] {
            assert_eq!(path_behind_proxy(file.as_bytes()), path, "{file}");
        }
    }
}
