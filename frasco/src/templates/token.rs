//! `csrf_token()` and `csrf_field()` in templates: what a form has to send back.

use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr, from_args};
use minijinja::{Error as TemplateError, ErrorKind, State, Value};
use rsgi_middleware::CsrfToken;

use crate::request::Request;

pub(super) fn own(request: &Request, key: &str) -> Option<Value> {
    let form = match key {
        "csrf_token" => Form::Bare,
        "csrf_field" => Form::Field,
        _ => return None,
    };
    Some(Value::from_object(Token(request.clone(), form)))
}

/// How the token is given.
#[derive(Debug, Clone, Copy)]
enum Form {
    Bare,
    /// As a hidden field, under the name that the middleware looks for.
    Field,
}

#[derive(Debug)]
struct Token(Request, Form);

impl Object for Token {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value, TemplateError> {
        let () = from_args(args)?;
        let failed = |told: String| TemplateError::new(ErrorKind::InvalidOperation, told);
        let token = self.0.get::<CsrfToken>().ok_or_else(|| {
            failed("no Csrf is around the app: add .middleware(Csrf::new()) to the builder".to_owned())
        })?;
        // Letters and digits: nothing to escape.
        let token = token.value().map_err(|error| failed(error.to_string()))?;
        Ok(match self.1 {
            Form::Bare => Value::from(token),
            Form::Field => Value::from_safe_string(format!(
                "<input type=\"hidden\" name=\"csrf_token\" value=\"{token}\">"
            )),
        })
    }
}
