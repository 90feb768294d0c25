//! Load on a service: clients that ask without a pause, half on kept connections, half on fresh ones, and check each byte.
//!
//! A kept connection is in use all the time, so no server may close it but after an answer that says `Connection: close`;
//! what else goes wrong is counted by its kind and told with what the connection had answered before. The client speaks raw
//! bytes and shares nothing with the servers.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::webserver::{After, Heard, Tongue};

/// Where to ask.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Tcp(String),
    Unix(PathBuf),
}

/// How a request was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// No connection was had.
    Refused,
    /// The connection broke.
    Reset,
    /// It ended before the answer did.
    Short,
    /// Another answer than the right one.
    Wrong,
    /// None within the patience.
    Late,
}

/// A request that was lost.
#[derive(Clone, Debug)]
pub(crate) struct Lost {
    pub(crate) loss: Loss,
    /// The worker, if the connection has answered before.
    pub(crate) kept_by: Option<u32>,
    /// How many bytes of an answer had come.
    pub(crate) read: usize,
    /// After the load's begin.
    at: Duration,
    what: String,
}

/// What came of a load.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Right answers by the worker's number.
    pub(crate) by_worker: BTreeMap<u32, u64>,
    /// Right answers by the program's version.
    pub(crate) by_version: BTreeMap<String, u64>,
    /// Connections that were had.
    pub(crate) connections: u64,
    /// Requests that a web server asks again: the connection had answered before and ended without a byte of this answer.
    /// Its end and the request passed each other, which FastCGI has no word against.
    pub(crate) again: u64,
    pub(crate) lost: Vec<Lost>,
}

impl Tally {
    /// How many right answers.
    pub(crate) fn answers(&self) -> u64 {
        self.by_worker.values().sum()
    }

    /// Nothing was lost.
    #[track_caller]
    pub(crate) fn assert_whole(&self) {
        assert!(self.lost.is_empty(), "{self}");
        assert!(self.answers() > 0, "nobody asked");
    }

    fn add(&mut self, other: Self) {
        for (worker, answers) in other.by_worker {
            *self.by_worker.entry(worker).or_default() += answers;
        }
        for (version, answers) in other.by_version {
            *self.by_version.entry(version).or_default() += answers;
        }
        self.connections += other.connections;
        self.again += other.again;
        self.lost.extend(other.lost);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} answers on {} connections, {} asked again, {} lost",
            self.answers(),
            self.connections,
            self.again,
            self.lost.len()
        )?;
        self.lost.iter().take(20).try_for_each(|lost| {
            let Lost { loss, kept_by, at, what, .. } = lost;
            write!(f, "\n{loss:?} after {at:?}, on a connection of {kept_by:?}: {what}")
        })
    }
}

/// A load in progress.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    answers: Arc<AtomicU64>,
    clients: Vec<JoinHandle<Tally>>,
}

impl Load {
    /// Lets so many clients ask, each second one on fresh connections.
    pub(crate) fn begin(target: &Target, clients: usize) -> Self {
        Self::speaking(Tongue::Http, target, clients)
    }

    /// The same as web servers do it.
    pub(crate) fn speaking(tongue: Tongue, target: &Target, clients: usize) -> Self {
        let (stop, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let began = Instant::now();
        let client = |number: usize| {
            let client = Client {
                number,
                tongue,
                fresh: number % 2 == 1,
                target: target.clone(),
                began,
                tally: Tally::default(),
                answers: Arc::clone(&answers),
            };
            let stop = Arc::clone(&stop);
            thread::spawn(move || client.work(&stop))
        };
        let clients = (0..clients).map(client).collect();
        Self { stop, answers, clients }
    }

    /// Waits for so many more right answers.
    #[track_caller]
    pub(crate) fn goes_on(&self, answers: u64) {
        let (enough, end) = (self.answers.load(Ordering::Relaxed) + answers, Instant::now() + PATIENCE);
        while self.answers.load(Ordering::Relaxed) < enough {
            assert!(Instant::now() < end, "the load has come to a stop");
            thread::yield_now();
        }
    }

    /// Ends it.
    pub(crate) fn end(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let mut sum = Tally::default();
        for client in self.clients {
            sum.add(client.join().unwrap());
        }
        sum
    }
}

struct Client {
    number: usize,
    tongue: Tongue,
    fresh: bool,
    target: Target,
    began: Instant,
    tally: Tally,
    answers: Arc<AtomicU64>,
}

/// A connection, and who has answered on it.
struct Connection {
    stream: Box<dyn Stream>,
    by: Option<u32>,
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// A right answer.
struct Answer {
    by: u32,
    version: String,
    last: bool,
}

impl Client {
    fn work(mut self, stop: &AtomicBool) -> Tally {
        let mut kept: Option<Connection> = None;
        let mut count = 0;
        while !stop.load(Ordering::Relaxed) {
            count += 1;
            let mut connection = match kept.take() {
                Some(connection) => connection,
                None => match connect(&self.target) {
                    Ok(stream) => {
                        self.tally.connections += 1;
                        Connection { stream, by: None }
                    }
                    Err(error) => {
                        // Nobody is asked any more, neither by the others once they have noticed.
                        self.lose(Loss::Refused, None, 0, error.to_string());
                        break;
                    }
                },
            };
            match self.ask(&mut connection, count) {
                Ok(answer) => {
                    *self.tally.by_worker.entry(answer.by).or_default() += 1;
                    *self.tally.by_version.entry(answer.version).or_default() += 1;
                    self.answers.fetch_add(1, Ordering::Relaxed);
                    connection.by = Some(answer.by);
                    if !answer.last && !self.fresh {
                        kept = Some(connection);
                    }
                }
                Err((Loss::Short | Loss::Reset, 0, _))
                    if self.tongue == Tongue::FastCgi && connection.by.is_some() =>
                {
                    self.tally.again += 1;
                }
                Err((loss, read, what)) => self.lose(loss, connection.by, read, what),
            }
        }
        self.tally
    }

    fn lose(&mut self, loss: Loss, kept_by: Option<u32>, read: usize, what: String) {
        self.tally.lost.push(Lost { loss, kept_by, read, at: self.began.elapsed(), what });
        // A service that is gone must not be asked for ever.
        assert!(self.tally.lost.len() < 100, "{}", self.tally);
    }

    fn ask(&self, connection: &mut Connection, count: usize) -> Result<Answer, (Loss, usize, String)> {
        let (text, length) = (format!("{}-{count}", self.number), LENGTHS[count % LENGTHS.len()]);
        // Half of the fresh ones say so, the others just end after the answer.
        let after = if self.fresh && count.is_multiple_of(2) { After::Closes } else { After::Stays };
        let request = self.tongue.request(&format!("/told/{length}/{text}"), after);
        connection.stream.write_all(&request).map_err(|error| failed(&error, 0))?;
        let mut answer = Vec::with_capacity(length + 512);
        let mut piece = [0; 16 * 1024];
        let wrong = |answer: &[u8]| {
            (Loss::Wrong, answer.len(), format!("{text}: {:?}", String::from_utf8_lossy(answer)))
        };
        loop {
            let ended = match connection.stream.read(&mut piece) {
                Ok(0) => true,
                Ok(read) => {
                    answer.extend_from_slice(&piece[..read]);
                    false
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed(&error, answer.len())),
            };
            match self.tongue.heard(&answer, ended) {
                Heard::Part if ended => {
                    let read = answer.len();
                    return Err((Loss::Short, read, format!("{text}: ended after {read} bytes")));
                }
                Heard::Part => {}
                Heard::Whole(whole) if whole.is_ok() => {
                    return right(&whole.body, length, &text)
                        .map(|(by, version)| Answer { by, version, last: whole.last })
                        .ok_or_else(|| wrong(&answer));
                }
                Heard::Whole(_) | Heard::Wrong => return Err(wrong(&answer)),
            }
        }
    }
}

/// Who has given this answer, if it is the right one: `PID VERSION TEXT ` and as many letters.
fn right(body: &[u8], length: usize, text: &str) -> Option<(u32, String)> {
    let body = str::from_utf8(body).ok()?;
    let mut words = body.splitn(4, ' ');
    let (by, version) = (words.next()?.parse().ok()?, words.next()?.to_owned());
    let told = words.next() == Some(text);
    let filled = words.next().is_some_and(|fill| fill.len() == length && fill.bytes().all(|it| it == b'x'));
    (told && filled).then_some((by, version))
}

fn failed(error: &io::Error, read: usize) -> (Loss, usize, String) {
    let loss = match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Loss::Late,
        _ => Loss::Reset,
    };
    (loss, read, format!("{error} after {read} bytes"))
}

fn connect(target: &Target) -> io::Result<Box<dyn Stream>> {
    Ok(match target {
        Target::Tcp(address) => {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            Box::new(stream)
        }
        Target::Unix(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            Box::new(stream)
        }
    })
}

/// Of the answers: most are small, one is more than a socket takes at once.
const LENGTHS: [usize; 8] = [0, 10, 100, 1000, 10_000, 100, 10, 300_000];

const PATIENCE: Duration = Duration::from_secs(20);
