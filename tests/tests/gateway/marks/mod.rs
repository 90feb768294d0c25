//! What web servers decide, whoever is behind them: cases of the suite that fail through them, a file a server.

pub(crate) mod apache;
pub(crate) mod haproxy;
pub(crate) mod lighttpd;
pub(crate) mod nginx;

use rsgi_tests::marks::{Chance, Mark};
