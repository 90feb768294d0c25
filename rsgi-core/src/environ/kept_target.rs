//! The target of a request that went to be an `http::Request`: enough of it to see whether it was changed there, and to
//! put it back.
//!
//! A copy of a whole `Uri` is three reference counts and as many drops; nearly every target is a path alone, which is
//! one (`rsgi-hyper-axum` of the benches).

use std::borrow::Cow;

use http::Uri;
use http::uri::PathAndQuery;

use super::target_of;

/// A target.
pub(super) enum KeptTarget {
    /// Path and query, or `*`.
    Path(PathAndQuery),
    /// With scheme or authority: absolute-form, or that of CONNECT.
    Other(Box<Uri>),
}

impl KeptTarget {
    /// Keeps a target.
    #[inline]
    pub(super) fn of(uri: &Uri) -> Self {
        match uri.path_and_query() {
            Some(path) if is_path(uri) => Self::Path(path.clone()),
            _ => Self::Other(Box::new(uri.clone())),
        }
    }

    /// Tells whether a URI is that target still.
    pub(super) fn is(&self, uri: &Uri) -> bool {
        match self {
            Self::Path(path) => is_path(uri) && uri.path_and_query() == Some(path),
            Self::Other(kept) => **kept == *uri,
        }
    }

    /// The target's path.
    pub(super) fn path(&self) -> &str {
        match self {
            Self::Path(path) => path.path(),
            Self::Other(uri) => uri.path(),
        }
    }

    /// The target as text.
    pub(super) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Path(path) => Cow::Borrowed(path.as_str()),
            Self::Other(uri) => target_of(uri),
        }
    }

    /// The target as it was.
    pub(super) fn into_uri(self) -> Uri {
        match self {
            Self::Path(path) => path.into(),
            Self::Other(uri) => *uri,
        }
    }
}

/// Tells whether a URI has nothing before its path.
#[inline]
fn is_path(uri: &Uri) -> bool {
    uri.scheme().is_none() && uri.authority().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_of_any_form_is_known_again_and_comes_back() {
        let targets = ["/", "/a/b", "/a?b=c", "*", "http://a/b?c", "http://a", "a:443"];
        for target in targets {
            let uri: Uri = target.parse().unwrap();
            let kept = KeptTarget::of(&uri);
            assert!(kept.is(&uri), "{target}");
            assert_eq!((kept.path(), kept.text()), (uri.path(), target_of(&uri)));
            for other in targets.into_iter().filter(|other| *other != target) {
                assert!(!kept.is(&other.parse().unwrap()), "{target} is not {other}");
            }
            assert_eq!(kept.into_uri(), uri);
        }
    }
}
