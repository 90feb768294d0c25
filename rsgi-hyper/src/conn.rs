//! One connection from its being accepted to its end: PROXY header, TLS, which protocol, and that protocol.
//!
//! The recipe of this adapter; each step is elsewhere. Not here: how many connections there are (`server.rs`).
//!
//! Invariant: before the first request's head a client has the handshake's time and then the head's, whatever it
//! sends or doesn't.

use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use hyper::server::conn::{http1 as hyper1, http2 as hyper2};
use hyper_util::rt::TokioExecutor;
use rsgi_core::bytes::BytesMut;
use rsgi_core::proxy_protocol::{ProxyProtocol, ProxyStatus};
use rsgi_core::server::Config;
use rsgi_core::{App, Connection, Endpoint, Scheme, Server};
use tokio::io::{AsyncReadExt, ReadBuf};
use tokio::time::sleep_until;

use crate::drive::{FIRST, within};
use crate::listener::Accepted;
use crate::setting::Setting;
use crate::socket::Socket;
use crate::stage::{Member, Stage};
use crate::tls::{Secured, Security};
use crate::transport::Stream;
use crate::{http1, http2};

/// What all connections of one runtime share.
#[derive(Debug)]
pub(crate) struct Host<A> {
    pub(crate) app: Arc<A>,
    pub(crate) server: Arc<Server>,
    pub(crate) setting: Arc<Setting>,
    http1: hyper1::Builder,
    http2: hyper2::Builder<TokioExecutor>,
    proxy_protocol: ProxyProtocol,
    pub(crate) security: Arc<Security>,
}

impl<A: App> Host<A> {
    pub(crate) fn new(app: Arc<A>, server: Arc<Server>, config: &Config, security: Arc<Security>) -> Self {
        let setting = Arc::new(Setting::of(config));
        Self {
            app,
            server,
            http1: http1::builder(config, &setting),
            http2: http2::builder(config),
            setting,
            proxy_protocol: config.proxy_protocol,
            security,
        }
    }
}

/// Serves a connection that was accepted.
pub(crate) async fn serve<A: App>(host: &Host<A>, accepted: Accepted, id: u64, member: Member) {
    let Accepted { mut socket, peer, local } = accepted;
    let mut connection = Connection::new(Arc::clone(&host.server), id, peer, local);
    let is_tcp = matches!(*connection.local, Endpoint::Tcp(_));
    if member.stage() >= Stage::Draining {
        // The kernel had queued it: what its client has sent by now is there at once.
        socket.ask_the_system();
    }
    let handshake = async {
        read_proxy_header(host, &mut socket, &mut connection).await?;
        if is_tcp { host.security.accept(socket).await } else { Ok((Secured::from(socket), None)) }
    };
    // Boxed, as it is over soon and the connection's task would keep its room.
    let (stream, facts) = match Box::pin(within(host.setting.timeouts.handshake, handshake)).await {
        Some(Ok(secured)) => secured,
        Some(Err(error)) => {
            return tracing::debug!(target: "rsgi", connection = id, %error, "handshake failed");
        }
        None => return tracing::debug!(target: "rsgi", connection = id, "handshake timed out (`handshake`)"),
    };
    if let Some(facts) = facts {
        connection.scheme = Scheme::Https;
        connection.tls = Some(Box::new(facts));
    }
    serve_stream(host, stream, connection, &member).await;
}

/// Serves a byte stream on which HTTP is spoken from now on.
pub(crate) async fn serve_stream<A: App>(
    host: &Host<A>,
    mut stream: impl Stream,
    connection: Connection,
    member: &Member,
) {
    let is_http2 = match &connection.tls {
        Some(facts) => facts.alpn.as_deref() == Some(b"h2"),
        None => match Box::pin(within(host.setting.timeouts.head, sniff(&mut stream, member))).await {
            Some(Ok(is_http2)) => is_http2,
            Some(Err(_)) | None => return,
        },
    };
    if is_http2 {
        let serving = http2::serve(stream, connection, &host.app, &host.http2, &host.setting, member);
        // Of its own size, so that a connection on HTTP/1 keeps no room for it.
        Box::pin(serving).await;
    } else {
        http1::serve(stream, connection, &*host.app, &host.http1, &host.setting, member).await;
    }
}

/// Reads a trusted peer's PROXY header, and takes both ends from it.
async fn read_proxy_header<A>(
    host: &Host<A>,
    socket: &mut Socket,
    connection: &mut Connection,
) -> io::Result<()> {
    if host.proxy_protocol == ProxyProtocol::Off || !host.server.trust.trusts(&connection.peer) {
        return Ok(());
    }
    let mut bytes = BytesMut::new();
    let consumed = loop {
        match host
            .proxy_protocol
            .parse(&bytes)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?
        {
            ProxyStatus::Partial => {}
            ProxyStatus::Complete { consumed, header } => {
                if let Some(ends) = header.ends {
                    connection.peer = ends.peer;
                    connection.local = ends.local.into();
                }
                break consumed;
            }
        }
        if socket.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    socket.unread(bytes.split_off(consumed).freeze());
    Ok(())
}

/// Looks at a connection's first bytes: is it HTTP/2 with prior knowledge (RFC 9113 section 3.3)? They stay unread.
/// Ends, with an error, when the server is going down and there are none soon.
async fn sniff(stream: &mut impl Stream, member: &Member) -> io::Result<bool> {
    let mut first = BytesMut::new();
    let (start, mut soon) = (Instant::now(), None);
    poll_fn(|context| {
        while first.len() < http2::PREFACE.len() && http2::PREFACE.starts_with(&first) {
            let mut piece = [0; SNIFF];
            let mut piece = ReadBuf::new(&mut piece);
            match Pin::new(&mut *stream).poll_read(context, &mut piece) {
                Poll::Ready(Ok(())) if piece.filled().is_empty() => break,
                Poll::Ready(Ok(())) => first.extend_from_slice(piece.filled()),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    member.watch(context);
                    if member.stage() < Stage::Draining {
                        return Poll::Pending;
                    }
                    if first.is_empty() && member.stage() == Stage::Draining {
                        let soon = soon.get_or_insert_with(|| Box::pin(sleep_until((start + FIRST).into())));
                        if soon.as_mut().poll(context).is_pending() {
                            return Poll::Pending;
                        }
                    }
                    break;
                }
            }
        }
        if first.is_empty() {
            Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()))
        } else {
            Poll::Ready(Ok(()))
        }
    })
    .await?;
    let is_http2 = first.starts_with(http2::PREFACE);
    stream.unread(first.freeze());
    Ok(is_http2)
}

/// Bytes looked at first: a usual request's head.
const SNIFF: usize = 2048;
