//! A blog: accounts, posts with pictures, pages of them. A whole application in frasco, as its tutorial builds it.
//!
//! [`create_app`] is the factory that `main` and the tests call. Read in the order of the modules.
#![forbid(unsafe_code)]
#![allow(clippy::needless_pass_by_value, reason = "a handler is given its arguments")]

pub mod db;
mod password;
mod pictures;

mod account;
mod post;
mod texts;

use std::path::{Path, PathBuf};

use frasco::{App, Config, Csrf, Error, HttpError, Page, Render, context};
use serde::{Deserialize, Serialize};

use db::{Db, User};
use pictures::Pictures;

/// The settings of the blog's own, `blog` in the config.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Settings {
    /// What stands above every page.
    pub title: String,
    /// How many posts a page shows.
    pub posts_per_page: u32,
    /// Where the database and the pictures are; made if it isn't there.
    pub folder: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            title: "Notes from a bottle".to_owned(),
            posts_per_page: 5,
            folder: PathBuf::from("blog-data"),
        }
    }
}

/// What the blog is without anybody's saying anything: it wants a `secret_key` besides.
#[must_use]
pub fn defaults() -> Config {
    Config::new().value("blog", Settings::default()).value("max_content_length", 6 << 20)
}

/// Makes the blog.
///
/// # Errors
///
/// The database or a folder can't be opened, or a setting is wrong.
pub fn create_app(config: Config) -> Result<App, Error> {
    let settings: Settings = config.get("blog")?;
    let pictures = Pictures::open(&settings.folder.join("pictures"))?;
    let db = Db::open(&settings.folder.join("blog.sqlite3"))?;
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let app = App::builder("blog")
        .config(config)
        .middleware(Csrf::new().in_session())
        .templates(home.join("templates"))
        .static_folder(home.join("static"))
        .template_global("blog", context! { title => &settings.title })
        .context_processor(|request| Ok(context! { user => request.kept::<User>().as_deref() }))
        .before_request(account::load_user)
        .on_error::<HttpError, _>(error)
        .register(post::blueprint())
        .register(account::blueprint())
        .register(pictures::blueprint())
        .state(settings)
        .state(pictures)
        .state(db);
    Ok(texts::filters(app).build()?)
}

#[derive(Serialize)]
struct ErrorPage {
    status: u16,
    name: &'static str,
    told: String,
}

impl Page for ErrorPage {
    const TEMPLATE: &'static str = "error.html";
}

/// Every error in the blog's own looks.
async fn error(error: HttpError) -> Render<ErrorPage> {
    Render(ErrorPage { status: error.status().as_u16(), name: error.name(), told: error.told().to_owned() })
}
