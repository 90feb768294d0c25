//! Our servers for the benchmark: the app of `app.rs`, async or blocking, or the router of `router.rs`, on rsgi-std or
//! rsgi-hyper.
//!
//! `ours --listen 127.0.0.1:8000 --server std|hyper --app async|blocking|frasco|axum`, and if wanted
//! `--wrap middleware|mount`,
//! `--protocol http|fastcgi|scgi|uwsgi` (rsgi-gateway in place of both servers), `--threads N` (handler threads of rsgi-std, reactors of rsgi-hyper), `--cores shared|separate` (rsgi-hyper),
//! `--file PATH`, `--tls CERTIFICATE KEY`. Settings are the defaults, but for the limit of a request's content, which
//! the peers don't have.
//!
//! Invariant: each way to start is a type of its own, so nothing is erased that a user's own program wouldn't erase.
#![forbid(unsafe_code)]

mod app;
mod router;
mod talk;

use std::error::Error;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lexopt::{Arg, Parser, ValueExt};
use rsgi_core::http::HeaderValue;
use rsgi_core::http::header::CACHE_CONTROL;
use rsgi_core::server::{Config, TlsFiles};
use rsgi_core::{Adapter, App, Mount, Running, Stack, blocking, change_answer};
use rsgi_gateway::codec::{Codec, FastCgi, Scgi, Uwsgi};
use rsgi_hyper::Cores;

use crate::app::AsyncApp;

#[derive(Default)]
struct Options {
    listen: Option<String>,
    server: String,
    protocol: String,
    app: String,
    wrap: String,
    cores: String,
    threads: Option<NonZeroUsize>,
    file: Option<Arc<Path>>,
    tls: Option<TlsFiles>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = read(Parser::from_env())?;
    let file = options.file.clone();
    match options.app.as_str() {
        "" | "async" => wrap(&options, AsyncApp { file }),
        "blocking" => wrap(
            &options,
            blocking(move |environ, start_response| app::answer(file.as_deref(), environ, start_response)),
        ),
        "frasco" => wrap(&options, talk::create_app()?),
        "axum" => wrap(&options, router::hosted()),
        other => Err(format!("--app {other} is none of async, blocking, frasco, axum").into()),
    }
}

fn read(mut parser: Parser) -> Result<Options, lexopt::Error> {
    let mut options = Options::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("listen") => options.listen = Some(parser.value()?.string()?),
            Arg::Long("server") => options.server = parser.value()?.string()?,
            Arg::Long("protocol") => options.protocol = parser.value()?.string()?,
            Arg::Long("app") => options.app = parser.value()?.string()?,
            Arg::Long("wrap") => options.wrap = parser.value()?.string()?,
            Arg::Long("cores") => options.cores = parser.value()?.string()?,
            Arg::Long("threads") => options.threads = Some(parser.value()?.parse()?),
            Arg::Long("file") => options.file = Some(PathBuf::from(parser.value()?).into()),
            Arg::Long("tls") => options.tls = Some(TlsFiles::new(parser.value()?, parser.value()?)),
            other => return Err(other.unexpected()),
        }
    }
    Ok(options)
}

fn wrap(options: &Options, app: impl App) -> Result<(), Box<dyn Error>> {
    match options.wrap.as_str() {
        "" | "none" => serve(options, app),
        "middleware" => {
            let set_field = change_answer(|started| {
                Ok(started.fields_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"))?)
            });
            serve(options, Stack::new().then(set_field).app(app))
        }
        "mount" => serve(options, Mount::new().at("/m", app)),
        other => Err(format!("--wrap {other} is none of none, middleware, mount").into()),
    }
}

fn serve(options: &Options, app: impl App) -> Result<(), Box<dyn Error>> {
    let listen = options.listen.as_deref().ok_or("--listen is missing")?;
    let mut config = Config::new().bind(listen)?.limits(|limits| limits.body_bytes = None);
    if let Some(files) = &options.tls {
        config = config.tls(files.clone());
    }
    match options.protocol.as_str() {
        "" | "http" => {}
        "fastcgi" => return behind::<FastCgi>(options, config, app),
        "scgi" => return behind::<Scgi>(options, config, app),
        "uwsgi" => return behind::<Uwsgi>(options, config, app),
        other => return Err(format!("--protocol {other} is none of http, fastcgi, scgi, uwsgi").into()),
    }
    match options.server.as_str() {
        "" | "std" => {
            config.threads = options.threads;
            rsgi_std::Server::start(config, app)?.wait()?;
        }
        "hyper" => {
            let cores = match options.cores.as_str() {
                "" | "shared" => Cores::Shared,
                "separate" => Cores::Separate,
                other => return Err(format!("--cores {other} is neither shared nor separate").into()),
            };
            let reactors = options.threads.map_or(1, NonZeroUsize::get);
            rsgi_hyper::Builder::new(config).cores(cores).reactors(reactors).start(app)?.wait()?;
        }
        other => return Err(format!("--server {other} is neither std nor hyper").into()),
    }
    Ok(())
}

/// Serves behind a web server, by its own protocol.
fn behind<C: Codec>(options: &Options, mut config: Config, app: impl App) -> Result<(), Box<dyn Error>> {
    match options.server.as_str() {
        "" | "std" => {
            config.threads = options.threads;
            rsgi_gateway::threads::Server::<C>::start(config, app)?.wait()?;
        }
        "hyper" => {
            let reactors = options.threads.map_or(1, NonZeroUsize::get);
            let gateway = rsgi_gateway::Options::default().reactors(reactors);
            rsgi_gateway::tokio::Server::<C>::start_with(&config, &gateway, app)?.wait()?;
        }
        other => return Err(format!("--server {other} is neither std nor hyper").into()),
    }
    Ok(())
}
