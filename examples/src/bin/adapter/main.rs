//! A whole adapter, on the standard library: one thread and one request a connection. It hosts any app, blocking or
//! async; what HEAD, 204 or Content-Length mean is `respond`'s part. Its protocol, HTTP/1.0, is in `codec.rs`.
//!
//! Try it: `cargo run -p rsgi-examples --bin adapter`, then `curl -i http://127.0.0.1:8000/`.

mod codec;

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rsgi_core::http::StatusCode;
use rsgi_core::server::{Bind, Config, ServeError};
use rsgi_core::{
    AcceptedBy, Adapter, App, Capabilities, Connection, Delivery, Endpoint, Environ, Error, Exchange,
    Running, Server, StartResponse, Started, may_block, respond, wait,
};

/// The server.
struct Plain;

impl Adapter for Plain {
    type Running = Serving;
    const NAME: &'static str = "plain";

    fn start(config: Config, app: impl App) -> Result<Serving, ServeError> {
        config.check()?;
        let missing = app.requires().missing_in(Capabilities::NONE);
        if !missing.is_empty() {
            return Err(ServeError::missing_capability(missing, Self::NAME));
        }
        let listeners = config.listeners();
        let [bind @ Bind::Tcp { host, port }] = &listeners[..] else {
            let problem = "this server has one TCP listener";
            return Err(ServeError::bad_setting("bind", listeners.len(), problem, "name one HOST:PORT"));
        };
        let opening = |error| ServeError::opening(bind, error);
        let listener = TcpListener::bind((host.as_str(), *port)).map_err(opening)?;
        let local = listener.local_addr().map_err(opening)?;
        let mut server = Server::new(Self::NAME, env!("CARGO_PKG_VERSION"));
        server.multithread = true;
        server.body_limit = config.limits.body_bytes;
        server.trust = config.trust.clone();
        let (server, state, changed) = (Arc::new(server), Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { server, config, local, state, changed });
        let (accepting, app) = (Arc::clone(&shared), Arc::new(app));
        let accepting = thread::spawn(move || accept(&listener, &accepting, &app));
        Ok(Serving { addresses: [local.into()], shared, accepting: Some(accepting) })
    }
}

/// What the accepting thread, the connections' threads and the handles share.
struct Shared {
    server: Arc<Server>,
    config: Config,
    local: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// A second handle on each connection's stream, to cut it off by.
    live: HashMap<u64, TcpStream>,
    /// When what still runs is cut off.
    until: Option<Instant>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What runs after the start. Dropping it stops it at once.
struct Serving {
    addresses: [Endpoint; 1],
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

/// Stops it from elsewhere.
#[derive(Clone)]
struct Stop(Arc<Shared>);

impl Running for Serving {
    type Handle = Stop;

    fn addresses(&self) -> &[Endpoint] {
        &self.addresses
    }

    fn handle(&self) -> Stop {
        Stop(Arc::clone(&self.shared))
    }

    fn shutdown_by(Stop(shared): &Stop, limit: Option<Duration>) {
        let until = limit.or(shared.config.timeouts.graceful).map(|limit| Instant::now() + limit);
        let mut state = shared.state();
        state.until = state.until.into_iter().chain(until).min();
        drop(state);
        shared.server.drain.begin();
        shared.changed.notify_all();
        // Wakes the thread that accepts.
        let _may_have_ended = TcpStream::connect(shared.local);
    }

    fn wait(mut self) -> Result<(), ServeError> {
        match self.accepting.take().map(JoinHandle::join) {
            Some(Err(_)) => Err(ServeError::io("accepting", io::Error::other("the thread panicked"))),
            _ => Ok(()),
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        Self::shutdown_by(&self.handle(), Some(Duration::ZERO));
    }
}

/// Accepts until the drain, and then what the kernel had queued. Ends with the last connection, or cuts it off.
fn accept<A: App>(listener: &TcpListener, shared: &Arc<Shared>, app: &Arc<A>) {
    let most = shared.config.threads.map_or(64, usize::from).min(shared.config.limits.connections);
    for id in 0.. {
        drop(shared.changed.wait_while(shared.state(), |state| state.live.len() >= most));
        if shared.server.drain.has_begun() && listener.set_nonblocking(true).is_err() {
            break;
        }
        match listener.accept().and_then(|(stream, peer)| Ok((stream.try_clone()?, stream, peer))) {
            Ok((second, stream, peer)) => {
                shared.state().live.insert(id, second);
                let (shared, app) = (Arc::clone(shared), Arc::clone(app));
                thread::spawn(move || {
                    if let Err(error) = may_block(|| converse(&*app, &shared, &stream, peer, id)) {
                        tracing::debug!(%error, "connection ended");
                    }
                    shared.state().live.remove(&id);
                    shared.changed.notify_all();
                });
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => tracing::warn!(%error, "a connection was lost before it was accepted"),
        }
    }
    let mut state = shared.state();
    while !state.live.is_empty() {
        let left = state.until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            state.live.drain().for_each(|(_, stream)| drop(stream.shutdown(Shutdown::Both)));
        } else {
            state = shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
    drop(state);
    wait(app.stop());
}

/// The recipe: read a head, make an environ of it, respond, write the answer, tell what became of it.
fn converse<A: App>(
    app: &A,
    shared: &Shared,
    stream: &TcpStream,
    peer: SocketAddr,
    id: u64,
) -> io::Result<()> {
    let (server, config) = (Arc::clone(&shared.server), &shared.config);
    let connection = Connection::new(server, id, peer.into(), stream.local_addr()?.into());
    let (head, input) = match codec::read(stream, config) {
        Ok(request) => request,
        Err(codec::Refusal::Gone) => return Ok(()),
        Err(codec::Refusal::Answer(status)) => return codec::refuse(stream, config, status),
    };
    let exchange = Exchange::new(Arc::new(connection));
    let response = wait(respond(app, Environ::new(head, input, Arc::clone(&exchange))));
    let delivery = match codec::write(stream, config, response) {
        Ok(()) => Delivery::Whole(AcceptedBy::System),
        Err(delivery) => delivery,
    };
    if let Delivery::Aborted(cause) = delivery {
        exchange.disconnect(cause);
    }
    exchange.tell(delivery);
    codec::close(stream, config, delivery)
}

async fn hello(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let text = format!("hello from {} on a thread of your own\n", environ.server().name);
    Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body(text))
}

fn main() -> ExitCode {
    rsgi_examples::launch_on::<Plain>(hello)
}
