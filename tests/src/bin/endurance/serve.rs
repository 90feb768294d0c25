//! The server's process: this program once more, with `serve` as its first argument.
//!
//! It writes its address in one line and ends gracefully at SIGTERM; its clocks are short, so that stalled clients are
//! let go while the load runs.

use std::io::{self, Write};
use std::time::Duration;

use rsgi_tests::adapters;
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;

use crate::app::app;
use crate::sabotage::{Sabotage, Sabotaged};

/// Serves until SIGTERM.
pub(crate) fn serve(adapter: &str, sabotage: Sabotage) -> Result<(), Box<dyn std::error::Error>> {
    let mut signals = Signals::new([SIGTERM])?;
    let ground = adapters::named(adapter).ok_or("no such adapter")?;
    let config = ground.config().threads(THREADS).timeouts(|timeouts| {
        timeouts.head = Some(LONGEST);
        timeouts.body_progress = Some(SHORT);
        timeouts.keep_alive = Some(SHORT);
        timeouts.write = Some(SHORT);
        timeouts.linger = Some(Duration::from_millis(200));
    });
    let server = ground.start(config, Sabotaged::new(app()?, sabotage))?;
    let mut output = io::stdout();
    writeln!(output, "{}", server.address())?;
    output.flush()?;
    signals.forever().next();
    server.stop();
    Ok(())
}

/// Threads that run what blocks.
pub(crate) const THREADS: usize = 16;
/// The clock of heads, the longest one: a dripping client needs some of it.
pub(crate) const LONGEST: Duration = Duration::from_secs(10);
/// The other clocks.
const SHORT: Duration = Duration::from_secs(6);
