//! FastCGI's codec: the same events however the bytes are split, in the order of the contract, and nothing held without a bound.
//!
//! The first byte chooses the bounds and when answers end, the second where the bytes are cut. Not here: what a request comes
//! to (rsgi-gateway's own tests).
//!
//! Invariant held against: what is told depends on the bytes alone.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rsgi_fuzz::gateway::judge;
use rsgi_gateway::codec::FastCgi;

fuzz_target!(|data: &[u8]| judge::<FastCgi>(data));
