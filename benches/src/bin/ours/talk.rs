//! The talk's app in frasco: `/ping` in a blueprint, as the peers have it in their frameworks.

use frasco::{App, Blueprint, BuildError};

async fn ping() -> &'static str {
    "pong"
}

pub(crate) fn create_app() -> Result<App, BuildError> {
    App::builder("app").register(Blueprint::new("ping").get("/ping", ping)).build()
}
