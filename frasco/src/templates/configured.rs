//! `config` in templates: what the app was set up with, but for secrets, which aren't there.

use std::sync::Arc;

use minijinja::Value;
use minijinja::value::Object;
use serde_json::Value as Json;

use crate::config::Config;

/// A table of the config, by its key.
#[derive(Debug)]
pub(super) struct Configured {
    pub(super) config: Config,
    /// Empty for all of it.
    pub(super) key: String,
}

impl Object for Configured {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        let key = if self.key.is_empty() { name.to_owned() } else { format!("{}.{name}", self.key) };
        let value: Json = self.config.get(&key).ok()?;
        match value {
            Json::Object(_) => Some(Value::from_object(Self { config: self.config.clone(), key })),
            value if self.config.is_secret(&key, Some(&value.to_string())) => None,
            value => Some(super::page::value(&value)),
        }
    }
}
