//! From a request to the answer that the test wants, along the redirects between them (RFC 9110 section 15.4).
//!
//! A redirect is followed within one server only: to another host, or without the content that it would need again, it
//! is the answer itself.

use std::sync::Arc;

use rsgi_core::http::{Method, header};
use url::Url;

use crate::client::Client;
use crate::client::answer::Answer;
use crate::client::error::{ClientError, ClientErrorKind};
use crate::client::open::Open;
use crate::client::outline::{Content, Outline};

/// A request under way to its last answer.
pub(crate) struct Journey<'a> {
    client: &'a Client,
    next: Option<Outline>,
    /// Where the last request went, and how to ask again.
    last: Option<(Url, Again)>,
    most: u32,
    history: Vec<Arc<Answer>>,
}

/// A request to ask again with; `Bare` where its content is spent.
enum Again {
    Whole(Outline),
    Bare(Outline),
}

impl<'a> Journey<'a> {
    pub(crate) fn new(client: &'a Client, outline: Outline, most: u32) -> Self {
        Self { client, next: Some(outline), last: None, most, history: Vec::new() }
    }

    /// Begins the next request.
    pub(crate) fn depart(&mut self) -> Result<Open, ClientError> {
        let Some(outline) = self.next.take() else {
            return Err(ClientError::new(ClientErrorKind::Redirects, "nowhere to go"));
        };
        if self.most > 0 {
            let url = self.client.url(&outline);
            let bare = matches!(outline.content, Content::Pieces(_) | Content::ByHand);
            let again = if bare { Again::Bare(outline.again()) } else { Again::Whole(outline.again()) };
            self.last = url.map(|url| (url, again));
        }
        self.client.open(outline)
    }

    /// Looks at an answer: the last one is given back.
    pub(crate) fn arrive(&mut self, mut answer: Answer) -> Result<Option<Answer>, ClientError> {
        if let Some(outline) = self.redirected(&answer) {
            if self.history.len() >= self.most as usize {
                answer.set_history(std::mem::take(&mut self.history));
                let error = ClientError::new(ClientErrorKind::Redirects, format!("more than {}", self.most));
                return Err(error.with_answer(Some(answer)));
            }
            self.next = Some(outline);
            self.history.push(Arc::new(answer));
            return Ok(None);
        }
        answer.set_history(std::mem::take(&mut self.history));
        Ok(Some(answer))
    }

    /// The request that a redirect asks for, if the answer is one to be followed.
    fn redirected(&mut self, answer: &Answer) -> Option<Outline> {
        let status = answer.status();
        if !matches!(status, 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        let location = answer.headers().get(header::LOCATION)?.to_str().ok()?.to_owned();
        let (url, again) = self.last.take()?;
        let to = url.join(&location).ok().filter(|to| to.origin() == url.origin())?;
        let mut outline = match again {
            Again::Whole(outline) => outline,
            Again::Bare(outline) if becomes_get(status, &outline.method) => outline,
            Again::Bare(_) => return None,
        };
        if becomes_get(status, &outline.method) {
            let method = if outline.method == Method::HEAD { Method::HEAD } else { Method::GET };
            (outline.method, outline.content, outline.trailers) = (method, Content::None, None);
            outline.fields.retain(|(name, _)| {
                !name.as_str().starts_with("content-")
                    && !matches!(*name, header::TRANSFER_ENCODING | header::EXPECT)
            });
        }
        outline.target = match to.query() {
            Some(query) => format!("{}?{query}", to.path()),
            None => to.path().to_owned(),
        };
        Some(outline)
    }
}

/// RFC 9110 sections 15.4.2 to 15.4.4: what every client does.
fn becomes_get(status: u16, method: &Method) -> bool {
    status == 303 || matches!(status, 301 | 302) && *method == Method::POST
}
