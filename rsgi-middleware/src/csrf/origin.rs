//! Where a request comes from, as its browser says: the first line, before any token.

use rsgi_core::Environ;
use rsgi_core::http::header::ORIGIN;

/// What a browser says of a request's origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// This site's own page, an origin that is trusted, or the user at the address bar.
    Ours,
    /// Another's.
    Foreign,
    /// It says nothing: an old browser, or none.
    Untold,
}

/// Reads `Origin` (RFC 6454 section 7) and `Sec-Fetch-Site` (Fetch Metadata). The latter wins: it is the browser's own
/// comparison, which no proxy in between disturbs, and no page can set it.
pub(super) fn origin(environ: &Environ, trusted: &[String]) -> Origin {
    let origin = environ.header(ORIGIN);
    if origin.is_some_and(|origin| trusted.iter().any(|known| known.eq_ignore_ascii_case(origin))) {
        return Origin::Ours;
    }
    match environ.header("sec-fetch-site") {
        Some("same-origin" | "none") => return Origin::Ours,
        Some(_) => return Origin::Foreign,
        None => {}
    }
    if environ.header_all(ORIGIN).count() > 1 {
        return Origin::Foreign;
    }
    match environ.headers().get(ORIGIN) {
        None => Origin::Untold,
        Some(_) if origin.is_some_and(|origin| is_own(environ, origin)) => Origin::Ours,
        Some(_) => Origin::Foreign,
    }
}

/// Whether an origin is the host that was asked, as far as is trusted. The scheme isn't compared: behind a proxy that
/// nobody trusts it isn't known here, and the browser's is the truth.
fn is_own(environ: &Environ, origin: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default = match scheme {
        "http" => "80",
        "https" => "443",
        _ => return false,
    };
    let trusted = environ.trusted();
    let Some(host) = trusted.host.as_deref() else { return false };
    let (host, port) = split_port(host);
    let (origin_host, origin_port) = split_port(authority);
    let (port, origin_port) = (port.unwrap_or(default), origin_port.unwrap_or(default));
    host.eq_ignore_ascii_case(origin_host) && port == origin_port
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !authority.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use rsgi_core::http::Request;

    use super::*;

    fn of(fields: &[(&str, &str)]) -> Origin {
        let mut request = Request::post("/");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let trusted = ["https://partner.example".to_owned()];
        origin(&Environ::for_test(request.body(()).unwrap()), &trusted)
    }

    #[test]
    fn the_browser_s_own_comparison_wins_and_the_origin_is_compared_without_it() {
        use Origin::{Foreign, Ours, Untold};
        let host = ("host", "shop.example");
        let cases: &[(&[(&str, &str)], Origin)] = &[
            (&[host], Untold),
            (&[host, ("sec-fetch-site", "same-origin")], Ours),
            (&[host, ("sec-fetch-site", "none")], Ours),
            (&[host, ("sec-fetch-site", "same-site")], Foreign),
            (&[host, ("sec-fetch-site", "cross-site")], Foreign),
            (&[host, ("sec-fetch-site", "cross-site"), ("origin", "https://shop.example")], Foreign),
            (&[host, ("sec-fetch-site", "cross-site"), ("origin", "https://partner.example")], Ours),
            (&[host, ("sec-fetch-site", "same-origin"), ("origin", "https://inner.example")], Ours),
            (&[host, ("origin", "https://shop.example")], Ours),
            (&[host, ("origin", "http://SHOP.example:80")], Ours),
            (&[host, ("origin", "https://shop.example:443")], Ours),
            (&[host, ("origin", "https://shop.example:80")], Foreign),
            (&[("host", "shop.example:8000"), ("origin", "http://shop.example:8000")], Ours),
            (&[("host", "shop.example:8000"), ("origin", "http://shop.example")], Foreign),
            (&[("host", "[::1]:80"), ("origin", "http://[::1]")], Ours),
            (&[host, ("origin", "https://evil.example")], Foreign),
            (&[host, ("origin", "https://shop.example.evil.example")], Foreign),
            (&[host, ("origin", "null")], Foreign),
            (&[host, ("origin", "")], Foreign),
            (&[host, ("origin", "file://shop.example")], Foreign),
            (&[host, ("origin", "https://shop.example"), ("origin", "https://evil.example")], Foreign),
        ];
        for (fields, expected) in cases {
            assert_eq!(of(fields), *expected, "{fields:?}");
        }
    }
}
