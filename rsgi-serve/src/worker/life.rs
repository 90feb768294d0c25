//! A worker's life, in its order.

use std::sync::Arc;
use std::time::Duration;

use rsgi_core::{App, Middleware as _};

use super::adapters::{self, Started};
use super::body::Body;
use super::heart::Heart;
use super::job::{Failure, Job, Purpose};
use super::observed::Observed;
use super::reins::Reins;
use super::signals;
use super::spans::Spanned;
use crate::export;
use crate::hooks::Hooks;
use crate::log::level::{Level, say};
use crate::process::privileges::Identity;
use crate::process::title::Title;
use crate::process::{Child, cpu};

/// Becomes a worker in a process that the master forked, and returns at its end. Its master's things are gone by then.
pub(crate) fn live(
    body: &mut dyn Body,
    child: &Child,
    job: Job,
    identity: &Identity,
    title: &mut Title,
) -> Result<(), Failure> {
    let settings = Arc::clone(&job.settings);
    // Both before there are threads.
    title.set("worker", &settings.process.title);
    if settings.process.cpu_pinning {
        let threads = settings.threads.map_or(1, std::num::NonZeroUsize::get);
        if let Err(error) = cpu::pin(child, usize::from(job.worker.slot), threads) {
            say(Level::Warning, format_args!("cpu_pinning: this worker isn't tied to processors: {error}"));
        }
    }
    live_in(body, child, job, identity)
}

/// The same in a process that keeps its title and processors.
pub(crate) fn live_in(
    body: &mut dyn Body,
    child: &Child,
    mut job: Job,
    identity: &Identity,
) -> Result<(), Failure> {
    let reins = Arc::new(Reins::new(&mut job));
    let lived = begin(child, &mut job, identity, &reins).and_then(|()| {
        let exported = job.purpose != Purpose::Check;
        let exported = exported.then(|| export::start(child, &job.settings.process.title));
        let served = body.serve(child, job, &reins);
        if let Some(exported) = exported {
            exported.end();
        }
        served
    });
    if let Err(failure) = &lived {
        reins.say_why(&failure.reason);
    }
    reins.over();
    lived
}

fn begin(child: &Child, job: &mut Job, identity: &Identity, reins: &Arc<Reins>) -> Result<(), Failure> {
    if job.purpose == Purpose::Serve {
        reins.hook("post_fork", Hooks::post_fork);
    }
    identity.assume(child)?;
    signals::obey(child, Arc::clone(reins)).map_err(Failure::of_worker)?;
    let heart = Heart {
        slot: job.slot,
        life: job.life.take(),
        threads: adapters::threads(&job.settings),
        silence: job.settings.clocks.silence,
        graceful: job.settings.clocks.graceful,
        limit: job.settings.clocks.request,
        reins: Arc::clone(reins),
    };
    heart.start(child).map_err(Failure::of_worker)
}

/// Serves an app until the end.
pub(super) fn serve(child: &Child, mut job: Job, app: impl App, reins: &Arc<Reins>) -> Result<(), Failure> {
    reins.hook("post_worker_init", Hooks::post_worker_init);
    let config = adapters::config(&job.settings, std::mem::take(&mut job.binds), job.purpose);
    let app = Spanned::new(app, job.settings.request_spans);
    let app = Observed::new(Arc::clone(&reins.gauge), app);
    reins.starting();
    let Started { serving, wait } = match job.access.take() {
        Some(access) => adapters::start(child, &job.settings, config, access.wrap(app))?,
        None => adapters::start(child, &job.settings, config, app)?,
    };
    // The adapter has its own by now, and closes them when it stops accepting.
    drop(std::mem::take(&mut job.listeners));
    if job.purpose == Purpose::Check {
        serving.stop(Some(Duration::ZERO));
        return Ok(wait()?);
    }
    if let (Purpose::Serve, Err(error)) = (job.purpose, job.settings.streams().leave()) {
        // The command that started the service goes on waiting for whoever reads what it printed.
        say(Level::Warning, format_args!("daemon: this worker keeps its standard streams: {error}"));
    }
    reins.serving(serving);
    if let Some(ready) = job.ready.take() {
        ready();
    }
    let ended = wait();
    // What the heart's last beat didn't see yet.
    reins.note_load();
    reins.hook("worker_exit", Hooks::worker_exit);
    Ok(ended?)
}
