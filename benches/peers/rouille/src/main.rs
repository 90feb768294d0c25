//! rouille: a framework on `tiny_http`, with a pool of N threads, as its documentation says.
//!
//! Its listener can't be given, so there is neither a long queue nor `TCP_NODELAY`; nor can `tiny_http`'s threshold
//! be lifted, from which it sends a known length in chunks: `/big` and `/file` come without `Content-Length`.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::thread;

use peer_options::{BIG, BLOCK, Options, PONG, Pieces};
use rouille::{Request, Response, ResponseBody};

fn main() {
    let options = Options::read(&[]);
    let file = options.file;
    let pool = options.threads.unwrap_or(64);
    rouille::start_server_with_pool(options.listen, Some(pool), move |request| {
        answer(request, file.as_ref())
            .unwrap_or_else(|error| Response::text(error.to_string()).with_status_code(500))
    });
}

fn answer(request: &Request, file: Option<&PathBuf>) -> io::Result<Response> {
    Ok(match (request.raw_url(), file) {
        ("/ping", _) => Response::text(PONG),
        ("/echo", _) => {
            let mut content = Vec::new();
            request.data().ok_or(io::ErrorKind::InvalidInput)?.read_to_end(&mut content)?;
            Response::from_data(BYTES, content)
        }
        ("/stream", _) => bytes(ResponseBody::from_reader(Pieces::new())),
        ("/big", _) => bytes(ResponseBody::from_reader_and_size(BIG, BIG.len())),
        ("/file", Some(path)) => bytes(ResponseBody::from_file(File::open(path)?)),
        ("/block", _) => {
            thread::sleep(BLOCK);
            Response::text(PONG)
        }
        _ => Response::empty_404(),
    })
}

const BYTES: &str = "application/octet-stream";

fn bytes(data: ResponseBody) -> Response {
    Response { status_code: 200, headers: vec![("Content-Type".into(), BYTES.into())], data, upgrade: None }
}
