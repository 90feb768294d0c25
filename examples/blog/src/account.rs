//! Accounts: registering, logging in and out, and who asks.

use frasco::{
    Blueprint, Error, Form, FromRequest, IntoResponse, Page, Query, Render, Request, Response, Session,
    State, abort_with, flash, redirect,
};
use serde::{Deserialize, Serialize};

use crate::db::{Db, User};
use crate::password;

pub(crate) fn blueprint() -> Blueprint {
    Blueprint::new("auth")
        .url_prefix("/auth")
        .get("/register", register)
        .post("/register", create)
        .get("/login", login)
        .post("/login", enter)
        .post("/logout", logout)
}

/// Who has logged in: of a request without, the client is sent to do so.
pub(crate) struct LoggedIn(pub(crate) User);

impl FromRequest for LoggedIn {
    async fn from_request(request: &Request) -> Result<Self, Error> {
        if let Some(user) = request.kept::<User>() {
            return Ok(Self((*user).clone()));
        }
        let login = request.url_for("auth.login").with("next", request.path_info()).build()?;
        Err(abort_with(redirect(login)).into())
    }
}

/// Finds out who asks, before each request but those for static files.
pub(crate) async fn load_user(request: Request, db: State<Db>) -> Result<(), Error> {
    if request.endpoint() == Some("static") {
        return Ok(());
    }
    let session = Session::from_request(&request).await?;
    let Some(id) = session.get::<i64>(USER)? else { return Ok(()) };
    let db = db.into_inner();
    if let Some(user) = request.offload().clone().run(move || db.user(id)).await? {
        request.keep(user);
    }
    Ok(())
}

#[derive(Serialize, Default)]
struct FormPage {
    heading: &'static str,
    is_new: bool,
    name: String,
    error: Option<&'static str>,
}

impl Page for FormPage {
    const TEMPLATE: &'static str = "auth/form.html";
}

impl FormPage {
    fn register() -> Self {
        Self { heading: "Register", is_new: true, ..Self::default() }
    }

    fn login() -> Self {
        Self { heading: "Log in", ..Self::default() }
    }

    /// The form again, with what is wrong.
    fn again(self, request: &Request, name: &str, error: &'static str) -> Result<Response, Error> {
        let page = Self { name: name.to_owned(), error: Some(error), ..self };
        (422, Render(page)).into_response(request)
    }
}

#[derive(Deserialize)]
struct Credentials {
    name: String,
    password: String,
}

#[derive(Deserialize)]
struct Next {
    next: Option<String>,
}

async fn register() -> Render<FormPage> {
    Render(FormPage::register())
}

fn create(
    request: Request,
    session: Session,
    db: State<Db>,
    Form(form): Form<Credentials>,
) -> Result<Response, Error> {
    let name = form.name.trim();
    let is_name = (1..=40).contains(&name.chars().count()) && !name.contains(char::is_control);
    let again = |error| FormPage::register().again(&request, name, error);
    if !is_name {
        return again("A name has one to forty characters.");
    }
    if form.password.chars().count() < 8 {
        return again("A password has eight characters or more.");
    }
    let Some(user) = db.add_user(name, &password::hash(&form.password)?)? else {
        return again("That name is taken.");
    };
    begin(&session, &user)?;
    flash(&session, "info", format!("Welcome, {}.", user.name))?;
    Ok(redirect(request.url_for("posts.index").build()?))
}

async fn login() -> Render<FormPage> {
    Render(FormPage::login())
}

fn enter(
    request: Request,
    session: Session,
    db: State<Db>,
    Query(Next { next }): Query<Next>,
    Form(form): Form<Credentials>,
) -> Result<Response, Error> {
    let found = db.user_named(form.name.trim())?;
    let is_right = password::is_right(&form.password, found.as_ref().map(|(_, hash)| hash.as_str()));
    let Some((user, _)) = found.filter(|_| is_right) else {
        return FormPage::login().again(&request, &form.name, "Name or password is wrong.");
    };
    begin(&session, &user)?;
    // Never to another site, whatever a link said.
    let next = next.filter(|next| next.starts_with('/') && !next.starts_with("//") && !next.contains('\\'));
    let index = request.url_for("posts.index").build()?;
    Ok(redirect(next.map_or(index, |next| format!("{}{next}", request.script_name()))))
}

fn begin(session: &Session, user: &User) -> Result<(), Error> {
    // What was known of the session before is worth nothing now.
    session.regenerate()?;
    Ok(session.insert(USER, user.id)?)
}

async fn logout(request: Request, session: Session) -> Result<Response, Error> {
    session.clear()?;
    flash(&session, "info", "You have logged out.")?;
    Ok(redirect(request.url_for("posts.index").build()?))
}

const USER: &str = "user";
