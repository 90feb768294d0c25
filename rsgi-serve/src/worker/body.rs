//! [`Body`]: the program's app as the master and the workers see it, whatever its type; [`Hosted`] is the one there is.

use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use rsgi_core::Middleware as _;

use super::job::{Failure, Job};
use super::reins::Reins;
use super::runtime::Ground;
use super::spans::Spanned;
use super::{gateways, life};
use crate::Section;
use crate::access::Access;
use crate::factory::{Creation, Factory};
use crate::hooks::panic_text;
use crate::process::{Child, alone};
use crate::settings::Settings;

/// What can be served.
pub(crate) trait Body {
    /// Makes the app before any fork (`--preload-app`).
    fn preload(&mut self, section: &'static Section) -> Result<(), Failure>;

    /// Makes the app, unless that was done, and serves it until it is told to end.
    fn serve(&mut self, child: &Child, job: Job, reins: &std::sync::Arc<Reins>) -> Result<(), Failure>;

    /// Makes the app, and answers with it the one request that this process was started for.
    fn answer(
        &mut self,
        child: &Child,
        settings: &Settings,
        access: Option<Access>,
    ) -> Result<ExitCode, Failure>;
}

/// The factory, and the app if it was made before the fork.
pub(crate) struct Hosted<F: Factory<M>, M> {
    factory: F,
    made: Option<F::App>,
    marker: PhantomData<fn() -> M>,
}

impl<F: Factory<M>, M> Hosted<F, M> {
    pub(crate) fn new(factory: F) -> Self {
        Self { factory, made: None, marker: PhantomData }
    }

    fn make(&self, section: &'static Section) -> Result<Creation<F::App>, Failure> {
        let made = catch_unwind(AssertUnwindSafe(|| self.factory.create(section)));
        made.map_err(|panic| Failure::of_app(format!("the factory panicked: {}", panic_text(&*panic))))
    }

    fn make_whole(
        &mut self,
        child: &Child,
        section: &'static Section,
        ground: &mut Ground,
    ) -> Result<F::App, Failure> {
        if let Some(app) = self.made.take() {
            return Ok(app);
        }
        let made = match self.make(section)? {
            Creation::Done(made) => made,
            Creation::Later(later) => {
                let awaited = catch_unwind(AssertUnwindSafe(|| ground.wait_for(child, later)));
                let awaited = awaited.map_err(|panic| {
                    Failure::of_app(format!("the factory panicked: {}", panic_text(&*panic)))
                })?;
                awaited.map_err(Failure::of_worker)?
            }
        };
        made.map_err(|error| Failure::of_app(with_sources(&*error)))
    }
}

impl<F: Factory<M>, M> Body for Hosted<F, M> {
    fn preload(&mut self, section: &'static Section) -> Result<(), Failure> {
        match self.make(section)? {
            Creation::Done(made) => {
                self.made = Some(made.map_err(|error| Failure::of_app(with_sources(&*error)))?);
            }
            Creation::Later(_) => {
                let problem = "its factory is async, and preload_app makes the app before the fork, which no runtime outlives; \
                     make the factory a plain function, or leave preload_app out";
                return Err(Failure::of_app(problem));
            }
        }
        alone::require().map_err(|error| Failure::of_app(format!("preload_app: {error}")))
    }

    fn serve(&mut self, child: &Child, job: Job, reins: &std::sync::Arc<Reins>) -> Result<(), Failure> {
        let section: &'static Section = Box::leak(Box::new(Section::new(job.settings.app.clone())));
        let mut ground = Ground::default();
        let app = self.make_whole(child, section, &mut ground)?;
        let served = life::serve(child, job, app, reins);
        ground.leave();
        served
    }

    fn answer(
        &mut self,
        child: &Child,
        settings: &Settings,
        access: Option<Access>,
    ) -> Result<ExitCode, Failure> {
        let section: &'static Section = Box::leak(Box::new(Section::new(settings.app.clone())));
        let mut ground = Ground::default();
        let app = self.make_whole(child, section, &mut ground)?;
        let app = Spanned::new(app, settings.request_spans);
        let answered = match access {
            Some(access) => gateways::answer(child, settings, access.wrap(app)),
            None => gateways::answer(child, settings, app),
        };
        ground.leave();
        Ok(answered?)
    }
}

/// An error and what it comes from, in one line.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = error.source();
    }
    text
}
