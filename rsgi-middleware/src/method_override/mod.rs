//! [`MethodOverride`]: another method for a POST, as HTML forms know only that one.
//!
//! A field of the request or one of its form says which. The form is read to its end before the app is called, within a
//! bound, and put back (`Input::put_back`): the app reads it as it came. What is longer, or of another type, isn't read.

mod form;
#[cfg(test)]
mod tests;

use std::future::Future;

use rsgi_core::http::{HeaderName, Method};
use rsgi_core::{App, Capabilities, Environ, Error, InputLength, Middleware, StartResponse, Started};

/// Takes the method of a POST from `X-HTTP-Method-Override`, or from the field `_method` of its form.
///
/// The app finds the new method in [`Environ::method`], and the old as [`OriginalMethod`]. Only POST is changed, which no
/// browser sends from elsewhere without a form of its own; put protection against such forms inside this middleware, so
/// that it sees the method that counts. The request's field is looked at first.
///
/// # Examples
///
/// ```
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::{app_fn, Environ, Stack, StartResponse};
/// use rsgi_middleware::MethodOverride;
/// use rsgi_test::Client;
///
/// let app = app_fn(|mut environ: Environ, start_response: StartResponse| async move {
///     let form = environ.input_mut().collect(1000).await?;
///     let told = format!("{} {}", environ.method(), String::from_utf8_lossy(&form));
///     Ok(start_response.status(StatusCode::OK).body(told))
/// });
/// let client = Client::new(Stack::new().then(MethodOverride::new()).app(app));
/// let answer = client.post("/").form(&[("name", "tea"), ("_method", "delete")]).answer();
/// assert_eq!(answer.text(), "DELETE name=tea&_method=delete");
/// assert_eq!(client.post("/").header("x-http-method-override", "PUT").answer().text(), "PUT ");
/// ```
#[derive(Debug, Clone)]
pub struct MethodOverride {
    header: Option<HeaderName>,
    form_field: Option<String>,
    form_bytes: u64,
    methods: Vec<Method>,
}

/// The method that a request came with, where [`MethodOverride`] changed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginalMethod(Method);

impl OriginalMethod {
    /// The method on the wire.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.0
    }
}

impl MethodOverride {
    /// Looks at both, and lets a POST become PUT, PATCH or DELETE.
    #[must_use]
    pub fn new() -> Self {
        Self {
            header: Some(HeaderName::from_static("x-http-method-override")),
            form_field: Some("_method".into()),
            form_bytes: 64 << 10,
            methods: vec![Method::PUT, Method::PATCH, Method::DELETE],
        }
    }

    /// The request's field; `None` to look at none. Default: `x-http-method-override`.
    #[must_use]
    pub fn header(mut self, name: impl Into<Option<HeaderName>>) -> Self {
        self.header = name.into();
        self
    }

    /// The field of an urlencoded form; `None` to read no form. Default: `_method`.
    #[must_use]
    pub fn form_field<'a>(mut self, name: impl Into<Option<&'a str>>) -> Self {
        self.form_field = name.into().map(str::to_owned);
        self
    }

    /// The longest form that is read, in bytes: it is in memory until the app has read it. Default: 64 KiB. A longer one
    /// reaches the app as a POST.
    #[must_use]
    pub fn form_bytes(mut self, bytes: u64) -> Self {
        self.form_bytes = bytes;
        self
    }

    /// The methods that a POST may become. Default: PUT, PATCH, DELETE. GET among them would let a form pass by what
    /// protects against forged ones.
    #[must_use]
    pub fn methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.methods = methods.into_iter().collect();
        self
    }

    /// What the request's field says.
    fn by_header(&self, environ: &Environ) -> Option<Method> {
        let value = environ.headers().get(self.header.as_ref()?)?;
        self.allowed(value.as_bytes())
    }

    /// The method of that name, whatever its case.
    fn allowed(&self, name: &[u8]) -> Option<Method> {
        let name = name.trim_ascii();
        self.methods.iter().find(|method| method.as_str().as_bytes().eq_ignore_ascii_case(name)).cloned()
    }

    /// The field to look for, if the request has a form that is short enough.
    fn form_of(&self, environ: &Environ) -> Option<&str> {
        let field = self.form_field.as_deref()?;
        let fits = match environ.input_length() {
            InputLength::Known(length) => length <= self.form_bytes,
            InputLength::Unknown => true,
            _ => false,
        };
        // A stream that is to be taken over is no form.
        let taken = matches!(environ.upgrade(), Ok(Some(_)) | Err(_));
        (fits && !taken && form::is_urlencoded(environ.headers())).then_some(field)
    }
}

impl Default for MethodOverride {
    fn default() -> Self {
        Self::new()
    }
}

impl<A: App> Middleware<A> for MethodOverride {
    type App = MethodOverrideApp<A>;

    fn wrap(self, inner: A) -> MethodOverrideApp<A> {
        MethodOverrideApp { settings: self, inner }
    }
}

/// An app inside [`MethodOverride`].
#[derive(Debug, Clone)]
pub struct MethodOverrideApp<A> {
    settings: MethodOverride,
    inner: A,
}

impl<A: App> App for MethodOverrideApp<A> {
    async fn call(&self, mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        if environ.method() == Method::POST {
            let settings = &self.settings;
            let mut method = settings.by_header(&environ);
            if method.is_none()
                && let Some(field) = settings.form_of(&environ).map(str::to_owned)
                && let Some(name) = form::field(environ.input_mut(), &field, settings.form_bytes).await?
            {
                method = settings.allowed(&name);
            }
            if let Some(method) = method {
                environ.set_method(method);
                environ.insert(OriginalMethod(Method::POST));
            }
        }
        self.inner.call(environ, start_response).await
    }

    fn requires(&self) -> Capabilities {
        self.inner.requires()
    }

    fn stop(&self) -> impl Future<Output = ()> + Send {
        self.inner.stop()
    }
}
