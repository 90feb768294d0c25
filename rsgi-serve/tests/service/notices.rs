//! [`Manager`]: a stand-in for systemd: it hears what a service tells it, and keeps descriptors for it.

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use crate::driving::{PATIENCE, bare, program, scratch};

pub(crate) struct Manager {
    socket: UnixDatagram,
    pub(crate) place: PathBuf,
}

/// What a service said.
#[derive(Debug)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) descriptors: Vec<OwnedFd>,
}

impl Manager {
    pub(crate) fn new(name: &str) -> Self {
        let place = scratch(name);
        let socket = UnixDatagram::bind(place.join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, place }
    }

    /// What starts the program as this manager does: by a shell, which does this first, under the same process number.
    pub(crate) fn command(&self, first: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("/bin/sh");
        for (name, _) in bare(&[]).get_envs() {
            command.env_remove(name);
        }
        command.args(["-c", &format!("{first}; exec \"$0\" \"$@\"")]).arg(program()).args(arguments);
        command.env("NOTIFY_SOCKET", self.place.join("notify")).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// The next word.
    pub(crate) fn hear(&self) -> Word {
        let mut bytes = [0; 4096];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(64))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let heard =
            recvmsg(&self.socket, &mut [IoSliceMut::new(&mut bytes)], &mut control, RecvFlags::CMSG_CLOEXEC);
        let length = heard.unwrap_or_else(|error| panic!("the service says nothing: {error}")).bytes;
        let descriptors = control.drain().flat_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => descriptors.collect(),
            _ => Vec::new(),
        });
        let descriptors = descriptors.collect();
        Word { text: String::from_utf8(bytes[..length].to_vec()).unwrap(), descriptors }
    }

    /// All up to the first that begins so; mere texts for a person are left out.
    pub(crate) fn hear_until(&self, text: &str) -> Vec<Word> {
        let mut words: Vec<Word> = Vec::new();
        loop {
            let word = self.hear();
            if word.text.starts_with("STATUS=") {
                continue;
            }
            let is_last = word.text.starts_with(text);
            words.push(word);
            if is_last {
                return words;
            }
        }
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        // The next test of the name makes it anew.
        let _ = std::fs::remove_dir_all(&self.place);
    }
}

/// The texts of words, without what follows in further lines.
pub(crate) fn texts(words: &[Word]) -> Vec<&str> {
    words.iter().map(|word| word.text.lines().next().unwrap_or_default()).collect()
}
