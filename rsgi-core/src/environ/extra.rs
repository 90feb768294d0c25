//! What few requests need, in one box that the others never allocate: slots, and values that a gateway or a
//! middleware sets.

use std::any::{Any, TypeId};
use std::sync::Arc;
use std::time::Instant;

use super::GatewayVars;
use super::loan::Home;
use crate::trust::Trust;

#[derive(Default)]
pub(super) struct Extra {
    /// Script name and path info, where they are no ranges of the target.
    pub(super) split: Option<(String, String)>,
    pub(super) target: Option<String>,
    pub(super) server: Option<(String, u16)>,
    pub(super) deadline: Option<Instant>,
    pub(super) vars: Option<Box<dyn GatewayVars>>,
    /// In place of the server's.
    pub(super) trust: Option<Arc<Trust>>,
    pub(super) home: Option<Box<Home>>,
    /// A handful at most: a list beats a map.
    slots: Vec<(TypeId, Box<dyn Any + Send + Sync>)>,
}

impl Extra {
    fn position<T: 'static>(&self) -> Option<usize> {
        self.slots.iter().position(|(id, _)| *id == TypeId::of::<T>())
    }

    pub(super) fn insert<T: Send + Sync + 'static>(&mut self, value: T) -> Option<T> {
        let before = self.remove();
        self.slots.push((TypeId::of::<T>(), Box::new(value)));
        before
    }

    pub(super) fn get<T: 'static>(&self) -> Option<&T> {
        self.slots[self.position::<T>()?].1.downcast_ref()
    }

    pub(super) fn get_mut<T: 'static>(&mut self) -> Option<&mut T> {
        let position = self.position::<T>()?;
        self.slots[position].1.downcast_mut()
    }

    pub(super) fn remove<T: 'static>(&mut self) -> Option<T> {
        let position = self.position::<T>()?;
        self.slots.swap_remove(position).1.downcast().ok().map(|value| *value)
    }
}
