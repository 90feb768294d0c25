//! RSGI's contract: `App(environ, start_response) -> body`, between Rust web servers and Rust web applications.
//!
//! What WSGI (PEP 3333) is for Python: a framework implements [`App`], a server hosts it by building an
//! [`Environ`] and calling [`respond()`], and the application developer picks the server in `Cargo.toml`. This crate
//! knows no server and no runtime: it opens no socket and spawns no thread. `SPEC.md` has the numbered clauses.
//!
//! Read in the order of the modules below: the contract, what an app gets, what it gives, what a server does.
#![forbid(unsafe_code)]

mod app;
mod blocking;
mod capabilities;
mod middleware;
mod mount;
mod requiring;

mod connection;
mod disconnect;
mod endpoint;
mod environ;
mod error_stream;
mod host;
mod informational;
mod input;
mod input_error;
pub mod path;
mod tls_facts;
pub mod trust;
mod upgrade;

mod body;
mod fields;
mod from_response;
mod start_error;
mod start_response;
mod trailer;

mod adapter;
mod closing;
mod exchange;
mod exclusive;
mod finish;
mod guarded_log;
mod live;
mod live_source;
mod offload;
mod outcome;
mod outgoing;
mod outgoing_error;
mod park;
mod pieces;
pub mod proxy_protocol;
mod respond;
pub mod server;
mod spare_map;
mod watch;
mod whole;

pub use bytes;
pub use http;
pub use http_body;

/// What an app gives when it can't answer: any error; typed kinds are found along `source()`.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

pub use adapter::{Adapter, Running};
pub use app::{App, BoxApp, app_fn};
pub use blocking::{Blocking, blocking};
pub use body::{Body, Change, FileBody, IntoPiece, Pulled, Sender, Sink, Writer};
pub use capabilities::{Capabilities, NotSupported};
pub use connection::{Connection, Scheme, Server};
pub use disconnect::{Cause, Disconnect, Drain};
pub use endpoint::{Credentials, Endpoint};
pub use environ::{Environ, Gateway, GatewayVars, Loan, Priority, RequestLine};
pub use error_stream::{ErrorSink, ErrorStream};
pub use exchange::Exchange;
pub use fields::{FieldName, FieldValue, Fields, is_hop_by_hop};
pub use host::is_host_field;
pub use informational::{Informational, Link, Told};
pub use input::{Input, InputLength, InputSource};
pub use input_error::{InputError, InputErrorKind};
pub use middleware::{
    Around, AroundApp, ChangeAnswer, ChangeAnswerApp, Middleware, Next, Nothing, Stack, around, change_answer,
};
pub use mount::Mount;
pub use offload::{Job, Offload, Offloaded, Pool, may_block, thread_may_block};
pub use outcome::{AcceptedBy, Delivery, Fault, Outcome, Phase, Trailers};
pub use outgoing::{Framing, Outgoing};
pub use outgoing_error::{OutgoingError, OutgoingErrorKind};
pub use park::wait;
pub use pieces::Remainder;
pub use requiring::{Requiring, requiring};
pub use respond::{Respond, respond};
pub use start_error::{StartError, StartErrorKind};
pub use start_response::{Head, StartResponse, Started};
pub use tls_facts::{Tls, TlsVersion};
pub use trailer::is_forbidden as is_forbidden_trailer;
pub use upgrade::{ConnectProtocol, Upgrade, UpgradeKind};
pub use watch::{Seen, Watch};
