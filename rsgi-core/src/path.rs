//! The path of a request target: decoding it, matching a mount's prefix, cutting off a segment.
//!
//! Pure functions on the path part alone, as it came: no query, no authority, no `*`. Nothing is normalised.
//! Dot segments stay (`/./admin` and `/x/../admin` are not under `/admin`), and so do repeated and trailing
//! slashes, upper and lower case: whether two spellings mean one resource is for the application to say.
//!
//! Invariant: script name and path info are two neighbouring pieces of the raw path; the first is empty or
//! begins with a slash and is never a lone slash (PEP 3333, "URL Reconstruction"), and joined they are the
//! path again.
//!
//! Where next: the environ, which keeps the split as ranges into the raw target.

use std::borrow::Cow;

/// Decodes the percent escapes of a path, once, to bytes.
///
/// The bytes needn't be UTF-8: a client may escape any. An escape that isn't one (`%`, `%4`, `%zz`) stays as
/// it is. Nothing is copied if there is nothing to decode.
///
/// Once only: `%2541` is `%41`, and whoever decodes that again opens a hole. A decoded `/` can't be told from
/// one that separates: split first, then decode each piece.
///
/// # Examples
///
/// ```
/// use rsgi_core::path::decode;
///
/// assert_eq!(*decode("/caf%C3%A9"), *"/café".as_bytes());
/// assert_eq!(*decode("/%2541"), *b"/%41");
/// ```
pub fn decode(path: &str) -> Cow<'_, [u8]> {
    if path.contains('%') { Cow::Owned(decoded(path).collect()) } else { Cow::Borrowed(path.as_bytes()) }
}

/// Returns where the path info begins if the path is under the mount `prefix`, and `None` if it isn't.
///
/// The prefix is written plainly, not escaped: `/admin`, `/café`; a trailing slash makes no difference, and
/// the prefixes `""` and `/` match every path that begins with a slash. Path and prefix are compared segment
/// by segment, the path's *after* decoding, since `/%61dmin` is the same resource as `/admin` and must not
/// slip past what guards it. An escaped slash never separates: `/admin%2Fx` is one segment, and not under
/// `/admin`. An empty segment is a segment: `//admin` isn't under `/admin`. A prefix that [`is_prefix`]
/// refuses matches no path.
///
/// # Examples
///
/// ```
/// use rsgi_core::path::split_prefix;
///
/// assert_eq!(split_prefix("/%61dmin/x", "/admin"), Some("/%61dmin".len()));
/// assert_eq!(split_prefix("/admin", "/admin"), Some(6)); // The path info is empty, as PEP 3333 allows.
/// assert_eq!(split_prefix("/adminx", "/admin"), None);
/// assert_eq!(split_prefix("/admin%2Fx", "/admin"), None);
/// ```
pub fn split_prefix(path: &str, prefix: &str) -> Option<usize> {
    if !path.starts_with('/') {
        return None;
    }
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    if prefix.is_empty() {
        return Some(0);
    }
    match compare(path.as_bytes(), prefix.as_bytes()) {
        Compared::Under => Some(prefix.len()),
        Compared::Elsewhere => None,
        Compared::Undecided => split_decoded(path, prefix),
    }
}

enum Compared {
    Under,
    Elsewhere,
    /// There is something to decode, or the prefix is none.
    Undecided,
}

/// Compares byte by byte, as long as there is nothing to decode, which spares a mounted app the walk over segments
/// (benches, `rsgi-hyper-mount`).
#[inline]
fn compare(path: &[u8], prefix: &[u8]) -> Compared {
    let mut previous = 0;
    for (place, byte) in prefix.iter().enumerate() {
        if *byte == b'%' || *byte == b'/' && previous == b'/' || path.get(place) == Some(&b'%') {
            return Compared::Undecided;
        }
        if path.get(place) != Some(byte) {
            return Compared::Elsewhere;
        }
        previous = *byte;
    }
    match path.get(prefix.len()) {
        _ if previous == b'/' => Compared::Undecided,
        None | Some(b'/') => Compared::Under,
        // An escape may stand for nothing but a byte, so the segment is longer.
        Some(_) => Compared::Elsewhere,
    }
}

fn split_decoded(path: &str, prefix: &str) -> Option<usize> {
    let mut end = 0;
    for segment in prefix.strip_prefix('/')?.split('/') {
        let rest = path[end..].strip_prefix('/')?;
        let found = &rest[..rest.find('/').unwrap_or(rest.len())];
        if segment.is_empty() || !decoded(found).eq(segment.bytes()) {
            return None;
        }
        end += 1 + found.len();
    }
    Some(end)
}

/// Tells whether an application can be mounted at this prefix: it is empty, or begins with a slash and has no
/// empty segment, but for a slash at its end.
///
/// A mount should refuse any other when it is made. It would never match, and an empty segment could leave a
/// lone slash as script name.
pub fn is_prefix(prefix: &str) -> bool {
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    prefix.is_empty() || prefix.starts_with('/') && !prefix[1..].split('/').any(str::is_empty)
}

/// Takes the first segment off a path info: the raw segment, and the path info that is left.
///
/// This is what `shift_path_info` of Python's `wsgiref.util` does, but for what it tidies up. There, empty
/// and `.` segments vanish, so `//a/b` gives `a` and a guard mounted at `/a` never saw it. Here nothing
/// vanishes.
///
/// `None` means that there is nothing to shift: the path info is empty, begins with no slash, or its first
/// segment is empty (`/`, `//a/b`). An empty segment can't move, since the script name would then end in a
/// slash. A router sees the path info and answers it: `/` is the index, anything else mostly not found.
///
/// # Examples
///
/// ```
/// use rsgi_core::path::shift;
///
/// assert_eq!(shift("/blog/2024/"), Some(("blog", "/2024/")));
/// assert_eq!(shift("/2024/"), Some(("2024", "/")));
/// assert_eq!(shift("/"), None);
/// assert_eq!(shift("//a/b"), None);
/// ```
pub fn shift(path_info: &str) -> Option<(&str, &str)> {
    let rest = path_info.strip_prefix('/')?;
    let (segment, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if segment.is_empty() { None } else { Some((segment, rest)) }
}

/// Yields the bytes of a path with its escapes decoded once.
fn decoded(path: &str) -> impl Iterator<Item = u8> {
    let mut rest = path.as_bytes();
    std::iter::from_fn(move || {
        let (&first, after) = rest.split_first()?;
        if let (b'%', &[high, low, ref behind @ ..]) = (first, after)
            && let (Some(high), Some(low)) = (hex(high), hex(low))
        {
            rest = behind;
            return Some(high << 4 | low);
        }
        rest = after;
        Some(first)
    })
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every string of up to `length` of these pieces.
    fn every(pieces: &[&str], length: usize) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut last = all.clone();
        for _ in 0..length {
            last = last
                .iter()
                .flat_map(|start| pieces.iter().map(move |piece| format!("{start}{piece}")))
                .collect();
            all.extend(last.iter().cloned());
        }
        all
    }

    /// The rule said again, slowly: segments of the path, each decoded, begin with the prefix's segments.
    fn model(path: &str, prefix: &str) -> Option<usize> {
        if !path.starts_with('/') || !is_prefix(prefix) {
            return None;
        }
        let wanted: Vec<&str> = prefix.strip_suffix('/').unwrap_or(prefix).split('/').collect();
        let found: Vec<&str> = path.split('/').collect();
        let same = |(found, wanted): (&&str, &&str)| *decode(found) == *wanted.as_bytes();
        let all = found.len() >= wanted.len() && found.iter().zip(&wanted).all(same);
        all.then(|| found[..wanted.len()].join("/").len())
    }

    #[test]
    fn every_small_path_splits_as_the_rule_says_and_keeps_the_invariant() {
        let paths = every(&["/", "a", "%61", "%2F", "%2f", "%", "."], 5);
        let prefixes = every(&["/", "a", "."], 4);
        let mut matched = 0;
        for path in &paths {
            for prefix in &prefixes {
                let split = split_prefix(path, prefix);
                assert_eq!(split, model(path, prefix), "{path:?} under {prefix:?}");
                let Some(at) = split else { continue };
                matched += 1;
                let (script_name, path_info) = path.split_at(at);
                assert!(script_name.is_empty() || script_name.starts_with('/'), "{path:?} {prefix:?}");
                assert!(path_info.is_empty() || path_info.starts_with('/'), "{path:?} {prefix:?}");
                assert_ne!(script_name, "/");
            }
        }
        assert!(matched > 1000, "{matched}");
    }

    #[test]
    fn every_small_path_info_shifts_one_segment_or_none_and_loses_nothing() {
        for path_info in every(&["/", "a", "%2F", "."], 6) {
            match shift(&path_info) {
                Some((segment, rest)) => {
                    assert_eq!(format!("/{segment}{rest}"), path_info);
                    assert!(!segment.is_empty() && !segment.contains('/'));
                    assert!(rest.is_empty() || rest.starts_with('/'));
                }
                None => {
                    assert!(!path_info.starts_with('/') || path_info == "/" || path_info.starts_with("//"));
                }
            }
        }
    }

    #[test]
    fn every_byte_is_decoded_once_whatever_the_case_of_its_digits() {
        for byte in 0..=u8::MAX {
            assert_eq!(*decode(&format!("%{byte:02x}")), [byte]);
            assert_eq!(*decode(&format!("%{byte:02X}")), [byte]);
        }
        assert_eq!(*decode("%2541"), *b"%41");
        assert_eq!(*decode("a+b"), *b"a+b", "a plus is a plus in a path");
    }

    #[test]
    fn what_is_no_escape_stays_and_nothing_is_copied_without_one() {
        for text in ["%", "%4", "%zz", "%4z", "%z4", "%%", "100%"] {
            assert_eq!(*decode(text), *text.as_bytes());
        }
        assert_eq!(*decode("%%41"), *b"%A");
        assert!(matches!(decode("/plain/path"), Cow::Borrowed(_)));
    }

    #[test]
    fn an_escaped_name_cannot_slip_past_a_mount_nor_an_escaped_slash_into_it() {
        for inside in ["/admin", "/%61dmin", "/%61%64%6d%69%6E/", "/admin//x", "/admin/../x", "/admin/%2F"] {
            assert!(split_prefix(inside, "/admin").is_some(), "{inside}");
        }
        let outside = [
            "",
            "admin",
            "/",
            "/adminx",
            "/Admin",
            "/admin%2Fx",
            "/admin%2f",
            "//admin",
            "/./admin",
            "/x/../admin",
            "%2Fadmin",
            "/%2561dmin",
        ];
        for path in outside {
            assert_eq!(split_prefix(path, "/admin"), None, "{path}");
        }
    }

    #[test]
    fn a_prefix_may_have_several_segments_and_more_than_ascii() {
        assert_eq!(split_prefix("/a/b/c", "/a/b"), Some(4));
        assert_eq!(split_prefix("/a/b", "/a/b/"), Some(4));
        assert_eq!(split_prefix("/a%2Fb/c", "/a/b"), None);
        assert_eq!(split_prefix("/caf%C3%A9/x", "/café"), Some(10));
        for bad in ["a", "a/", "//", "//a", "/a//", "/a//b", "///"] {
            assert!(!is_prefix(bad) && split_prefix("/a//b", bad).is_none(), "{bad}");
        }
        assert_eq!((split_prefix("/a", ""), split_prefix("/a", "/")), (Some(0), Some(0)));
        assert_eq!((split_prefix("*", ""), split_prefix("", "")), (None, None));
    }
}
