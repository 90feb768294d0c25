//! After `graceful-shutdown`: how a server ends.

use std::sync::Arc;
use std::sync::mpsc::channel;

use axum::Router;
use axum::http::Uri;
use axum::routing::get;
use rsgi_core::{Adapter, Running};
use rsgi_test::Client;
use rsgi_tower::ServiceApp;
use tokio::sync::Semaphore;

use crate::grounds::{local, url};

#[test]
fn what_is_in_flight_is_answered_before_the_end() {
    ends_gracefully::<rsgi_std::Server>();
    ends_gracefully::<rsgi_hyper::Server>();
}

fn ends_gracefully<A: Adapter>() {
    let gate = Arc::new(Semaphore::new(0));
    let (entered, is_there) = channel();
    let slow = {
        let gate = Arc::clone(&gate);
        async move |uri: Uri| {
            entered.send(()).unwrap();
            gate.acquire().await.unwrap().forget();
            uri.path().to_owned()
        }
    };
    let running = A::start(local(), ServiceApp::new(Router::new().route("/slow", get(slow)))).unwrap();
    let open = Client::live(&url::<A>(&running)).unwrap().get("/slow").open().unwrap();
    is_there.recv().unwrap();
    running.shutdown();
    gate.add_permits(1);
    assert_eq!(open.finish().text(), "/slow");
    running.wait().unwrap();
}
