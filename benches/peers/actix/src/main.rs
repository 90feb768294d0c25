//! actix-web: N workers, each a runtime of one thread, as its documentation shows.
//!
//! Its clocks for a slow head and an idle connection are off, as in its authors' own benchmarks: they cost, and the
//! other peers have none.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use actix_files::NamedFile;
use actix_web::http::KeepAlive;
use actix_web::http::header::ContentType;
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpResponse, HttpServer, rt};
use futures_util::stream;
use peer_options::{BIG, BLOCK, Options, PIECE, PIECES, PONG};

fn main() -> io::Result<()> {
    let options = Options::read(&[]);
    let listener = options.listener()?;
    let file = Data::new(options.file);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::PayloadConfig::new(usize::MAX))
            .app_data(Data::clone(&file))
            .route("/ping", web::get().to(ping))
            .route("/echo", web::post().to(echo))
            .route("/stream", web::get().to(pieces))
            .route("/big", web::get().to(big))
            .route("/file", web::get().to(send_file))
            .route("/block", web::get().to(block))
    })
    .workers(options.threads.unwrap_or(1))
    .keep_alive(KeepAlive::Os)
    .client_request_timeout(Duration::ZERO)
    .listen(listener)?;
    rt::System::new().block_on(server.run())
}

async fn ping() -> HttpResponse {
    HttpResponse::Ok().insert_header(ContentType::plaintext()).body(PONG)
}

async fn echo(content: Bytes) -> HttpResponse {
    HttpResponse::Ok().insert_header(ContentType::octet_stream()).body(content)
}

async fn pieces() -> HttpResponse {
    let pieces = stream::iter((0..PIECES).map(|_| io::Result::Ok(Bytes::from_static(PIECE))));
    HttpResponse::Ok().insert_header(ContentType::octet_stream()).streaming(pieces)
}

async fn big() -> HttpResponse {
    HttpResponse::Ok().insert_header(ContentType::octet_stream()).body(Bytes::from_static(BIG))
}

async fn send_file(path: Data<Option<PathBuf>>) -> io::Result<NamedFile> {
    let path = path.as_ref().as_ref().ok_or(io::ErrorKind::NotFound)?;
    NamedFile::open(path)
}

async fn block() -> HttpResponse {
    rt::time::sleep(BLOCK).await;
    ping().await
}
