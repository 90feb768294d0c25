//! Taking over the byte stream: what counts as an offer, what an answer to it is, and what is refused.

use rsgi_core::http::{Request, Response, StatusCode, Version};
use rsgi_core::{
    Body, Capabilities, ConnectProtocol, Environ, Error, Fault, Framing, Input, StartErrorKind,
    StartResponse, Started, UpgradeKind, app_fn,
};

use crate::asking::{Answer, Road, able, ask_on, plain};

fn asking(version: Version, fields: &[(&'static str, &'static str)]) -> Environ {
    let mut request = Request::builder().version(version);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    Environ::on_server(request.body(Input::empty()).unwrap(), able(Capabilities::UPGRADE))
}

fn connect(protocol: Option<&str>) -> Environ {
    let request = Request::builder().method("CONNECT").uri("a.example:443").body(Input::empty()).unwrap();
    let mut environ = Environ::on_server(request, able(Capabilities::UPGRADE));
    if let Some(protocol) = protocol {
        environ.insert(ConnectProtocol(protocol.into()));
    }
    environ
}

const ECHO: &[(&str, &str)] = &[("connection", "keep-alive, Upgrade"), ("upgrade", "echo/1, other")];

/// Upgrades to `protocol` if it is offered, refuses otherwise.
fn upgrade_to(protocol: &str, environ: &Environ, start: StartResponse) -> Result<Started, Error> {
    match environ.upgrade()? {
        Some(upgrade) => Ok(start.upgrade(upgrade, protocol)?.body("outbound")),
        None => Ok(start.status(StatusCode::OK).body("no offer")),
    }
}

fn answer(environ: Environ, protocol: &'static str) -> Answer {
    let app = app_fn(move |environ: Environ, start: StartResponse| async move {
        upgrade_to(protocol, &environ, start)
    });
    ask_on(&app, environ, Road::Polled)
}

#[test]
fn an_offer_is_read_from_every_upgrade_field_in_order() -> Result<(), Error> {
    // rule(140)
    let environ = asking(
        Version::HTTP_11,
        &[("connection", "close"), ("connection", "UPGRADE"), ("upgrade", "a/1, , b"), ("upgrade", "C")],
    );
    let upgrade = environ.upgrade()?.ok_or("no offer")?;
    assert_eq!(
        (upgrade.kind(), upgrade.protocols()),
        (UpgradeKind::Http1, &["a/1".into(), "b".into(), "C".into()][..])
    );
    assert!(upgrade.offers("A/1") && upgrade.offers("c") && !upgrade.offers("a"));
    Ok(())
}

#[test]
fn no_offer_without_both_fields_or_on_another_version() -> Result<(), Error> {
    // rule(140)
    for (version, fields) in [
        (Version::HTTP_10, ECHO),
        (Version::HTTP_2, ECHO),
        (Version::HTTP_11, &ECHO[..1]),
        (Version::HTTP_11, &ECHO[1..]),
        (Version::HTTP_11, &[("connection", "upgrade"), ("upgrade", " ")]),
    ] {
        assert!(asking(version, fields).upgrade()?.is_none(), "{version:?} {fields:?}");
        assert_eq!(answer(asking(version, fields), "echo/1").text(), "no offer");
    }
    Ok(())
}

#[test]
fn an_accepted_upgrade_is_a_101_whose_body_is_the_outbound_stream() {
    // rule(140)
    let answer = answer(asking(Version::HTTP_11, ECHO), "echo/1");
    assert_eq!((answer.status.as_u16(), answer.text()), (101, "outbound"));
    assert_eq!(answer.framing, Framing::Upgraded(UpgradeKind::Http1));
    assert_eq!((answer.header("upgrade"), answer.header("connection")), (Some("echo/1"), Some("upgrade")));
    assert_eq!(answer.header("content-length"), None);
}

#[test]
fn an_extended_connect_is_answered_by_200_without_the_fields() {
    // rule(144)
    let answer = answer(connect(Some("websocket")), "websocket");
    assert_eq!((answer.status.as_u16(), answer.text()), (200, "outbound"));
    assert_eq!(answer.framing, Framing::Upgraded(UpgradeKind::ExtendedConnect));
    assert_eq!((answer.header("upgrade"), answer.header("connection")), (None, None));
    // A plain success accepts as well (RFC 8441 section 5).
    let app =
        app_fn(|_, start: StartResponse| async move { Ok(start.status(StatusCode::OK).body("outbound")) });
    let plain = ask_on(&app, connect(Some("websocket")), Road::Polled);
    assert_eq!(plain.framing, Framing::Upgraded(UpgradeKind::ExtendedConnect));
}

#[test]
fn a_connect_offers_a_stream_without_a_protocol() -> Result<(), Error> {
    // rule(10)
    let upgrade = connect(None).upgrade()?.ok_or("no offer")?;
    assert_eq!((upgrade.kind(), upgrade.protocols().len()), (UpgradeKind::Connect, 0));
    let answer = answer(connect(None), "");
    assert_eq!((answer.status.as_u16(), answer.framing), (200, Framing::Upgraded(UpgradeKind::Connect)));
    Ok(())
}

#[test]
fn only_an_offered_protocol_can_be_accepted() {
    // rule(141)
    for protocol in ["echo", "websocket", "", "a\r\nb"] {
        let upgrade = asking(Version::HTTP_11, ECHO).upgrade().unwrap().unwrap();
        let error = StartResponse::new().upgrade(upgrade, protocol).unwrap_err();
        assert_eq!(error.kind(), StartErrorKind::Upgrade);
    }
    // Case and what is sent: the app's spelling of the client's protocol.
    assert_eq!(answer(asking(Version::HTTP_11, ECHO), "ECHO/1").header("upgrade"), Some("ECHO/1"));
}

#[test]
fn a_response_of_http_upgrades_only_to_what_was_offered() {
    // rule(141)
    let app = app_fn(|_, start_response: StartResponse| async move {
        let response =
            Response::builder().status(101).header("upgrade", "echo/1").header("connection", "upgrade");
        Ok(start_response.respond(response.body(Body::from("outbound"))?)?)
    });
    let accepted = ask_on(&app, asking(Version::HTTP_11, ECHO), Road::Polled);
    assert_eq!((accepted.status.as_u16(), accepted.framing), (101, Framing::Upgraded(UpgradeKind::Http1)));
    let others = [
        asking(Version::HTTP_11, &[]),
        asking(Version::HTTP_11, &[("connection", "upgrade"), ("upgrade", "other")]),
        asking(Version::HTTP_10, ECHO),
        asking(Version::HTTP_2, ECHO),
        connect(Some("echo/1")),
        Environ::on_server(Request::builder().body(Input::empty()).unwrap(), plain()),
    ];
    for environ in others {
        let refused = ask_on(&app, environ, Road::Polled);
        assert_eq!((refused.status.as_u16(), refused.outcome.fault), (500, Some(Fault::Refused)));
        assert_eq!(refused.header("upgrade"), None);
    }
    let naked = app_fn(|_, start_response: StartResponse| async move {
        Ok(start_response.respond(Response::builder().status(101).body(Body::empty())?)?)
    });
    assert_eq!(ask_on(&naked, asking(Version::HTTP_11, ECHO), Road::Polled).status.as_u16(), 500);
}

#[test]
fn a_server_that_cannot_says_so_before_the_app_begins() {
    // rule(147)
    let mut request = Request::builder();
    for (name, value) in ECHO {
        request = request.header(*name, *value);
    }
    let environ = Environ::on_server(request.body(Input::empty()).unwrap(), plain());
    let error = environ.upgrade().unwrap_err();
    assert_eq!(error.missing(), Capabilities::UPGRADE);
    assert_eq!(error.to_string(), "upgrade not supported: this server can't hand over its stream");
    // Whoever didn't ask isn't bothered.
    let quiet = Environ::on_server(Request::new(Input::empty()), plain());
    assert!(quiet.upgrade().unwrap().is_none());
}

#[test]
fn an_upgrade_is_told_to_the_adapter_only_when_it_is_answered() {
    let environ = asking(Version::HTTP_11, ECHO);
    let exchange = std::sync::Arc::clone(environ.exchange());
    assert!(!exchange.is_upgraded());
    answer(environ, "echo/1");
    assert!(exchange.is_upgraded());
    let refusing = asking(Version::HTTP_11, ECHO);
    let exchange = std::sync::Arc::clone(refusing.exchange());
    // rule(143)
    let app =
        app_fn(|_, start: StartResponse| async move { Ok(start.status(StatusCode::FORBIDDEN).body("no")) });
    assert_eq!(ask_on(&app, refusing, Road::Polled).framing, Framing::Length(2));
    assert!(!exchange.is_upgraded());
}
