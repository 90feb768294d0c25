//! A WebSocket that sends every message back: tungstenite over the upgraded stream, async and without a thread of its
//! own on either server. When the server goes down it says so (close code 1001).
//!
//! Try it: `cargo run -p rsgi-examples --features websocket --bin websocket`, then in a browser's console:
//! `s = new WebSocket("ws://127.0.0.1:8000"); s.onmessage = e => console.log(e.data); s.onopen = () => s.send("hi")`.

use std::io::ErrorKind::WouldBlock;
use std::process::ExitCode;

use rsgi_core::http::{StatusCode, header};
use rsgi_core::{Body, Drain, Environ, Error, Input, Sender, StartResponse, Started};
use rsgi_examples::Wire;
use tungstenite::protocol::frame::{CloseFrame, coding::CloseCode};
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Error::ConnectionClosed, Error::Io, Message, WebSocket, handshake::derive_accept_key};

/// The handshake of RFC 6455, section 4.2; behind it the connection belongs to `echo`.
async fn chat(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let offer = environ.upgrade()?.filter(|offer| offer.offers("websocket"));
    let key = environ.header(header::SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    let version = environ.header(header::SEC_WEBSOCKET_VERSION);
    let (Some(offer), Some(key), Some("13")) = (offer, key, version) else {
        let head = start_response.status(StatusCode::UPGRADE_REQUIRED).offer_upgrade("websocket")?;
        return Ok(head.header(header::SEC_WEBSOCKET_VERSION, "13")?.body("only WebSocket is spoken here\n"));
    };
    let drain = environ.drain();
    let body = Body::duplex(environ.take_input(), |input, sender| echo(input, sender, drain));
    Ok(start_response.upgrade(offer, "websocket")?.header(header::SEC_WEBSOCKET_ACCEPT, key)?.body(body))
}

async fn echo(mut input: Input, sender: Sender, drain: Drain) -> Result<(), Error> {
    let config = WebSocketConfig::default().max_message_size(Some(1 << 20));
    let mut socket = WebSocket::from_raw_socket(Wire::default(), Role::Server, Some(config));
    loop {
        let message = socket.read();
        // Replies, pongs and the closing handshake alike; waits while the client doesn't read.
        sender.send(socket.get_mut().take()).await?;
        match message {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => socket.send(message)?,
            Err(Io(error)) if error.kind() == WouldBlock => match drain.unless_begun(input.piece()).await {
                Some(Some(piece)) => socket.get_mut().put(piece?),
                Some(None) => return Ok(()),
                None => {
                    socket.close(Some(CloseFrame { code: CloseCode::Away, reason: "".into() }))?;
                    return sender.send(socket.get_mut().take()).await;
                }
            },
            Err(ConnectionClosed) => return Ok(()),
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
    }
}

fn main() -> ExitCode {
    rsgi_examples::launch(chat)
}
