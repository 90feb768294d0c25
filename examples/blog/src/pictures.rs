//! Pictures: kept under names that nobody guesses, in a folder of their own, and served from there.

use std::fmt::Write as _;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use frasco::{Blueprint, Error, Path as UrlPath, SendFile, State, Upload, send_from_directory};

pub(crate) fn blueprint() -> Blueprint {
    Blueprint::new("pictures").get("/pictures/<name>", picture)
}

/// The folder of pictures.
#[derive(Debug)]
pub(crate) struct Pictures {
    folder: PathBuf,
}

impl Pictures {
    /// Opens the folder, and makes it if it isn't there.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Keeps a picture, and returns its name; `None` if it is none.
    pub(crate) fn keep(&self, upload: Upload) -> Result<Option<String>, Error> {
        let mut beginning = Vec::new();
        upload.reader()?.take(16).read_to_end(&mut beginning)?;
        let Some(extension) = extension(&beginning).filter(|_| upload.len() <= MOST) else { return Ok(None) };
        let mut name = String::new();
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| Error::msg(format!("no random bytes: {error}")))?;
        for byte in random {
            let _ = write!(name, "{byte:02x}");
        }
        name.push_str(extension);
        upload.save(self.folder.join(&name))?;
        Ok(Some(name))
    }

    /// Takes a picture away.
    pub(crate) fn remove(&self, name: &str) {
        let _gone = std::fs::remove_file(self.folder.join(name));
    }
}

/// What a file is by how it begins: what its sender says of it counts for nothing.
fn extension(beginning: &[u8]) -> Option<&'static str> {
    match beginning {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(".png"),
        [0xff, 0xd8, 0xff, ..] => Some(".jpg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(".gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(".webp"),
        _ => None,
    }
}

/// A picture's name never comes again, so it may be kept for ever.
async fn picture(UrlPath(name): UrlPath<String>, pictures: State<Pictures>) -> SendFile {
    send_from_directory(&pictures.folder, name).max_age(Duration::from_hours(24 * 365))
}

/// The most bytes of a picture.
const MOST: u64 = 5_000_000;
