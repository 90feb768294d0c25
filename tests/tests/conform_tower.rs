//! The conformance test of rsgi-tower: the whole suite with tower between the server and the app.
//!
//! Three ways: a layer that touches nothing, layers that wrap input and body so that both are pulled, and an app as a
//! service as an app; on one server where they differ in nothing that a server could make different. Whatever holds for a server must hold with each of them in between.

use std::pin::Pin;
use std::process::ExitCode;
use std::task::{Context, Poll};

use rsgi_core::http_body::{Body, Frame, SizeHint};
use rsgi_core::server::{Config, ServeError};
use rsgi_core::{Adapter, App, BoxApp, Capabilities, Environ, Error, Middleware, StartResponse, Started};
use rsgi_test::suite::{Ground, run_tests};
use rsgi_tests::differences::HYPER;
use rsgi_tower::{AppService, ServiceApp, layer};
use tower::layer::util::Identity;
use tower_http::map_request_body::MapRequestBodyLayer;
use tower_http::map_response_body::MapResponseBodyLayer;

fn main() -> ExitCode {
    run_tests([
        ground::<rsgi_std::Server>("rsgi-std-behind-a-layer", untouched),
        ground::<rsgi_std::Server>("rsgi-std-behind-layers-that-pull", pulled),
        ground::<rsgi_hyper::Server>("rsgi-hyper-behind-layers-that-pull", pulled).differs(HYPER),
        ground::<rsgi_hyper::Server>("rsgi-hyper-as-a-service", service).differs(HYPER),
    ])
}

fn untouched(app: BoxApp) -> BoxApp {
    BoxApp::new(layer(Identity::new()).wrap(app))
}

fn pulled(app: BoxApp) -> BoxApp {
    let app = layer(MapResponseBodyLayer::new(Wrapped::new)).wrap(app);
    BoxApp::new(layer(MapRequestBodyLayer::new(Wrapped::new)).wrap(app))
}

/// A service has neither needs nor an end to tell of: who makes one of an app keeps those.
fn service(app: BoxApp) -> BoxApp {
    let inside = ServiceApp::new(AppService::new(app.clone()));
    BoxApp::new(Kept { inside: BoxApp::new(inside), app })
}

struct Kept {
    inside: BoxApp,
    app: BoxApp,
}

impl App for Kept {
    fn call(
        &self,
        environ: Environ,
        start_response: StartResponse,
    ) -> impl Future<Output = Result<Started, Error>> + Send {
        self.inside.call(environ, start_response)
    }

    fn requires(&self) -> Capabilities {
        self.app.requires()
    }

    fn stop(&self) -> impl Future<Output = ()> + Send {
        self.app.stop()
    }
}

/// The adapter, with this between it and every app.
fn ground<A: Adapter>(name: &'static str, wrap: fn(BoxApp) -> BoxApp) -> Ground
where
    A::Running: 'static,
{
    Ground::new(name, move |config: Config, app| -> Result<A::Running, ServeError> {
        A::start(config, wrap(app))
    })
}

/// A body of another type, as a layer makes one.
struct Wrapped<B>(Pin<Box<B>>);

impl<B> Wrapped<B> {
    fn new(body: B) -> Self {
        Self(Box::pin(body))
    }
}

impl<B: Body> Body for Wrapped<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.0.as_mut().poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
