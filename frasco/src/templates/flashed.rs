//! `get_flashed_messages` in templates, as in Flask: the messages that wait for the client, taken by whoever asks first.

use std::sync::Arc;

use minijinja::value::{Kwargs, Object, ObjectRepr, from_args};
use minijinja::{Error as TemplateError, ErrorKind, State, Value};

use crate::request::Request;

pub(super) fn own(request: &Request, key: &str) -> Option<Value> {
    (key == "get_flashed_messages").then(|| Value::from_object(Flashed(request.clone())))
}

/// `get_flashed_messages(with_categories=false, category_filter=[])`.
#[derive(Debug)]
struct Flashed(Request);

impl Object for Flashed {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value, TemplateError> {
        let (named,): (Kwargs,) = from_args(args)?;
        let with_categories = named.get::<Option<bool>>("with_categories")?.unwrap_or_default();
        let wanted: Vec<String> = named.get::<Option<_>>("category_filter")?.unwrap_or_default();
        named.assert_all_used()?;
        let flashes = self.0.flashes();
        let flashes =
            flashes.map_err(|error| TemplateError::new(ErrorKind::InvalidOperation, error.to_string()))?;
        let shown = flashes.iter().filter(|it| wanted.is_empty() || wanted.contains(&it.category));
        Ok(shown
            .map(|it| {
                let text = Value::from(it.text.clone());
                if with_categories { Value::from(vec![Value::from(it.category.clone()), text]) } else { text }
            })
            .collect())
    }
}
