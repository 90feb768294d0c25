//! [`Loaded`]: settings, and what was opened and looked up for them: the access log, statsd, users, addresses.

use std::fmt;
use std::sync::Arc;

use rsgi_core::server::Bind;

use crate::access::{self, Access};
use crate::log::statsd::Statsd;
use crate::log::{Log, OpenError, Owner, Plan};
use crate::process::privileges::{Further, Identity};
use crate::settings::Settings;
use crate::sockets::{Options, Sharing};

/// Settings that can be served with.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub(crate) settings: Arc<Settings>,
    pub(crate) access: Option<Access>,
    pub(crate) statsd: Option<Arc<Statsd>>,
    pub(crate) identity: Identity,
    /// Where to listen: as the settings say, or what was handed over.
    pub(crate) binds: Vec<Bind>,
    pub(crate) options: Options,
}

impl Loaded {
    /// Opens and looks up what the settings name. What `before` has already is taken from there.
    pub(crate) fn load(settings: Settings, handed: &[Bind], before: Option<&Self>) -> Result<Self, String> {
        let process = &settings.process;
        let further = if process.initgroups { Further::OfUser } else { Further::None };
        let identity =
            Identity::find(process.user.as_deref(), process.group.as_deref(), further).map_err(text)?;
        let sockets = &settings.sockets;
        let unix_owner = Identity::owner(sockets.unix_user.as_deref(), sockets.unix_group.as_deref())
            .map_err(text)?
            .or(&identity);
        let workers = settings.workers.max(1);
        let options = Options {
            backlog: sockets.backlog,
            sharing: if sockets.reuse_port { Sharing::Each(workers) } else { Sharing::One },
            unix_mode: sockets.unix_mode,
            unix_owner,
        };
        let binds = if handed.is_empty() { sockets.binds.clone() } else { handed.to_vec() };
        let access = access(&settings, &identity, before)?;
        let statsd = statsd(&settings, before);
        Ok(Self { settings: Arc::new(settings), access, statsd, identity, binds, options })
    }

    /// Makes a log that of these settings.
    pub(crate) fn change(&self, log: &Log) -> Result<(), OpenError> {
        log.change(&self.log_plan())?;
        if self.settings.log.capture { log.capture() } else { Ok(()) }
    }

    /// The log of these settings.
    pub(crate) fn log_plan(&self) -> Plan {
        Plan::of(&self.settings.log, owner(&self.identity))
    }
}

/// Whose log files are to be: the workers', who open them again.
fn owner(identity: &Identity) -> Option<Owner> {
    match identity.numbers() {
        (Some(user), Some(group)) => Some(Owner { user, group }),
        _ => None,
    }
}

fn access(
    settings: &Settings,
    identity: &Identity,
    before: Option<&Loaded>,
) -> Result<Option<Access>, String> {
    let Some(wanted) = &settings.access else { return Ok(None) };
    if let Some(before) =
        before.filter(|it| it.settings.access.as_ref() == Some(wanted) && it.identity == *identity)
    {
        return Ok(before.access.clone());
    }
    let format = access::format(wanted).map_err(|error| format!("access_log_format: {error}"))?;
    Access::open(format, &wanted.file, owner(identity)).map(Some).map_err(text)
}

/// What can't be reached is said, and nobody stops serving for it.
fn statsd(settings: &Settings, before: Option<&Loaded>) -> Option<Arc<Statsd>> {
    let wanted = settings.statsd.as_ref()?;
    if let Some(before) = before.filter(|it| it.settings.statsd.as_ref() == Some(wanted)) {
        return before.statsd.clone();
    }
    match Statsd::open(&wanted.to, &wanted.prefix, &wanted.tags) {
        Ok(statsd) => Some(Arc::new(statsd)),
        Err(error) => {
            tracing::error!(target: "rsgi", %error, "statsd_host can't be reached: nothing is counted for it");
            None
        }
    }
}

fn text(error: impl fmt::Display) -> String {
    error.to_string()
}
