//! [`Launch`]: what a program needs to become a master or a worker, whatever image came before.

use std::fmt;
use std::sync::Arc;

use crate::command::{self, Asked, Program, Started};
use crate::hooks::Hooks;
use crate::process::signals::Signals;
use crate::process::title::Title;
use crate::process::{Forking, Start};
use crate::settings::Settings;
use crate::worker::Body;

/// What a master is made of.
pub(crate) struct Launch {
    pub(crate) program: Program,
    pub(crate) start: Start,
    /// The same, as settings are read from it.
    pub(crate) started: Started,
    pub(crate) forking: Forking,
    pub(crate) signals: Signals,
    pub(crate) title: Title,
    pub(crate) body: Box<dyn Body>,
    pub(crate) hooks: Arc<dyn Hooks>,
}

impl Launch {
    /// Reads the settings again, from the arguments and the environment of the start and the file of now.
    pub(super) fn read_settings(&self) -> Result<Settings, String> {
        match command::read(&self.program, &self.started) {
            Ok(Asked::Do(invocation)) => Ok(invocation.settings),
            // The start had the same arguments, and was to serve.
            Ok(Asked::Help(_) | Asked::Text(_)) => {
                Err("the arguments of the start don't serve any more".to_owned())
            }
            Err(faults) => Err(faults.to_string()),
        }
    }
}

impl fmt::Debug for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Launch").field("program", &self.program.name).finish_non_exhaustive()
    }
}
