//! The cases, by what of PEP 3333 they are about. A case is named as its application in `apps/` is.

mod bodies;
mod closing;
mod environ;
mod files;
mod heads;
mod input;

use crate::scene::Case;

/// All of them.
pub(crate) const ALL: &[&[Case]] =
    &[environ::CASES, input::CASES, heads::CASES, bodies::CASES, closing::CASES, files::CASES];
