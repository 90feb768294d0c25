//! The span of a request, in a process of its own: what no subscriber wants is remembered by all threads of a process.

use std::sync::{Arc, Mutex};

use rsgi_core::http::StatusCode;
use rsgi_core::{Middleware, StartResponse, blocking};
use rsgi_middleware::RequestId;
use rsgi_test::Client;

#[test]
fn the_app_runs_in_a_span_that_has_the_name() {
    use tracing::span::{Attributes, Id, Record};
    struct Seen(Arc<Mutex<Vec<String>>>);
    struct Text<'a>(&'a mut String);
    impl tracing::field::Visit for Text<'_> {
        fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
            self.0.push_str(field.name());
            self.0.push('=');
            self.0.push_str(value);
        }
        fn record_debug(&mut self, _: &tracing::field::Field, _: &dyn std::fmt::Debug) {}
    }
    impl tracing::Subscriber for Seen {
        fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, attributes: &Attributes<'_>) -> Id {
            let mut text = String::new();
            attributes.record(&mut Text(&mut text));
            self.0.lock().unwrap().push(text);
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &tracing::Event<'_>) {
            if event.metadata().target() == module_path!() {
                self.0.lock().unwrap().push("the app".into());
            }
        }
        fn enter(&self, _: &Id) {
            self.0.lock().unwrap().push("enter".into());
        }
        fn exit(&self, _: &Id) {
            self.0.lock().unwrap().push("exit".into());
        }
    }
    let seen = Arc::new(Mutex::new(Vec::new()));
    let app = blocking(|_, start_response: StartResponse| {
        tracing::info!("at work");
        Ok(start_response.status(StatusCode::OK).empty())
    });
    let client = Client::new(RequestId::new().made_by(|_| "own-1".into()).wrap(app));
    tracing::subscriber::with_default(Seen(Arc::clone(&seen)), || client.get("/").answer());
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0], "request_id=own-1");
    let place = seen.iter().position(|it| it == "the app").expect("the app's event");
    let open = seen[..place].iter().map(|it| match &**it {
        "enter" => 1,
        "exit" => -1,
        _ => 0,
    });
    assert!(open.sum::<i32>() > 0, "{seen:?}");
}
