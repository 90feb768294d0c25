//! What the gRPC example and its test share: a service's messages, and the code that tonic generates for it.
//!
//! The examples themselves are in `src/bin`, one for each framework.
#![forbid(unsafe_code)]

pub mod greeter;
