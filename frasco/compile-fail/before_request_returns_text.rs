//! A function before requests says whether it answers: text alone doesn't, `Some(text)` does.

use frasco::App;

fn hello() -> &'static str {
    "hello"
}

fn main() {
    let _ = App::builder("app").before_request(hello);
}
