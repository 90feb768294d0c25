//! [`Upload`]: a file that came with a form, in memory or in a temporary file.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

use rsgi_core::bytes::Bytes;

use crate::error::Error;
use crate::extract::FromRequest;
use crate::request::Request;

/// A file that came with a form. A temporary file is gone with it.
///
/// Whatever reads or writes it blocks, as files do: call it from a plain `fn`, or by
/// [`offload`](rsgi_core::Environ::offload)`().run(...)`.
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, Error, Uploads, secure_filename};
///
/// fn keep(mut files: Uploads) -> Result<String, Error> {
///     let Some(file) = files.take("file") else { return Ok("no file".to_owned()) };
///     let name = secure_filename(file.file_name());
///     let path = std::env::temp_dir().join(format!("frasco-{}-{name}", std::process::id()));
///     file.save(&path)?;
///     let kept = std::fs::read_to_string(&path)?;
///     std::fs::remove_file(path)?;
///     Ok(format!("{name}: {kept}"))
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let client = rsgi_test::Client::new(App::builder("app").post("/", keep).build()?);
/// let form = "--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../a b\"\r\n\r\ntext\r\n--cut--\r\n";
/// let post = client.post("/").header("content-type", "multipart/form-data; boundary=cut");
/// assert_eq!(post.body(form).answer().text(), "a_b: text");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Upload {
    pub(super) name: String,
    pub(super) file_name: String,
    pub(super) content_type: Option<String>,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    Memory(Bytes),
    /// Closed, so that a form of many holds no descriptors.
    File {
        path: tempfile::TempPath,
        length: u64,
    },
}

impl Content {
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Memory(bytes) if bytes.is_empty())
    }
}

impl Upload {
    /// The field's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file's name, as the client says it: it may be anything. [`secure_filename`](crate::secure_filename) makes one of it that a folder of one's own
    /// can have.
    #[must_use]
    pub fn file_name(&self) -> &str {
        &self.file_name
    }

    /// The type, as the client says it; the content may be another.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// How many bytes it has.
    #[must_use]
    pub fn len(&self) -> u64 {
        match &self.content {
            Content::Memory(bytes) => bytes.len() as u64,
            Content::File { length, .. } => *length,
        }
    }

    /// Tells whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads it from its beginning.
    ///
    /// # Errors
    ///
    /// The temporary file can't be opened.
    pub fn reader(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(match &self.content {
            Content::Memory(bytes) => Box::new(Cursor::new(bytes.clone())),
            Content::File { path, .. } => Box::new(File::open(path)?),
        })
    }

    /// All of it, in memory.
    ///
    /// # Errors
    ///
    /// The temporary file can't be read.
    pub fn bytes(&self) -> io::Result<Bytes> {
        if let Content::Memory(bytes) = &self.content {
            return Ok(bytes.clone());
        }
        let mut all = Vec::new();
        self.reader()?.read_to_end(&mut all)?;
        Ok(all.into())
    }

    /// Keeps it under a path, where nothing may be yet: moved where that is possible, else copied.
    ///
    /// # Errors
    ///
    /// There is a file of that path, or it can't be written.
    pub fn save(self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref();
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let temporary = match self.content {
            Content::Memory(_) => return copy(&mut self.reader()?, path).map_err(named),
            Content::File { path, .. } => path,
        };
        match temporary.persist_noclobber(path) {
            Ok(()) => Ok(()),
            // Another file system: a name can't be given across.
            Err(error) if error.error.kind() == io::ErrorKind::CrossesDevices => {
                copy(&mut File::open(&error.path)?, path).map_err(named)
            }
            Err(error) => Err(named(error.error)),
        }
    }
}

/// Writes a new file; what can't be written whole isn't left there.
fn copy(reader: &mut dyn Read, path: &Path) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    io::copy(reader, &mut file).map(drop).inspect_err(|_| {
        let _left = std::fs::remove_file(path);
    })
}

/// The files of a form, as an argument of a handler; beside [`Form`](crate::Form), which has its fields. A file that wasn't chosen isn't there.
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, Error, Uploads, abort};
///
/// fn upload(mut files: Uploads) -> Result<String, Error> {
///     let picture = files.take("picture").ok_or_else(|| abort(422).description("a picture is wanted"))?;
///     Ok(format!("{}: {} bytes", picture.file_name(), picture.bytes()?.len()))
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let client = rsgi_test::Client::new(App::builder("app").post("/", upload).build()?);
/// let form = "--cut\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"a.png\"\r\n\r\nPNG\r\n--cut--\r\n";
/// let post = client.post("/").header("content-type", "multipart/form-data; boundary=cut");
/// assert_eq!(post.body(form).answer().text(), "a.png: 3 bytes");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Uploads(Vec<Upload>);

impl Uploads {
    /// Takes the first file of a field.
    #[must_use]
    pub fn take(&mut self, name: &str) -> Option<Upload> {
        let at = self.0.iter().position(|upload| upload.name == name)?;
        Some(self.0.remove(at))
    }

    /// The files that are left, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Upload> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Uploads {
    type Item = &'a Upload;
    type IntoIter = std::slice::Iter<'a, Upload>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Uploads {
    type Item = Upload;
    type IntoIter = std::vec::IntoIter<Upload>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromRequest for Uploads {
    async fn from_request(request: &Request) -> Result<Self, Error> {
        Ok(Self(request.form().await?.take_files()))
    }
}
