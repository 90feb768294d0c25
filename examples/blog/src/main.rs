//! The blog as a program: `cargo run -p rsgi-blog`, then <http://127.0.0.1:8000/>.
//!
//! Its settings are the defaults, a file `.env`, and the environment: `FRASCO_SECRET_KEY`, `FRASCO_BLOG__TITLE`,
//! `FRASCO_BLOG__FOLDER`. Without a secret key one is made, and kept in the blog's folder.
//! `cargo run -p rsgi-blog -- routes` shows its rules.
#![forbid(unsafe_code)]

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::ExitCode;

use frasco::{App, Commands, Error};
use rsgi_blog::Settings;

fn create_app() -> Result<App, Error> {
    let mut config = rsgi_blog::defaults().dotenv(".env")?.environment()?;
    if config.get::<Option<String>>("secret_key")?.is_none() {
        let settings: Settings = config.get("blog")?;
        config = config.value("secret_key", secret_key(&settings.folder)?);
    }
    rsgi_blog::create_app(config)
}

/// The key in the folder, made by whichever worker comes first.
fn secret_key(folder: &Path) -> io::Result<String> {
    let path = folder.join("secret_key");
    if !path.exists() {
        fs::create_dir_all(folder)?;
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        let mut text = String::new();
        for byte in bytes {
            let _ = write!(text, "{byte:02x}");
        }
        let own = folder.join(format!("secret_key.{}", std::process::id()));
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&own)?.write_all(text.as_bytes())?;
        // Whole or not at all, and the first one stays.
        let _others = fs::hard_link(&own, &path);
        fs::remove_file(&own)?;
    }
    fs::read_to_string(path)
}

fn main() -> ExitCode {
    rsgi_serve::Launcher::new(create_app).commands(Commands::of(create_app)).run()
}
