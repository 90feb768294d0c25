//! [`Query`]: the query as a value of the app's.

use serde::de::DeserializeOwned;

use super::FromRequest;
use crate::error::{Error, abort};
use crate::request::Request;

/// The query, as a struct or a map; a name that is there several times is a list. 400 if it is of another shape.
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, Query};
///
/// #[derive(serde::Deserialize)]
/// struct Search {
///     q: String,
///     #[serde(default)]
///     tag: Vec<String>,
///     page: Option<u32>,
/// }
///
/// async fn search(Query(search): Query<Search>) -> String {
///     format!("{} {:?} {}", search.q, search.tag, search.page.unwrap_or(1))
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let client = rsgi_test::Client::new(App::builder("search").get("/", search).build()?);
/// assert_eq!(client.get("/?q=x+y&tag=a&tag=b").answer().text(), "x y [\"a\", \"b\"] 1");
/// assert_eq!(client.get("/?page=2").answer().status(), 400);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequest for Query<T> {
    async fn from_request(request: &Request) -> Result<Self, Error> {
        let query = request.query().unwrap_or_default();
        serde_html_form::from_str(query).map(Self).map_err(|error| {
            abort(400).description(format!("The query is not as it is wanted: {error}.")).into()
        })
    }
}
