//! A handler's argument is taken from the request, by `FromRequest`: a plain number is in no request.

use frasco::App;

async fn post(id: u32) -> String {
    format!("post {id}")
}

fn main() {
    let _ = App::builder("app").get("/post/<int:id>", post);
}
