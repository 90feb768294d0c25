//! A front that runs: the server, and the web server in front of it, each on a port of its own in a folder of the test's.
//!
//! Invariant: both end with the value, by their process ids. Next: `nginx.rs` and its like, how each web server is started.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use rsgi_test::wire::RawClient;
use rsgi_tests::driving::{Log, Running, Scratch, children_of, free_port, printed, tool, until};

use crate::fronts::{Front, Speaks, Web};
use crate::{apache, haproxy, lighttpd, nginx};

/// How a front is set up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Setup {
    /// What lies between the two.
    pub(crate) between: Between,
    /// Whether the server believes the fields that the web server writes, where it writes any.
    pub(crate) belief: Belief,
    /// How long uploads may be.
    pub(crate) uploads: Uploads,
    /// Where the app is.
    pub(crate) mount: Mount,
    /// How clients come.
    pub(crate) clients: Clients,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Clients {
    #[default]
    Http,
    /// By TLS, with the certificate of [`Site::certificate`].
    Https,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Between {
    #[default]
    Tcp,
    Unix,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Belief {
    #[default]
    Nobody,
    TheWebServer,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Uploads {
    /// As shipped.
    #[default]
    Bounded,
    Unbounded,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mount {
    #[default]
    Root,
    /// Below `/shop`, as the comments of the shipped configurations say.
    Shop,
}

/// What a web server is told of this machine.
#[derive(Debug)]
pub(crate) struct Site<'a> {
    pub(crate) front: &'a Front,
    pub(crate) setup: Setup,
    /// The test's folder.
    pub(crate) place: &'a Path,
    /// Where the web server listens.
    pub(crate) address: SocketAddr,
    /// Where the server behind listens, if on TCP.
    pub(crate) behind: SocketAddr,
    /// Where it listens, if on a unix socket.
    pub(crate) socket: String,
}

impl Site<'_> {
    /// The file of a certificate and its key, where clients come by TLS.
    pub(crate) fn certificate(&self) -> Option<String> {
        if self.setup.clients == Clients::Http {
            return None;
        }
        let file = self.place.join("site.pem");
        let made = rcgen::generate_simple_self_signed(["test".to_owned()]).unwrap();
        fs::write(&file, made.cert.pem() + &made.signing_key.serialize_pem()).unwrap();
        Some(file.display().to_string())
    }
}

/// A front that runs.
#[derive(Debug)]
pub(crate) struct Standing {
    front: Front,
    setup: Setup,
    behind: Option<Running>,
    web: Running,
    pub(crate) address: SocketAddr,
    behind_address: SocketAddr,
    // Last: the others end before it goes.
    pub(crate) place: Scratch,
}

impl Standing {
    /// Both, as shipped.
    pub(crate) fn of(front: &Front) -> Self {
        Self::with(front, Setup::default())
    }

    /// Both.
    pub(crate) fn with(front: &Front, setup: Setup) -> Self {
        let mut standing = Self::without_server(front, setup);
        standing.start_server();
        standing
    }

    /// The web server, and nothing behind it.
    pub(crate) fn without_server(front: &Front, setup: Setup) -> Self {
        let place = Scratch::new(front.name);
        // The web server may have another user.
        fs::set_permissions(&*place, fs::Permissions::from_mode(0o777)).unwrap();
        fs::write(place.join("told"), "").unwrap();
        fs::set_permissions(place.join("told"), fs::Permissions::from_mode(0o666)).unwrap();
        printed(tool("mkfifo").args(["-m", "666"]).arg(place.join("go"))).unwrap();
        let (address, behind_address) = (free_address(), free_address());
        let socket = place.join("app.sock").display().to_string();
        let site = Site { front, setup, place: &place, address, behind: behind_address, socket };
        let command = match front.web {
            Web::Nginx => nginx::prepare(&site),
            Web::Apache => apache::prepare(&site),
            Web::Lighttpd => lighttpd::prepare(&site),
            Web::Haproxy => haproxy::prepare(&site),
        };
        let web = Running::start(command, &place.join("web.log"));
        until("web server", || TcpStream::connect(address).ok());
        Self { front: *front, setup, behind: None, web, address, behind_address, place }
    }

    /// Starts the server behind the web server.
    pub(crate) fn start_server(&mut self) {
        if self.front.speaks.is_started_by_it() {
            return;
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_behind"));
        let bind = match self.setup.between {
            Between::Tcp => self.behind_address.to_string(),
            Between::Unix => format!("unix:{}", self.place.join("app.sock").display()),
        };
        command.arg(self.front.behind).arg(bind).arg(&*self.place);
        match self.front.speaks {
            Speaks::ProxyV1 => command.arg("proxy=v1"),
            Speaks::ProxyV2 => command.arg("proxy=v2"),
            Speaks::Http if self.setup.belief == Belief::TheWebServer => command.arg("forwarded"),
            _ => &mut command,
        };
        if self.setup.uploads == Uploads::Unbounded {
            command.arg("unbounded");
        }
        let mut server = Running::start(command, &self.place.join("behind.log"));
        server.log.said("ready at");
        self.behind = Some(server);
    }

    /// Ends the server behind the web server.
    pub(crate) fn stop_server(&mut self) {
        self.behind = None;
    }

    /// A client of the web server's.
    pub(crate) fn client(&self) -> RawClient {
        RawClient::tcp(self.address)
    }

    /// What becomes of requests.
    pub(crate) fn told(&self) -> Log {
        Log::of(&self.place.join("told"))
    }

    /// The most memory that the server behind has had, in KiB; `None` if it has ended.
    pub(crate) fn memory(&self) -> Option<u64> {
        let pid = match &self.behind {
            Some(server) => server.pid(),
            None => descendants(self.web.pid()).into_iter().find(|pid| is_behind(*pid))?,
        };
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(line.trim_end_matches("kB").trim().parse().unwrap())
    }

    /// What the web server said; for who looks at a failure.
    pub(crate) fn web_log(&self) -> String {
        self.web.log.text()
    }
}

/// Whether a process is the server behind, started by the web server.
fn is_behind(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "behind")
}

/// All processes below one.
fn descendants(of: u32) -> Vec<u32> {
    let children = children_of(of);
    children.iter().copied().chain(children.iter().flat_map(|child| descendants(*child))).collect()
}

fn free_address() -> SocketAddr {
    ([127, 0, 0, 1], free_port()).into()
}

/// The user that web servers run as if they mustn't as the test's own.
pub(crate) const NOBODY: &str = "www-data";
