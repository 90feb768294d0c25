//! What an optional part of the framework keeps in an app or blueprint until the app is built, and in the app from then on.
//!
//! So a feature adds its own methods to the builder from its own module, and neither builder nor app knows of it.
//! Invariant: a part is assembled once an app, with what all blueprints hold of it, in the order in which they were laid out.

#![cfg_attr(not(feature = "templates"), allow(dead_code, reason = "nothing optional is there to hold any"))]

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Values by their type.
pub(crate) type States = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

/// What an optional part keeps of one app or blueprint while it is made.
pub(crate) trait Extra: Clone + Default + Send + Sync + 'static {
    /// What it is in the app.
    type Assembled: Send + Sync + 'static;

    /// Puts together what the app's parts hold, one for each, the app's own first; says what is wrong with it.
    fn assemble(parts: &[Holder<'_, Self>], faults: &mut Vec<String>) -> Self::Assembled;
}

/// An app or blueprint as it is assembled.
pub(crate) struct Holder<'a, E> {
    /// The blueprint's whole name; empty for the app.
    pub(crate) blueprint: &'a str,
    pub(crate) extra: Option<&'a E>,
}

impl<E> Holder<'_, E> {
    /// Names where a fault is.
    pub(crate) fn told(&self, fault: &str) -> String {
        if self.blueprint.is_empty() {
            fault.to_owned()
        } else {
            format!("blueprint {:?}: {fault}", self.blueprint)
        }
    }
}

type Assemble = fn(&[(String, Extras)], &mut States, &mut Vec<String>);

/// The extras of one app or blueprint.
#[derive(Clone, Default)]
pub(crate) struct Extras(HashMap<TypeId, (Arc<dyn Any + Send + Sync>, Assemble)>);

impl Extras {
    /// Changes the one of a type; it begins with its default.
    pub(crate) fn change<E: Extra>(&mut self, change: impl FnOnce(&mut E)) {
        let mut extra = self.of::<E>().cloned().unwrap_or_default();
        change(&mut extra);
        self.0.insert(TypeId::of::<E>(), (Arc::new(extra), assemble::<E>));
    }

    fn of<E: Extra>(&self) -> Option<&E> {
        self.0.get(&TypeId::of::<E>())?.0.downcast_ref()
    }
}

impl fmt::Debug for Extras {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Extras").field(&self.0.len()).finish()
    }
}

/// Assembles all that the parts, by name, hold.
pub(crate) fn assemble_all(parts: &[(String, Extras)], states: &mut States, faults: &mut Vec<String>) {
    let all: HashMap<TypeId, Assemble> =
        parts.iter().flat_map(|(_, extras)| &extras.0).map(|(id, (_, assemble))| (*id, *assemble)).collect();
    for assemble in all.into_values() {
        assemble(parts, states, faults);
    }
}

fn assemble<E: Extra>(parts: &[(String, Extras)], states: &mut States, faults: &mut Vec<String>) {
    let holders: Vec<Holder<'_, E>> =
        parts.iter().map(|(blueprint, extras)| Holder { blueprint, extra: extras.of() }).collect();
    states.insert(TypeId::of::<E::Assembled>(), Arc::new(E::assemble(&holders, faults)));
}
