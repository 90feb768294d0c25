//! Asking an example as a web server does, by FastCGI and by uwsgi.

use crate::child::Client;

/// Asks as a web server does, in one request of the protocol, and gives what came on its standard output.
pub(crate) fn by_fastcgi(client: &mut Client, path: &str, more: &[(&str, &str)]) -> String {
    let mut params = Vec::new();
    for (name, value) in variables(path).iter().chain(more) {
        params.extend([u8::try_from(name.len()).unwrap(), u8::try_from(value.len()).unwrap()]);
        params.extend([name.as_bytes(), value.as_bytes()].concat());
    }
    // FCGI_BEGIN_REQUEST as responder, FCGI_PARAMS to their end, an empty FCGI_STDIN.
    let mut bytes = record(1, &[0, 1, 0, 0, 0, 0, 0, 0]);
    bytes.extend([record(4, &params), record(4, b""), record(5, b"")].concat());
    client.send(bytes);
    let answer = client.rest();
    let mut output = Vec::new();
    let mut rest = &*answer;
    while let [1, kind, _, _, high, low, padding, _, tail @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if *kind == 6 {
            output.extend(&tail[..length]);
        }
        rest = &tail[length + usize::from(*padding)..];
    }
    String::from_utf8(output).unwrap()
}

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[1, kind, 0, 1, high, low, 0, 0], content].concat()
}

/// The same by uwsgi: one packet of variables, and what came back.
#[cfg(feature = "frasco")]
pub(crate) fn by_uwsgi(client: &mut Client, path: &str) -> String {
    let mut params = Vec::new();
    for text in variables(path).iter().flat_map(|(name, value)| [name, value]) {
        params.extend(u16::try_from(text.len()).unwrap().to_le_bytes());
        params.extend(text.as_bytes());
    }
    let length = u16::try_from(params.len()).unwrap().to_le_bytes();
    client.send([&[0], &length[..], &[0], &params].concat());
    String::from_utf8(client.rest()).unwrap()
}

/// What a web server tells of a GET.
fn variables(path: &str) -> [(&str, &str); 10] {
    [
        ("REQUEST_METHOD", "GET"),
        ("REQUEST_URI", path),
        ("SCRIPT_NAME", ""),
        ("PATH_INFO", path),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("SERVER_NAME", "a"),
        ("SERVER_PORT", "80"),
        ("HTTP_HOST", "a"),
        ("REMOTE_ADDR", "192.0.2.7"),
        ("REMOTE_PORT", "4711"),
    ]
}
