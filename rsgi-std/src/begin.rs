//! From a head to a request: its terms, its exchange, its input, its environ.
//!
//! Done where the head was read, without blocking; what is left to a thread that may block is one word, the environ.
//!
//! Invariant: a request is begun only after the one before it has ended. Next: `serve.rs`.

use std::sync::Arc;
use std::time::Instant;

use rsgi_core::http::Method;
use rsgi_core::{Environ, Exchange, Input, InputLength};
use rsgi_threads::Hangup;

use crate::body_in::Inbound;
use crate::conn::{After, Call, Line, Socket, Terms, Writes};
use crate::desk::Tools;
use crate::h1::{BodyDecoder, Expectation, Framing, Persistence, RequestHead, Target, UpgradeOffer};
use crate::reading::Reading;
use crate::site::Site;

impl Line {
    /// Begins a request; `None` once the connection is over.
    #[inline]
    pub(crate) fn begin(
        &mut self,
        tools: &mut Tools,
        site: &Site,
        head: RequestHead,
        now: Instant,
    ) -> Option<Call> {
        self.served += 1;
        self.terms = Terms { version: head.version, keep: head.persistence == Persistence::KeepAlive };
        self.after = After::Keep;
        self.writes = Writes::Free;
        let exchange = self.shared.begin(tools, self.served, now)?;
        if self.socket == Socket::Ended
            && let Some(cause) = self.shared.meaning(Hangup::Finished)
        {
            // It ended before it was heard: told, but an answer that is ready at once is still offered to it.
            exchange.disconnect(cause);
        }
        let ahead = reads_ahead(site, &head);
        let input = self.input(site, &head, &exchange);
        Some(Call { environ: environ(head, input, exchange), ahead, waiting: None })
    }

    /// The input of a request.
    #[inline]
    fn input(&mut self, site: &Site, head: &RequestHead, exchange: &Arc<Exchange>) -> Input {
        let upgradable = head.upgrade == UpgradeOffer::Offered || head.method == Method::CONNECT;
        self.uploads = matches!(head.framing, Framing::Length(length) if length >= UPLOAD);
        let bodiless = matches!(head.framing, Framing::None | Framing::Length(0));
        if bodiless && !upgradable {
            return Input::empty();
        }
        let inbound = self.open_inbound(site, head);
        let length = match head.framing {
            Framing::Length(length) if length > 0 => InputLength::Known(length),
            Framing::Chunked => InputLength::Unknown,
            _ => InputLength::None,
        };
        // Core would count an upgraded stream against the limit, too.
        let limit = site.server.body_limit.filter(|_| !upgradable);
        Input::new(inbound.source(Arc::clone(exchange)), length, limit)
    }

    /// Makes the shared state of a request's body.
    fn open_inbound(&mut self, site: &Site, head: &RequestHead) -> Arc<Inbound> {
        let limits = &site.settings.body;
        // No limit of the decoder's is broken by a length alone.
        let decoder = BodyDecoder::new(head.framing, limits).unwrap_or_else(|_| BodyDecoder::done());
        let (buf, expects) = (std::mem::take(&mut self.buf), head.expectation == Expectation::Continue);
        let reading = Reading::new(self.transport.clone(), buf, decoder, expects, self.socket);
        let inbound = Inbound::new(Arc::clone(&self.shared), reading, site.settings.timeouts.body_progress);
        self.inbound = Some(Arc::clone(&inbound));
        inbound
    }
}

/// Tells whether a request's body is to be read before the app is called.
#[inline]
fn reads_ahead(site: &Site, head: &RequestHead) -> bool {
    let most = site.settings.limits.request_buffer;
    most > 0
        && head.expectation == Expectation::None
        && head.upgrade == UpgradeOffer::None
        && match head.framing {
            Framing::Length(length) => length > 0 && length <= most as u64,
            Framing::Chunked => true,
            Framing::None => false,
        }
}

/// Makes the app's environ of a head.
#[inline]
fn environ(head: RequestHead, input: Input, exchange: Arc<Exchange>) -> Environ {
    let mut environ = Environ::filled(input, exchange, |parts| {
        parts.method = head.method;
        parts.version = head.version;
        // What stood there is empty and holds no memory, which a drop would call functions to find out.
        std::mem::forget(std::mem::replace(&mut parts.uri, head.uri));
        std::mem::forget(std::mem::replace(&mut parts.headers, head.headers));
    });
    if let Target::Absolute(raw) = head.target {
        environ.set_target(String::from_utf8_lossy(&raw));
    }
    environ
}

/// From this length on content is read in one piece with its head, if its client sent as much before.
const UPLOAD: u64 = 16 * 1024;
