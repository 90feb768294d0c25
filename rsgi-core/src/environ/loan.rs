//! Lending an environ: it comes back when whoever got it drops it, for middleware that asks one app after another.
//!
//! An environ is owned by the app that is called with it, and its slots can't be cloned. So it isn't copied: its drop
//! finds the way home. Who never lends pays a look at the box of extras, which is there for few requests.

use std::sync::{Arc, Mutex, PoisonError};

use super::Environ;

/// Where an environ that was lent goes when it is dropped.
pub(super) struct Home {
    slot: Slot,
    /// Where it goes after that, if it had been lent before.
    outer: Option<Box<Home>>,
}

type Slot = Arc<Mutex<Option<Environ>>>;

/// The other end of an environ that was lent by [`Environ::lend`].
#[must_use = "what comes back is found here"]
pub struct Loan {
    slot: Slot,
    script_end: u16,
    split: Option<(String, String)>,
}

impl Environ {
    /// Lends the environ: once the one that is given back here has been dropped, [`Loan::take`] gets it again. For
    /// middleware that asks another app if the first one's answer isn't wanted.
    ///
    /// Whatever was changed meanwhile is changed, the input that was read is read, but it is mounted where it was. One
    /// that is turned into an `http::Request` and not turned back never comes.
    ///
    /// # Examples
    ///
    /// ```
    /// use rsgi_core::Environ;
    /// use rsgi_core::http::Request;
    ///
    /// let environ = Environ::for_test(Request::get("/shop/cart").body(())?);
    /// let (mut lent, loan) = environ.lend();
    /// lent.mount("/shop");
    /// drop(lent);
    /// let environ = loan.take().expect("it was dropped");
    /// assert_eq!(environ.path_info(), "/shop/cart");
    /// # Ok::<(), rsgi_core::Error>(())
    /// ```
    pub fn lend(mut self) -> (Self, Loan) {
        let slot = Slot::default();
        let script_end = self.inner().script_end;
        let extra = self.extra_mut();
        let outer = extra.home.take();
        extra.home = Some(Box::new(Home { slot: Arc::clone(&slot), outer }));
        let split = extra.split.clone();
        (self, Loan { slot, script_end, split })
    }

    /// Brings an environ that is dropped home, if it was lent.
    #[cold]
    pub(super) fn come_home(mut self) {
        let Some(home) = self.extra_mut().home.take() else { return };
        self.extra_mut().home = home.outer;
        // What lies there is dropped with the loan, and goes on to where it had been lent before.
        let before = home.slot.lock().unwrap_or_else(PoisonError::into_inner).replace(self);
        drop(before);
    }
}

impl Loan {
    /// The environ, if whoever had it has dropped it.
    pub fn take(self) -> Option<Environ> {
        let mut environ = self.slot.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        environ.inner_mut().script_end = self.script_end;
        environ.extra_mut().split = self.split;
        Some(environ)
    }
}

impl std::fmt::Debug for Loan {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Loan").finish_non_exhaustive()
    }
}
