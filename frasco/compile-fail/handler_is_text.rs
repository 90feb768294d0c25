//! A handler is a function: text in its place is none.

use frasco::App;

fn main() {
    let _ = App::builder("app").get("/", "hello");
}
