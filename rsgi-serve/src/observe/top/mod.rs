//! `top`: the service as it works, in a terminal, asked for over the control socket once a second.
//!
//! Here is the loop; `screen.rs` is what is known and how it is ordered, `draw.rs` what that looks like. Keys: `q` ends, `s` sorts by
//! another column, space holds the picture, the arrows move through the workers.

mod draw;
mod screen;
#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::time::{Duration, Instant};

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use self::screen::Screen;
use crate::control::Connected;
use crate::observe::Facts;

/// Shows the service until a key ends it.
pub(crate) fn run(path: &Path) -> Result<String, String> {
    if !io::stdout().is_terminal() {
        return Err("top needs a terminal; show prints the same once".to_owned());
    }
    // Before the screen is taken: what is wrong now is told in plain lines.
    let mut master = Connected::to(path)?;
    let first = master.facts()?;
    let mut terminal = ratatui::try_init().map_err(|error| format!("the terminal can't be used: {error}"))?;
    let shown = show(&mut terminal, path, Some(master), Screen::new(first));
    ratatui::restore();
    shown.map(|()| String::new()).map_err(|error| format!("the terminal can't be used: {error}"))
}

fn show(
    terminal: &mut DefaultTerminal,
    path: &Path,
    mut master: Option<Connected>,
    mut screen: Screen,
) -> io::Result<()> {
    let mut next = Instant::now() + PERIOD;
    loop {
        terminal.draw(|frame| draw::draw(frame, &screen))?;
        if event::poll(next.saturating_duration_since(Instant::now()))? {
            if let Event::Key(key) = event::read()?
                && press(&mut screen, key) == Wish::End
            {
                return Ok(());
            }
        } else {
            next = Instant::now() + PERIOD;
            match ask(path, &mut master) {
                Ok(facts) => screen.update(facts),
                Err(why) => screen.lose(why),
            }
        }
    }
}

/// Asks, over a new connection if the last one broke: a master that was upgraded or restarted is found again.
fn ask(path: &Path, master: &mut Option<Connected>) -> Result<Facts, String> {
    let mut connected = match master.take() {
        Some(connected) => connected,
        None => Connected::to(path)?,
    };
    let facts = connected.facts()?;
    *master = Some(connected);
    Ok(facts)
}

/// Whether it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Stay,
    End,
}

fn press(screen: &mut Screen, key: KeyEvent) -> Wish {
    if key.kind == KeyEventKind::Release {
        return Wish::Stay;
    }
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => return Wish::End,
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Wish::End,
        KeyCode::Char('s') => screen.sort_by_next(),
        KeyCode::Char(' ') => screen.hold(),
        KeyCode::Down | KeyCode::Char('j') => screen.scroll(1),
        KeyCode::Up | KeyCode::Char('k') => screen.scroll(-1),
        KeyCode::PageDown => screen.scroll(10),
        KeyCode::PageUp => screen.scroll(-10),
        _ => {}
    }
    Wish::Stay
}

const PERIOD: Duration = Duration::from_secs(1);
