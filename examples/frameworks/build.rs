//! Makes client and server of the gRPC service in `src/greeter.rs`, as tonic's own generator makes them of a `.proto`
//! file. The messages are written by hand, so that no `protoc` is needed.

use tonic_build::manual::{Builder, Method, Service};

fn main() {
    let method = |name: &str, route: &str| {
        Method::builder()
            .name(name)
            .route_name(route)
            .input_type("crate::greeter::Name")
            .output_type("crate::greeter::Greeting")
            .codec_path("tonic_prost::ProstCodec")
    };
    let service = Service::builder()
        .package("greeter")
        .name("Greeter")
        .method(method("greet", "Greet").build())
        .method(method("count", "Count").server_streaming().build())
        .build();
    Builder::new().build_transport(false).compile(&[service]);
}
