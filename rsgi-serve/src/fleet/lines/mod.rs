//! [`Line`]: what the master has to say, as data. `Display` gives the words, which are Gunicorn's where it has them, because
//! people and tools look for those; [`Line::level`] how loud they are. Who writes them where is the log's matter.

mod change;
mod master;
mod worker;

use std::fmt;
use std::time::Duration;

pub(crate) use change::ChangeLine;
pub(crate) use master::MasterLine;
pub(crate) use worker::WorkerLine;

use crate::log::level::Level;

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Of the master itself.
    Master(MasterLine),
    /// Of one worker.
    Worker { pid: u32, what: WorkerLine },
    /// Of a reload or an upgrade.
    Change(ChangeLine),
}

impl Line {
    /// How loud it is.
    pub(crate) fn level(&self) -> Level {
        match self {
            Self::Master(line) => line.level(),
            Self::Worker { what, .. } => what.level(),
            Self::Change(line) => line.level(),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Master(line) => line.fmt(f),
            Self::Worker { pid, what } => what.write(*pid, f),
            Self::Change(line) => line.fmt(f),
        }
    }
}

impl From<MasterLine> for Line {
    fn from(line: MasterLine) -> Self {
        Self::Master(line)
    }
}

impl From<ChangeLine> for Line {
    fn from(line: ChangeLine) -> Self {
        Self::Change(line)
    }
}

/// A time as people read it: `41 ms`, `1.2 s`, `30 s`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span(pub(crate) Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        match (millis / 1000, millis % 1000 / 100) {
            (0, _) => write!(f, "{millis} ms"),
            (seconds, 0) => write!(f, "{seconds} s"),
            (seconds, tenth) => write!(f, "{seconds}.{tenth} s"),
        }
    }
}

/// A number of workers with its word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workers(pub(crate) usize);

impl fmt::Display for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} worker{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_people_say_it() {
        let text = |millis| Span(Duration::from_millis(millis)).to_string();
        let texts = [0, 41, 999, 1000, 1250, 30_000, 3_599_300].map(text);
        assert_eq!(texts, ["0 ms", "41 ms", "999 ms", "1 s", "1.2 s", "30 s", "3599.3 s"]);
        assert_eq!(Workers(1).to_string(), "1 worker");
        assert_eq!(Workers(0).to_string(), "0 workers");
    }

    #[test]
    fn the_words_that_tools_look_for_are_gunicorns() {
        use crate::fleet::event::{Sig, Status};
        let worker = |what| Line::Worker { pid: 7, what }.to_string();
        assert_eq!(worker(WorkerLine::Booting), "Booting worker with pid: 7");
        assert_eq!(worker(WorkerLine::Exiting), "Worker exiting (pid: 7)");
        let died = |status| worker(WorkerLine::Died { status, by_us: false });
        assert_eq!(died(Status::Code(3)), "Worker (pid:7) exited with code 3.");
        assert_eq!(died(Status::Signal(9)), "Worker (pid:7) was sent SIGKILL! Perhaps out of memory?");
        assert_eq!(died(Status::Signal(15)), "Worker (pid:7) was sent SIGTERM!");
        assert_eq!(died(Status::Signal(64)), "Worker (pid:7) was sent signal 64!");
        let silent = worker(WorkerLine::Silent { time: Duration::from_secs(30) });
        assert!(silent.starts_with("WORKER TIMEOUT (pid:7)"));
        assert_eq!(Line::from(MasterLine::Handling(Sig::Hup)).to_string(), "Handling signal: hup");
        assert_eq!(Line::from(MasterLine::ShuttingDown).to_string(), "Shutting down: Master");
        assert_eq!(Line::from(ChangeLine::HangUp).to_string(), "Hang up: Master");
    }
}
