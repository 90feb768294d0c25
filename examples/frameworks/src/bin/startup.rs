//! What an axum program does in `main` before it serves, in an `async fn create_app()`: it awaits connections and
//! spawns a task, which handlers ask.
//!
//! Try it in `examples/frameworks`: `cargo run --bin startup`, then `curl http://127.0.0.1:8000/next`. With workers
//! (`-- -w 5`) each makes an app of its own, and so has a task and a count of its own.

use std::io;
use std::process::ExitCode;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use rsgi_core::App;
use rsgi_tower::ServiceApp;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};

/// A question, by where its answer is awaited.
type Question = oneshot::Sender<u64>;

/// Answers by a count, until nobody can ask any more.
async fn counter(mut questions: mpsc::Receiver<Question>) {
    let mut count = 0;
    while let Some(question) = questions.recv().await {
        count += 1;
        // Whoever asked may be gone.
        let _gone = question.send(count);
    }
}

async fn next(State((counter, _)): State<(mpsc::Sender<Question>, u16)>) -> String {
    let (question, answer) = oneshot::channel();
    let _ended = counter.send(question).await;
    answer.await.map_or_else(|_| "no task\n".to_owned(), |count| format!("{count}\n"))
}

/// Builds the application, in the worker and on its runtime. The socket stands for a pool of connections.
async fn create_app() -> io::Result<impl App> {
    let port = UdpSocket::bind("127.0.0.1:0").await?.local_addr()?.port();
    let (sender, questions) = mpsc::channel(16);
    tokio::spawn(counter(questions));
    let router = Router::new()
        .route("/next", get(next))
        .route("/port", get(async |State((_, port)): State<(mpsc::Sender<Question>, u16)>| port.to_string()));
    Ok(ServiceApp::new(router.with_state((sender, port))))
}

fn main() -> ExitCode {
    rsgi_serve::run(create_app)
}
