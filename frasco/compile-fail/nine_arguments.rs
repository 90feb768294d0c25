//! A handler has up to eight arguments.

use frasco::{App, Request};

type R = Request;

async fn many(_: R, _: R, _: R, _: R, _: R, _: R, _: R, _: R, _: R) -> &'static str {
    "many"
}

fn main() {
    let _ = App::builder("app").get("/", many);
}
