//! Posts: pages of them, one alone, and writing, changing and deleting one's own.

use frasco::{
    Blueprint, Error, Form, FromRequest, IntoResponse, Page, Path, Query, Render, Request, Response, Session,
    State, Uploads, abort, flash, redirect,
};
use serde::{Deserialize, Serialize};

use crate::Settings;
use crate::account::LoggedIn;
use crate::db::{Db, Draft, Post};
use crate::pictures::Pictures;

pub(crate) fn blueprint() -> Blueprint {
    Blueprint::new("posts")
        .get("/", index)
        .get("/post/<int:id>", show)
        .get("/post/new", new)
        .post("/post/new", create)
        .get("/post/<int:id>/edit", edit)
        .post("/post/<int:id>/edit", change)
        .post("/post/<int:id>/delete", delete)
}

#[derive(Serialize)]
struct Index {
    posts: Vec<Post>,
    page: u32,
    pages: u32,
}

impl Page for Index {
    const TEMPLATE: &'static str = "posts/index.html";
}

#[derive(Deserialize)]
struct Paging {
    page: Option<u32>,
}

fn index(
    Query(Paging { page }): Query<Paging>,
    settings: State<Settings>,
    db: State<Db>,
) -> Result<Render<Index>, Error> {
    let page = page.unwrap_or(1).max(1);
    let most = settings.posts_per_page.max(1);
    let (posts, count) = db.posts((page - 1).saturating_mul(most), most)?;
    if posts.is_empty() && page > 1 {
        return Err(abort(404).into());
    }
    Ok(Render(Index { posts, page, pages: count.div_ceil(most).max(1) }))
}

#[derive(Serialize)]
struct Show {
    post: Post,
}

impl Page for Show {
    const TEMPLATE: &'static str = "posts/show.html";
}

fn show(Path(id): Path<i64>, db: State<Db>) -> Result<Option<Render<Show>>, Error> {
    Ok(db.post(id)?.map(|post| Render(Show { post })))
}

#[derive(Serialize, Default)]
struct Editing {
    heading: &'static str,
    title: String,
    body: String,
    /// Where "Cancel" leads.
    back: String,
    error: Option<&'static str>,
}

impl Page for Editing {
    const TEMPLATE: &'static str = "posts/edit.html";
}

async fn new(request: Request, _: LoggedIn) -> Result<Render<Editing>, Error> {
    let back = request.url_for(".index").build()?;
    Ok(Render(Editing { heading: "New post", back, ..Editing::default() }))
}

fn create(
    request: Request,
    LoggedIn(user): LoggedIn,
    session: Session,
    db: State<Db>,
    pictures: State<Pictures>,
    Form(form): Form<PostForm>,
    files: Uploads,
) -> Result<Response, Error> {
    let picture = match form.check(files, &pictures)? {
        Ok(picture) => picture,
        Err(error) => {
            let back = request.url_for(".index").build()?;
            return form.again("New post", back, error, &request);
        }
    };
    let id = db.add_post(user.id, &form.draft(picture.as_deref()))?;
    flash(&session, "info", "Your post is published.")?;
    Ok(redirect(request.url_for(".show").with("id", id).build()?))
}

async fn edit(request: Request, Own(post): Own) -> Result<Render<Editing>, Error> {
    let back = request.url_for(".show").with("id", post.id).build()?;
    Ok(Render(Editing { heading: "Edit post", title: post.title, body: post.body, back, error: None }))
}

fn change(
    request: Request,
    Own(post): Own,
    session: Session,
    db: State<Db>,
    pictures: State<Pictures>,
    Form(form): Form<PostForm>,
    files: Uploads,
) -> Result<Response, Error> {
    let show = request.url_for(".show").with("id", post.id).build()?;
    let picture = match form.check(files, &pictures)? {
        Ok(picture) => picture,
        Err(error) => return form.again("Edit post", show, error, &request),
    };
    db.change_post(post.id, &form.draft(picture.as_deref()))?;
    if let (Some(old), Some(_)) = (&post.picture, &picture) {
        pictures.remove(old);
    }
    flash(&session, "info", "Your post is changed.")?;
    Ok(redirect(show))
}

fn delete(
    request: Request,
    Own(post): Own,
    session: Session,
    db: State<Db>,
    pictures: State<Pictures>,
) -> Result<Response, Error> {
    db.remove_post(post.id)?;
    if let Some(picture) = &post.picture {
        pictures.remove(picture);
    }
    flash(&session, "info", "Your post is deleted.")?;
    Ok(redirect(request.url_for(".index").build()?))
}

/// The post of the rule's `id`, of whoever asks: 404 if there is none, 403 if it is another's.
struct Own(Post);

impl FromRequest for Own {
    async fn from_request(request: &Request) -> Result<Self, Error> {
        let LoggedIn(user) = LoggedIn::from_request(request).await?;
        let Path(id) = Path::<i64>::from_request(request).await?;
        let db = State::<Db>::from_request(request).await?.into_inner();
        let post = request.offload().clone().run(move || db.post(id)).await?.ok_or_else(|| abort(404))?;
        if post.author.id != user.id {
            return Err(abort(403).description("Only who wrote a post may change it.").into());
        }
        Ok(Self(post))
    }
}

#[derive(Deserialize)]
struct PostForm {
    title: String,
    body: String,
}

impl PostForm {
    /// Looks at what was sent, and keeps the picture if there is one; what is wrong is for the client to read.
    fn check(
        &self,
        mut files: Uploads,
        pictures: &Pictures,
    ) -> Result<Result<Option<String>, &'static str>, Error> {
        if self.title.trim().is_empty() || self.title.chars().count() > 120 {
            return Ok(Err("A title has one to 120 characters."));
        }
        if self.body.trim().is_empty() {
            return Ok(Err("A post has some text."));
        }
        let Some(upload) = files.take("picture") else { return Ok(Ok(None)) };
        Ok(pictures.keep(upload)?.map(Some).ok_or("A picture is a PNG, JPEG, GIF or WebP of up to 5 MB."))
    }

    fn draft<'a>(&'a self, picture: Option<&'a str>) -> Draft<'a> {
        Draft { title: self.title.trim(), body: self.body.trim(), picture }
    }

    /// The form again, with what is wrong.
    fn again(
        self,
        heading: &'static str,
        back: String,
        error: &'static str,
        request: &Request,
    ) -> Result<Response, Error> {
        let page = Editing { heading, title: self.title, body: self.body, back, error: Some(error) };
        (422, Render(page)).into_response(request)
    }
}
