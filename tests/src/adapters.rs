//! The adapters under test, each in the ways in which it can be run.
//!
//! To who asks they are all the same: a [`Ground`], which serves apps through the server convention of `rsgi-core`. So a
//! new adapter joins by one function here, and a line in [`mount!`](crate::mount).

use rsgi_hyper::{Builder, Cores};
use rsgi_std::{Options, Poller};
use rsgi_test::suite::Ground;

use crate::differences::HYPER;

/// rsgi-std as it comes.
pub fn std() -> Ground {
    Ground::of::<rsgi_std::Server>()
}

/// rsgi-std over `poll(2)`, as on a system without epoll.
pub fn std_portable() -> Ground {
    let portable = Options::default().poller(Poller::Portable);
    Ground::new("rsgi-std-portable", move |config, app| rsgi_std::Server::start_with(&config, &portable, app))
}

/// rsgi-hyper as it comes.
pub fn hyper() -> Ground {
    Ground::of::<rsgi_hyper::Server>().differs(HYPER)
}

/// rsgi-hyper with a runtime and a listener for each core.
pub fn hyper_separate() -> Ground {
    Ground::new("rsgi-hyper-separate", |config, app| {
        Builder::new(config).cores(Cores::Separate).reactors(2).start(app)
    })
    .differs(HYPER)
}

/// The one of this name.
pub fn named(name: &str) -> Option<Ground> {
    [std(), std_portable(), hyper(), hyper_separate()].into_iter().find(|ground| ground.name() == name)
}

/// Makes a test of each case named, once per adapter and way to run it: `on_std::case`, `on_hyper::case` and so on.
///
/// A case is a function that takes a [`Ground`].
#[macro_export]
macro_rules! mount {
    ($($case:ident),* $(,)?) => {
        $crate::mount_only!(on_std, std: $($case),*);
        $crate::mount_only!(on_std_portable, std_portable: $($case),*);
        $crate::mount_only!(on_hyper, hyper: $($case),*);
        $crate::mount_only!(on_hyper_separate, hyper_separate: $($case),*);
    };
}

/// Makes tests of cases that one adapter alone can run: `mount_only!(on_std_alone, std: case)`.
#[macro_export]
macro_rules! mount_only {
    ($module:ident, $adapter:ident: $($case:ident),* $(,)?) => {
        mod $module {
            $(#[test] fn $case() { super::$case(&$crate::adapters::$adapter()); })*
        }
    };
}
