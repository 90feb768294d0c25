//! [`Handler`] and [`BeforeRequest`]: any `fn` or `async fn` whose arguments are extracted from the request and whose result is an answer.
//!
//! A plain `fn` may block: on an async server it runs off the reactor, by the server's offload (law 2 of the contract). The
//! types in a handler's signature are asked at boot whether the app has what they need.

use std::any::{TypeId, type_name};
use std::collections::HashSet;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use crate::error::Error;
use crate::extract::FromRequest;
use crate::extras::States;
use crate::request::Request;
use crate::response::{IntoResponse, Response};
use crate::routing::Entry;

/// What an app has, as far as is known at boot: what extractors and answers look at.
///
/// # Examples
///
/// ```
/// use frasco::{App, Boot, Error, FromRequest, Request};
///
/// struct Pool;
///
/// /// Wants what the builder may have forgotten, and says so before the first request.
/// struct Connection;
///
/// impl FromRequest for Connection {
///     async fn from_request(_request: &Request) -> Result<Self, Error> {
///         Ok(Self)
///     }
///
///     fn check(boot: &Boot<'_>) -> Result<(), String> {
///         if boot.has_state::<Pool>() { Ok(()) } else { Err("it wants a Pool: add .state(Pool)".to_owned()) }
///     }
/// }
///
/// async fn index(_: Connection) -> &'static str {
///     "index"
/// }
///
/// assert!(App::builder("app").get("/", index).build().unwrap_err().to_string().contains("add .state(Pool)"));
/// assert!(App::builder("app").state(Pool).get("/", index).build().is_ok());
/// ```
pub struct Boot<'a> {
    pub(crate) states: &'a States,
    /// What requests have in the slots of their environ.
    pub(crate) slots: &'a HashSet<TypeId>,
    /// The rule of the handler; `None` for a hook and an error handler.
    pub(crate) entry: Option<&'a Entry>,
}

impl fmt::Debug for Boot<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Boot").field("entry", &self.entry).finish_non_exhaustive()
    }
}

impl Boot<'_> {
    /// Tells whether the app was given a [`State`](crate::State) of this type.
    #[must_use]
    pub fn has_state<T: 'static>(&self) -> bool {
        self.states.contains_key(&TypeId::of::<T>())
    }

    /// The app's [`State`](crate::State) of this type.
    #[must_use]
    pub fn state<T: 'static>(&self) -> Option<&T> {
        self.states.get(&TypeId::of::<T>())?.downcast_ref()
    }

    /// Tells whether the app's requests have a value of this type in a slot of their environ, as far as is known: what the app itself
    /// sees to, such as `Session`, and not what middleware puts there.
    #[must_use]
    pub fn has_slot<T: 'static>(&self) -> bool {
        self.slots.contains(&TypeId::of::<T>())
    }

    /// The variables of the handler's rule, with a sample of each that it matches, and its defaults; `None` for a hook and an error handler, which have
    /// no rule of their own.
    #[must_use]
    pub fn variables(&self) -> Option<Vec<(String, String)>> {
        let entry = self.entry?;
        let variables = entry.rule.variables().map(|(name, converter)| (name.to_owned(), converter.sample()));
        Some(variables.chain(entry.defaults.iter().cloned()).collect())
    }
}

/// How a function gives its answer: at once, and so may have blocked, or by a future.
pub(crate) mod way {
    /// By a plain `fn`.
    #[derive(Debug)]
    pub struct Blocking(());

    /// By an `async fn`.
    #[derive(Debug)]
    pub struct Async(());
}

pub(crate) type Answering<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

macro_rules! returned {
    ($(#[$doc:meta])* $returned:ident, $into:ident, $method:ident, $out:ty) => {
        $(#[$doc])*
        pub trait $returned<Way>: Sized + Send + 'static {
            /// Runs the function where it may run, and makes an answer of what it returns.
            #[doc(hidden)]
            fn answer(
                run: impl FnOnce() -> Self + Send + 'static,
                request: Request,
            ) -> impl Future<Output = Result<$out, Error>> + Send;

            /// Looks at boot whether the app has what the answer needs.
            #[doc(hidden)]
            fn check(boot: &Boot<'_>) -> Result<(), String>;
        }

        impl<T: $into + 'static> $returned<way::Blocking> for T {
            async fn answer(
                run: impl FnOnce() -> Self + Send + 'static,
                request: Request,
            ) -> Result<$out, Error> {
                let offload = request.offload().clone();
                offload.run(move || run().$method(&request)).await
            }

            fn check(boot: &Boot<'_>) -> Result<(), String> {
                <T as $into>::check(boot)
            }
        }

        impl<F> $returned<way::Async> for F
        where
            F: Future<Output: $into> + Send + 'static,
        {
            async fn answer(
                run: impl FnOnce() -> Self + Send + 'static,
                request: Request,
            ) -> Result<$out, Error> {
                let value = run().await;
                if <F::Output as $into>::blocks() {
                    // Boxed, as it would lie in the future of every other handler.
                    let offload = request.offload().clone();
                    return Box::pin(offload.run(move || value.$method(&request))).await;
                }
                value.$method(&request)
            }

            fn check(boot: &Boot<'_>) -> Result<(), String> {
                <F::Output as $into>::check(boot)
            }
        }
    };
}

returned!(
    /// What a handler's function returns: an answer, or a future of one.
    ///
    /// # Examples
    ///
    /// ```
    /// use frasco::Returned;
    ///
    /// fn is_for_a_handler<Way>(_: impl Returned<Way>) {}
    ///
    /// is_for_a_handler("text");
    /// is_for_a_handler((201, "text"));
    /// is_for_a_handler(async { Some("text") });
    /// ```
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is neither an answer nor a future of one",
        label = "a handler can't return this",
        note = "return text, bytes, `Json(value)`, `(status, value)`, an `Option` or a `Result` of one, or a `frasco::Response`; an async handler's future must be `Send`"
    )]
    Returned, IntoResponse, into_response, Response
);

returned!(
    /// What a function before requests returns: whether it answers, or a future of that.
    ///
    /// # Examples
    ///
    /// ```
    /// use frasco::ReturnedBefore;
    ///
    /// fn is_for_before<Way>(_: impl ReturnedBefore<Way>) {}
    ///
    /// is_for_before(());
    /// is_for_before(Some("text"));
    /// is_for_before(async { Ok::<_, frasco::Error>(None::<&str>) });
    /// ```
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is neither `()`, an `Option` of an answer, a `Result` of one of these, nor a future of one",
        label = "a function before requests can't return this",
        note = "return `()` to go on, `Some(answer)` to answer in the handler's place, or an error by `Result`"
    )]
    ReturnedBefore, IntoInterruption, into_interruption, Option<Response>
);

/// A function that answers requests: up to eight arguments that are [`FromRequest`], and a result that is [`IntoResponse`].
///
/// `Marker` tells the forms apart and is always inferred.
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, Json, Path, Request};
///
/// fn blocking(Path(name): Path<String>) -> String {
///     format!("hello {name}")
/// }
///
/// async fn waiting(request: Request) -> Json<Vec<String>> {
///     Json(request.args().map(|(name, _)| name.into_owned()).collect())
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let app = App::builder("hello").get("/hello/<name>", blocking).get("/names", waiting).build()?;
/// let client = rsgi_test::Client::new(app);
/// assert_eq!(client.get("/hello/ada").answer().text(), "hello ada");
/// assert_eq!(client.get("/names?a=1&b").answer().text(), "[\"a\",\"b\"]\n");
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no handler",
    label = "this function can't answer requests",
    note = "a handler is an `fn`, an `async fn` or a closure of up to eight arguments, each of which implements `frasco::FromRequest`: `Request`, `Path`, `Query`, `Json`, `State`, ...",
    note = "it returns what implements `frasco::IntoResponse`: text, bytes, `Json(value)`, `(status, value)`, an `Option` of one, or a `Result` of one, whose error is a `frasco::Error` or any `std::error::Error`",
    note = "an async one holds nothing across an `await` that isn't `Send`, such as an `Rc` or a lock's guard"
)]
pub trait Handler<Marker>: Clone + Send + Sync + 'static {
    /// Answers a request.
    #[doc(hidden)]
    fn call(&self, request: Request) -> Answering<Response>;

    /// Looks at boot whether the app has what the function needs.
    #[doc(hidden)]
    fn check(boot: &Boot<'_>) -> Result<(), String>;
}

/// A function that is called before requests are answered, and may answer in the handler's place: arguments as a [`Handler`]'s, and
/// a result that is [`IntoInterruption`].
///
/// `Marker` tells the forms apart and is always inferred.
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, Request, Response, redirect};
///
/// async fn only_with_a_name(request: Request) -> Option<Response> {
///     request.header("x-name").is_none().then(|| redirect("/login"))
/// }
///
/// async fn index() -> &'static str {
///     "index"
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let app = App::builder("app").before_request(only_with_a_name).get("/", index).build()?;
/// let client = rsgi_test::Client::new(app);
/// assert_eq!(client.get("/").answer().status(), 303);
/// assert_eq!(client.get("/").header("x-name", "ada").answer().text(), "index");
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no function to be called before requests",
    label = "this function can't be called before requests",
    note = "it is an `fn`, an `async fn` or a closure of up to eight arguments, each of which implements `frasco::FromRequest`: `Request`, `Path`, `Query`, `Json`, `State`, ...",
    note = "it returns `()` to go on, `Some(answer)` to answer in the handler's place, or a `Result` of one of these, whose error is a `frasco::Error` or any `std::error::Error`",
    note = "an async one holds nothing across an `await` that isn't `Send`, such as an `Rc` or a lock's guard"
)]
pub trait BeforeRequest<Marker>: Clone + Send + Sync + 'static {
    /// Looks at a request.
    #[doc(hidden)]
    fn call(&self, request: Request) -> Answering<Option<Response>>;

    /// Looks at boot whether the app has what the function needs.
    #[doc(hidden)]
    fn check(boot: &Boot<'_>) -> Result<(), String>;
}

/// What a function before requests may return: `()` to go on, `Some(answer)` to answer in the handler's place, or a `Result` of one of these.
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, Error, Request, abort};
///
/// fn only_on_weekdays(request: Request) -> Result<(), Error> {
///     match request.arg("day").as_deref() {
///         Some("sunday") => Err(abort(503).into()),
///         _ => Ok(()),
///     }
/// }
///
/// async fn index() -> &'static str {
///     "open"
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let client = rsgi_test::Client::new(App::builder("app").before_request(only_on_weekdays).get("/", index).build()?);
/// assert_eq!(client.get("/?day=sunday").answer().status(), 503);
/// assert_eq!(client.get("/").answer().text(), "open");
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` doesn't say whether it answers",
    label = "a function before requests can't return this",
    note = "return `()` to go on, `Some(answer)` to answer in the handler's place, or an error by `Result`"
)]
pub trait IntoInterruption: Send {
    /// The answer, if there is one already.
    ///
    /// # Errors
    ///
    /// What an error handler is to answer.
    fn into_interruption(self, request: &Request) -> Result<Option<Response>, Error>;

    /// Looks at boot whether the app has what such an answer needs.
    ///
    /// # Errors
    ///
    /// What is missing, and what to do about it.
    fn check(boot: &Boot<'_>) -> Result<(), String> {
        let _ = boot;
        Ok(())
    }

    /// Tells whether making the answer may block; see [`IntoResponse::blocks`]. Default: it doesn't.
    #[must_use]
    fn blocks() -> bool {
        false
    }
}

impl IntoInterruption for () {
    fn into_interruption(self, _: &Request) -> Result<Option<Response>, Error> {
        Ok(None)
    }
}

impl<T: IntoResponse> IntoInterruption for Option<T> {
    fn into_interruption(self, request: &Request) -> Result<Option<Response>, Error> {
        self.map(|value| value.into_response(request)).transpose()
    }

    fn check(boot: &Boot<'_>) -> Result<(), String> {
        T::check(boot)
    }

    fn blocks() -> bool {
        T::blocks()
    }
}

impl<T: IntoInterruption, E: Into<Error> + Send> IntoInterruption for Result<T, E> {
    fn into_interruption(self, request: &Request) -> Result<Option<Response>, Error> {
        self.map_err(Into::into)?.into_interruption(request)
    }

    fn check(boot: &Boot<'_>) -> Result<(), String> {
        T::check(boot)
    }

    fn blocks() -> bool {
        T::blocks()
    }
}

/// Calls a macro with each number of arguments.
macro_rules! each_arity {
    ($name:ident) => {
        $name!();
        $name!(A1 a1);
        $name!(A1 a1, A2 a2);
        $name!(A1 a1, A2 a2, A3 a3);
        $name!(A1 a1, A2 a2, A3 a3, A4 a4);
        $name!(A1 a1, A2 a2, A3 a3, A4 a4, A5 a5);
        $name!(A1 a1, A2 a2, A3 a3, A4 a4, A5 a5, A6 a6);
        $name!(A1 a1, A2 a2, A3 a3, A4 a4, A5 a5, A6 a6, A7 a7);
        $name!(A1 a1, A2 a2, A3 a3, A4 a4, A5 a5, A6 a6, A7 a7, A8 a8);
    };
}

macro_rules! callable {
    ($handler:ident, $returned:ident, $out:ty; $($type:ident $value:ident),*) => {
        impl<F, R, Way, $($type),*> $handler<(Way, fn($($type),*) -> R)> for F
        where
            F: Fn($($type),*) -> R + Clone + Send + Sync + 'static,
            R: $returned<Way>,
            $($type: FromRequest + 'static,)*
        {
            fn call(&self, request: Request) -> Answering<$out> {
                let function = self.clone();
                Box::pin(async move {
                    $(let $value = $type::from_request(&request).await?;)*
                    R::answer(move || function($($value),*), request).await
                })
            }

            fn check(boot: &Boot<'_>) -> Result<(), String> {
                $($type::check(boot)?;)*
                R::check(boot)
            }
        }
    };
}

macro_rules! both {
    ($($arguments:tt)*) => {
        callable!(Handler, Returned, Response; $($arguments)*);
        callable!(BeforeRequest, ReturnedBefore, Option<Response>; $($arguments)*);
    };
}

each_arity!(both);

/// A handler whose type is forgotten.
pub(crate) trait View<T>: Send + Sync {
    fn call(&self, request: Request) -> Answering<T>;
    fn check(&self, boot: &Boot<'_>) -> Result<(), String>;
}

struct Forgotten<H, M>(H, PhantomData<fn() -> M>);

impl<H: Handler<M>, M: 'static> View<Response> for Forgotten<H, M> {
    fn call(&self, request: Request) -> Answering<Response> {
        self.0.call(request)
    }

    fn check(&self, boot: &Boot<'_>) -> Result<(), String> {
        H::check(boot)
    }
}

impl<H: BeforeRequest<M>, M: 'static> View<Option<Response>> for Forgotten<H, M> {
    fn call(&self, request: Request) -> Answering<Option<Response>> {
        self.0.call(request)
    }

    fn check(&self, boot: &Boot<'_>) -> Result<(), String> {
        H::check(boot)
    }
}

pub(crate) fn view<H: Handler<M>, M: 'static>(handler: H) -> Arc<dyn View<Response>> {
    Arc::new(Forgotten(handler, PhantomData))
}

pub(crate) fn before<H: BeforeRequest<M>, M: 'static>(handler: H) -> Arc<dyn View<Option<Response>>> {
    Arc::new(Forgotten(handler, PhantomData))
}

/// The name of a function, as its endpoint: what stands last in its path; `None` for a closure.
pub(crate) fn function_name<F>() -> Option<String> {
    let name = type_name::<F>();
    let last = name.rsplit("::").next().unwrap_or(name);
    let is_name = last.chars().all(|it| it.is_alphanumeric() || it == '_');
    is_name.then(|| last.to_owned())
}
