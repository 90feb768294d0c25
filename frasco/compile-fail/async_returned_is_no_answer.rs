//! An async handler's future gives an answer: a number is none.

use frasco::App;

async fn count() -> u32 {
    3
}

fn main() {
    let _ = App::builder("app").get("/", count);
}
