//! [`WsgiApp`]: the app, and where its calls run.
//!
//! On a blocking server right on its thread. On an async one by its offload, where a call hands its answer over before it
//! returns, and goes on: so `write()` is sent at once, and all of a request is on one thread, where frameworks keep what is the
//! request's. An application that was seen to use `write()` gets a thread for each call on any server.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::thread;

use futures_channel::oneshot;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use rsgi_core::{
    App, Environ, Error, InputError, InputErrorKind, InputLength, Job, Offload, Offloaded, Pool,
    StartResponse, Started,
};

use super::answer::answer;
use super::closings::Closings;
use super::environ::{Template, template};
use super::failure::Told;
use super::input::Input;
use super::start_response;
use super::write::Written;
use crate::interpreter;

/// A WSGI callable as an [`App`].
///
/// Exceptions that it lets through are logged with their traceback and answered 500. What PEP 3333 asks of a server is done
/// to the letter; beyond it there is `wsgi.input_terminated`.
///
/// # Examples
///
/// ```
/// use pyo3::prelude::*;
/// use rsgi_core::http::{Request, StatusCode};
/// use rsgi_core::{Environ, respond, wait};
/// use rsgi_python::{WsgiApp, interpreter, pyo3};
///
/// interpreter::start()?;
/// let app = interpreter::attach(|py| {
///     let module = PyModule::from_code(
///         py,
///         c"def simple_app(environ, start_response):
///     start_response('200 OK', [('Content-Type', 'text/plain')])
///     return [b'Hello world!\\n']",
///         c"simple.py",
///         c"simple",
///     )?;
///     Ok::<_, PyErr>(WsgiApp::new(module.getattr("simple_app")?.unbind()))
/// })?;
/// let answer = wait(respond(&app, Environ::for_test(Request::new(()))));
/// assert_eq!(answer.status(), StatusCode::OK);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct WsgiApp(Arc<Callable>);

struct Callable {
    application: Py<PyAny>,
    template: PyOnceLock<Arc<Template>>,
    /// It was seen to use `write()`.
    writes: Arc<AtomicBool>,
    closings: Arc<Closings>,
}

impl WsgiApp {
    /// Makes an app of a callable `application(environ, start_response)`.
    pub fn new(application: Py<PyAny>) -> Self {
        let (template, writes, closings) = (PyOnceLock::new(), Arc::default(), Arc::default());
        Self(Arc::new(Callable { application, template, writes, closings }))
    }
}

impl std::fmt::Debug for WsgiApp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WsgiApp").finish_non_exhaustive()
    }
}

impl App for WsgiApp {
    fn call(
        &self,
        environ: Environ,
        start_response: StartResponse,
    ) -> impl Future<Output = Result<Started, Error>> + Send {
        if let (InputLength::Known(length), Some(limit)) =
            (environ.input_length(), environ.server().body_limit)
            && length > limit
        {
            // Most frameworks answer any failure of their input by 500.
            return Called::Done(Some(Err(InputError::new(InputErrorKind::Limit).into())));
        }
        let offload = match environ.offload() {
            Offload::Inline if self.0.writes.load(Ordering::Relaxed) => Offload::Pool(Arc::new(Threads)),
            Offload::Inline => {
                let written = Written::Inline(Arc::clone(&self.0.writes));
                let called = self.0.call(environ, start_response, written);
                return Called::Done(Some(
                    called.and_then(|answered| answered.ok_or_else(|| HANDED_OVER.into())),
                ));
            }
            pool => pool.clone(),
        };
        let (early, answer) = oneshot::channel();
        let callable = Arc::clone(&self.0);
        let work = offload.run(move || callable.call(environ, start_response, Written::Early(early)));
        Called::Elsewhere { work, answer }
    }

    /// Waits until what was returned is closed: that may come behind the last answer's end.
    fn stop(&self) -> impl Future<Output = ()> + Send {
        self.0.closings.over()
    }
}

impl Callable {
    /// Calls the application on this thread; `None` if the answer was handed over by `write()`.
    fn call(
        &self,
        mut environ: Environ,
        start_response: StartResponse,
        written: Written,
    ) -> Result<Option<Started>, Error> {
        let is_over = !matches!(written, Written::Inline(_));
        interpreter::attach(|py| {
            let mut stream = None;
            let called = self.called(py, &mut environ, start_response, written, &mut stream);
            let called = called.map_err(|error| {
                let failed = stream.as_ref().and_then(|stream| stream.get().failed());
                Told::of(&environ).failed(py, &error, failed).into()
            });
            if let Some(stream) = stream.filter(|_| is_over) {
                stream.get().finish();
            }
            called
        })
    }

    fn called<'py>(
        &self,
        py: Python<'py>,
        environ: &mut Environ,
        start_response: StartResponse,
        written: Written,
        stream: &mut Option<Bound<'py, Input>>,
    ) -> PyResult<Option<Started>> {
        let template = template(py, &self.template, environ.server())?;
        let content = environ.take_input();
        let length = content.length();
        let input = stream.insert(Input::of(py, content)?);
        let dictionary = template.dictionary(py, environ, length, input)?;
        let start_response = Bound::new(py, start_response::StartResponse::new(start_response, written))?;
        let returned = self.application.bind(py).call1((dictionary, &start_response))?;
        answer(&start_response, &returned, environ, &self.closings)
    }
}

type Answered = Result<Option<Started>, Error>;

enum Called<W: Send + 'static> {
    /// On a thread of the server's.
    Done(Option<Result<Started, Error>>),
    /// On another thread, from which the answer may come before the work is done.
    Elsewhere { work: Offloaded<Answered, W>, answer: oneshot::Receiver<Result<Started, Error>> },
}

// Both of its parts are `Unpin`, and so is an answer.
impl<W: Send> Unpin for Called<W> {}

impl<W> Future for Called<W>
where
    W: FnOnce() -> Answered + Send + 'static,
{
    type Output = Result<Started, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let (work, answer) = match &mut *self {
            Self::Done(answer) => return answer.take().map_or(Poll::Pending, Poll::Ready),
            Self::Elsewhere { work, answer } => (work, answer),
        };
        if let Poll::Ready(Ok(answer)) = Pin::new(&mut *answer).poll(context) {
            return Poll::Ready(answer);
        }
        match Pin::new(work).poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(Some(answer))) => Poll::Ready(Ok(answer)),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            // It was handed over meanwhile.
            Poll::Ready(Ok(None)) => match answer.try_recv() {
                Ok(Some(answer)) => Poll::Ready(answer),
                _ => Poll::Ready(Err(HANDED_OVER.into())),
            },
        }
    }
}

/// A thread for each call.
struct Threads;

impl Pool for Threads {
    fn submit(&self, job: Job) {
        let run = move || {
            if let Some(waiting) = job.run() {
                waiting.wake();
            }
        };
        if let Err(error) = thread::Builder::new().name("rsgi-python-write".into()).spawn(run) {
            // The job went with the closure, and its request is answered 500.
            tracing::error!(target: "rsgi", "no thread for an application that uses write(): {error}");
        }
    }
}

/// An answer that came without one. It can't, as `write()` alone hands one over, and only where somebody waits for it.
const HANDED_OVER: &str = "the answer was handed over, but didn't arrive";
