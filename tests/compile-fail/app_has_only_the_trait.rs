//! Breaks S1 and M1: whoever calls an application sees `call`, `requires` and `stop`, not what kind of value it is.

use rsgi_core::App;

struct Middleware<A> {
    inner: A,
}

impl<A: App> Middleware<A> {
    fn name_of_inner(&self) -> &str {
        self.inner.name()
    }
}

fn main() {}
