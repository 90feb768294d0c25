//! The middleware convention: what wraps an app is an app, and a stack reads from the outside in.
//!
//! A middleware passes `requires` on as the union and `stop` to what it holds. It works on the environ before the
//! call and on the [`Started`] after it; nothing is transmitted in between, so it may change both.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::{App, BoxApp, Capabilities, Environ, Error, StartResponse, Started};

/// Wraps an app in another.
///
/// # Contract
///
/// Called once, at boot, by [`Stack::app`]. The app it makes passes `stop` on to what it holds and returns the union of
/// both needs from `requires`; see SPEC.md, section 10. Most middleware is [`around`] or [`change_answer`]; one with
/// needs or state of its own is a type:
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
/// use rsgi_core::{App, Capabilities, Environ, Error, Middleware, StartResponse, Started};
///
/// /// Numbers the answers.
/// struct Numbered;
///
/// struct NumberedApp<A> {
///     inner: A,
///     last: AtomicU64,
/// }
///
/// impl<A: App> Middleware<A> for Numbered {
///     type App = NumberedApp<A>;
///
///     fn wrap(self, inner: A) -> Self::App {
///         NumberedApp { inner, last: AtomicU64::new(0) }
///     }
/// }
///
/// impl<A: App> App for NumberedApp<A> {
///     async fn call(&self, environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
///         let mut started = self.inner.call(environ, start_response).await?;
///         started.fields_mut().insert("x-number", self.last.fetch_add(1, Relaxed))?;
///         Ok(started)
///     }
///
///     fn requires(&self) -> Capabilities {
///         self.inner.requires()
///     }
///
///     async fn stop(&self) {
///         self.inner.stop().await;
///     }
/// }
/// ```
pub trait Middleware<A: App> {
    /// The wrapped app.
    type App: App;

    /// Wraps `inner`.
    fn wrap(self, inner: A) -> Self::App;
}

/// A pair stacks: the first is the outer.
impl<A: App, Outer, Inner> Middleware<A> for (Outer, Inner)
where
    Inner: Middleware<A>,
    Outer: Middleware<Inner::App>,
{
    type App = Outer::App;

    fn wrap(self, inner: A) -> Self::App {
        self.0.wrap(self.1.wrap(inner))
    }
}

/// A readable stack of middleware: the first is the outermost, as a request meets them.
///
/// # Examples
///
/// ```
/// use rsgi_core::http::{HeaderName, StatusCode};
/// use rsgi_core::{app_fn, around, change_answer, Stack};
///
/// let app = app_fn(|_, start_response| async move { Ok(start_response.status(StatusCode::OK).body("hello")) });
/// let app = Stack::new()
///     .then(around(|environ, start_response, next| async move {
///         let started = next.call(environ, start_response).await?;
///         Ok(started)
///     }))
///     .then(change_answer(|started| {
///         started.fields_mut().insert("x-frame-options", "DENY")?;
///         Ok(())
///     }))
///     .app(app);
/// # fn is_app(_: impl rsgi_core::App) {}
/// # is_app(app);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Stack<M>(M);

/// The empty stack.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nothing;

impl<A: App> Middleware<A> for Nothing {
    type App = A;

    fn wrap(self, inner: A) -> A {
        inner
    }
}

impl Stack<Nothing> {
    /// Begins a stack.
    #[must_use]
    pub fn new() -> Self {
        Self(Nothing)
    }
}

impl<M> Stack<M> {
    /// Adds a middleware inside those before it.
    pub fn then<N>(self, inner: N) -> Stack<(M, N)> {
        Stack((self.0, inner))
    }

    /// Puts the app inside the stack.
    pub fn app<A: App>(self, app: A) -> M::App
    where
        M: Middleware<A>,
    {
        self.0.wrap(app)
    }
}

/// The app inside a middleware made by [`around`].
#[derive(Debug, Clone)]
pub struct Next(BoxApp);

impl Next {
    /// Calls the inner app; costs one allocation, as its type is erased to let closures be inferred.
    ///
    /// # Errors
    ///
    /// Those of the app.
    pub async fn call(&self, environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        self.0.call(environ, start_response).await
    }
}

/// Makes a middleware of a closure that calls what is inside it: before and after are its own. Costs one allocation a
/// request.
pub fn around<F, Fut>(function: F) -> Around<F>
where
    F: Fn(Environ, StartResponse, Next) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Started, Error>> + Send,
{
    Around(function)
}

/// The middleware of [`around`].
#[derive(Debug, Clone, Copy)]
pub struct Around<F>(F);

impl<A, F, Fut> Middleware<A> for Around<F>
where
    A: App,
    F: Fn(Environ, StartResponse, Next) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Started, Error>> + Send,
{
    type App = AroundApp<F>;

    fn wrap(self, inner: A) -> Self::App {
        AroundApp { function: self.0, inner: BoxApp::new(inner) }
    }
}

/// An app inside [`around`].
#[derive(Debug)]
pub struct AroundApp<F> {
    function: F,
    inner: BoxApp,
}

impl<F, Fut> App for AroundApp<F>
where
    F: Fn(Environ, StartResponse, Next) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Started, Error>> + Send,
{
    fn call(
        &self,
        environ: Environ,
        start_response: StartResponse,
    ) -> impl Future<Output = Result<Started, Error>> + Send {
        (self.function)(environ, start_response, Next(self.inner.clone()))
    }

    fn requires(&self) -> Capabilities {
        self.inner.requires()
    }

    fn stop(&self) -> impl Future<Output = ()> + Send {
        self.inner.stop()
    }
}

/// Makes a middleware that changes the answer on its way out; costs next to nothing.
pub fn change_answer<F>(change: F) -> ChangeAnswer<F>
where
    F: Fn(&mut Started) -> Result<(), Error> + Send + Sync + 'static,
{
    ChangeAnswer(change)
}

/// The middleware of [`change_answer`].
#[derive(Debug, Clone, Copy)]
pub struct ChangeAnswer<F>(F);

impl<A, F> Middleware<A> for ChangeAnswer<F>
where
    A: App,
    F: Fn(&mut Started) -> Result<(), Error> + Send + Sync + 'static,
{
    type App = ChangeAnswerApp<F, A>;

    fn wrap(self, inner: A) -> Self::App {
        ChangeAnswerApp { change: self.0, inner }
    }
}

/// An app inside [`change_answer`].
#[derive(Debug, Clone, Copy)]
pub struct ChangeAnswerApp<F, A> {
    change: F,
    inner: A,
}

impl<A, F> App for ChangeAnswerApp<F, A>
where
    A: App,
    F: Fn(&mut Started) -> Result<(), Error> + Send + Sync + 'static,
{
    #[inline(always)]
    fn call(
        &self,
        environ: Environ,
        start_response: StartResponse,
    ) -> impl Future<Output = Result<Started, Error>> + Send {
        // The inner future is made before any wrapper, so the environ is moved once.
        Changing { inner: self.inner.call(environ, start_response), change: &self.change }
    }

    fn requires(&self) -> Capabilities {
        self.inner.requires()
    }

    fn stop(&self) -> impl Future<Output = ()> + Send {
        self.inner.stop()
    }
}

pin_project_lite::pin_project! {
    struct Changing<'a, Fut, F> {
        #[pin]
        inner: Fut,
        change: &'a F,
    }
}

impl<Fut, F> Future for Changing<'_, Fut, F>
where
    Fut: Future<Output = Result<Started, Error>>,
    F: Fn(&mut Started) -> Result<(), Error>,
{
    type Output = Result<Started, Error>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // Changed where it lies: an answer that is moved out and in again is copied twice.
        let mut polled = this.inner.poll(context);
        if let Poll::Ready(Ok(started)) = &mut polled
            && let Err(error) = (this.change)(started)
        {
            polled = Poll::Ready(Err(error));
        }
        polled
    }
}
