//! Taking over the byte stream: HTTP/1 Upgrade, CONNECT and extended CONNECT as one thing.
//!
//! The app asks the environ for an [`Upgrade`], looks at what the client offers, and either accepts one by
//! [`StartResponse::upgrade`](crate::StartResponse::upgrade) or answers otherwise, which is the refusal and always possible. After acceptance
//! the environ's input goes on as the raw inbound bytes and the answer's body is the outbound half: core needs no
//! I/O trait for it.

use http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header};

use crate::start_error::{StartError, StartErrorKind};

/// The `:protocol` of an extended CONNECT (RFC 8441), which an adapter puts into the environ's slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectProtocol(pub String);

/// By which mechanism the client asks for the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpgradeKind {
    /// HTTP/1.1 `Upgrade`: answered by 101 (RFC 9110 section 7.8).
    Http1,
    /// CONNECT to an authority: answered by 200 (RFC 9110 section 9.3.6).
    Connect,
    /// Extended CONNECT on HTTP/2: answered by 200 (RFC 8441 section 5).
    ExtendedConnect,
}

/// The client's offer to hand over the byte stream.
#[derive(Debug, Clone)]
pub struct Upgrade {
    kind: UpgradeKind,
    offered: Vec<String>,
}

impl Upgrade {
    /// Reads the offer out of a request's head; `None` where there is none.
    pub(crate) fn offered(
        method: &Method,
        version: Version,
        headers: &HeaderMap,
        extended: Option<&ConnectProtocol>,
    ) -> Option<Self> {
        if let Some(ConnectProtocol(protocol)) = extended {
            return Some(Self { kind: UpgradeKind::ExtendedConnect, offered: vec![protocol.clone()] });
        }
        if *method == Method::CONNECT {
            return Some(Self { kind: UpgradeKind::Connect, offered: Vec::new() });
        }
        if version != Version::HTTP_11 || !lists(headers, &header::CONNECTION, "upgrade") {
            return None;
        }
        let offered: Vec<String> =
            elements(headers, &header::UPGRADE).map(str::to_owned).filter(|name| !name.is_empty()).collect();
        (!offered.is_empty()).then_some(Self { kind: UpgradeKind::Http1, offered })
    }

    /// By which mechanism the client asks.
    #[must_use]
    pub fn kind(&self) -> UpgradeKind {
        self.kind
    }

    /// The protocols on offer, in the client's order of preference; empty for a plain CONNECT.
    #[must_use]
    pub fn protocols(&self) -> &[String] {
        &self.offered
    }

    /// Tells whether `protocol` is on offer; names compare without case (RFC 9110 section 7.8).
    #[must_use]
    pub fn offers(&self, protocol: &str) -> bool {
        self.offered.iter().any(|offered| offered.eq_ignore_ascii_case(protocol))
    }

    /// Tells whether an answer's upgrade is this offer's; a CONNECT's 2xx names no protocol.
    pub(crate) fn holds(&self, kind: UpgradeKind, protocol: &HeaderValue) -> bool {
        let named = || protocol.to_str().is_ok_and(|protocol| self.offers(protocol));
        kind == self.kind && (kind != UpgradeKind::Http1 || named())
    }

    pub(crate) fn accept(self, protocol: &str) -> Result<UpgradeAnswer, StartError> {
        if self.kind != UpgradeKind::Connect && !self.offers(protocol) {
            return Err(StartError::new(StartErrorKind::Upgrade, protocol));
        }
        let name = HeaderValue::from_str(protocol)
            .map_err(|_| StartError::new(StartErrorKind::Upgrade, protocol))?;
        Ok(UpgradeAnswer::Accepted { kind: self.kind, protocol: name })
    }
}

/// What an answer says of upgrades, travelling with it.
#[derive(Debug, Clone)]
pub(crate) enum UpgradeAnswer {
    /// The client's offer is accepted: the body is the outbound stream.
    Accepted { kind: UpgradeKind, protocol: HeaderValue },
    /// An ordinary answer that names the protocols on offer here, as a 426 does.
    Offered(HeaderValue),
}

impl UpgradeKind {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Http1 => StatusCode::SWITCHING_PROTOCOLS,
            Self::Connect | Self::ExtendedConnect => StatusCode::OK,
        }
    }
}

/// The elements of a list-valued field, trimmed.
pub(crate) fn elements<'a>(
    headers: &'a HeaderMap,
    name: &header::HeaderName,
) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

/// Tells whether a list-valued field names `element`, without case.
pub(crate) fn lists(headers: &HeaderMap, name: &header::HeaderName, element: &str) -> bool {
    elements(headers, name).any(|found| found.eq_ignore_ascii_case(element))
}

#[cfg(test)]
mod tests {
    use http::{Request, Response};

    use super::*;
    use crate::outgoing::Outgoing;
    use crate::{Body, Environ, Error, StartResponse, Started, respond, wait};

    async fn only_echo(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        Ok(start_response.status(StatusCode::UPGRADE_REQUIRED).offer_upgrade("echo")?.body("speak echo\n"))
    }

    fn asked(version: Version) -> Response<Outgoing> {
        let request = Request::builder().version(version).body(()).unwrap();
        wait(respond(&only_echo, Environ::for_test(request)))
    }

    #[test]
    fn a_426_names_its_protocols_where_the_version_has_the_field() {
        let answer = asked(Version::HTTP_11);
        assert_eq!(answer.status(), StatusCode::UPGRADE_REQUIRED);
        assert_eq!(answer.headers()[header::UPGRADE], "echo");
        assert_eq!(answer.headers()[header::CONNECTION], "upgrade");
        for version in [Version::HTTP_10, Version::HTTP_2] {
            let headers = asked(version).headers().clone();
            assert!(!headers.contains_key(header::UPGRADE) && !headers.contains_key(header::CONNECTION));
        }
    }

    #[test]
    fn an_offer_is_no_upgrade() -> Result<(), Error> {
        let started = StartResponse::new().status(StatusCode::OK).offer_upgrade("echo")?.empty();
        assert!(!started.is_upgrade());
        Ok(())
    }

    #[test]
    fn a_response_of_http_with_an_upgrade_field_offers_it() {
        async fn app(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
            let response = Response::builder().status(426).header("upgrade", "h2c").body(Body::empty())?;
            Ok(start_response.respond(response)?)
        }
        let answer = wait(respond(&app, Environ::for_test(Request::new(()))));
        assert_eq!(answer.headers()[header::UPGRADE], "h2c");
    }
}
