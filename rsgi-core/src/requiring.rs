//! [`requiring`]: says what an app of a plain function needs of its server.
//!
//! A function has no place for [`App::requires`]; this puts it there, so that a server that can't is known at boot.

use std::future::Future;

use crate::{App, Capabilities, Environ, Error, StartResponse, Started};

/// Makes an app that needs `capabilities` beside those that `app` needs itself.
///
/// # Examples
///
/// ```
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::{App, Capabilities, app_fn, requiring};
///
/// let app = app_fn(|_, start_response| async move { Ok(start_response.status(StatusCode::OK).empty()) });
/// let app = requiring(Capabilities::UPGRADE, app);
/// assert_eq!(app.requires(), Capabilities::UPGRADE);
/// ```
pub fn requiring<A: App>(capabilities: Capabilities, app: A) -> Requiring<A> {
    Requiring { capabilities, app }
}

/// The app of [`requiring`].
#[derive(Debug, Clone, Copy)]
pub struct Requiring<A> {
    capabilities: Capabilities,
    app: A,
}

impl<A: App> App for Requiring<A> {
    #[inline(always)]
    fn call(
        &self,
        environ: Environ,
        start_response: StartResponse,
    ) -> impl Future<Output = Result<Started, Error>> + Send {
        self.app.call(environ, start_response)
    }

    fn requires(&self) -> Capabilities {
        self.capabilities | self.app.requires()
    }

    fn stop(&self) -> impl Future<Output = ()> + Send {
        self.app.stop()
    }
}
