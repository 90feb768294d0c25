//! [`App::test_client`]: the app asked in memory, without a socket.

use rsgi_test::Client;

use crate::app::App;

impl App {
    /// A client of the app, in memory, that keeps cookies as a browser does. It drives the trait directly, as a server does.
    ///
    /// Redirects are followed by [`follow_redirects`](Client::follow_redirects). What is in a session is set by asking the app, as a client
    /// would: by logging in, say.
    ///
    /// # Examples
    ///
    /// ```
    /// use frasco::{App, BuildError, Json};
    ///
    /// async fn double(Json(number): Json<u32>) -> Json<u32> {
    ///     Json(number * 2)
    /// }
    ///
    /// # fn main() -> Result<(), BuildError> {
    /// let client = App::builder("double").post("/", double).build()?.test_client();
    /// let answer = client.post("/").header("content-type", "application/json").body("21").answer();
    /// assert_eq!((answer.status(), answer.text()), (200, "42\n"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn test_client(&self) -> Client {
        Client::new(self.clone()).keep_cookies()
    }
}
