//! [`Gateway`]: the engine's protocol: has the machine (`conn`) go on whenever the engine says that something happened.
//!
//! Everything but `run` must not block: there the machine only reads and sends, and apps wait for `run`.
//!
//! Next: `conn/mod.rs`.

use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use rsgi_core::Cause;
use rsgi_core::server::HalfClose;
use rsgi_threads::{
    Accepted, ConnWaker, Hangup, Interest, Next, Opened, Place, Protocol, Readiness, Runtime, Stream, Turn,
};

use super::socket::EngineSocket;
use crate::codec::Codec;
use crate::conn::{Conn, Ends, Going, Happened, Link, Rest};
use crate::peers::Peers;
use crate::site::Site;

/// A gateway protocol over the engine.
pub(crate) struct Gateway<C> {
    site: Arc<Site>,
    places: Vec<Place>,
    peers: Peers,
    runtime: Runtime,
    codec: PhantomData<fn() -> C>,
}

/// A connection with its task.
pub(crate) struct Held<C: Codec> {
    conn: Conn<EngineSocket, C>,
    task: Waker,
}

struct Task(ConnWaker);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.wake();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.wake();
    }
}

impl<C: Codec> Gateway<C> {
    pub(crate) fn new(site: Arc<Site>, places: Vec<Place>, peers: Peers, runtime: Runtime) -> Self {
        Self { site, places, peers, runtime, codec: PhantomData }
    }
}

impl<C: Codec> Held<C> {
    fn turn(&mut self, turn: &Turn<'_, Gateway<C>>) -> Next {
        let mut context = Context::from_waker(&self.task);
        next(self.conn.turn(&mut context, going(turn), turn.now()))
    }
}

impl<C: Codec> Protocol for Gateway<C> {
    type Connection = Held<C>;
    type Shared = Link<EngineSocket, C>;
    type Scratch = ();

    const READS_WHILE_BUSY: bool = true;
    const READS_AT_ACCEPT: bool = true;

    fn scratch(&self) {}

    fn around_thread(&self, work: &mut dyn FnMut()) {
        self.runtime.entered(work);
    }

    fn accepted(&self, stream: Stream, facts: &Accepted, waker: ConnWaker) -> Option<Opened<Self>> {
        let place = self.places.get(facts.listener)?;
        let peer = facts.peer_endpoint(&stream);
        if !self.peers.may_speak(&peer) {
            Peers::log_refused::<C>(&peer);
            return None;
        }
        let ends = Ends { peer, local: place.local(&stream).ok()?, accepted: facts.at };
        let socket = EngineSocket { stream, waker: waker.clone() };
        let shared = Link::new(socket, Arc::clone(&self.site), ends);
        let conn = Conn::new(Arc::clone(&shared));
        let first = self.site.timeouts.head.map(|time| facts.at + time);
        let task = Waker::from(Arc::new(Task(waker)));
        Some(Opened { connection: Held { conn, task }, shared, next: Next::read(first) })
    }

    fn ready(&self, held: &mut Held<C>, readiness: Readiness, turn: &mut Turn<'_, Self>) -> Next {
        let happened = Happened { readable: readiness.readable(), hangup: readiness.hangup().is_some() };
        if let Some(hangup @ (Hangup::Gone | Hangup::Cut)) = readiness.hangup() {
            held.conn.lose(cause(hangup));
        }
        if held.conn.look(happened) || readiness.woken() { Next::Run } else { held.turn(turn) }
    }

    fn run(&self, held: &mut Held<C>, turn: &mut Turn<'_, Self>) -> Next {
        held.turn(turn)
    }

    fn timeout(&self, held: &mut Held<C>, turn: &mut Turn<'_, Self>) -> Next {
        held.conn.expire(turn.now(), going(turn));
        Next::Run
    }

    fn drain(&self, held: &mut Held<C>, turn: &mut Turn<'_, Self>) -> Next {
        // Nothing is done for an idle connection that blocks; one at work goes on.
        if held.conn.look(Happened::default()) { Next::Run } else { held.turn(turn) }
    }

    fn has_room(&self, _: usize) -> bool {
        self.site.limits.running_requests.is_none_or(|most| self.site.running() < most)
    }

    fn hangup(&self, shared: &Link<EngineSocket, C>, hangup: Hangup) {
        if hangup != Hangup::Finished || self.site.half_close == HalfClose::Gone {
            shared.lose(cause(hangup));
        }
    }

    fn readable(&self, shared: &Link<EngineSocket, C>) {
        shared.read_beside();
    }

    fn tick(&self, shared: &Link<EngineSocket, C>) {
        shared.send_gathered();
    }
}

fn going<P: Protocol>(turn: &Turn<'_, P>) -> Going {
    match (turn.draining(), turn.leaving()) {
        (true, _) => Going::Ending,
        (false, true) => Going::Leaving,
        (false, false) => Going::On,
    }
}

fn next(rest: Rest) -> Next {
    match rest {
        Rest::Wait { reads, writes, deadline } => {
            let interest = match (reads, writes) {
                (true, true) => Interest::BOTH,
                (true, false) => Interest::READ,
                (false, true) => Interest::WRITE,
                (false, false) => Interest::NONE,
            };
            Next::Wait { interest, deadline }
        }
        Rest::Again => Next::Run,
        Rest::Close => Next::Close,
    }
}

fn cause(hangup: Hangup) -> Cause {
    match hangup {
        Hangup::Finished => Cause::Closed,
        Hangup::Cut => Cause::ServerStopped,
        _ => Cause::Reset,
    }
}
