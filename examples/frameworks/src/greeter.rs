//! The gRPC service `greeter.Greeter`: `Greet` gives one greeting, `Count` a stream of them.

/// Whom to greet.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Name {
    /// The name. An empty one is refused.
    #[prost(string, tag = "1")]
    pub name: String,
}

/// What is said.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Greeting {
    /// The text.
    #[prost(string, tag = "1")]
    pub text: String,
}

pub use generated::{greeter_client, greeter_server};

#[allow(
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "what tonic generates isn't ours to change"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/greeter.Greeter.rs"));
}
