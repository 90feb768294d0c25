//! Small frames of HTTP/2: a client that guards itself against floods of them, as one on the h2 crate does, must not take an
//! answer in small pieces for one, however late it reads; and yet no piece waits for long.
//!
//! The story: a body of one-byte pieces, made one by one a little slower than they were taken, went out as one frame each, and
//! the client ended the connection (`ENHANCE_YOUR_CALM`). The clock stands here while anybody has something to do, so what is
//! joined and when it goes is the same each time.

#![expect(clippy::unwrap_used, reason = "in its helpers too, a test fails by panicking")]

use std::task::Poll;
use std::time::Duration;

use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, RecvStream};
use rsgi_core::bytes::Bytes;
use rsgi_core::http::{HeaderMap, HeaderValue, Request, StatusCode};
use rsgi_core::server::Config;
use rsgi_core::{App, Body, Endpoint, Environ, Sender, StartResponse, app_fn};
use rsgi_hyper::Builder;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

const PIECES: usize = 2_000;
/// How many small frames go at once, how long it takes to earn one, and what is enough for a frame.
const AT_ONCE: usize = 16;
const EARNED: Duration = Duration::from_millis(10);
const ENOUGH: usize = 1024;

#[tokio::test(start_paused = true)]
async fn many_small_pieces_made_one_by_one_are_no_flood_to_a_client_that_reads_late() {
    let (over, mut is_over) = watch::channel(false);
    let mut client = connect(one_by_one(PIECES, over, Ok(None))).await;
    let answer = get(&mut client).await.unwrap();
    is_over.wait_for(|over| *over).await.unwrap();
    let frames = frames(answer.into_body()).await.unwrap();
    let sizes: Vec<usize> = frames.iter().map(|(bytes, _)| bytes.len()).collect();
    let mut expected = vec![1; AT_ONCE];
    expected.extend([ENOUGH, PIECES - AT_ONCE - ENOUGH]);
    assert_eq!(sizes, expected);
    assert_eq!(get(&mut client).await.unwrap().status(), 200, "the connection lives");
}

#[tokio::test(start_paused = true)]
async fn trailers_and_errors_come_behind_what_was_kept_back() {
    let fields = HeaderMap::from_iter([("x-last".parse().unwrap(), HeaderValue::from_static("yes"))]);
    let (over, _) = watch::channel(false);
    let mut client = connect(one_by_one(100, over.clone(), Ok(Some(fields.clone())))).await;
    let mut body = get(&mut client).await.unwrap().into_body();
    assert_eq!(length(&frames_of(&mut body).await.unwrap()), 100);
    assert_eq!(body.trailers().await.unwrap(), Some(fields));

    let mut client = connect(one_by_one(100, over, Err("the app's own"))).await;
    let mut body = get(&mut client).await.unwrap().into_body();
    let mut came = 0;
    let error = loop {
        match body.data().await.unwrap() {
            Ok(bytes) => came += bytes.len(),
            Err(error) => break error,
        }
    };
    assert_eq!((came, error.reason()), (100, Some(Reason::INTERNAL_ERROR)));
}

#[tokio::test(start_paused = true)]
async fn a_length_that_is_told_is_kept_to() {
    let app = app_fn(async |_: Environ, start_response: StartResponse| {
        let body = Body::send(async |sender| pieces(&sender, 100, Duration::ZERO).await);
        Ok(start_response.status(StatusCode::OK).body(body.with_length(100)))
    });
    let answer = get(&mut connect(app).await).await.unwrap();
    assert_eq!(answer.headers()["content-length"], "100");
    assert_eq!(length(&frames(answer.into_body()).await.unwrap()), 100);
}

/// Whoever makes pieces for ever gets each to the client in time, and no more small frames than are earned.
#[tokio::test(start_paused = true)]
async fn no_piece_waits_longer_than_a_frame_takes_to_be_earned() {
    let every = Duration::from_millis(1);
    let app = app_fn(move |_: Environ, start_response: StartResponse| async move {
        let body = Body::send(async move |sender| pieces(&sender, PIECES, every).await);
        Ok(start_response.status(StatusCode::OK).body(body))
    });
    let mut client = connect(app).await;
    let begun = Instant::now();
    let frames = frames(get(&mut client).await.unwrap().into_body()).await.unwrap();
    let mut made = 0;
    for (bytes, came) in &frames {
        made += 1;
        let first_made = begun + every * made;
        assert!(*came <= first_made + EARNED + 2 * every, "{:?} late", came.duration_since(first_made));
        made += u32::try_from(bytes.len()).unwrap() - 1;
    }
    assert_eq!(made as usize, PIECES);
    let earned = begun.elapsed().as_millis() / EARNED.as_millis();
    assert!(frames.len() <= AT_ONCE + usize::try_from(earned).unwrap() + 1, "{} frames", frames.len());
}

/// Events that come slowly enough are sent as they are made, at the moment in which they are.
#[tokio::test(start_paused = true)]
async fn pieces_at_the_pace_of_events_do_not_wait_at_all() {
    let app = app_fn(async |_: Environ, start_response: StartResponse| {
        let body = Body::send(async |sender| pieces(&sender, 200, EARNED).await);
        Ok(start_response.status(StatusCode::OK).body(body))
    });
    let mut client = connect(app).await;
    let begun = Instant::now();
    let frames = frames(get(&mut client).await.unwrap().into_body()).await.unwrap();
    assert_eq!(frames.len(), 200);
    for (number, (_, came)) in (1..).zip(&frames) {
        assert!(*came <= begun + EARNED * number + Duration::from_millis(2 * u64::from(number)), "{number}");
    }
}

/// Small pieces between large ones are no frames of their own beyond what is earned, and the bytes stay in order.
#[tokio::test(start_paused = true)]
async fn a_small_piece_goes_with_the_large_one_behind_it() {
    let app = app_fn(async |_: Environ, start_response: StartResponse| {
        let body = Body::send(async |sender: Sender| {
            for number in 0..100_u8 {
                sender.send(vec![number; 3]).await?;
                turn().await;
                sender.send(vec![number; 2_000]).await?;
                turn().await;
            }
            Ok(())
        });
        Ok(start_response.status(StatusCode::OK).body(body))
    });
    let mut body = get(&mut connect(app).await).await.unwrap().into_body();
    let (mut all, mut small) = (Vec::new(), 0);
    while let Some(bytes) = body.data().await {
        let bytes = bytes.unwrap();
        small += usize::from(bytes.len() < 256);
        body.flow_control().release_capacity(bytes.len()).unwrap();
        all.extend_from_slice(&bytes);
    }
    let expected: Vec<u8> = (0..100).flat_map(|number| vec![number; 2_003]).collect();
    assert!(all == expected);
    // What windows cut off comes on top.
    assert!((AT_ONCE..AT_ONCE + 10).contains(&small), "{small} small frames");
}

/// Nor are empty frames sent, of which such a client takes a hundred in a connection's life: two of them used to have the
/// connection flush before the reset of each answer that broke, so that the fiftieth took all others along.
#[tokio::test(start_paused = true)]
async fn answers_that_break_by_the_hundred_leave_their_connection_alone() {
    let (over, _) = watch::channel(false);
    let mut client = connect(one_by_one(3, over, Err("the app's own"))).await;
    for number in 0..200 {
        let mut body = get(&mut client).await.unwrap().into_body();
        for _ in 0..3 {
            assert_eq!(body.data().await.unwrap().unwrap(), "x", "what was made before the error");
        }
        let error = body.data().await.unwrap().unwrap_err();
        assert_eq!(error.reason(), Some(Reason::INTERNAL_ERROR), "answer {number}");
    }
}

/// An app whose body makes pieces of a byte, and gives others a turn behind each, so that each comes alone.
fn one_by_one(
    count: usize,
    over: watch::Sender<bool>,
    end: Result<Option<HeaderMap>, &'static str>,
) -> impl App {
    app_fn(move |_: Environ, start_response: StartResponse| {
        let (over, end) = (over.clone(), end.clone());
        async move {
            let body = Body::send(async move |sender| {
                pieces(&sender, count, Duration::ZERO).await?;
                over.send_replace(true);
                if let Some(trailers) = end? {
                    sender.trailers(trailers);
                }
                Ok(())
            });
            Ok(start_response.status(StatusCode::OK).body(body))
        }
    })
}

async fn pieces(sender: &Sender, count: usize, every: Duration) -> Result<(), rsgi_core::Error> {
    for _ in 0..count {
        if every.is_zero() {
            turn().await;
        } else {
            sleep(every).await;
        }
        sender.send("x").await?;
    }
    Ok(())
}

/// Waits for another turn, as a body does that makes its pieces a little slower than they are taken: the poll that gives a
/// piece is followed by one that finds none.
async fn turn() {
    let mut polls = 0;
    std::future::poll_fn(|context| {
        polls += 1;
        if polls > 2 {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A client over a stream in memory.
async fn connect(app: impl App) -> SendRequest<Bytes> {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let hosted = Builder::new(Config::new()).host(app).unwrap();
    tokio::spawn(async move {
        let end = Endpoint::unix(None, None);
        hosted.serve(theirs, end.clone(), end).await;
    });
    let (client, connection) = h2::client::handshake(ours).await.unwrap();
    tokio::spawn(connection);
    client
}

fn get(client: &mut SendRequest<Bytes>) -> ResponseFuture {
    let request = Request::get("http://a.example/").body(()).unwrap();
    client.send_request(request, true).unwrap().0
}

type Frames = Vec<(Bytes, Instant)>;

async fn frames(mut body: RecvStream) -> Result<Frames, h2::Error> {
    frames_of(&mut body).await
}

/// The pieces as they came, and when.
async fn frames_of(body: &mut RecvStream) -> Result<Frames, h2::Error> {
    let mut frames = Vec::new();
    while let Some(bytes) = body.data().await {
        frames.push((bytes?, Instant::now()));
    }
    Ok(frames)
}

fn length(frames: &Frames) -> usize {
    frames.iter().map(|(bytes, _)| bytes.len()).sum()
}
