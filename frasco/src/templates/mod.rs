//! Templates, by `minijinja`: Jinja's language, as Flask's are.
//!
//! Every template is compiled when the app is built, and the templates that it names are looked for: so a mistake of
//! syntax or a layout that isn't there is found at boot, with its file and line.
//! Read in the order of the modules.

mod references;
mod sources;

mod configured;
#[cfg(feature = "sessions")]
mod flashed;
#[cfg(not(feature = "sessions"))]
#[path = "no_flashed.rs"]
mod flashed;
mod scene;
#[cfg(feature = "csrf")]
mod token;
#[cfg(not(feature = "csrf"))]
#[path = "no_token.rs"]
mod token;

mod engine;

mod page;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use minijinja::functions::Function;
use minijinja::value::{FunctionArgs, FunctionResult};
use minijinja::{Environment, Value};
use serde::Serialize;

pub use page::{Context, Page, Render, Rendered, render};

use crate::blueprint::Blueprint;
use crate::builder::Builder;
use crate::error::Error;
use crate::request::Request;
use sources::Source;

/// Adds values to every template.
type Processor = Arc<dyn Fn(&Request) -> Result<Value, Error> + Send + Sync>;
type Setup = Arc<dyn Fn(&mut Environment<'static>) + Send + Sync>;

/// What an app or blueprint says of templates while it is made.
#[derive(Clone, Default)]
pub(crate) struct Declared {
    sources: Vec<Source>,
    processors: Vec<Processor>,
    changes: Vec<Setup>,
    undefined: Undefined,
    reload: Reload,
}

/// What a name is to a template that nobody gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Undefined {
    #[default]
    Refused,
    Empty,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Reload {
    #[default]
    Never,
    Changed,
}

impl fmt::Debug for Declared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Declared").field("sources", &self.sources).finish_non_exhaustive()
    }
}

macro_rules! template_methods {
    () => {
        /// Adds a folder of templates, with the folders in it; a template's name is its path below, as `blog/show.html`. Files whose name
        /// begins with a dot or ends with `~` are none. A relative path is taken from where the program was started.
        ///
        /// Where several places have a name, the app's come before its blueprints', and what was added first before what was added later.
        ///
        /// Names that end with `.html`, `.htm`, `.xml`, `.xhtml` or `.svg` have their values escaped, as in Flask. A template sees what it is
        /// given, what context processors add, `request` and `url_for`:
        ///
        /// ```html
        /// <a href="{{ url_for('blog.show', id=3, _anchor='end') }}">{{ request.path }}</a>
        /// ```
        ///
        /// `request` has `method`, `path`, `script_root`, `query_string`, `url`, `scheme`, `host`, `args`, `headers`, `view_args`, `endpoint`,
        /// `blueprint` and `remote_addr`. `config` is the app's, without secrets; `get_flashed_messages(with_categories=true)` as Flask's;
        /// `csrf_token()` and, as a hidden field, `csrf_field()` for forms. `url_for` takes `_anchor`, `_external` and `_scheme`, and leaves out values that are none.
        #[must_use]
        pub fn templates(mut self, folder: impl Into<PathBuf>) -> Self {
            let source = Source::Folder(folder.into());
            self.scope.extras.change::<Declared>(|declared| declared.sources.push(source));
            self
        }

        /// Adds a template that is in the program, by `include_str!` say.
        #[must_use]
        pub fn template(mut self, name: &str, text: &str) -> Self {
            let source = Source::Embedded(name.to_owned(), text.to_owned());
            self.scope.extras.change::<Declared>(|declared| declared.sources.push(source));
            self
        }

        /// Adds values to every template of this app's or blueprint's requests: a map, or a struct, whose fields are names. What a
        /// handler gives its template wins over them, and a blueprint's over the app's. It must not block.
        #[must_use]
        pub fn context_processor<C, F>(mut self, processor: F) -> Self
        where
            C: Serialize,
            F: Fn(&Request) -> Result<C, Error> + Send + Sync + 'static,
        {
            let processor: Processor = Arc::new(move |request| Ok(page::value(&processor(request)?)));
            self.scope.extras.change::<Declared>(|declared| declared.processors.push(processor));
            self
        }
    };
}

impl Blueprint {
    template_methods!();
}

/// Templates; see [`templates`](Self::templates).
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, Rendered, context, render};
///
/// async fn index() -> Rendered {
///     render("index.html", context! { price => 1999 })
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let app = App::builder("shop")
///     .template("layout.html", "<title>{{ shop }}</title>{% block main %}{% endblock %}")
///     .template("index.html", "{% extends 'layout.html' %}{% block main %}{{ price|euro }}{% endblock %}")
///     .context_processor(|_| Ok(context! { shop => "Frasco & Sons" }))
///     .template_filter("euro", |cents: u32| format!("€{}.{:02}", cents / 100, cents % 100))
///     .get("/", index)
///     .build()?;
/// let client = rsgi_test::Client::new(app);
/// assert_eq!(client.get("/").answer().text(), "<title>Frasco &amp; Sons</title>€19.99");
/// # Ok(())
/// # }
/// ```
impl Builder {
    template_methods!();

    /// Adds a filter for all templates: `{{ price|euro }}`.
    #[must_use]
    pub fn template_filter<F, R, A>(self, name: &str, filter: F) -> Self
    where
        F: Function<R, A> + Clone,
        R: FunctionResult,
        A: for<'a> FunctionArgs<'a>,
    {
        let name = name.to_owned();
        self.change_environment(move |environment| environment.add_filter(name.clone(), filter.clone()))
    }

    /// Adds a test for all templates: `{% if number is prime %}`.
    #[must_use]
    pub fn template_test<F, R, A>(self, name: &str, test: F) -> Self
    where
        F: Function<R, A> + Clone,
        R: FunctionResult,
        A: for<'a> FunctionArgs<'a>,
    {
        let name = name.to_owned();
        self.change_environment(move |environment| environment.add_test(name.clone(), test.clone()))
    }

    /// Adds a function that all templates can call: `{{ now() }}`.
    #[must_use]
    pub fn template_function<F, R, A>(self, name: &str, function: F) -> Self
    where
        F: Function<R, A> + Clone,
        R: FunctionResult,
        A: for<'a> FunctionArgs<'a>,
    {
        let name = name.to_owned();
        self.change_environment(move |environment| environment.add_function(name.clone(), function.clone()))
    }

    /// Adds a value that all templates see, whatever the request.
    #[must_use]
    pub fn template_global(self, name: &str, value: impl Serialize) -> Self {
        let (name, value) = (name.to_owned(), page::value(&value));
        self.change_environment(move |environment| environment.add_global(name.clone(), value.clone()))
    }

    /// Writes nothing where a template wants to write what nobody gave it, as Flask does. Default: that is an error, as a misspelt name is;
    /// `{% if name %}` may ask for what isn't there, and `{{ name|default('') }}` says that it may be missing.
    #[must_use]
    pub fn lenient_templates(mut self) -> Self {
        self.scope.extras.change::<Declared>(|declared| declared.undefined = Undefined::Empty);
        self
    }

    /// Sets whether templates in folders are read again when their file has changed: for development, as each use looks at the file, and
    /// does so wherever the handler runs. Default: they are not, and no file is read after boot.
    #[must_use]
    pub fn templates_auto_reload(mut self, reload: bool) -> Self {
        let reload = if reload { Reload::Changed } else { Reload::Never };
        self.scope.extras.change::<Declared>(|declared| declared.reload = reload);
        self
    }

    fn change_environment(
        mut self,
        change: impl Fn(&mut Environment<'static>) + Send + Sync + 'static,
    ) -> Self {
        self.scope.extras.change::<Declared>(|declared| declared.changes.push(Arc::new(change)));
        self
    }
}
