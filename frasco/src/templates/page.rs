//! What a handler returns to have a template rendered: a typed page, or a name and values.

use std::any::TypeId;
use std::fmt;

use minijinja::Value;
use minijinja::value::Serde;
use rsgi_core::http::header::{self, HeaderValue};
use serde::Serialize;

use super::engine::{Templates, list};
use crate::error::Error;
use crate::handler::Boot;
use crate::request::Request;
use crate::response::{HTML, IntoResponse, Response};

/// The values of one template, as a struct. [`Render`] makes an answer of it.
///
/// That there is such a template is looked at when the app is built.
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, Page, Render};
///
/// #[derive(serde::Serialize)]
/// struct Hello {
///     name: &'static str,
/// }
///
/// impl Page for Hello {
///     const TEMPLATE: &'static str = "hello.html";
/// }
///
/// async fn hello() -> Render<Hello> {
///     Render(Hello { name: "<ada>" })
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let app = App::builder("hello").template("hello.html", "hello {{ name }}").get("/", hello).build()?;
/// assert_eq!(rsgi_test::Client::new(app).get("/").answer().text(), "hello &lt;ada&gt;");
///
/// let error = App::builder("hello").template("helo.html", "hello {{ name }}").get("/", hello).build().unwrap_err();
/// assert!(error.to_string().contains("\"hello.html\", which is no template of the app"), "{error}");
/// # Ok(())
/// # }
/// ```
pub trait Page: Serialize {
    /// The template's name: its path below its folder.
    const TEMPLATE: &'static str;
}

/// An answer by a [`Page`]'s template, with the type of the name's extension: HTML but for `.txt`, `.xml`, `.svg`, `.css`, `.js`, `.json`
/// and `.csv`.
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, Page, Path, Render};
///
/// #[derive(serde::Serialize)]
/// struct Hello {
///     name: String,
/// }
///
/// impl Page for Hello {
///     const TEMPLATE: &'static str = "hello.txt";
/// }
///
/// async fn hello(Path(name): Path<String>) -> (u16, Render<Hello>) {
///     (203, Render(Hello { name }))
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let app = App::builder("app").template("hello.txt", "hello {{ name }}").get("/<name>", hello).build()?;
/// let answer = rsgi_test::Client::new(app).get("/ada").answer();
/// assert_eq!((answer.status(), answer.text()), (203, "hello ada"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Render<P>(pub P);

impl<P: Page + Send> IntoResponse for Render<P> {
    fn into_response(self, request: &Request) -> Result<Response, Error> {
        answer(request, P::TEMPLATE, value(&self.0))
    }

    fn check(boot: &Boot<'_>) -> Result<(), String> {
        let name = P::TEMPLATE;
        match boot.state::<Templates>() {
            Some(templates) if templates.has(name) => Ok(()),
            Some(templates) => {
                let there = list(templates.names().iter());
                Err(format!("it renders {name:?}, which is no template of the app: there are {there}"))
            }
            None => Err(format!(
                "it renders {name:?}, and the app has no templates: add .templates(folder) to the builder"
            )),
        }
    }
}

/// Answers by the template of a name, which may be one that is known only now. Unlike with a [`Page`], a name that isn't
/// there is found when it is asked for: a 500, and a line in the log.
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, Rendered, context, render};
///
/// async fn hello() -> Rendered {
///     let numbers = [1, 2, 3];
///     render("hello.txt", context! { name => "ada", numbers })
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let text = "hello {{ name }}: {{ numbers|join(' ') }}";
/// let app = App::builder("hello").template("hello.txt", text).get("/", hello).build()?;
/// let answer = rsgi_test::Client::new(app).get("/").answer();
/// assert_eq!((answer.text(), answer.field("content-type")), ("hello ada: 1 2 3", Some("text/plain; charset=utf-8")));
/// # Ok(())
/// # }
/// ```
pub fn render(name: impl Into<String>, context: impl Serialize) -> Rendered {
    Rendered { name: name.into(), context: value(&context) }
}

/// A template to be rendered, by [`render`].
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, Error, Rendered, context, render};
///
/// async fn page() -> Result<Rendered, Error> {
///     Ok(render("page.txt", context! { title => "Notes" }))
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let app = App::builder("app").template("page.txt", "{{ title }}").get("/", page).build()?;
/// assert_eq!(rsgi_test::Client::new(app).get("/").answer().text(), "Notes");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Rendered {
    name: String,
    context: Value,
}

impl IntoResponse for Rendered {
    fn into_response(self, request: &Request) -> Result<Response, Error> {
        answer(request, &self.name, self.context)
    }
}

impl fmt::Debug for Rendered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Rendered").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Request {
    /// Renders a template to text: for a mail, or a part of an answer.
    ///
    /// # Errors
    ///
    /// There is no such template, or what it does fails: the error names file and line.
    pub fn render(&self, name: &str, context: impl Serialize) -> Result<String, Error> {
        templates(self)?.render(self, name, value(&context))
    }

    /// Renders a text that is a template itself, with escapes of HTML. Never one that a client sent: a template can ask for
    /// everything that it sees.
    ///
    /// # Errors
    ///
    /// What the template does fails, or it is none.
    pub fn render_text(&self, text: &str, context: impl Serialize) -> Result<String, Error> {
        templates(self)?.render_text(self, text, value(&context))
    }
}

fn templates(request: &Request) -> Result<&Templates, Error> {
    let held = request.app().states.get(&TypeId::of::<Templates>());
    held.and_then(|held| held.downcast_ref()).ok_or_else(|| {
        Error::msg("the app has no templates: add .templates(folder) or .template(name, text) to the builder")
    })
}

fn answer(request: &Request, name: &str, context: Value) -> Result<Response, Error> {
    let text = templates(request)?.render(request, name, context)?;
    let mut response = Response::of(text);
    response.headers_mut().insert(header::CONTENT_TYPE, content_type(name));
    Ok(response)
}

fn content_type(name: &str) -> HeaderValue {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("txt") => HeaderValue::from_static("text/plain; charset=utf-8"),
        Some("css") => HeaderValue::from_static("text/css; charset=utf-8"),
        Some("csv") => HeaderValue::from_static("text/csv; charset=utf-8"),
        Some("js") => HeaderValue::from_static("text/javascript; charset=utf-8"),
        Some("json") => HeaderValue::from_static("application/json"),
        Some("svg") => HeaderValue::from_static("image/svg+xml"),
        Some("xml") => HeaderValue::from_static("application/xml"),
        _ => HTML,
    }
}

pub(super) fn value(value: &impl Serialize) -> Value {
    Value::from(Serde(value))
}

/// Values by name, for a template; made by [`context!`](crate::context).
///
/// # Examples
///
/// ```
/// use frasco::Context;
///
/// let context = Context::new().with("title", "Notes").with("count", 3);
/// assert_eq!(serde_json::to_string(&context).unwrap(), r#"{"count":3,"title":"Notes"}"#);
/// ```
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub struct Context(std::collections::BTreeMap<&'static str, Value>);

impl Context {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value, in place of one of its name. One that can't be told by serde is an error when the template asks for it.
    #[must_use]
    pub fn with(mut self, name: &'static str, given: impl Serialize) -> Self {
        self.0.insert(name, value(&given));
        self
    }
}

/// Values by name, for [`render`]: `context! { title => "Posts", posts }`. A name alone is the variable of that name; each is
/// anything that is `serde::Serialize`, by value or by reference.
///
/// # Examples
///
/// ```
/// use frasco::context;
///
/// let posts = vec!["first", "second"];
/// let context = context! { title => "Posts", count => posts.len(), posts };
/// # let _ = context;
/// ```
#[macro_export]
macro_rules! context {
    (@value $name:ident) => { &$name };
    (@value $name:ident $value:expr) => { $value };
    ($($name:ident $(=> $value:expr)?),* $(,)?) => {
        $crate::Context::new()$(.with(stringify!($name), $crate::context!(@value $name $($value)?)))*
    };
}
