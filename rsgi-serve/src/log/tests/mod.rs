//! The log as a program sees it, events in and lines out; here is what its tests share.

mod lines;
mod outputs;
mod sinks;

use std::fs;
use std::path::Path;

use tracing::subscriber::with_default;
use tracing_subscriber::layer::SubscriberExt;

use super::colour::When;
use super::level::Level;
use super::output::Output;
use super::{Form, Log, Plan, scratch};

fn plan(path: &Path, form: Form) -> Plan {
    let output = Output::File(path.to_owned());
    Plan { level: Level::Info, output, form, colour: When::Auto, owner: None }
}

/// Runs `act` with a log in a file, and gives the lines.
fn lines(name: &str, change: impl FnOnce(&mut Plan), act: impl FnOnce(&Log, &Path)) -> Vec<String> {
    let path = scratch(name);
    let mut plan = plan(&path, Form::Text);
    change(&mut plan);
    let log = Log::open(&plan).unwrap();
    with_default(tracing_subscriber::registry().with(log.layer()), || act(&log, &path));
    let text = fs::read_to_string(&path).unwrap();
    fs::remove_file(path).unwrap();
    text.lines().map(str::to_owned).collect()
}
