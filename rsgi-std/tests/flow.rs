//! When bytes flow: what is gathered goes out in its order, soon, and never at the cost of a thread.
//!
//! What every adapter owes is proved by the conformance suite; here is what only this server's ways of gathering could
//! break: pipelined answers, pieces while the app computes, large pieces between small ones, files that wait.
#![expect(clippy::unwrap_used, reason = "a test stops where it can't go on")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rsgi_core::http::StatusCode;
use rsgi_core::server::Config;
use rsgi_core::{Adapter, App, Body, Endpoint, Environ, Running, StartResponse, app_fn, blocking};
use rsgi_std::{Options, Poller, Server};

const PATIENCE: Duration = Duration::from_secs(20);

fn serve(app: impl App, threads: usize) -> Server {
    Server::start(Config::new().bind("127.0.0.1:0").unwrap().threads(threads), app).unwrap()
}

fn socket(server: &Server) -> TcpStream {
    let Endpoint::Tcp(address) = server.addresses()[0] else { panic!("it listens on TCP") };
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn get(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nhost: a\r\n\r\n").into_bytes()
}

/// Reads until what came ends so.
fn until(socket: &mut TcpStream, end: &str) -> String {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    while !seen.ends_with(end.as_bytes()) {
        let read = socket.read(&mut buffer).unwrap();
        assert!(read > 0, "ended after {:?}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8(seen).unwrap()
}

/// An app that answers with its path; `/wait` waits for the gate first.
fn gated(gate: Receiver<()>) -> impl App {
    let gate = Mutex::new(gate);
    blocking(move |environ: Environ, start_response: StartResponse| {
        if environ.path_info() == "/wait" {
            gate.lock().unwrap().recv_timeout(PATIENCE)?;
        }
        let text = environ.path_info().to_owned();
        Ok(start_response.status(StatusCode::OK).body(text))
    })
}

#[test]
fn a_gathered_answer_does_not_wait_for_the_next_request_to_end() {
    let (open, gate) = channel();
    let server = serve(gated(gate), 2);
    let mut client = socket(&server);
    client.write_all(&[get("/one"), get("/two"), get("/wait"), get("/four")].concat()).unwrap();
    let before = until(&mut client, "/two");
    assert_eq!(before.matches("HTTP/1.1 200 OK").count(), 2, "{before}");
    open.send(()).unwrap();
    let after = until(&mut client, "/four");
    assert!(after.contains("/wait"), "{after}");
}

#[test]
fn a_hundred_pipelined_requests_are_answered_in_order() {
    let server = serve(gated(channel().1), 2);
    let mut client = socket(&server);
    let requests: Vec<u8> = (0..100).flat_map(|number| get(&format!("/{number}"))).collect();
    client.write_all(&requests).unwrap();
    let answers = until(&mut client, "/99");
    let bodies: Vec<_> =
        answers.split("HTTP/1.1 200 OK").skip(1).map(|answer| answer.rsplit('\n').next()).collect();
    let expected: Vec<_> = (0..100).map(|number| format!("/{number}")).collect();
    assert_eq!(bodies, expected.iter().map(|text| Some(text.as_str())).collect::<Vec<_>>());
}

#[test]
fn a_bad_request_behind_good_ones_is_answered_in_its_place() {
    let server = serve(gated(channel().1), 2);
    let mut client = socket(&server);
    client.write_all(&[get("/one"), b"GET /two\r\n\r\n".to_vec(), get("/three")].concat()).unwrap();
    let mut all = String::new();
    client.read_to_string(&mut all).unwrap();
    let (good, bad) = (all.find("/one").unwrap(), all.find("HTTP/1.1 400").unwrap());
    assert!(good < bad && !all.contains("/three"), "{all}");
}

/// After a large upload the next head is read along with what lies behind it, however much or little that is.
#[test]
fn uploads_of_any_size_in_a_row_arrive_whole_and_in_order() {
    let app = blocking(|mut environ: Environ, start_response: StartResponse| {
        let whole = environ.input_mut().read_whole(u64::MAX)?;
        let behind = environ.path_info() == "/behind";
        Ok(start_response.status(StatusCode::OK).body(if behind { "(behind)".into() } else { whole }))
    });
    let server = serve(app, 2);
    let mut client = socket(&server);
    for (round, size) in
        [65_536, 65_536, 10, 16_384, 73_000, 200_000, 0, 65_536, 73_728, 300_000, 1].into_iter().enumerate()
    {
        let mut content: Vec<u8> = (0..size).map(|at: usize| b"0123456789abcde"[(at + round) % 15]).collect();
        content.push(b'\n');
        let head = format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", content.len());
        let request = [head.as_bytes(), &content, &get("/behind")].concat();
        let mut sending = client.try_clone().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || sending.write_all(&request).unwrap());
            let answers = until(&mut client, "(behind)");
            let (head, rest) = answers.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
            assert!(rest.as_bytes().starts_with(&content), "{size} bytes in round {round}");
            assert!(rest[content.len()..].starts_with("HTTP/1.1 200 OK"), "{size} bytes in round {round}");
        });
    }
}

/// What lies gathered waits half a tick at least, here half a second; a piece after a pause doesn't lie there at all. One of
/// them has to be quicker: a machine that is busy with something else can't hold up each.
#[test]
fn a_piece_after_a_pause_waits_for_no_tick() {
    let (tell, told) = channel::<()>();
    let told = Arc::new(Mutex::new(told));
    let (quickest_of, times) = channel();
    let app = blocking(move |_: Environ, start_response: StartResponse| {
        let (told, quickest_of) = (Arc::clone(&told), quickest_of.clone());
        let mut sent = None::<Instant>;
        let body = Body::iter((0..6).map(move |number| {
            if let Some(sent) = sent {
                told.lock().unwrap().recv_timeout(PATIENCE).unwrap();
                quickest_of.send(sent.elapsed()).unwrap();
            }
            std::thread::sleep(Duration::from_millis(5));
            sent = Some(Instant::now());
            format!("piece {number}\n")
        }));
        Ok(start_response.status(StatusCode::OK).body(body))
    });
    let config = Config::new().bind("127.0.0.1:0").unwrap().threads(2);
    let options = Options::default().tick(Duration::from_secs(1));
    let server = Server::start_with(&config, &options, app).unwrap();
    let mut client = socket(&server);
    client.write_all(&get("/")).unwrap();
    for number in 0..5 {
        until(&mut client, &format!("piece {number}\n\r\n"));
        tell.send(()).unwrap();
    }
    let quickest = times.iter().take(5).min().unwrap();
    assert!(quickest < Duration::from_millis(500), "{quickest:?}");
}

#[test]
fn pieces_flow_while_the_app_is_busy_with_the_next_one() {
    let (next, steps) = channel::<()>();
    let steps = Arc::new(Mutex::new(steps));
    let app = blocking(move |_: Environ, start_response: StartResponse| {
        let steps = Arc::clone(&steps);
        let body = Body::iter((0..3).map(move |number| {
            if number > 0 {
                steps.lock().unwrap().recv_timeout(PATIENCE).unwrap();
            }
            format!("piece {number}\n")
        }));
        Ok(start_response.status(StatusCode::OK).body(body))
    });
    let server = serve(app, 1);
    let mut client = socket(&server);
    client.write_all(&get("/")).unwrap();
    let mut seen = String::new();
    for number in 0..2 {
        // The next piece isn't made before this one has arrived.
        seen.push_str(&until(&mut client, &format!("piece {number}\n\r\n")));
        next.send(()).unwrap();
        if number == 0 {
            assert!(seen.contains("transfer-encoding: chunked"), "{seen}");
        }
    }
    assert_eq!(until(&mut client, "0\r\n\r\n"), "8\r\npiece 2\n\r\n0\r\n\r\n");
}

/// Undoes the chunked coding of a whole answer.
fn unchunk(answer: &[u8]) -> Vec<u8> {
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let (mut rest, mut content) = (&answer[head..], Vec::new());
    loop {
        let line = rest.windows(2).position(|window| window == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        rest = &rest[line + 2..];
        if size == 0 {
            return content;
        }
        content.extend_from_slice(&rest[..size]);
        assert_eq!(&rest[size..size + 2], b"\r\n");
        rest = &rest[size + 2..];
    }
}

#[test]
fn large_and_small_pieces_keep_their_order_for_a_slow_client() {
    let sizes = [1, 8 * 1024, 100_000, 7, 20_000].into_iter().cycle();
    let pieces: Vec<Vec<u8>> = (0..200_u8).zip(sizes).map(|(number, size)| vec![number; size]).collect();
    let whole = pieces.concat();
    let held = Arc::new(pieces);
    for poller in [Poller::Native, Poller::Portable] {
        for blocks in [true, false] {
            let pieces = Arc::clone(&held);
            let app = app_fn(move |_, start_response: StartResponse| {
                let pieces = (*pieces).clone();
                let body = if blocks {
                    Body::iter(pieces)
                } else {
                    Body::send(move |sender| async move {
                        for piece in pieces {
                            sender.send(piece).await?;
                        }
                        Ok(())
                    })
                };
                async move { Ok(start_response.status(StatusCode::OK).body(body)) }
            });
            let config = Config::new().bind("127.0.0.1:0").unwrap().threads(2);
            let server = Server::start_with(&config, &Options::default().poller(poller), app).unwrap();
            let mut client = socket(&server);
            client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
            let mut answer = Vec::new();
            let mut buffer = [0; 3000];
            loop {
                let read = client.read(&mut buffer).unwrap();
                if read == 0 {
                    break;
                }
                answer.extend_from_slice(&buffer[..read]);
                std::thread::yield_now();
            }
            assert!(unchunk(&answer) == whole, "{poller:?}, blocks: {blocks}");
        }
    }
}

#[test]
fn files_that_wait_for_slow_clients_hold_no_thread() {
    let path = std::env::temp_dir().join(format!("rsgi-std-flow-{}", std::process::id()));
    std::fs::write(&path, vec![b'f'; 32 << 20]).unwrap();
    let kept = path.clone();
    let app = app_fn(move |environ: Environ, start_response: StartResponse| {
        let path = kept.clone();
        async move {
            let body = match environ.path_info() {
                "/file" => Body::file(std::fs::File::open(path)?)?,
                _ => Body::from("pong"),
            };
            Ok(start_response.status(StatusCode::OK).body(body))
        }
    });
    let server = serve(app, 1);
    let mut slow: Vec<TcpStream> = (0..3).map(|_| socket(&server)).collect();
    for client in &mut slow {
        client.write_all(&get("/file")).unwrap();
        // The head is there, so the file is on its way.
        client.read_exact(&mut [0; 16]).unwrap();
    }
    let mut quick = socket(&server);
    quick.write_all(&get("/ping")).unwrap();
    until(&mut quick, "pong");
    for mut client in slow {
        let mut left = 32 << 20;
        let mut buffer = vec![0; 1 << 20];
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        while left > 0 {
            let read = client.read(&mut buffer).unwrap();
            assert!(read > 0 && buffer[..read].iter().all(|byte| *byte == b'f'));
            left -= read;
        }
        client.write_all(&get("/ping")).unwrap();
        until(&mut client, "pong");
    }
    std::fs::remove_file(path).unwrap();
}
