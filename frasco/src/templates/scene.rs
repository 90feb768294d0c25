//! [`Scene`]: the names that a template sees for a request.
//!
//! In this order, the first that has a name wins: what the handler gave, what the context processors added, and the
//! framework's own: `request`, `url_for`, `config`, `get_flashed_messages`, `csrf_token` and `csrf_field`.

use std::sync::Arc;

use minijinja::value::{Enumerator, Kwargs, Object, ObjectRepr, from_args};
use minijinja::{Error as TemplateError, ErrorKind, State, Value};
use rsgi_core::Endpoint;

use super::configured::Configured;
use super::{flashed, token};
use crate::request::Request;

/// What a template is rendered with.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) given: Value,
    pub(super) added: Vec<Value>,
    pub(super) request: Request,
}

impl Object for Scene {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let held = std::iter::once(&self.given).chain(&self.added);
        let found = held.filter_map(|value| value.get_attr(key).ok()).find(|value| !value.is_undefined());
        found.or_else(|| own(&self.request, key))
    }
}

/// The framework's own names.
fn own(request: &Request, key: &str) -> Option<Value> {
    match key {
        "request" => Some(Value::from_object(Asked(request.clone()))),
        "url_for" => Some(Value::from_object(UrlFunction(request.clone()))),
        "config" => {
            let config = request.config().clone();
            Some(Value::from_object(Configured { config, key: String::new() }))
        }
        _ => flashed::own(request, key).or_else(|| token::own(request, key)),
    }
}

/// `request`.
#[derive(Debug)]
struct Asked(Request);

impl Object for Asked {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let request = &self.0;
        let text = |text: Option<&str>| Some(text.map_or(Value::from(()), Value::from));
        match key.as_str()? {
            "method" => text(Some(request.method().as_str())),
            "path" => {
                let path = request.path_info_decoded();
                text(Some(&String::from_utf8_lossy(&path)))
            }
            "script_root" => text(Some(request.script_name())),
            "query_string" => text(Some(request.query().unwrap_or_default())),
            "url" => text(Some(&request.url())),
            "scheme" => text(Some(request.trusted().scheme.as_str())),
            "host" => text(Some(&request.external_host().1)),
            "args" => {
                let all = request.args().map(|(name, value)| (name.into_owned(), value.into_owned()));
                Some(Value::from_object(Named(all.collect())))
            }
            "headers" => {
                let all = request.headers().iter();
                let all = all.map(|(name, value)| {
                    (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
                });
                Some(Value::from_object(Fields(Arc::new(Named(all.collect())))))
            }
            "view_args" => Some(Value::from_pairs(request.path_values())),
            "endpoint" => text(request.endpoint()),
            "blueprint" => text(request.blueprint()),
            "remote_addr" => match request.peer() {
                Endpoint::Tcp(address) => text(Some(&address.ip().to_string())),
                _ => text(None),
            },
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(&[
            "method",
            "path",
            "script_root",
            "query_string",
            "url",
            "scheme",
            "host",
            "args",
            "headers",
            "view_args",
            "endpoint",
            "blueprint",
            "remote_addr",
        ])
    }
}

/// Names with values, some of them several times: the first counts, as in Flask.
#[derive(Debug)]
struct Named(Vec<(String, String)>);

impl Named {
    fn first(&self, name: &str) -> Option<Value> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| Value::from(value.as_str()))
    }

    fn method(
        &self,
        method: &str,
        args: &[Value],
        key: impl Fn(&str) -> String,
    ) -> Result<Value, TemplateError> {
        match method {
            "get" => {
                let (name, otherwise): (String, Option<Value>) = from_args(args)?;
                Ok(self.first(&key(&name)).or(otherwise).unwrap_or(Value::from(())))
            }
            "getlist" => {
                let (name,): (String,) = from_args(args)?;
                let name = key(&name);
                let all = self.0.iter().filter(|(found, _)| *found == name);
                Ok(all.map(|(_, value)| Value::from(value.as_str())).collect())
            }
            _ => Err(ErrorKind::UnknownMethod.into()),
        }
    }

    fn names(&self) -> Vec<Value> {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in &self.0 {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names.into_iter().map(Value::from).collect()
    }
}

impl Object for Named {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.first(key.as_str()?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.names())
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, TemplateError> {
        self.method(method, args, ToOwned::to_owned)
    }
}

/// Header fields, by name in any case.
#[derive(Debug)]
struct Fields(Arc<Named>);

impl Object for Fields {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.first(&key.as_str()?.to_ascii_lowercase())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.names())
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, TemplateError> {
        self.0.method(method, args, str::to_ascii_lowercase)
    }
}

/// `url_for`.
#[derive(Debug)]
struct UrlFunction(Request);

impl Object for UrlFunction {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value, TemplateError> {
        let (endpoint, values): (String, Kwargs) = from_args(args)?;
        let mut url = self.0.url_for(&endpoint);
        for name in values.args() {
            let value: Value = values.peek(name)?;
            // Flask leaves out what is None.
            if value.is_none() || value.is_undefined() {
                continue;
            }
            url = match name {
                "_anchor" => url.anchor(&value.to_string()),
                "_scheme" => url.scheme(&value.to_string()),
                "_external" if value.is_true() => url.external(),
                "_external" => url,
                _ if name.starts_with('_') => {
                    let told = format!("url_for knows no {name}: there are _anchor, _external and _scheme");
                    return Err(TemplateError::new(ErrorKind::TooManyArguments, told));
                }
                _ => url.with(name, value),
            };
        }
        let built = url.build().map(Value::from);
        built.map_err(|error| {
            TemplateError::new(ErrorKind::InvalidOperation, error.to_string()).with_source(error)
        })
    }
}
