//! [`Gate`]: holds requests and boots of `trouble` until the test lets them go on.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::driving::scratch;

/// A FIFO in a folder of the test's own, which is removed with it.
pub(crate) struct Gate {
    pub(crate) place: PathBuf,
    fifo: File,
}

impl Gate {
    pub(crate) fn new(name: &str) -> Self {
        let place = scratch(name);
        mknodat(CWD, place.join("gate"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let fifo = OpenOptions::new().read(true).write(true).open(place.join("gate")).unwrap();
        Self { place, fifo }
    }

    pub(crate) fn path(&self) -> String {
        self.place.join("gate").to_str().unwrap().to_owned()
    }

    /// The variable by which the app finds it.
    pub(crate) fn variable(&self) -> String {
        format!("GATE={}", self.path())
    }

    /// Writes the settings' file beside it, whose name is given back.
    pub(crate) fn settings(&self, text: &str) -> String {
        let file = self.place.join("settings.toml");
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    }

    /// Lets so many go on that wait, or that will.
    pub(crate) fn pass(&self, count: usize) {
        (&self.fifo).write_all(&vec![0; count]).unwrap();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // What is left lies among temporary files.
        let _ = std::fs::remove_dir_all(&self.place);
    }
}
