//! [`Protocol`]: what an adapter writes so that the engine can serve its connections.
//!
//! The engine brings connections, threads, readiness, deadlines and shutdown; the protocol brings bytes and meaning.
//! Nothing here knows HTTP.
//!
//! Invariant: a connection is lent to one thread at a time (`&mut Connection`), its `Shared` part to anybody.
//! Read on in `turn.rs` (what a callback may use) and `engine.rs` (who calls what).

use std::sync::Arc;
use std::time::Instant;

use crate::{Address, ConnId, ConnWaker, Hangup, Next, Readiness, Stream, Turn};

/// A protocol spoken over stream sockets, served by an [`Engine`](crate::Engine).
///
/// # Contract
///
/// The engine calls, for each connection: [`accepted`](Self::accepted) once; then any number of
/// [`ready`](Self::ready), [`run`](Self::run), [`timeout`](Self::timeout) and, after a graceful shutdown has begun,
/// [`drain`](Self::drain), never two of them at once and not always on the same thread; at last it drops the
/// connection, on whichever thread had it. [`hangup`](Self::hangup), [`readable`](Self::readable),
/// [`draining`](Self::draining) and [`tick`](Self::tick) get the shared part and may come *while* another thread has the
/// connection.
///
/// **Only `run` may block.** All other callbacks also happen on the thread that keeps accepting, parsing and timing
/// out while every handler thread is inside `run`; one that blocks there stops the server.
///
/// A panic in a callback is caught and logged, the connection is dropped, thread and server live on.
///
/// The socket is closed when the last [`Stream`] clone is dropped: a clone in `Shared` belongs into an `Option` that
/// the connection's `Drop` empties, else whoever keeps the `Arc<Shared>` (a disconnect token, say) keeps it open.
///
/// # Examples
///
/// A server that echoes; its `ready` reads, its `run` (which may take its time) answers:
///
/// ```
/// use std::sync::Arc;
/// use rsgi_threads::{Accepted, ConnWaker, Next, Opened, Protocol, Readiness, Stream, Turn};
///
/// struct Echo;
///
/// struct Connection { stream: Stream, unread: Vec<u8> }
///
/// impl Protocol for Echo {
///     type Connection = Connection;
///     type Shared = ();
///     type Scratch = Vec<u8>;
///
///     fn scratch(&self) -> Vec<u8> { vec![0; 16 * 1024] }
///
///     fn accepted(&self, stream: Stream, _: &Accepted, _: ConnWaker) -> Option<Opened<Self>> {
///         Some(Opened {
///             connection: Connection { stream, unread: Vec::new() },
///             shared: Arc::new(()),
///             next: Next::read(None),
///         })
///     }
///
///     fn ready(&self, conn: &mut Connection, _: Readiness, turn: &mut Turn<'_, Self>) -> Next {
///         match conn.stream.read(turn.scratch) {
///             Ok(0) => Next::Close,
///             Ok(count) => { conn.unread.extend_from_slice(&turn.scratch[..count]); Next::Run }
///             Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Next::read(None),
///             Err(_) => Next::Close,
///         }
///     }
///
///     fn run(&self, conn: &mut Connection, _: &mut Turn<'_, Self>) -> Next {
///         // A real one keeps what was not accepted and returns `Next::write(..)`.
///         match conn.stream.write(&conn.unread) {
///             Ok(count) if count == conn.unread.len() => { conn.unread.clear(); Next::read(None) }
///             _ => Next::Close,
///         }
///     }
///
///     fn timeout(&self, _: &mut Connection, _: &mut Turn<'_, Self>) -> Next { Next::Close }
/// }
/// ```
pub trait Protocol: Send + Sync + Sized + 'static {
    /// One connection's state; lent to one thread at a time. Keep it small: an idle connection costs this and about a
    /// hundred bytes of the engine's.
    type Connection: Send + 'static;

    /// What must be reachable while a busy handler has the connection: the disconnect token, gathered output.
    type Shared: Send + Sync + 'static;

    /// What belongs to a thread: its read buffer, above all.
    type Scratch: 'static;

    /// Whether [`readable`](Self::readable) is to be told of bytes that come while a handler has the connection. Default:
    /// false, and it costs nothing.
    const READS_WHILE_BUSY: bool = false;

    /// Whether a connection of a unix socket is read as soon as it is accepted. Default: false. For protocols whose peers write with the same
    /// turn of theirs that connects: there what is read is most often there, and a wait is saved.
    const READS_AT_ACCEPT: bool = false;

    /// Makes one thread's scratch; called on that thread, once, before any other callback there.
    fn scratch(&self) -> Self::Scratch;

    /// Wraps a thread's whole life: enter a runtime's handle, name a span, then call `work` once and return.
    fn around_thread(&self, work: &mut dyn FnMut()) {
        work();
    }

    /// Takes a new connection; `None` refuses it (the socket is closed). Must not block.
    ///
    /// The stream is non-blocking, closed on exec, and on TCP has `TCP_NODELAY` set. The waker lets others call for
    /// the connection's attention: keep it in the connection or the shared part, or drop it.
    fn accepted(&self, stream: Stream, facts: &Accepted, waker: ConnWaker) -> Option<Opened<Self>>;

    /// Reads, parses, writes what is pending: input and output that never blocks. Return [`Next::Run`] when the
    /// application is to be called or polled.
    fn ready(
        &self,
        connection: &mut Self::Connection,
        readiness: Readiness,
        turn: &mut Turn<'_, Self>,
    ) -> Next;

    /// Calls the application; may block the thread for as long as it takes. Follows a [`Next::Run`], on the same
    /// thread at once or, when all threads are busy, later.
    ///
    /// To read or write on, blocking, use [`wait_readable`](crate::wait_readable) and
    /// [`wait_writable`](crate::wait_writable).
    fn run(&self, connection: &mut Self::Connection, turn: &mut Turn<'_, Self>) -> Next;

    /// The deadline of the last [`Next::Wait`] has passed, and nothing it waited for has come. Must not block.
    fn timeout(&self, connection: &mut Self::Connection, turn: &mut Turn<'_, Self>) -> Next;

    /// A graceful shutdown has begun and the connection came to rest: called once, in place of its wait, after
    /// everything that had arrived was given to [`ready`](Self::ready). Close if idle, else finish what is in flight
    /// and close then ([`Turn::draining`] tells later callbacks). Must not block. The default closes.
    fn drain(&self, connection: &mut Self::Connection, turn: &mut Turn<'_, Self>) -> Next {
        let _ = (connection, turn);
        Next::Close
    }

    /// The peer hung up, or the server cuts the connection, while a handler has it or it waits for one: the moment to
    /// trip the disconnect token. (While it waits for input or a wake, [`ready`](Self::ready) is told instead, and it
    /// is told here *as well as* there if it comes to rest later.) Must not block; may come more than once.
    fn hangup(&self, shared: &Self::Shared, hangup: Hangup) {
        let _ = (shared, hangup);
    }

    /// Bytes may have come while a handler has the connection or it waits for one, in a protocol that
    /// [reads then](Self::READS_WHILE_BUSY): the moment to look for a request to give up, or for another of many on one
    /// connection. (While it waits for input, [`ready`](Self::ready) is told instead, and it is told there *as well as* here
    /// if it comes to rest later.) Told again when more has come after all was read and
    /// [`ConnWaker::watch_bytes`] was called. What is left unread is still there for `ready`. Must not block; may come
    /// more than once and for nothing, also while another callback of the connection runs.
    fn readable(&self, shared: &Self::Shared) {
        let _ = shared;
    }

    /// Whether connections are to be accepted while so many threads are inside [`run`](Self::run), for an engine that
    /// accepts [while it is free](crate::Accepting::WhileFree); asked again whenever a thread comes out. Must not block.
    fn has_room(&self, running: usize) -> bool {
        let _ = running;
        true
    }

    /// A graceful shutdown has begun: tell the application, so that an event stream ends itself. Once for every
    /// connection there is, whatever it is doing; those accepted later are born with [`Accepted::draining`].
    fn draining(&self, shared: &Self::Shared) {
        let _ = shared;
    }

    /// About a tick has gone by since [`ConnWaker::tick`] was called: send what lies gathered. Must not block.
    fn tick(&self, shared: &Self::Shared) {
        let _ = shared;
    }
}

/// A connection's beginning, made by [`Protocol::accepted`].
#[expect(clippy::exhaustive_structs, reason = "made by protocols, field by field")]
pub struct Opened<P: Protocol> {
    /// Lent to one thread at a time.
    pub connection: P::Connection,
    /// Lent to anybody.
    pub shared: Arc<P::Shared>,
    /// What to wait for first: [`Next::read`] with the first deadline, as a rule.
    pub next: Next,
}

impl<P: Protocol> std::fmt::Debug for Opened<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("next", &self.next).finish_non_exhaustive()
    }
}

/// What is known of a connection when it is accepted.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Accepted {
    /// Unlike any other connection's, for the life of the engine (generations wrap after four billion reuses).
    pub id: ConnId,
    /// Which of the engine's listeners it came from, counted from 0.
    pub listener: usize,
    /// Who connected.
    pub peer: Address,
    /// When it was accepted, to about a tick.
    pub at: Instant,
    /// Whether a graceful shutdown has begun: it had been waiting in the kernel's queue.
    pub draining: bool,
}
