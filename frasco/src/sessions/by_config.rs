//! Sessions by the config's `secret_key`, for an app whose builder was given none.

use rsgi_middleware::{SameSite, SessionKey, Sessions};

use crate::builder::Builder;
use crate::config::Settings;
use crate::config::settings::{Key, SessionSettings};

/// Gives the app sessions if it has none and its config has a key for them; adds what is wrong with the keys to the faults.
pub(crate) fn by_config(builder: Builder, settings: &Settings, faults: &mut Vec<String>) -> Builder {
    let mut keys = settings.sessions.keys.iter().filter_map(|Key { name, secret }| {
        SessionKey::new(secret.as_bytes())
            .map_err(|error| faults.push(format!("the config's {name}: {error}")))
            .ok()
    });
    let first = keys.next();
    let others: Vec<SessionKey> = keys.collect();
    match first {
        Some(key) if builder.around.is_none() => builder.sessions(sessions(key, others, &settings.sessions)),
        _ => builder,
    }
}

/// The names and attributes are known to be legal.
fn sessions(key: SessionKey, others: Vec<SessionKey>, settings: &SessionSettings) -> Sessions {
    let mut sessions = others.into_iter().fold(Sessions::new(key), Sessions::also_open);
    if let Some(name) = &settings.name {
        sessions = sessions.name(name);
    }
    if let Some(domain) = &settings.domain {
        sessions = sessions.domain(domain);
    }
    if let Some(path) = &settings.path {
        sessions = sessions.path(path);
    }
    if settings.is_secure {
        sessions = sessions.always_secure();
    }
    if let Some(lifetime) = settings.lifetime {
        sessions = sessions.max_age(lifetime);
    }
    match settings.same_site.as_deref().map(str::to_ascii_lowercase).as_deref() {
        Some("strict") => sessions.same_site(SameSite::Strict),
        Some("none") => sessions.same_site(SameSite::None),
        _ => sessions,
    }
}
