//! The two forms of an answer's head: that of CGI (RFC 3875 section 6), which FastCGI and SCGI share, and HTTP's, which uwsgi
//! has.
//!
//! Next: the protocols, which send it.

use std::io::Write as _;

use bytes::{BufMut as _, BytesMut};
use http::StatusCode;
use http::header::{CONTENT_LENGTH, HeaderMap};

/// The first line of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `Status: 200 OK`.
    Cgi,
    /// `HTTP/1.1 200 OK`.
    Http,
}

/// Writes a head and its empty line, with a `Content-Length` if it is told and the fields have none.
pub(crate) fn write(
    form: Form,
    status: StatusCode,
    fields: &HeaderMap,
    length: Option<u64>,
    out: &mut BytesMut,
) {
    let start: &[u8] = match form {
        Form::Cgi => b"Status: ",
        Form::Http => b"HTTP/1.1 ",
    };
    out.extend_from_slice(start);
    out.extend_from_slice(status.as_str().as_bytes());
    out.put_u8(b' ');
    // Web servers want a reason; they have their own for what has none here.
    out.extend_from_slice(status.canonical_reason().unwrap_or("Unknown").as_bytes());
    out.extend_from_slice(b"\r\n");
    for (name, value) in fields {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    if let Some(length) = length.filter(|_| !fields.contains_key(CONTENT_LENGTH)) {
        // Memory that grows takes whatever is written.
        let _never = write!(out.writer(), "content-length: {length}\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn head(form: Form, status: u16, fields: &[(&'static str, &'static str)], length: Option<u64>) -> String {
        let fields = fields
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect();
        let mut out = BytesMut::new();
        write(form, StatusCode::from_u16(status).unwrap(), &fields, length, &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn the_first_line_is_the_protocols_own() {
        assert_eq!(head(Form::Cgi, 204, &[], None), "Status: 204 No Content\r\n\r\n");
        assert_eq!(head(Form::Http, 404, &[], None), "HTTP/1.1 404 Not Found\r\n\r\n");
        assert_eq!(head(Form::Http, 299, &[], None), "HTTP/1.1 299 Unknown\r\n\r\n");
    }

    #[test]
    fn a_length_is_added_where_the_app_has_none() {
        let given = [("content-type", "text/plain"), ("content-length", "5")];
        let own = "Status: 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\n";
        assert_eq!(head(Form::Cgi, 200, &given, Some(5)), own);
        assert_eq!(head(Form::Cgi, 200, &[], Some(0)), "Status: 200 OK\r\ncontent-length: 0\r\n\r\n");
    }
}
