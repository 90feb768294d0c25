//! Where lines go, and what they cost.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use allocation_counter::measure;
use rsgi_core::http::Request;
use rsgi_core::{Environ, Middleware};
use rsgi_test::Client;

use super::super::lines::Lines;
use super::super::sheet::Sheet;
use super::{AccessFormat, AccessLog, Paper, hello};

/// An output that has little room.
struct Narrow(Paper);

impl Lines for Narrow {
    fn room(&self) -> usize {
        200
    }

    fn put(&self, write: &dyn Fn(&mut Vec<u8>)) {
        let mut line = Vec::new();
        write(&mut line);
        line.push(b'\n');
        self.0.clone().write_all(&line).unwrap();
    }
}

#[test]
fn a_line_beyond_its_outputs_room_is_shortened_in_its_values() {
    let paper = Paper::default();
    for format in [AccessFormat::default(), AccessFormat::json()] {
        let log = AccessLog::through(Narrow(paper.clone())).format(format);
        drop(Client::new(log.wrap(hello)).get("/").header("user-agent", "u".repeat(3000)).answer());
    }
    let lines = paper.lines();
    assert!(lines[0].contains("uu...(+"), "{}", lines[0]);
    let object: serde_json::Value = serde_json::from_str(&lines[1]).unwrap();
    assert!(object["user_agent"].as_str().unwrap().contains("...(+"));
}

#[test]
fn a_writer_that_fails_loses_lines_and_no_answer() {
    struct Full(Paper, Arc<AtomicUsize>);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.1.fetch_add(1, Ordering::SeqCst) < 2 {
                Err(io::ErrorKind::StorageFull.into())
            } else {
                self.0.write(bytes)
            }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (paper, calls) = (Paper::default(), Arc::new(AtomicUsize::new(0)));
    let client = Client::new(AccessLog::to(Full(paper.clone(), Arc::clone(&calls))).wrap(hello));
    for _ in 0..3 {
        assert_eq!(client.get("/").answer().status(), 200);
    }
    assert_eq!((paper.lines().len(), calls.load(Ordering::SeqCst)), (1, 3), "each line by one call");
}

#[test]
fn a_line_allocates_nothing_once_a_thread_has_written_some() {
    let log = AccessLog::to(io::sink());
    let outcome = Client::new(hello).get("/").answer().outcome().unwrap().clone();
    let request =
        Request::get("/ping?x=1").header("user-agent", "test").header("host", "a").body(()).unwrap();
    let environ = Environ::for_test(request);
    let write = || {
        let sheet = Sheet::begin(&log.0.format, &environ, usize::MAX);
        log.0.told(sheet, &outcome, None);
    };
    write();
    write();
    assert_eq!(measure(write).count_total, 0);
}
