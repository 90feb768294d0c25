//! [`Settings`]: the keys of a [`Config`] that Frasco itself uses, read once, at boot.
#![cfg_attr(
    not(all(feature = "forms", feature = "sessions")),
    allow(dead_code, reason = "a key is read, and so looked at, also where nothing uses it")
)]

use std::time::Duration;

use rsgi_core::Environ;
use serde::de::DeserializeOwned;

use super::{Config, ConfigErrorKind};

/// What Frasco's own keys say.
#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) debug: bool,
    pub(crate) sessions: SessionSettings,
    pub(crate) max_content_length: Option<u64>,
    pub(crate) max_form_memory_size: Option<usize>,
    pub(crate) max_form_parts: Option<usize>,
    /// In lower case; `None`: any.
    pub(crate) trusted_hosts: Option<Vec<String>>,
}

/// What they say of sessions.
#[derive(Default)]
pub(crate) struct SessionSettings {
    /// The first seals, all open.
    pub(crate) keys: Vec<Key>,
    pub(crate) name: Option<String>,
    pub(crate) domain: Option<String>,
    pub(crate) path: Option<String>,
    pub(crate) is_secure: bool,
    pub(crate) same_site: Option<String>,
    pub(crate) lifetime: Option<Duration>,
}

/// A key of sessions, and what the config calls it.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) secret: String,
}

impl Settings {
    /// Reads them, and adds what is wrong to the faults.
    pub(crate) fn read(config: &Config, faults: &mut Vec<String>) -> Self {
        let mut reading = Reading { config, faults };
        let key = |name| move |secret| Key { name, secret };
        let secret_key: Option<String> = reading.take("secret_key");
        let fallbacks: Vec<String> = reading.take("secret_key_fallbacks").unwrap_or_default();
        if secret_key.is_none() && !fallbacks.is_empty() {
            reading.faults.push(
                "secret_key_fallbacks: they are keys of before, and there is no secret_key now".to_owned(),
            );
        }
        let keys = secret_key.into_iter().map(key("secret_key"));
        let keys = keys.chain(fallbacks.into_iter().map(key("secret_key_fallbacks"))).collect();
        let token = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|it| it.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&it))
        };
        let attribute =
            |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_graphic() && it != b';');
        let sessions = SessionSettings {
            keys,
            name: reading.text("session_cookie_name", "a cookie's name: letters, digits, '-' and '_'", token),
            domain: reading.text("session_cookie_domain", "a host's name", attribute),
            path: reading.text("session_cookie_path", "a path, which begins with '/'", |text| {
                text.starts_with('/') && attribute(text)
            }),
            is_secure: reading.take("session_cookie_secure").unwrap_or_default(),
            same_site: reading.text("session_cookie_samesite", "lax, strict or none", |text| {
                ["lax", "strict", "none"].iter().any(|it| text.eq_ignore_ascii_case(it))
            }),
            lifetime: reading.take("permanent_session_lifetime").map(Duration::from_secs),
        };
        let trusted_hosts: Option<Vec<String>> = reading.take("trusted_hosts");
        Self {
            debug: reading.take("debug").unwrap_or_default(),
            sessions,
            max_content_length: reading.take("max_content_length"),
            max_form_memory_size: reading.take("max_form_memory_size"),
            max_form_parts: reading.take("max_form_parts"),
            trusted_hosts: trusted_hosts
                .map(|hosts| hosts.iter().map(|host| host.to_ascii_lowercase()).collect()),
        }
    }

    /// Tells whether the app answers for the host that a request names, as far as is trusted.
    pub(crate) fn trusts_host(&self, environ: &Environ) -> bool {
        let Some(trusted) = &self.trusted_hosts else { return true };
        let Some(host) = environ.trusted().host else { return false };
        let host = without_port(&host).to_ascii_lowercase();
        trusted.iter().any(|it| match it.strip_prefix('.') {
            // The domain itself, and all below it.
            Some(domain) => host == domain || host.ends_with(it.as_str()),
            None => host == without_port(it),
        })
    }
}

/// A host without its port; an IPv6 address keeps its brackets.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|it| it.is_ascii_digit()) => host,
        _ => host,
    }
}

struct Reading<'a> {
    config: &'a Config,
    faults: &'a mut Vec<String>,
}

impl Reading<'_> {
    fn take<T: DeserializeOwned>(&mut self, key: &str) -> Option<T> {
        match self.config.get(key) {
            Ok(value) => value,
            Err(error) if error.kind() == ConfigErrorKind::Missing => None,
            Err(error) => {
                self.faults.push(format!("the config's {error}"));
                None
            }
        }
    }

    fn text(&mut self, key: &str, wanted: &str, is_it: impl FnOnce(&str) -> bool) -> Option<String> {
        let text: String = self.take(key)?;
        if is_it(&text) {
            return Some(text);
        }
        let source = self.config.source(key).unwrap_or_default();
        self.faults.push(format!("the config's {key} (from {source}): {text:?} is not {wanted}"));
        None
    }
}
