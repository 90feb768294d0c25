//! A request as the test client means it, before a road writes it down.
//!
//! Fields are a list, since a wire keeps their order; everything the road must add (framing, Host) isn't in it yet.

use std::fmt;
use std::time::Duration;

use rsgi_core::bytes::{Bytes, BytesMut};
use rsgi_core::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use rsgi_core::http::{Method, Version};
use rsgi_core::{Endpoint, Scheme};

/// A request.
#[derive(Debug)]
pub(crate) struct Outline {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) version: Version,
    pub(crate) fields: Vec<(HeaderName, HeaderValue)>,
    pub(crate) content: Content,
    pub(crate) trailers: Option<HeaderMap>,
    /// The `:protocol` of an extended CONNECT.
    pub(crate) protocol: Option<String>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) facts: Option<Facts>,
}

/// A request's content.
pub(crate) enum Content {
    None,
    Bytes(Bytes),
    /// Of unknown length.
    Pieces(Box<dyn Iterator<Item = Bytes> + Send>),
    /// Fed by the test.
    ByHand,
}

/// What a recorded request says of its connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) peer: Endpoint,
    pub(crate) local: Endpoint,
    pub(crate) scheme: Scheme,
    pub(crate) split: (String, String),
}

impl Outline {
    pub(crate) fn new(method: Method, target: String) -> Self {
        Self {
            method,
            target,
            version: Version::HTTP_11,
            fields: Vec::new(),
            content: Content::None,
            trailers: None,
            protocol: None,
            deadline: None,
            facts: None,
        }
    }

    pub(crate) fn has(&self, name: &HeaderName) -> bool {
        self.fields.iter().any(|(found, _)| found == name)
    }

    pub(crate) fn value(&self, name: &HeaderName) -> Option<&HeaderValue> {
        self.fields.iter().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    /// Puts a field in place of those of its name.
    pub(crate) fn set(&mut self, name: HeaderName, value: HeaderValue) {
        self.fields.retain(|(found, _)| *found != name);
        self.fields.push((name, value));
    }

    /// Tells whether a list-valued field names `element`.
    pub(crate) fn lists(&self, name: &HeaderName, element: &str) -> bool {
        let values = self.fields.iter().filter(|(found, _)| found == name);
        let elements = values.filter_map(|(_, value)| value.to_str().ok()).flat_map(|value| value.split(','));
        elements.map(str::trim).any(|found| found.eq_ignore_ascii_case(element))
    }

    /// Tells whether the client expects `100 Continue` before its content.
    pub(crate) fn expects_continue(&self) -> bool {
        self.lists(&header::EXPECT, "100-continue") && !matches!(self.content, Content::None)
    }

    /// Tells whether the answer may hand over the stream.
    pub(crate) fn offers_upgrade(&self) -> bool {
        self.method == Method::CONNECT
            || self.version == Version::HTTP_11
                && self.has(&header::UPGRADE)
                && self.lists(&header::CONNECTION, "upgrade")
    }

    /// Says in the fields how the content is framed, as RFC 9112 section 6 has it, unless they say so already. Gives
    /// the content's length, where it is declared.
    pub(crate) fn frame(&mut self) -> Option<u64> {
        if self.version < Version::HTTP_11 {
            // No chunks there: the length must be known.
            if let Content::Pieces(pieces) = &mut self.content {
                let whole = pieces.fold(BytesMut::new(), |mut whole, piece| {
                    whole.extend_from_slice(&piece);
                    whole
                });
                self.content = Content::Bytes(whole.freeze());
            }
        }
        if self.has(&header::CONTENT_LENGTH) {
            let declared = self.value(&header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
            return declared.and_then(|value| value.parse().ok());
        }
        let has_trailers = self.trailers.is_some() && self.version > Version::HTTP_10;
        match &self.content {
            Content::None => None,
            Content::Bytes(bytes) if !has_trailers => {
                let length = bytes.len() as u64;
                self.fields.push((header::CONTENT_LENGTH, HeaderValue::from(length)));
                Some(length)
            }
            _ => {
                if self.version == Version::HTTP_11 && !self.has(&header::TRANSFER_ENCODING) {
                    self.fields.push((header::TRANSFER_ENCODING, HeaderValue::from_static("chunked")));
                }
                None
            }
        }
    }

    /// A copy to ask again with; without the content if that can be sent but once.
    pub(crate) fn again(&self) -> Self {
        let content = match &self.content {
            Content::Bytes(bytes) => Content::Bytes(bytes.clone()),
            Content::None | Content::Pieces(_) | Content::ByHand => Content::None,
        };
        Self {
            method: self.method.clone(),
            target: self.target.clone(),
            fields: self.fields.clone(),
            trailers: self.trailers.clone(),
            protocol: self.protocol.clone(),
            facts: self.facts.clone(),
            content,
            ..*self
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => formatter.write_str("None"),
            Self::Bytes(bytes) => write!(formatter, "{} bytes", bytes.len()),
            Self::Pieces(_) => formatter.write_str("Pieces"),
            Self::ByHand => formatter.write_str("ByHand"),
        }
    }
}
