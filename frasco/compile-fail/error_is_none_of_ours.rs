//! A handler's `Result` fails with what becomes a `frasco::Error`: text is no error.

use frasco::App;

fn failing() -> Result<String, String> {
    Err("no".to_owned())
}

fn main() {
    let _ = App::builder("app").get("/", failing);
}
