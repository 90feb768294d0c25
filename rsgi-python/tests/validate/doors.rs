//! The ways in which an application is served: every adapter, and the test client's memory under the lint.

use std::env;
use std::net::SocketAddr;
use std::process::{Command, ExitCode};

use rsgi_core::server::Config;
use rsgi_core::{Adapter, App, BoxApp, Endpoint, Mount, Running};
use rsgi_gateway::codec::{FastCgi, Scgi, Uwsgi};
use rsgi_gateway::{cgi, threads, tokio};
use rsgi_test::lint::{Findings, lint};
use rsgi_test::{Client, Memory, Open};

use crate::asked::{Asked, Got};
use crate::gateway::{self, Coming, Protocol};

/// A way in which an application is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// By the test client, what blocks inline.
    Memory,
    /// The same, what blocks on threads of its own.
    Offloaded,
    Std,
    Hyper,
    Http2,
    Threads(Protocol),
    Tokio(Protocol),
    /// A process a request.
    Cgi(Host),
}

/// What runs a program of CGI's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    Threads,
    Tokio,
}

/// An application that is served.
pub(crate) struct Served {
    door: Door,
    case: &'static str,
    way: Way,
    /// What the lint found, where it is on.
    pub(crate) lint: Option<Findings>,
    end: Option<Box<dyn FnOnce()>>,
}

enum Way {
    Client(Client),
    Gateway(Protocol, SocketAddr),
    Program,
}

/// An answer on its way.
pub(crate) enum Stream {
    Http { open: Box<Open>, content: Vec<u8> },
    Gateway(Coming),
}

impl Door {
    pub(crate) const ALL: [Self; 13] = [
        Self::Memory,
        Self::Offloaded,
        Self::Std,
        Self::Hyper,
        Self::Http2,
        Self::Threads(Protocol::FastCgi),
        Self::Threads(Protocol::Scgi),
        Self::Threads(Protocol::Uwsgi),
        Self::Tokio(Protocol::FastCgi),
        Self::Tokio(Protocol::Scgi),
        Self::Tokio(Protocol::Uwsgi),
        Self::Cgi(Host::Threads),
        Self::Cgi(Host::Tokio),
    ];

    /// What tests are called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Offloaded => "memory_offloaded",
            Self::Std => "std",
            Self::Hyper => "hyper",
            Self::Http2 => "hyper_http2",
            Self::Threads(Protocol::FastCgi) => "fastcgi_threads",
            Self::Threads(Protocol::Scgi) => "scgi_threads",
            Self::Threads(Protocol::Uwsgi) => "uwsgi_threads",
            Self::Tokio(Protocol::FastCgi) => "fastcgi_tokio",
            Self::Tokio(Protocol::Scgi) => "scgi_tokio",
            Self::Tokio(Protocol::Uwsgi) => "uwsgi_tokio",
            Self::Cgi(Host::Threads) => "cgi_threads",
            Self::Cgi(Host::Tokio) => "cgi_tokio",
        }
    }

    /// Whether it speaks HTTP, or what is the same in memory.
    pub(crate) fn is_http(self) -> bool {
        !self.is_gateway()
    }

    /// Whether a web server stands before it.
    pub(crate) fn is_gateway(self) -> bool {
        matches!(self, Self::Threads(_) | Self::Tokio(_) | Self::Cgi(_))
    }

    /// Whether the application runs in this process.
    pub(crate) fn is_here(self) -> bool {
        !matches!(self, Self::Cgi(_))
    }

    /// Whether a request has a thread of its own for what blocks.
    pub(crate) fn is_offloaded(self) -> bool {
        matches!(self, Self::Offloaded | Self::Hyper | Self::Http2 | Self::Tokio(_) | Self::Cgi(Host::Tokio))
    }

    /// Serves the application of a case.
    pub(crate) fn serve(self, case: &'static str, app: impl App, mount: &'static str) -> Served {
        // Behind a web server it is that which says where the application is mounted.
        let app = if mount.is_empty() || self.is_gateway() {
            BoxApp::new(app)
        } else {
            BoxApp::new(Mount::new().at(mount, app))
        };
        match self {
            Self::Memory => self.in_memory(case, app, Memory::new()),
            Self::Offloaded => self.in_memory(case, app, Memory::new().threads()),
            Self::Std => self.started::<rsgi_std::Server>(case, app, |address| live(&address)),
            Self::Hyper => self.started::<rsgi_hyper::Server>(case, app, |address| live(&address)),
            Self::Http2 => self.started::<rsgi_hyper::Server>(case, app, |address| {
                Way::Client(Client::live_http2(&url(&address)).expect("an address"))
            }),
            Self::Threads(protocol) => match protocol {
                Protocol::FastCgi => self.gateway::<threads::Server<FastCgi>>(protocol, case, app),
                Protocol::Scgi => self.gateway::<threads::Server<Scgi>>(protocol, case, app),
                Protocol::Uwsgi => self.gateway::<threads::Server<Uwsgi>>(protocol, case, app),
            },
            Self::Tokio(protocol) => match protocol {
                Protocol::FastCgi => self.gateway::<tokio::Server<FastCgi>>(protocol, case, app),
                Protocol::Scgi => self.gateway::<tokio::Server<Scgi>>(protocol, case, app),
                Protocol::Uwsgi => self.gateway::<tokio::Server<Uwsgi>>(protocol, case, app),
            },
            Self::Cgi(_) => Served { door: self, case, way: Way::Program, lint: None, end: None },
        }
    }

    fn in_memory(self, case: &'static str, app: BoxApp, memory: Memory) -> Served {
        let app = lint(app);
        let findings = app.findings();
        let way = Way::Client(Client::with(app, memory));
        Served { door: self, case, way, lint: Some(findings), end: None }
    }

    fn started<A: Adapter>(
        self,
        case: &'static str,
        app: BoxApp,
        way: impl FnOnce(SocketAddr) -> Way,
    ) -> Served
    where
        A::Running: 'static,
    {
        let config = Config::new().bind("127.0.0.1:0").expect("an address").threads(4);
        let running = A::start(config, app).unwrap_or_else(|error| panic!("{}: {error}", A::NAME));
        let Endpoint::Tcp(address) = running.addresses()[0] else { panic!("it listens on TCP") };
        let end = Box::new(move || {
            running.shutdown();
            running.wait().expect("it ends");
        });
        Served { door: self, case, way: way(address), lint: None, end: Some(end) }
    }

    fn gateway<A: Adapter>(self, protocol: Protocol, case: &'static str, app: BoxApp) -> Served
    where
        A::Running: 'static,
    {
        self.started::<A>(case, app, |address| Way::Gateway(protocol, address))
    }
}

impl Served {
    /// Asks, and reads the whole answer.
    pub(crate) fn ask(&self, asked: &Asked) -> Got {
        if let Way::Client(client) = &self.way {
            return match request(client, asked).send() {
                Ok(answer) => Got::of(&answer, answer.is_whole()),
                Err(error) => error.came().map_or_else(Got::default, |answer| Got::of(answer, false)),
            };
        }
        self.coming(asked).finish()
    }

    /// Asks, to read the answer step by step.
    pub(crate) fn open(&self, asked: &Asked) -> Stream {
        match &self.way {
            Way::Client(client) => {
                let open = request(client, asked).open().unwrap_or_else(|error| panic!("{error}"));
                Stream::Http { open: Box::new(open), content: Vec::new() }
            }
            _ => Stream::Gateway(self.coming(asked)),
        }
    }

    fn coming(&self, asked: &Asked) -> Coming {
        match &self.way {
            Way::Client(_) => unreachable!("not a gateway"),
            Way::Gateway(protocol, address) => gateway::ask(*protocol, *address, asked),
            Way::Program => {
                let mut program = Command::new(env::current_exe().expect("this program"));
                let kept = ["PATH", "HOME", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV"];
                let kept = kept.iter().filter_map(|name| Some((name, env::var_os(name)?)));
                program.env_clear().envs(kept).env(PROGRAM, self.case).env(HOST, self.door.name());
                gateway::start(program, asked)
            }
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            end();
        }
    }
}

impl Stream {
    /// Reads on until so much content has come, and gives it.
    pub(crate) fn until(&mut self, length: usize) -> String {
        let content = match self {
            Self::Http { open, content } => {
                while content.len() < length {
                    match open.piece() {
                        Some(Ok(piece)) => content.extend_from_slice(&piece),
                        other => panic!("{other:?} after {:?}", content.escape_ascii().to_string()),
                    }
                }
                content.clone()
            }
            Self::Gateway(coming) => {
                coming.until(length);
                coming.content().unwrap_or_default().to_vec()
            }
        };
        String::from_utf8(content).expect("text")
    }

    /// Reads the rest.
    pub(crate) fn finish(self) -> Got {
        match self {
            Self::Http { open, content } => {
                let answer = open.finish();
                let got = Got::of(&answer, answer.is_whole());
                if got.content.len() >= content.len() { got } else { Got { content, ..got } }
            }
            Self::Gateway(coming) => coming.finish(),
        }
    }

    /// Goes away, and gives what a program said of it.
    pub(crate) fn vanish(self) -> String {
        match self {
            Self::Http { mut open, .. } => {
                open.vanish();
                String::new()
            }
            Self::Gateway(coming) => coming.vanish(),
        }
    }
}

/// The case that this process was started to answer for, by CGI.
pub(crate) fn program() -> Option<String> {
    if cgi::is_called() { env::var(PROGRAM).ok() } else { None }
}

/// Answers a request by CGI.
pub(crate) fn answer(app: impl App) -> ExitCode {
    let config = Config::new();
    let is_tokio = env::var(HOST).is_ok_and(|host| host == Door::Cgi(Host::Tokio).name());
    let answered = if is_tokio { cgi::run_on_tokio(&config, app) } else { cgi::run(&config, app) };
    answered.unwrap_or_else(|error| panic!("{error}"))
}

fn url(address: &SocketAddr) -> String {
    format!("http://{address}")
}

fn live(address: &SocketAddr) -> Way {
    Way::Client(Client::live(&url(address)).expect("an address"))
}

fn request<'a>(client: &'a Client, asked: &Asked) -> rsgi_test::Request<'a> {
    let mut request = client.request(asked.method, &asked.target);
    for (name, value) in &asked.fields {
        request = request.header(name, value);
    }
    if !asked.has_content {
        return request;
    }
    let content = asked.content.clone();
    if asked.is_streamed {
        let pieces: Vec<_> = content.chunks(7).map(<[u8]>::to_vec).collect();
        return request.pieces(pieces);
    }
    request.body(content)
}

/// Names the case, for a process that answers one request.
const PROGRAM: &str = "VALIDATE_CASE";

/// Names what runs it.
const HOST: &str = "VALIDATE_HOST";
