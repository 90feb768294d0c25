//! Both servers, in this process.

use std::path::Path;

use rsgi_core::server::Config;
use rsgi_core::{Adapter, App, Running};
use rsgi_test::Client;

/// Serves an app on either server and asks it.
pub(crate) fn each<P: App>(make: impl Fn() -> P, ask: impl Fn(&Client)) {
    on::<rsgi_std::Server>(make(), &ask);
    on::<rsgi_hyper::Server>(make(), &ask);
}

/// Serves an app on a unix socket of either server.
pub(crate) fn each_by_unix_socket<P: App>(path: &Path, make: impl Fn() -> P, ask: impl Fn(&Client)) {
    let address = format!("unix:{}", path.display());
    let config = || Config::new().bind(&address).unwrap().threads(2);
    serve::<rsgi_std::Server>(config(), make(), |_| ask(&Client::live(&address).unwrap()));
    serve::<rsgi_hyper::Server>(config(), make(), |_| ask(&Client::live(&address).unwrap()));
}

/// Serves an app on one server and asks it over HTTP/1.1.
pub(crate) fn on<A: Adapter>(app: impl App, ask: impl Fn(&Client)) {
    serve::<A>(local(), app, |running| ask(&Client::live(&url::<A>(running)).unwrap()));
}

/// Serves an app on rsgi-hyper and asks it over HTTP/2.
pub(crate) fn over_http2(app: impl App, ask: impl Fn(&Client)) {
    serve::<rsgi_hyper::Server>(local(), app, |running| {
        ask(&Client::live_http2(&url::<rsgi_hyper::Server>(running)).unwrap());
    });
}

/// Serves an app while `work` runs, and ends gracefully.
pub(crate) fn serve<A: Adapter>(config: Config, app: impl App, work: impl FnOnce(&A::Running)) {
    let running = A::start(config, app).unwrap();
    work(&running);
    running.shutdown();
    running.wait().unwrap();
}

/// Any port of this machine.
pub(crate) fn local() -> Config {
    Config::new().bind("127.0.0.1:0").unwrap().threads(2)
}

/// Where it listens.
pub(crate) fn url<A: Adapter>(running: &A::Running) -> String {
    format!("http://{}", running.addresses()[0])
}
