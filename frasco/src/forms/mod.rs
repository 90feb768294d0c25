//! Forms: what a browser sends of its fields and files, urlencoded or multipart (RFC 7578), read once a request.
//!
//! Fields are held in memory, within a bound; files up to a bound, and beyond it in a temporary file, which is written off the
//! reactor. Read next: `multipart.rs` (how one is read), `upload.rs` (what a file is then).
//!
//! Invariant: a form is read as a whole or not at all, and within its limits whatever is sent.

mod multipart;
mod name;
#[cfg(test)]
mod tests;
mod upload;

use std::sync::{Arc, Mutex, PoisonError};

use rsgi_core::http::StatusCode;
use rsgi_core::{Input, InputError, InputErrorKind};
use serde::de::DeserializeOwned;

pub use name::secure_filename;
pub use upload::{Upload, Uploads};

use crate::builder::Builder;
use crate::error::{Error, HttpError, abort};
use crate::extract::FromRequest;
use crate::request::Request;

/// A form's fields, as a struct or a map: of a request whose content is urlencoded or multipart. A name that is there several times is a list.
///
/// 415 if the content is no form, 400 if it is malformed, 413 if it is more than the limits allow, 422 if a field is missing or of another kind.
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, Form};
///
/// #[derive(serde::Deserialize)]
/// struct Post {
///     title: String,
///     #[serde(default)]
///     tags: Vec<String>,
///     draft: Option<String>,
/// }
///
/// async fn create(Form(post): Form<Post>) -> String {
///     format!("{} {:?} {}", post.title, post.tags, post.draft.is_some())
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let client = rsgi_test::Client::new(App::builder("blog").post("/", create).build()?);
/// let answer = client.post("/").form(&[("title", "Hello, world"), ("tags", "a"), ("tags", "b")]).answer();
/// assert_eq!(answer.text(), "Hello, world [\"a\", \"b\"] false");
/// assert_eq!(client.post("/").form(&[("tags", "a")]).answer().status(), 422);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequest for Form<T> {
    async fn from_request(request: &Request) -> Result<Self, Error> {
        let form = request.form().await?;
        // The one notation that serde's crate for forms reads.
        let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(form.fields()).finish();
        serde_html_form::from_str(&text).map(Self).map_err(|error| {
            abort(422).description(format!("The form is not as it is wanted: {error}.")).into()
        })
    }
}

/// A form's fields and files, by [`Request::form`].
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, Error, Request};
///
/// async fn names(request: Request) -> Result<String, Error> {
///     let form = request.form().await?;
///     Ok(form.fields().map(|(name, _)| name).collect::<Vec<_>>().join(" "))
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let client = rsgi_test::Client::new(App::builder("app").post("/", names).build()?);
/// assert_eq!(client.post("/").form(&[("a", "1"), ("b", "2")]).answer().text(), "a b");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct FormData {
    fields: Vec<(String, String)>,
    files: Mutex<Vec<Upload>>,
}

impl FormData {
    /// The first value of a field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields().find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    /// Names and values of all fields, in order.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Takes the files; whoever asks again gets none.
    #[must_use]
    pub fn take_files(&self) -> Vec<Upload> {
        std::mem::take(&mut self.files.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// How much of a form is read.
///
/// # Examples
///
/// ```
/// use frasco::{App, FormLimits};
///
/// let builder = App::builder("app").form_limits(FormLimits { parts: 20, ..FormLimits::default() });
/// # let _ = builder;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormLimits {
    /// The most bytes of all fields together; files don't count. Default: 500,000, as in Flask.
    pub memory: usize,
    /// The most fields and files. Default: 1000, as in Flask.
    pub parts: usize,
    /// The most bytes of all files together that are held in memory; the others are in temporary files. Default: 500,000.
    pub spool: usize,
}

impl Default for FormLimits {
    fn default() -> Self {
        Self { memory: 500_000, parts: 1000, spool: 500_000 }
    }
}

impl Builder {
    /// Sets how much of a form is read, in place of what the config says. The whole content's limit is the server's, or the config's `max_content_length`.
    #[must_use]
    pub fn form_limits(self, limits: FormLimits) -> Self {
        self.state(limits)
    }
}

impl Request {
    /// The form that the content is, read when it is first asked for.
    ///
    /// # Errors
    ///
    /// As [`Form`]'s: 415, 400, 413; or the content was taken by something else.
    pub async fn form(&self) -> Result<Arc<FormData>, Error> {
        if let Some(read) = self.kept::<FormData>() {
            return Ok(read);
        }
        let kind = self.header("content-type").unwrap_or_default().to_owned();
        let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let limits = self.form_limits();
        let form = match essence.as_str() {
            "application/x-www-form-urlencoded" => urlencoded(taken(self)?, &limits).await?,
            "multipart/form-data" => {
                let boundary = multer::parse_boundary(&kind)
                    .map_err(|_| malformed("its Content-Type names no boundary"))?;
                multipart::read(taken(self)?, boundary, &limits, self.offload()).await?
            }
            _ => {
                return Err(abort(415)
                    .description("The content is to be a form, urlencoded or multipart.")
                    .into());
            }
        };
        self.keep(form);
        Ok(self.kept::<FormData>().unwrap_or_default())
    }
}

impl Request {
    /// The builder's, else the config's.
    fn form_limits(&self) -> FormLimits {
        if let Some(limits) = self.state::<FormLimits>() {
            return (*limits).clone();
        }
        let (settings, usual) = (&self.app().settings, FormLimits::default());
        FormLimits {
            memory: settings.max_form_memory_size.unwrap_or(usual.memory),
            parts: settings.max_form_parts.unwrap_or(usual.parts),
            ..usual
        }
    }
}

fn taken(request: &Request) -> Result<Input, Error> {
    request.take_input().ok_or_else(|| {
        Error::msg(
            "the content was taken already: only one argument of a handler, or hook before it, can read it",
        )
    })
}

async fn urlencoded(mut input: Input, limits: &FormLimits) -> Result<FormData, Error> {
    let bytes = match input.collect(limits.memory as u64).await {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == InputErrorKind::Limit => return Err(too_large("its fields").into()),
        Err(error) => return Err(error.into()),
    };
    let fields: Vec<_> = form_urlencoded::parse(&bytes)
        .take(limits.parts + 1)
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    if fields.len() > limits.parts {
        return Err(too_large("the number of its fields").into());
    }
    Ok(FormData { fields, files: Mutex::default() })
}

fn malformed(why: &str) -> HttpError {
    abort(400).description(format!("The form is malformed: {why}."))
}

fn too_large(what: &str) -> HttpError {
    HttpError::new(StatusCode::PAYLOAD_TOO_LARGE).description(format!("The form is too large: {what}."))
}

/// An error of the content: its kind says what the client is told.
fn of_input(error: InputError) -> Error {
    error.into()
}
