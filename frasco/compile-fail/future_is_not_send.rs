//! An async handler's future goes from thread to thread: it holds nothing that can't, such as an `Rc`, across an `await`.

use std::rc::Rc;

use frasco::App;

async fn counting() -> String {
    let count = Rc::new(1);
    std::future::ready(()).await;
    count.to_string()
}

fn main() {
    let _ = App::builder("app").get("/", counting);
}
