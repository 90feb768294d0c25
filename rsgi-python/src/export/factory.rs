//! [`Factory`]: what makes an app, once in each process.
//!
//! The forms are those of `rsgi-serve` without an argument: `fn() -> App`, `fn() -> Result<App, E>`, and an `async fn` of either.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use rsgi_core::{App, BoxApp, Error};

/// Makes an app.
///
/// # Contract
///
/// - **Who calls it**: the import of the module, with the interpreter's lock let go; and the first request in a process that was forked
///   behind the import (`gunicorn --preload`), where neither threads nor connections of the first app are left.
/// - **Async**: an `async fn` runs on the tokio runtime that serves the app's requests in this process. A plain `fn` runs before there
///   is one.
/// - **Errors**: an error or a panic is an `ImportError` with all its causes, a `RuntimeError` in a forked process.
///
/// `Marker` tells the forms apart and is always inferred.
///
/// # Examples
///
/// ```
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::{App, Error, app_fn};
/// use rsgi_python::export::Factory;
///
/// async fn create_app() -> Result<impl App, Error> {
///     let greeting = String::from_utf8(b"hello".to_vec())?;
///     Ok(app_fn(move |_environ, start_response| {
///         let greeting = greeting.clone();
///         async move { Ok(start_response.status(StatusCode::OK).body(greeting)) }
///     }))
/// }
///
/// fn is_factory<M>(_: impl Factory<M>) {}
/// is_factory(create_app);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` makes no RSGI app",
    label = "not an app factory",
    note = "a factory is `fn() -> impl App`, `fn() -> Result<impl App, E>`, or an `async fn` of either"
)]
pub trait Factory<Marker>: Send + Sync + 'static {
    /// Makes it, or says how it will be made.
    fn create(&self) -> Making;
}

/// An app that a factory has made, or will have.
#[non_exhaustive]
pub enum Making {
    /// It is there, or it failed.
    Done(Result<BoxApp, Error>),
    /// It will be there when the future ends.
    Later(Pin<Box<dyn Future<Output = Result<BoxApp, Error>>>>),
}

impl fmt::Debug for Making {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Done(Ok(_)) => "Done(Ok(..))",
            Self::Done(Err(_)) => "Done(Err(..))",
            Self::Later(_) => "Later(..)",
        })
    }
}

/// What a factory may return: an app, a result of one, or a future of either. `Marker` is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no app, no `Result` of one, and no future of either",
    label = "a factory returns something else"
)]
pub trait Made<Marker> {
    /// Makes one form of all.
    fn into_making(self) -> Making;
}

/// The form of a factory that returns an app.
#[derive(Debug)]
pub struct Plain(());

/// The form of a factory that may fail.
#[derive(Debug)]
pub struct Fallible(());

/// The form of a factory that is an `async fn`.
#[derive(Debug)]
pub struct Later<M>(PhantomData<M>);

impl<A: App> Made<Plain> for A {
    fn into_making(self) -> Making {
        Making::Done(Ok(BoxApp::new(self)))
    }
}

impl<A: App, E: Into<Error>> Made<Fallible> for Result<A, E> {
    fn into_making(self) -> Making {
        Making::Done(self.map(BoxApp::new).map_err(Into::into))
    }
}

impl<F, M> Made<Later<M>> for F
where
    F: Future<Output: Made<M>> + 'static,
{
    fn into_making(self) -> Making {
        Making::Later(Box::pin(async move {
            match self.await.into_making() {
                Making::Done(done) => done,
                Making::Later(later) => later.await,
            }
        }))
    }
}

impl<F, R, M> Factory<M> for F
where
    F: Fn() -> R + Send + Sync + 'static,
    R: Made<M>,
{
    fn create(&self) -> Making {
        self().into_making()
    }
}
