//! CGI programs as a web server starts them: one process a request, by environment, standard input and standard output.
//!
//! Started without a request, this program runs its tests, each of which starts it again with one. It takes a test's name,
//! or a part of it, and `--list`, as the usual harness does.
#![expect(clippy::print_stdout, reason = "as the usual harness does, and an app that mustn't")]

use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::process::{Child, Command, ExitCode, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::server::{Config, ServeError};
use rsgi_core::{App, Body, Capabilities, Environ, Input, StartResponse, Started, requiring};
use rsgi_gateway::cgi;

/// What the started program does, by its path.
struct Probe;

impl App for Probe {
    async fn call(
        &self,
        mut environ: Environ,
        start_response: StartResponse,
    ) -> Result<Started, rsgi_core::Error> {
        environ.on_outcome(|outcome| eprintln!("outcome: {outcome}"));
        let path = environ.path_info().to_owned();
        Ok(match path.as_str() {
            "/echo" => {
                let input: Input = environ.take_input();
                start_response.status(StatusCode::OK).body(Body::stream(Pieces(input)))
            }
            "/broken" => {
                let pieces = [Ok("begun"), Err(io::Error::other("odd"))];
                start_response.status(StatusCode::OK).body(Body::iter(pieces))
            }
            "/panic" => panic!("on purpose"),
            "/endless" => start_response.status(StatusCode::OK).body(Body::iter(std::iter::repeat("more\n"))),
            "/gone" => {
                println!("waiting");
                let cause = environ.disconnect().gone().await;
                eprintln!("heard: {cause:?}");
                start_response.status(StatusCode::OK).body("too late")
            }
            "/runtime" => {
                #[cfg(feature = "tokio")]
                tokio::time::sleep(Duration::from_millis(1)).await;
                start_response.status(StatusCode::OK).body("slept")
            }
            "/blocking" => {
                let offload = environ.offload().clone();
                start_response.status(StatusCode::OK).body(offload.run(|| "done elsewhere").await)
            }
            _ => {
                println!("printed by the app");
                writeln!(environ.errors(), "for the log")?;
                start_response.status(StatusCode::OK).body("pong")
            }
        })
    }

    async fn stop(&self) {
        eprintln!("stopped");
    }
}

/// An input's pieces, as a body.
struct Pieces(Input);

impl futures_core::Stream for Pieces {
    type Item = Result<bytes::Bytes, rsgi_core::InputError>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_piece(context)
    }
}

fn program() -> Result<ExitCode, ServeError> {
    let config = Config::new().limits(|limits| limits.body_bytes = None);
    match std::env::var("PROBE_HOST").as_deref() {
        #[cfg(feature = "tokio")]
        Ok("tokio") => cgi::run_on_tokio(&config, Probe),
        Ok("needy") => cgi::run(&config, requiring(Capabilities::UPGRADE, Probe)),
        _ => cgi::run(&config, Probe),
    }
}

/// The hosts that there are.
const HOSTS: &[&str] = if cfg!(feature = "tokio") { &["threads", "tokio"] } else { &["threads"] };

fn start(host: &str, path: &str, length: Option<usize>) -> io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .env_clear()
        .envs([("GATEWAY_INTERFACE", "CGI/1.1"), ("REQUEST_METHOD", "POST"), ("SCRIPT_NAME", "")])
        .envs([("PATH_INFO", path), ("SERVER_PROTOCOL", "HTTP/1.1"), ("PROBE_HOST", host)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(length) = length {
        command.env("CONTENT_LENGTH", length.to_string());
    }
    command.spawn()
}

/// A request without content, from start to end.
fn ask(host: &str, path: &str) -> io::Result<(Output, String, String)> {
    let output = start(host, path, None)?.wait_with_output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (answer, errors) = (text(&output.stdout), text(&output.stderr));
    Ok((output, answer, errors))
}

type Outcome = Result<(), Box<dyn Error>>;

fn an_answer_is_all_that_the_web_server_reads() -> Outcome {
    for host in HOSTS {
        let (output, answer, errors) = ask(host, "/")?;
        assert_eq!(answer, "Status: 200 OK\r\ncontent-length: 4\r\n\r\npong", "{host}: {errors}");
        assert!(output.status.success(), "{host}");
        for line in ["printed by the app\n", "for the log\n", "outcome: 200 Whole(System)", "stopped\n"] {
            assert!(errors.contains(line), "{host}: no {line:?} in {errors:?}");
        }
    }
    Ok(())
}

fn content_goes_through_both_ways_as_it_comes() -> Outcome {
    for host in HOSTS {
        let sent: Vec<u8> = (0..3_000_000_u32).map(|place| place.to_le_bytes()[place as usize % 3]).collect();
        let mut child = start(host, "/echo", Some(sent.len()))?;
        let mut answer = child.stdout.take().ok_or("no output")?;
        let mut to = child.stdin.take().ok_or("no input")?;
        // The first piece comes back before the second is sent.
        to.write_all(&sent[..5])?;
        let head = b"Status: 200 OK\r\n\r\n";
        let mut begun = vec![0; head.len() + 5];
        answer.read_exact(&mut begun)?;
        assert_eq!(begun, [head, &sent[..5]].concat(), "{host}");
        let (rest, all) = (sent[5..].to_vec(), sent.len());
        let writer = std::thread::spawn(move || to.write_all(&rest));
        let mut back = sent[..5].to_vec();
        answer.read_to_end(&mut back)?;
        writer.join().map_err(|_| "the writer panicked")??;
        assert_eq!(back.len(), all, "{host}");
        assert!(back == sent && child.wait()?.success(), "{host}");
    }
    Ok(())
}

fn a_broken_answer_shows_by_the_exit_status() -> Outcome {
    for host in HOSTS {
        let (output, answer, errors) = ask(host, "/broken")?;
        assert_eq!((output.status.code(), &*answer), (Some(1), "Status: 200 OK\r\n\r\nbegun"), "{host}");
        assert!(errors.contains("outcome: 200 Failed") && errors.contains("stopped\n"), "{host}: {errors}");
        let (output, answer, _) = ask(host, "/panic")?;
        assert!(answer.starts_with("Status: 500 Internal Server Error\r\n"), "{host}: {answer}");
        assert!(output.status.success(), "{host}: a 500 is an answer");
    }
    Ok(())
}

fn a_web_server_that_closes_its_end_is_heard_of() -> Outcome {
    for host in HOSTS {
        let mut child = start(host, "/endless", None)?;
        let mut begun = [0; 100];
        let mut answer = child.stdout.take().ok_or("no output")?;
        answer.read_exact(&mut begun)?;
        drop(answer);
        let (status, errors) = ended(child)?;
        assert!(status.success() && errors.contains("outcome: 200 Aborted(Closed)"), "{host}: {errors}");

        let mut child = start(host, "/gone", None)?;
        let mut log = child.stderr.take().ok_or("no errors")?;
        let mut waiting = [0; 8];
        log.read_exact(&mut waiting)?;
        assert_eq!(&waiting, b"waiting\n");
        drop(child.stdout.take());
        let mut errors = String::new();
        log.read_to_string(&mut errors)?;
        assert!(child.wait()?.success() && errors.contains("heard: Closed\n"), "{host}: {errors}");
    }
    Ok(())
}

/// Waits for a program to end by itself, and ends it if it doesn't.
fn ended(mut child: Child) -> Result<(std::process::ExitStatus, String), Box<dyn Error>> {
    let mut log = child.stderr.take().ok_or("no errors")?;
    let (over, read) = mpsc::channel();
    std::thread::spawn(move || {
        let mut errors = String::new();
        let done = log.read_to_string(&mut errors).map(|_| errors);
        let _nobody_waits = over.send(done);
    });
    let errors = read.recv_timeout(Duration::from_secs(20));
    if errors.is_err() {
        child.kill()?;
    }
    Ok((child.wait()?, errors??))
}

fn content_that_ends_early_is_an_error_and_no_end() -> Outcome {
    for host in HOSTS {
        let mut child = start(host, "/echo", Some(10))?;
        child.stdin.take().ok_or("no input")?.write_all(b"abc")?;
        let output = child.wait_with_output()?;
        assert_eq!(output.status.code(), Some(1), "{host}");
        assert_eq!(String::from_utf8(output.stdout)?, "Status: 200 OK\r\n\r\nabc", "{host}");
    }
    Ok(())
}

fn what_an_app_needs_is_known_before_it_is_called() -> Outcome {
    let (output, answer, errors) = ask("needy", "/")?;
    assert_eq!((output.status.success(), &*answer), (false, ""));
    assert!(errors.contains("upgrade"), "{errors}");
    Ok(())
}

fn work_that_blocks_is_run_where_it_may() -> Outcome {
    for host in HOSTS {
        let (_, answer, errors) = ask(host, "/blocking")?;
        assert!(answer.ends_with("\r\n\r\ndone elsewhere"), "{host}: {answer} {errors}");
    }
    if cfg!(feature = "tokio") {
        let (_, answer, errors) = ask("tokio", "/runtime")?;
        assert!(answer.ends_with("\r\n\r\nslept"), "{answer} {errors}");
    }
    Ok(())
}

macro_rules! tests {
    ($($name:ident),* $(,)?) => { [$((stringify!($name), $name as fn() -> Outcome)),*] };
}

fn main() -> Result<ExitCode, ServeError> {
    if cgi::is_called() {
        return program();
    }
    let tests = tests![
        an_answer_is_all_that_the_web_server_reads,
        content_goes_through_both_ways_as_it_comes,
        a_broken_answer_shows_by_the_exit_status,
        a_web_server_that_closes_its_end_is_heard_of,
        content_that_ends_early_is_an_error_and_no_end,
        what_an_app_needs_is_known_before_it_is_called,
        work_that_blocks_is_run_where_it_may,
    ];
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let lists = arguments.iter().any(|argument| argument == "--list");
    // Nextest asks for the ignored ones apart.
    if arguments.iter().any(|argument| argument == "--ignored") {
        return Ok(ExitCode::SUCCESS);
    }
    let wanted: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let mut failed = 0;
    for (name, test) in tests {
        if !lists && !wanted.is_empty() && !wanted.iter().any(|part| name.contains(part.as_str())) {
            continue;
        }
        if lists {
            println!("{name}: test");
            continue;
        }
        let ended = std::panic::catch_unwind(test);
        let passed = matches!(ended, Ok(Ok(())));
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        if let Ok(Err(error)) = ended {
            println!("{error}");
        }
        failed += usize::from(!passed);
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
