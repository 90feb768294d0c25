//! The environ as an `http::Request` for frameworks of others: the gateway among its extensions, and mounts they don't know.

use std::sync::Arc;

use rsgi_core::http::{Request, Uri};
use rsgi_core::{Environ, Gateway, Input};

use crate::asking::{plain, request};

fn mounted(target: &str, prefix: &str) -> Environ {
    let mut environ = Environ::on_server(request("GET", target), plain());
    assert!(environ.mount(prefix));
    environ
}

fn gateway(request: &Request<Input>) -> Gateway {
    request.extensions().get::<Gateway>().unwrap().clone()
}

#[test]
fn a_framework_that_knows_no_mount_is_given_the_rest_of_the_path() {
    for (target, prefix, inside, script_name) in [
        ("/shop/cart?x", "/shop", "/cart?x", "/shop"),
        ("/shop?x", "/shop", "/?x", "/shop"),
        ("/shop/", "/shop", "/", "/shop"),
        ("/cart", "/", "/cart", ""),
        ("/%73hop/a%2Fb", "/shop", "/a%2Fb", "/%73hop"),
        ("http://h/shop/cart", "/shop", "http://h/cart", "/shop"),
    ] {
        let request = mounted(target, prefix).into_mounted_request();
        assert_eq!(request.uri().to_string(), inside);
        assert_eq!(gateway(&request).script_name(), script_name);
        let original = Uri::from_static(target).path_and_query().unwrap().to_string();
        assert!(gateway(&request).target().unwrap().ends_with(&original), "{target}");
    }
}

#[test]
fn an_environ_comes_back_from_a_mount_as_it_was() {
    for target in ["/shop/cart?x", "/shop", "/shop/"] {
        let before = mounted(target, "/shop");
        let split = (before.script_name().to_owned(), before.path_info().to_owned());
        let exchange = Arc::clone(before.exchange());
        let after = Environ::from_request(before.into_mounted_request());
        assert_eq!((after.script_name(), after.path_info()), (split.0.as_str(), split.1.as_str()));
        assert_eq!((after.target().as_ref(), after.uri()), (target, &Uri::from_static(target)));
        assert!(Arc::ptr_eq(after.exchange(), &exchange));
    }
}

#[test]
fn what_a_router_cuts_off_the_front_counts_as_mounted() {
    for (given, script_name, path_info) in [
        ("/7?full", "/shop/cart", "/7"),
        ("/cart/7?full", "/shop", "/cart/7"),
        // No rest of what was given: a path of the framework's own making.
        ("/elsewhere", "/shop", "/elsewhere"),
        ("/", "/shop", "/"),
    ] {
        for own_values in [false, true] {
            let mut environ = mounted("/shop/cart/7?full", "/shop");
            if own_values {
                environ.set_split("/shop", "/cart/7");
            }
            let mut request = environ.into_mounted_request();
            *request.uri_mut() = Uri::from_static(given);
            let environ = Environ::from_request(request);
            assert_eq!((environ.script_name(), environ.path_info()), (script_name, path_info), "{given}");
            assert_eq!(environ.target(), "/shop/cart/7?full");
            assert_eq!(environ.query(), Uri::from_static(given).query());
        }
    }
}

#[test]
fn the_gateway_reaches_the_slots_until_the_environ_is_back() {
    let mut environ = Environ::on_server(request("GET", "/"), plain());
    environ.insert(7_u32);
    let id = environ.request_id();
    let request = environ.into_request();
    let gateway = gateway(&request);
    assert_eq!((gateway.slot::<u32>(), gateway.slot::<u8>(), gateway.request_id()), (Some(7), None, id));
    assert!(gateway.set_slot(8_u8));
    let environ = Environ::from_request(request);
    assert_eq!((environ.get::<u32>(), environ.get::<u8>()), (Some(&7), Some(&8)));
    assert_eq!((gateway.slot::<u32>(), gateway.set_slot(9_u8), gateway.target()), (None, false, None));
    assert_eq!(gateway.server().name, "toy", "the connection stays");
}
