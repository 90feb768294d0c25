//! What tests ask a [`World`]: who is there, what was said, what was answered.

use super::World;
use super::process::Process;
use crate::fleet::{Action, Answer, Listeners, Notice, ReplyId, SlotId};
use crate::log::level::Level;

impl World {
    pub(in crate::fleet::tests) fn ready(&self) -> usize {
        self.processes.values().filter(|process| process.serves()).count()
    }

    pub(in crate::fleet::tests) fn pids(&self) -> Vec<u32> {
        self.processes.values().map(|process| process.pid).collect()
    }

    pub(in crate::fleet::tests) fn generations(&self) -> Vec<u32> {
        self.processes.values().map(|process| process.generation.0).collect()
    }

    pub(in crate::fleet::tests) fn process(&mut self, slot: u16) -> &mut Process {
        self.processes.get_mut(&SlotId(slot)).unwrap()
    }

    /// How many lines have these words.
    pub(in crate::fleet::tests) fn said(&self, words: &str) -> usize {
        self.lines.iter().filter(|(_, line)| line.to_string().contains(words)).count()
    }

    pub(in crate::fleet::tests) fn level(&self, words: &str) -> Level {
        self.lines.iter().find(|(_, line)| line.to_string().contains(words)).unwrap().1.level()
    }

    pub(in crate::fleet::tests) fn answer(&self, id: u64) -> Option<&Answer> {
        self.actions.iter().find_map(|action| match action {
            Action::Reply { to, answer } if *to == ReplyId(id) => Some(answer),
            _ => None,
        })
    }

    pub(in crate::fleet::tests) fn done(&self, id: u64) -> &str {
        match self.answer(id) {
            Some(Answer::Done(text)) => text,
            other => panic!("not done: {other:?}"),
        }
    }

    pub(in crate::fleet::tests) fn refused(&self, id: u64) -> &str {
        match self.answer(id) {
            Some(Answer::Refused(text)) => text,
            other => panic!("not refused: {other:?}"),
        }
    }

    pub(in crate::fleet::tests) fn notices(&self) -> Vec<&Notice> {
        self.actions
            .iter()
            .filter_map(|action| match action {
                Action::Notify(Notice::Status(_)) => None,
                Action::Notify(notice) => Some(notice),
                _ => None,
            })
            .collect()
    }

    pub(in crate::fleet::tests) fn closed(&self) -> Vec<Listeners> {
        self.actions
            .iter()
            .filter_map(|action| if let Action::CloseListeners(which) = action { Some(*which) } else { None })
            .collect()
    }
}
