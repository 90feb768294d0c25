//! What a request's path names below the folder: a relative path of plain names, or nothing.
//!
//! Invariant: no name is empty, `.` or `..`, and none holds a separator of any system or a NUL, so that joined to the
//! folder they lead down alone. Links are `find.rs`'s.

use std::path::PathBuf;

use rsgi_core::path::decode;

use super::DotFiles;

/// A place below the folder.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Below {
    pub(super) path: PathBuf,
    /// It ended with a slash, as a folder's path does.
    pub(super) has_slash: bool,
}

/// Reads a raw path info; `None` if it names nothing that could be here.
pub(super) fn below(path_info: &str, dot_files: DotFiles) -> Option<Below> {
    // A mount's own URL, without a slash: the folder itself.
    if path_info.is_empty() {
        return Some(Below { path: PathBuf::new(), has_slash: false });
    }
    let rest = path_info.strip_prefix('/')?;
    let (names, has_slash) = match rest.strip_suffix('/') {
        Some(names) => (names, true),
        None => (rest, rest.is_empty()),
    };
    let mut path = PathBuf::new();
    if !rest.is_empty() {
        // Split first, then decoded: an encoded slash never separates.
        for name in names.split('/') {
            path.push(plain(&decode(name), dot_files)?);
        }
    }
    Some(Below { path, has_slash })
}

/// Reads a decoded name of a file, such as `css/site.css`; `None` if it names nothing that could be here.
pub(super) fn named(name: &str, dot_files: DotFiles) -> Option<Below> {
    let names: Option<PathBuf> = name.split('/').map(|name| plain(name.as_bytes(), dot_files)).collect();
    Some(Below { path: names?, has_slash: false })
}

/// Gives a decoded name back if it is one.
fn plain(name: &[u8], dot_files: DotFiles) -> Option<&str> {
    let name = std::str::from_utf8(name).ok()?;
    // A colon is a drive's or a stream's on Windows.
    let is_odd =
        |character: char| matches!(character, '/' | '\\' | '\0') || cfg!(windows) && character == ':';
    let is_hidden = name.starts_with('.') && dot_files == DotFiles::Hidden && name != ".well-known";
    let is_plain = !matches!(name, "" | "." | "..") && !name.contains(is_odd) && !is_hidden;
    is_plain.then_some(name)
}

#[cfg(test)]
mod tests {
    use std::path::Component;

    use super::*;

    fn told(path_info: &str) -> Option<(String, bool)> {
        below(path_info, DotFiles::Hidden).map(|it| (it.path.display().to_string(), it.has_slash))
    }

    #[test]
    fn a_path_of_plain_names_is_taken_decoded_once() {
        let is = |path: &str, has_slash| Some((path.to_owned(), has_slash));
        assert_eq!(told(""), is("", false));
        assert_eq!(told("/"), is("", true));
        assert_eq!(told("/a/b.txt"), is("a/b.txt", false));
        assert_eq!(told("/a/b/"), is("a/b", true));
        assert_eq!(told("/caf%C3%A9%20x"), is("café x", false));
        assert_eq!(told("/%2561"), is("%61", false));
        assert_eq!(told("/..a/b..c"), None, "a name that begins with a dot is hidden");
        assert_eq!(told("/b..c"), is("b..c", false));
        assert_eq!(told("/.well-known/x"), is(".well-known/x", false));
    }

    #[test]
    fn what_leads_elsewhere_or_nowhere_names_nothing() {
        for path in [
            "*",
            "a",
            "//",
            "//a",
            "/a//b",
            "/a//",
            "/..",
            "/../x",
            "/a/../x",
            "/.",
            "/./a",
            "/a/.",
            "/%2e%2e/x",
            "/%2E%2e",
            "/.%2e/x",
            "/a%2Fb",
            "/a%2fb",
            "/..%2fx",
            "/a%5Cb",
            "/..%5c..%5cx",
            "/a\\b",
            "/a%00",
            "/%00",
            "/%ff",
            "/.git/config",
            "/.env",
            "/a/.hidden",
            "/%2eenv",
        ] {
            assert_eq!(told(path), None, "{path}");
        }
        let served = |path| below(path, DotFiles::Served).is_some();
        assert!(served("/.git/config") && served("/a/.hidden"));
        assert!(!served("/..") && !served("/%2e%2e/x") && !served("/."));
    }

    #[test]
    fn every_small_path_leads_down_or_nowhere() {
        let pieces = ["/", ".", "a", "%2e", "%2F", "%5c", "%00", "%"];
        let mut paths = vec![String::new()];
        let mut taken = 0;
        for _ in 0..5 {
            paths = paths.iter().flat_map(|it| pieces.map(|piece| format!("{it}{piece}"))).collect();
            for found in paths.iter().filter_map(|path| below(path, DotFiles::Served)) {
                let mut parts = found.path.components();
                assert!(parts.all(|part| matches!(part, Component::Normal(_))), "{}", found.path.display());
                assert!(!found.path.as_os_str().as_encoded_bytes().contains(&0));
                taken += 1;
            }
        }
        assert!(taken > 300, "{taken}");
    }
}
