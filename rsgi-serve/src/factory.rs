//! [`Factory`]: what makes an app, in each worker.
//!
//! Any of these is one: `fn() -> App`, `fn() -> Result<App, E>`, `async fn` of either, and each of them with the app's own
//! settings as its argument: `fn(&Section) -> ...`. What it returns is told apart by [`Made`], so the two traits need no more
//! than a plain function.
//!
//! Not here: in which process it is called, which is `worker/`.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use rsgi_core::{App, Error};

use crate::Section;

/// Makes an app.
///
/// # Contract
///
/// - **Who calls it**: each worker, once, before it says that it is ready; with `--preload-app` the master, once, before it
///   forks, so that a reload doesn't make the app anew and an upgrade does. `check` calls it in a process of its own that ends afterwards.
/// - **Async**: an `async fn` runs on a tokio runtime that lives as long as the worker (without the feature `hyper` on a plain
///   executor), and not with `--preload-app`: a runtime's threads don't survive a fork.
/// - **Errors**: at the first start an error ends the program with code 4; at a reload the old workers stay.
///
/// `Marker` tells the forms apart and is always inferred.
///
/// # Examples
///
/// ```
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::{App, app_fn};
/// use rsgi_serve::{Factory, Section, SectionError};
///
/// fn create_app(section: &Section) -> Result<impl App + use<>, SectionError> {
///     let greeting = section.text("greeting").unwrap_or("hello").to_owned();
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
    note = "a factory is `fn() -> impl App`, `fn() -> Result<impl App, E>`, an `async fn` of either, or one of these with a `&Section` argument"
)]
pub trait Factory<Marker>: Send + 'static {
    /// What it makes.
    type App: App;

    /// Makes it, or says how it will be made.
    fn create(&self, section: &'static Section) -> Creation<Self::App>;
}

/// An app that a factory has made, or will have.
#[non_exhaustive]
pub enum Creation<A> {
    /// It is there, or it failed.
    Done(Result<A, Error>),
    /// It will be there when the future ends.
    Later(Pin<Box<dyn Future<Output = Result<A, Error>>>>),
}

impl<A> fmt::Debug for Creation<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done(Ok(_)) => "Done(Ok(..))",
            Self::Done(Err(_)) => "Done(Err(..))",
            Self::Later(_) => "Later(..)",
        })
    }
}

/// What a factory's function may return: an app, a result of one, or a future of either. `Marker` is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no app, no `Result` of one, and no future of either",
    label = "a factory returns something else"
)]
pub trait Made<Marker> {
    /// The app.
    type App: App;

    /// Makes one form of all.
    fn into_creation(self) -> Creation<Self::App>;
}

/// The form of a factory that returns an app.
#[derive(Debug)]
pub struct Plain(());

/// The form of a factory that may fail.
#[derive(Debug)]
pub struct Fallible(());

/// The form of a factory that is an `async fn`.
#[derive(Debug)]
pub struct Later<M>(std::marker::PhantomData<M>);

/// The form of a factory without an argument.
#[derive(Debug)]
pub struct Without<R, M>(std::marker::PhantomData<(R, M)>);

/// The form of a factory that takes the app's settings.
#[derive(Debug)]
pub struct WithSection<R, M>(std::marker::PhantomData<(R, M)>);

impl<A: App> Made<Plain> for A {
    type App = A;

    fn into_creation(self) -> Creation<A> {
        Creation::Done(Ok(self))
    }
}

impl<A: App, E: Into<Error>> Made<Fallible> for Result<A, E> {
    type App = A;

    fn into_creation(self) -> Creation<A> {
        Creation::Done(self.map_err(Into::into))
    }
}

impl<F, M> Made<Later<M>> for F
where
    F: Future<Output: Made<M>> + 'static,
{
    type App = <F::Output as Made<M>>::App;

    fn into_creation(self) -> Creation<Self::App> {
        Creation::Later(Box::pin(async move {
            match self.await.into_creation() {
                Creation::Done(done) => done,
                Creation::Later(later) => later.await,
            }
        }))
    }
}

impl<F, R, M> Factory<Without<R, M>> for F
where
    F: Fn() -> R + Send + 'static,
    R: Made<M>,
{
    type App = R::App;

    fn create(&self, _: &'static Section) -> Creation<R::App> {
        self().into_creation()
    }
}

impl<F, R, M> Factory<WithSection<R, M>> for F
where
    F: Fn(&'static Section) -> R + Send + 'static,
    R: Made<M>,
{
    type App = R::App;

    fn create(&self, section: &'static Section) -> Creation<R::App> {
        self(section).into_creation()
    }
}

#[cfg(test)]
mod tests {
    use rsgi_core::http::StatusCode;
    use rsgi_core::{Environ, StartResponse, Started};

    use super::*;

    async fn hello(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        Ok(start_response.status(StatusCode::OK).body("hello"))
    }

    fn plain() -> impl App {
        hello
    }

    fn failing() -> Result<impl App, std::io::Error> {
        if true { Err(std::io::Error::other("no database")) } else { Ok(hello) }
    }

    async fn later() -> impl App {
        hello
    }

    async fn later_failing(section: &Section) -> Result<impl App + use<>, Error> {
        if section.is_empty() { Err("no section".into()) } else { Ok(hello) }
    }

    fn with_section(_section: &Section) -> impl App + use<> {
        hello
    }

    fn made<M, F: Factory<M>>(factory: &F) -> Result<(), String> {
        let section: &'static Section = Box::leak(Box::default());
        match factory.create(section) {
            Creation::Done(done) => done.map(drop).map_err(|error| error.to_string()),
            Creation::Later(later) => {
                let mut later = later;
                let mut context = std::task::Context::from_waker(std::task::Waker::noop());
                match later.as_mut().poll(&mut context) {
                    std::task::Poll::Ready(done) => done.map(drop).map_err(|error| error.to_string()),
                    std::task::Poll::Pending => Err("pending".to_owned()),
                }
            }
        }
    }

    #[test]
    fn every_form_of_a_function_is_a_factory() {
        assert_eq!(made(&plain), Ok(()));
        assert_eq!(made(&failing), Err("no database".to_owned()));
        assert_eq!(made(&later), Ok(()));
        assert_eq!(made(&later_failing), Err("no section".to_owned()));
        assert_eq!(made(&with_section), Ok(()));
        assert_eq!(made(&|| hello), Ok(()));
    }
}
