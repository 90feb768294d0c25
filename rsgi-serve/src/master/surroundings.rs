//! What settings say of the process around the app: its umask, its folder, its variables.
//!
//! Set once in the master, so that a worker inherits them. A reload may say something else: then a worker of the new settings changes them
//! for itself, and the master follows when the reload is settled. What the settings no longer name becomes what it was at the start.

use super::open::wrong;
use crate::process::{Start, privileges};
use crate::settings::{ProcessSettings, Settings};
use crate::sys;
use crate::worker::Failure;

/// Sets them as the settings have them.
pub(crate) fn surround(settings: &Settings) -> Result<(), Failure> {
    let process = &settings.process;
    if let Some(bits) = process.umask {
        privileges::set_umask(bits);
    }
    for (name, value) in &process.variables {
        set(name, Some(value))?;
    }
    process.chdir.as_deref().map_or(Ok(()), privileges::enter).map_err(wrong)
}

/// Changes what is different in newer settings.
pub(super) fn surround_anew(
    start: &Start,
    old: &ProcessSettings,
    new: &ProcessSettings,
) -> Result<(), Failure> {
    if old.umask != new.umask {
        privileges::set_umask(new.umask.unwrap_or_else(|| start.umask()));
    }
    if old.variables != new.variables {
        for (name, _) in &old.variables {
            set(name, start.variable(name).as_deref())?;
        }
        for (name, value) in &new.variables {
            set(name, Some(value))?;
        }
    }
    if old.chdir != new.chdir {
        // Where a relative path begins.
        privileges::enter(start.folder()).map_err(wrong)?;
        return new.chdir.as_deref().map_or(Ok(()), privileges::enter).map_err(wrong);
    }
    Ok(())
}

fn set(name: &str, value: Option<&str>) -> Result<(), Failure> {
    sys::set_variable(name, value).map_err(|error| wrong(format!("raw_env {name}: {error}")))
}
