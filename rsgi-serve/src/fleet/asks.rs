//! Commands of the control socket: each signal with an answer.
//!
//! Each is answered exactly once, when it is done or can't be: what happened, and how long it took. A stop, a new binary or
//! another command may make it void; that is an answer too.

use super::Fleet;
use super::action::{Action, Answer};
use super::event::{Command, ReplyId};
use super::lines::{Span, Workers};
use super::member::Member;
use super::reload::Reload;
use super::stop::Phase;
use crate::clock::Millis;

/// A command that waits for its end.
#[derive(Debug)]
pub(super) struct Ask {
    reply: ReplyId,
    began: Millis,
    what: Asked,
}

/// What it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// So many are ready.
    Scale { from: usize, to: usize },
    /// So many have left.
    Drain { workers: usize },
    /// The reload in progress.
    Reload,
    /// The one after it.
    NextReload,
    /// The probe of the new binary.
    Upgrade,
    /// The end.
    Stop,
}

impl Ask {
    /// The next reload is this one.
    pub(super) fn promote(&mut self) {
        if self.what == Asked::NextReload {
            self.what = Asked::Reload;
        }
    }
}

impl Fleet {
    /// Somebody asked.
    pub(super) fn command(&mut self, command: Command, reply: ReplyId) {
        match command {
            Command::Show => {
                let text = self.show();
                self.reply(reply, Answer::Done(text));
            }
            Command::Reopen => {
                self.reopen();
                self.reply(reply, Answer::Done("log files reopened".to_owned()));
            }
            Command::Stop => {
                self.ask(reply, Asked::Stop);
                self.stop();
            }
            _ if self.is_stopping() => self.refuse(reply, "the master is stopping"),
            Command::Scale(to) => self.scale(to, reply),
            Command::Reload => {
                // What is in progress may have read the settings before they were changed.
                let what = if self.can_reload() { Asked::Reload } else { Asked::NextReload };
                self.ask(reply, what);
                self.hang_up();
            }
            Command::Drain if self.is_first_start() => {
                self.refuse(reply, "the first workers are not ready yet");
            }
            Command::Drain => {
                let workers = self.members.count(Member::is_standing);
                self.ask(reply, Asked::Drain { workers });
                self.drain();
            }
            Command::Upgrade => self.upgrade_command(reply),
        }
    }

    fn scale(&mut self, to: usize, reply: ReplyId) {
        let (from, most) = (self.target(), self.members.most());
        if to == 0 {
            self.refuse(reply, "at least 1 worker serves; `drain` sends all away, `stop` ends the master");
        } else if to > most {
            self.refuse(reply, &format!("there is room for {most} workers"));
        } else {
            self.want(to);
            self.ask(reply, Asked::Scale { from, to });
        }
    }

    /// Whether the service hasn't been up yet.
    pub(super) fn is_first_start(&self) -> bool {
        matches!(self.phase, Phase::Waiting | Phase::Starting { .. })
    }

    /// Keeps a command until its end.
    pub(super) fn ask(&mut self, reply: ReplyId, what: Asked) {
        self.asks.push(Ask { reply, began: self.now(), what });
    }

    /// Answers those whose end has come by itself.
    pub(super) fn answer_asks(&mut self) {
        let standing = self.members.count(Member::is_standing);
        let ready = self.members.count(Member::is_ready);
        let here = self.members.count(|member| !member.lost);
        let (now, target, leaving) = (self.now(), self.target(), self.leave_at.is_some());
        let changing = matches!(self.reload, Some(Reload::Rolling(_)));
        self.answer_those(|ask| {
            let took = Span(now.since(ask.began));
            match ask.what {
                Asked::Scale { from, to } if to != target => {
                    Some(Answer::Refused(format!("{from} -> {} asked, but then {target} were", Workers(to))))
                }
                Asked::Scale { from, to } if ready == to && standing == to && !changing => {
                    match to.cmp(&from) {
                        std::cmp::Ordering::Greater => {
                            Some(Answer::Done(format!("{from} -> {}, ready in {took}", Workers(to))))
                        }
                        std::cmp::Ordering::Less if here > to => None,
                        std::cmp::Ordering::Less => Some(Answer::Done(format!(
                            "{from} -> {}, the others gone in {took}",
                            Workers(to)
                        ))),
                        std::cmp::Ordering::Equal => Some(Answer::Done(format!("{} already", Workers(to)))),
                    }
                }
                Asked::Drain { .. } if target > 0 && !leaving => {
                    Some(Answer::Refused("workers were called back meanwhile".to_owned()))
                }
                Asked::Drain { workers } if here == 0 => Some(Answer::Done(format!(
                    "drained: {} gone in {took}; `reload` or `scale` brings them back",
                    Workers(workers)
                ))),
                _ => None,
            }
        });
    }

    /// Answers those that wait for workers which don't get ready.
    pub(super) fn judge_asks(&mut self) {
        let limit = self.rules.steady();
        let ready = self.members.count(Member::is_ready);
        let (now, changing) = (self.now(), self.reload.is_some());
        self.answer_those(|ask| match ask.what {
            Asked::Scale { from, to } if to >= from && !changing && now.since(ask.began) > limit => {
                let limit = Span(limit);
                Some(Answer::Refused(format!("{from} -> {} asked, {ready} ready after {limit}", Workers(to))))
            }
            _ => None,
        });
    }

    /// These are done.
    pub(super) fn finish_asks(&mut self, these: impl Fn(Asked) -> bool, text: &str) {
        self.answer_those(|ask| these(ask.what).then(|| Answer::Done(text.to_owned())));
    }

    /// These won't be.
    pub(super) fn refuse_asks(&mut self, these: impl Fn(Asked) -> bool, why: &str) {
        self.answer_those(|ask| these(ask.what).then(|| Answer::Refused(why.to_owned())));
    }

    fn answer_those(&mut self, answer: impl Fn(&Ask) -> Option<Answer>) {
        let asks = std::mem::take(&mut self.asks);
        for ask in asks {
            match answer(&ask) {
                Some(answer) => self.reply(ask.reply, answer),
                None => self.asks.push(ask),
            }
        }
    }

    fn refuse(&mut self, to: ReplyId, why: &str) {
        self.reply(to, Answer::Refused(why.to_owned()));
    }

    fn reply(&mut self, to: ReplyId, answer: Answer) {
        self.act(Action::Reply { to, answer });
    }
}
