//! Many requests on one connection, one after the other and all at once: FastCGI alone has them.

use std::io::{Read as _, Write as _};
use std::sync::mpsc::channel;

use rsgi_core::http::StatusCode;
use rsgi_core::server::Config;
use rsgi_core::{Environ, Error, StartResponse, Started, app_fn, blocking};

use crate::served::{Host, Served, next};
use crate::wire::{FastCgi, Request, begin, params, pattern, record, stdin};

type Served1<H> = Served<H, FastCgi>;

fn get(id: u16, path: &str) -> Vec<u8> {
    [begin(id, true), params(id, &Request::get(path).variables), record(5, id, b"")].concat()
}

fn post(id: u16, path: &str, length: usize) -> Vec<u8> {
    [begin(id, true), params(id, &Request::post(path, length).variables)].concat()
}

async fn echo(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let (mut content, input) = (Vec::new(), environ.input_mut());
    while let Some(piece) = std::future::poll_fn(|context| input.poll_piece(context)).await {
        content.extend_from_slice(&piece?);
    }
    Ok(start_response.status(StatusCode::OK).body(content))
}

fn path(environ: &Environ, start_response: StartResponse) -> Started {
    start_response.status(StatusCode::OK).body(environ.path_info().to_owned())
}

fn a_connection_carries_many_requests_one_after_the_other<H: Host>() {
    let served = [
        Served1::<H>::new(blocking(|environ: Environ, start_response| Ok(path(&environ, start_response)))),
        Served1::<H>::new(app_fn(|environ: Environ, start_response| async move {
            Ok(path(&environ, start_response))
        })),
    ];
    for served in served {
        let mut client = served.connect();
        for round in 0..1000 {
            let path = format!("/{round}");
            assert_eq!(client.get(&path).answer().text(), path);
        }
        assert_eq!(served.load().accepted, 1);
        served.end();
    }
}

fn requests_that_come_together_are_all_answered<H: Host>() {
    let served = [
        Served1::<H>::new(blocking(|environ: Environ, start_response| Ok(path(&environ, start_response)))),
        Served1::<H>::new(app_fn(|environ: Environ, start_response| async move {
            Ok(path(&environ, start_response))
        })),
    ];
    for served in served {
        let mut client = served.connect();
        for round in 0..3 {
            let bytes: Vec<u8> = (1..=50).flat_map(|id| get(id, &format!("/{round}/{id}"))).collect();
            client.send(&bytes);
            for id in 1..=50 {
                assert_eq!(client.answer_of(id).text(), format!("/{round}/{id}"));
            }
        }
        served.end();
    }
}

/// The last request comes first, as its app says so.
fn answers_come_in_the_order_in_which_their_apps_give_them<H: Host>() {
    let (turn, turns) = tokio::sync::watch::channel(u16::MAX);
    let served = Served1::<H>::new(app_fn(move |environ: Environ, start_response: StartResponse| {
        let mut turns = turns.clone();
        async move {
            let own: u16 = environ.path_info()[1..].parse()?;
            turns.wait_for(|turn| *turn == own).await?;
            Ok(path(&environ, start_response))
        }
    }));
    let mut client = served.connect();
    for id in 1..=20 {
        client.send(&get(id, &format!("/{id}")));
    }
    served.until(|load| load.running == 20);
    for id in (1..=20).rev() {
        turn.send(id).unwrap();
        assert_eq!(client.answer_of(id).text(), format!("/{id}"));
    }
    served.end();
}

fn large_contents_that_come_mixed_are_told_apart<H: Host>() {
    let served = Served1::<H>::new(app_fn(echo));
    let mut client = served.connect();
    let contents: Vec<_> = (0..3).map(|shift| pattern((2 << 20) + shift)[shift..].to_vec()).collect();
    let mut bytes: Vec<u8> = (1..=3).flat_map(|id| post(id, "/", 2 << 20)).collect();
    for at in (0..2 << 20).step_by(9_999) {
        for (id, content) in (1..).zip(&contents) {
            bytes.extend(stdin(id, &content[at..content.len().min(at + 9_999)], 65_535));
        }
    }
    bytes.extend((1..=3).flat_map(|id| record(5, id, b"")));
    let mut sending = client.socket().try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || sending.write_all(&bytes).unwrap());
        for (id, content) in (1..).zip(&contents) {
            assert!(client.answer_of(id).content == *content, "{id}");
        }
    });
    served.end();
}

/// What one app leaves unread must not keep another from what comes behind it.
fn a_request_that_does_not_read_does_not_starve_another<H: Host>() {
    let (open, gate) = tokio::sync::watch::channel(false);
    let (begun, begins) = channel();
    let served = Served1::<H>::new(app_fn(move |environ: Environ, start_response: StartResponse| {
        let (mut gate, begun) = (gate.clone(), begun.clone());
        async move {
            if environ.path_info() == "/waits" {
                begun.send(())?;
                gate.wait_for(|open| *open).await?;
            }
            echo(environ, start_response).await
        }
    }));
    let mut client = served.connect();
    let (first, second) = (pattern(150_000), pattern(500_000));
    let bytes = [
        post(1, "/waits", first.len()),
        post(2, "/", second.len()),
        stdin(1, &first, 65_535),
        record(5, 1, b""),
        stdin(2, &second, 65_535),
        record(5, 2, b""),
    ];
    let mut sending = client.socket().try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || sending.write_all(&bytes.concat()).unwrap());
        next(&begins);
        assert!(client.answer_of(2).content == second);
        open.send(true).unwrap();
        assert!(client.answer_of(1).content == first);
    });
    served.end();
}

/// Blocking apps of one connection, which read what comes mixed.
fn blocking_apps_of_one_connection_get_their_contents<H: Host>() {
    let served = Served1::<H>::new(blocking(|mut environ: Environ, start_response: StartResponse| {
        let mut content = Vec::new();
        environ.input_mut().read_to_end(&mut content)?;
        Ok(start_response.status(StatusCode::OK).body(content))
    }));
    let mut client = served.connect();
    let content = pattern(200_000);
    let mut bytes: Vec<u8> = (1..=3).flat_map(|id| post(id, "/", content.len())).collect();
    for piece in content.chunks(7_000) {
        bytes.extend((1..=3).flat_map(|id| stdin(id, piece, 65_535)));
    }
    bytes.extend((1..=3).flat_map(|id| record(5, id, b"")));
    let mut sending = client.socket().try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || sending.write_all(&bytes).unwrap());
        for id in 1..=3 {
            assert!(client.answer_of(id).content == content, "{id}");
        }
    });
    served.end();
}

fn a_thousand_connections_at_rest_hold_no_thread<H: Host>() {
    let config = Config::new().threads(2);
    let served = Served1::<H>::with(
        config,
        blocking(|environ: Environ, start_response| Ok(path(&environ, start_response))),
    );
    let mut kept: Vec<_> = (0..1000)
        .map(|_| {
            let mut client = served.connect();
            assert_eq!(client.get("/kept").answer().text(), "/kept");
            client
        })
        .collect();
    assert_eq!(served.connect().get("/new").answer().text(), "/new");
    for client in &mut kept {
        assert_eq!(client.get("/again").answer().text(), "/again");
    }
    served.until(|load| load.connections == 1000 && load.running == 0);
    served.end();
}

on_both!(
    a_connection_carries_many_requests_one_after_the_other,
    requests_that_come_together_are_all_answered,
    answers_come_in_the_order_in_which_their_apps_give_them,
    large_contents_that_come_mixed_are_told_apart,
    a_request_that_does_not_read_does_not_starve_another,
    blocking_apps_of_one_connection_get_their_contents,
    a_thousand_connections_at_rest_hold_no_thread,
);
