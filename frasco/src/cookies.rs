//! Cookies: those that a request brought, and those that an answer sets (RFC 6265), by the crate `cookie`.

use cookie::Cookie;
use rsgi_core::http::header::{COOKIE, HeaderValue, SET_COOKIE};

use crate::error::Error;
use crate::request::Request;
use crate::response::Response;

impl Request {
    /// The value of the first cookie of a name, as the client sent it.
    ///
    /// # Examples
    ///
    /// ```
    /// use frasco::{App, BuildError, Cookie, Error, Request, Response};
    ///
    /// async fn visit(request: Request) -> Result<Response, Error> {
    ///     let name = request.cookie("name").unwrap_or("stranger");
    ///     let mut response = Response::new(format!("hello {name}"));
    ///     response.set_cookie(Cookie::build(("name", "ada")).path("/").http_only(true).build())?;
    ///     Ok(response)
    /// }
    ///
    /// # fn main() -> Result<(), BuildError> {
    /// let client = rsgi_test::Client::new(App::builder("app").get("/", visit).build()?).keep_cookies();
    /// assert_eq!(client.get("/").answer().text(), "hello stranger");
    /// assert_eq!(client.get("/").answer().text(), "hello ada");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies().find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    /// The names and values of all cookies, in the order in which they came.
    pub fn cookies(&self) -> impl Iterator<Item = (&str, &str)> {
        let fields = self.headers().get_all(COOKIE).into_iter().filter_map(|field| field.to_str().ok());
        let pairs = fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.trim().split_once('='));
        // Quotes belong to the notation (section 4.1.1).
        pairs.map(|(name, value)| {
            let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            (name, bare.unwrap_or(value))
        })
    }
}

impl Response {
    /// Sets a cookie, beside others.
    ///
    /// # Errors
    ///
    /// Name, value or an attribute holds what a field or a cookie can't: a semicolon, a line's end, a letter beyond ASCII. Encode such a value.
    pub fn set_cookie<'a>(&mut self, cookie: impl Into<Cookie<'a>>) -> Result<(), Error> {
        let cookie = cookie.into();
        let is_value = |text: &str| text.bytes().all(|it| it.is_ascii_graphic() && !b"\",;\\".contains(&it));
        let is_token = |text: &str| {
            !text.is_empty() && is_value(text) && !text.contains(['=', '(', ')', '<', '>', '@', ':'])
        };
        let attributes = [cookie.path(), cookie.domain()];
        let legal = is_token(cookie.name())
            && is_value(cookie.value())
            && attributes
                .into_iter()
                .flatten()
                .all(|text| !text.contains(';') && text.bytes().all(|it| it.is_ascii_graphic()));
        if !legal {
            let name = cookie.name();
            return Err(Error::msg(format!(
                "the cookie {name:?} holds what a cookie can't: encode its value, as by percent or base64"
            )));
        }
        let field = HeaderValue::from_str(&cookie.to_string())?;
        self.headers_mut().append(SET_COOKIE, field);
        Ok(())
    }

    /// Has the client forget a cookie, of the path and domain for which it was set.
    ///
    /// # Errors
    ///
    /// As [`set_cookie`](Self::set_cookie).
    pub fn remove_cookie(&mut self, mut cookie: Cookie<'static>) -> Result<(), Error> {
        cookie.make_removal();
        self.set_cookie(cookie)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_never_breaks_its_field() {
        let mut response = Response::empty();
        for (name, value) in
            [("a", "b\r\nx: y"), ("a", "b; domain=x"), ("a;", "b"), ("", "b"), ("a", "é"), ("a=b", "c")]
        {
            assert!(response.set_cookie(Cookie::new(name, value)).is_err(), "{name:?} {value:?}");
        }
        assert!(response.set_cookie(Cookie::build(("a", "b")).path("/;x").build()).is_err());
        response.set_cookie(Cookie::new("a", "b")).unwrap();
        response.remove_cookie(Cookie::build("c").path("/x").build()).unwrap();
        let set: Vec<_> =
            response.headers().get_all(SET_COOKIE).into_iter().map(|it| it.to_str().unwrap()).collect();
        assert_eq!(set[0], "a=b");
        assert!(set[1].starts_with("c=; Path=/x; Max-Age=0; Expires="), "{set:?}");
    }
}
