//! A plain handler returns an answer: a number is none, as it would be a status or a text.

use frasco::App;

fn count() -> u32 {
    3
}

fn main() {
    let _ = App::builder("app").get("/", count);
}
