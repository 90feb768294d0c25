//! Beside `axum_cases.rs`: the talk's app in frasco, on rsgi-hyper, where axum's router was.

use frasco::{App, Blueprint, Path};
use rsgi_core::Endpoint;
use rsgi_core::server::Config;

use crate::axum_cases::drive;
use crate::hyper_cases::HyperCase;

/// Each case with its name.
pub const FRASCO_CASES: [HyperCase; 1] = [("rsgi-hyper-frasco", by_frasco)];

/// `/ping` as the talk has it, and a rule with a variable beside it.
pub(crate) fn app() -> App {
    let blueprint = Blueprint::new("ping").get("/ping", ping).get("/hello/<name>", hello);
    App::builder("app").register(blueprint).build().expect("the app is right")
}

async fn ping() -> &'static str {
    "pong"
}

async fn hello(Path(name): Path<String>) -> String {
    format!("hello {name}")
}

fn by_frasco(requests: usize) -> usize {
    drive(requests, |pipe| {
        let hosted = rsgi_hyper::Builder::new(Config::new()).host(app()).expect("default settings are right");
        let end = Endpoint::unix(None, None);
        tokio::spawn(async move { hosted.serve(pipe, end.clone(), end).await });
    })
}
