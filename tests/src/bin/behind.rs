//! What the web servers of `tests/gateway` have behind them: the probe of the conformance suite, and an app of the tests' own.
//!
//! `behind SERVER ADDRESS FOLDER [NAME=VALUE]...` serves until it is killed; CGI has no address, which is `-` then. A request that names a
//! case of the suite goes to the probe; of the others `/seen` tells all that an app sees, `/events` is a stream whose second event waits for somebody to write to the pipe `go`
//! in the folder, `/upload` tells length and sum of what it was sent, `/endless` never ends, `/waits` ends when its client has gone,
//! `/upgrade` is what an app is told that wants one. What becomes of a request is written to the file `told` in the folder: a web server
//! may have started this program, several times over, so nothing is kept in memory.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::proxy_protocol::ProxyProtocol;
use rsgi_core::server::Config;
use rsgi_core::trust::{ForwardedHeaders, Trust, XForwarded};
use rsgi_core::{Adapter, App, Body, BoxApp, Environ, Error, Running, StartResponse, Started, blocking};
use rsgi_gateway::codec::{FastCgi, Scgi, Uwsgi};
use rsgi_test::suite::seen::Seen;
use rsgi_test::suite::{FIELD, Probe, Store};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, address, folder, settings @ ..] = arguments.as_slice() else { return ExitCode::FAILURE };
    let result = Behind::new(Path::new(folder))
        .and_then(|app| configured(address, settings).and_then(|config| serve(server, config, app)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves by the server of this name; a new one joins by a line.
fn serve(name: &str, config: Config, app: impl App) -> Result<(), Error> {
    match name {
        "std" => serve_by::<rsgi_std::Server>(config, app),
        "hyper" => serve_by::<rsgi_hyper::Server>(config, app),
        "fastcgi-tokio" => serve_by::<rsgi_gateway::tokio::Server<FastCgi>>(config, app),
        "scgi-tokio" => serve_by::<rsgi_gateway::tokio::Server<Scgi>>(config, app),
        "uwsgi-tokio" => serve_by::<rsgi_gateway::tokio::Server<Uwsgi>>(config, app),
        "fastcgi" => serve_by::<rsgi_gateway::threads::Server<FastCgi>>(config, app),
        "scgi" => serve_by::<rsgi_gateway::threads::Server<Scgi>>(config, app),
        "cgi" => Ok(rsgi_gateway::cgi::run(&config, app).map(drop)?),
        "uwsgi" => serve_by::<rsgi_gateway::threads::Server<Uwsgi>>(config, app),
        _ => Err(format!("there is no server {name:?}").into()),
    }
}

fn serve_by<A: Adapter>(config: Config, app: impl App) -> Result<(), Error> {
    let running = A::start(config, app)?;
    writeln!(io::stdout(), "ready at {:?}", running.addresses())?;
    Ok(running.wait()?)
}

fn configured(address: &str, settings: &[String]) -> Result<Config, Error> {
    let mut config = Config::new().threads(THREADS);
    if address != "-" {
        config = config.bind(address)?;
    }
    if address.starts_with("unix:") {
        config = config.unix_mode(0o666);
    }
    let mut fields = ForwardedHeaders::Off;
    for setting in settings {
        match setting.as_str() {
            "proxy=v1" => config.proxy_protocol = ProxyProtocol::V1,
            "proxy=v2" => config.proxy_protocol = ProxyProtocol::V2,
            "forwarded" => {
                fields = ForwardedHeaders::X(XForwarded::FOR.with_proto().with_host().with_port());
            }
            "unbounded" => config.limits.body_bytes = None,
            other => return Err(format!("there is no setting {other:?}").into()),
        }
    }
    // A unix socket has no address; who may connect is a matter of its mode.
    config.trust = Trust::new(fields).network("127.0.0.1/32".parse()?).unix_peers();
    Ok(config)
}

struct Behind {
    probe: Probe,
    own: BoxApp,
}

impl Behind {
    fn new(folder: &Path) -> Result<Self, Error> {
        let store = Store::folder(folder.join("notes"))?;
        let folder = folder.to_owned();
        let own = blocking(move |environ: Environ, start_response| answer(&folder, environ, start_response));
        Ok(Self { probe: Probe::with_store(Arc::new(store)), own: BoxApp::new(own) })
    }
}

impl App for Behind {
    async fn call(&self, environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        if environ.headers().contains_key(FIELD) {
            return self.probe.call(environ, start_response).await;
        }
        self.own.call(environ, start_response).await
    }
}

fn answer(folder: &Path, mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let folder = folder.to_owned();
    let path = environ.path_info().to_owned();
    let told = folder.clone();
    let name = path.clone();
    environ.on_outcome(move |outcome| tell(&told, &format!("{name} {:?}", outcome.delivery)));
    let head = start_response.status(StatusCode::OK);
    match path.as_str() {
        "/events" => Ok(head.header("content-type", "text/event-stream")?.body(events(folder))),
        "/endless" => {
            tell(&folder, "endless began");
            Ok(head.header("content-type", "text/plain")?.body(Body::iter(std::iter::repeat(PIECE))))
        }
        "/upload" => Ok(head.body(upload(&mut environ)?)),
        "/upgrade" => Ok(head.body(format!("{:?}", environ.upgrade().map(|found| found.is_some())))),
        "/waits" => {
            tell(&folder, "waits began");
            let disconnect = environ.disconnect();
            let cause = loop {
                if let Some(cause) = disconnect.cause() {
                    break cause;
                }
                thread::park_timeout(LOOK);
            };
            tell(&folder, &format!("gone {cause:?}"));
            Ok(head.empty())
        }
        _ => Ok(head
            .header("content-type", "application/json")?
            .body(serde_json::to_string(&Seen::of(&environ))?)),
    }
}

fn events(folder: PathBuf) -> Body {
    let second = move || {
        // Opened once somebody writes to it.
        match fs::read(folder.join("go")) {
            Ok(_) => "data: second\n\n",
            Err(_) => "data: there is no pipe\n\n",
        }
    };
    Body::iter(std::iter::once("data: first\n\n").chain(std::iter::once_with(second)))
}

/// The length of what was sent, and a sum in which the order counts.
fn upload(environ: &mut Environ) -> io::Result<String> {
    let (mut length, mut sum) = (0_u64, 0_u64);
    let mut piece = vec![0; 64 * 1024];
    loop {
        let read = environ.input_mut().read(&mut piece)?;
        if read == 0 {
            return Ok(format!("{length} {sum}"));
        }
        length += u64::try_from(read).unwrap_or(u64::MAX);
        sum = rsgi_tests::uploads::sum(sum, &piece[..read]);
    }
}

fn tell(folder: &Path, what: &str) {
    let file = OpenOptions::new().append(true).open(folder.join("told"));
    let written = file.and_then(|mut file| file.write_all(format!("{what}\n").as_bytes()));
    if let Err(error) = written {
        eprintln!("{what}: can't be told: {error}");
    }
}

/// More than cases that hold one can hold at once.
const THREADS: usize = 256;

/// How often a blocking app looks whether its client is there.
const LOOK: Duration = Duration::from_millis(2);

const PIECE: &str = "it goes on and on, a line at a time, as long as there is somebody who reads it\n";
