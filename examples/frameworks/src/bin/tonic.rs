//! A gRPC service of tonic, unchanged: over HTTP/2 as it is, and over HTTP/1.1 as gRPC-Web.
//!
//! Try it in `examples/frameworks`: `cargo run --bin tonic -- --server hyper`, then ask `greeter.Greeter/Greet` at
//! `127.0.0.1:8000` in clear text. On `--server std`, which speaks HTTP/1.1, browsers' clients ask under `/web`.

use std::pin::Pin;
use std::process::ExitCode;

use futures_util::Stream;
use rsgi_core::{App, Mount};
use rsgi_frameworks::greeter::greeter_server::{Greeter, GreeterServer};
use rsgi_frameworks::greeter::{Greeting, Name};
use rsgi_tower::ServiceApp;
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use tonic_web::GrpcWebLayer;
use tower::Layer;

struct Polite;

#[tonic::async_trait]
impl Greeter for Polite {
    async fn greet(&self, request: Request<Name>) -> Result<Response<Greeting>, Status> {
        let name = request.into_inner().name;
        if name.is_empty() {
            return Err(Status::invalid_argument("whom?"));
        }
        Ok(Response::new(Greeting { text: format!("hello {name}") }))
    }

    type CountStream = Pin<Box<dyn Stream<Item = Result<Greeting, Status>> + Send>>;

    async fn count(&self, request: Request<Name>) -> Result<Response<Self::CountStream>, Status> {
        let name = request.into_inner().name;
        let greetings = (1..=3).map(move |number| Ok(Greeting { text: format!("{number} {name}") }));
        let tired = [Err(Status::resource_exhausted("three are enough"))];
        Ok(Response::new(Box::pin(tokio_stream::iter(greetings.chain(tired)))))
    }
}

/// Builds the application: the service at the root, and for gRPC-Web under `/web`.
fn create_app() -> impl App {
    let routes = Routes::new(GreeterServer::new(Polite)).prepare();
    let web = GrpcWebLayer::new().layer(routes.clone());
    Mount::new().at("/web", ServiceApp::new(web)).at("/", ServiceApp::new(routes))
}

fn main() -> ExitCode {
    rsgi_serve::run(create_app)
}
