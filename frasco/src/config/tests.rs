//! Configs: which source wins, what is told of a wrong value and what isn't, and what Frasco's own keys do.

use std::fs;

use serde::Deserialize;

use super::{Config, ConfigErrorKind};
use crate::{App, BuildError, Builder, Error};

fn variables<const N: usize>(config: Config, variables: [(&str, &str); N]) -> Config {
    config.variables("FRASCO_", variables).unwrap()
}

fn told<T: serde::de::DeserializeOwned>(config: &Config, key: &str) -> String {
    config.get::<T>(key).map(drop).unwrap_err().to_string()
}

#[test]
fn each_source_is_stronger_than_those_before_it_key_by_key() {
    let folder = tempfile::tempdir().unwrap();
    let (toml, json) = (folder.path().join("blog.toml"), folder.path().join("blog.json"));
    fs::write(&toml, "debug = true\n[blog]\ntitle = 'of toml'\nsince = 2026-11-24\n[blog.page]\nsize = 5\n")
        .unwrap();
    fs::write(&json, r#"{"blog": {"page": {"size": 6, "most": [1, 2]}}}"#).unwrap();
    let config = Config::new().value("blog.title", "of the program").value("blog.author", "ada");
    let config = config
        .file(&toml)
        .unwrap()
        .file(&json)
        .unwrap()
        .file_if_there(folder.path().join("none.toml"))
        .unwrap();
    let config = variables(
        config,
        [("FRASCO_BLOG__PAGE__MOST", "[3]"), ("OTHER_BLOG__TITLE", "no"), ("FRASCO_", "no")],
    );
    assert_eq!(config.get::<String>("blog.title").unwrap(), "of toml");
    assert_eq!(config.get::<String>("blog.author").unwrap(), "ada");
    assert_eq!(config.get::<String>("blog.since").unwrap(), "2026-11-24");
    assert_eq!(config.get::<u8>("blog.page.size").unwrap(), 6);
    assert_eq!(config.get::<Vec<u8>>("blog.page.most").unwrap(), [3]);
    assert_eq!(config.source("blog.page.size"), Some(json.to_str().unwrap()));
    assert_eq!(config.source("blog.page.most"), Some("FRASCO_BLOG__PAGE__MOST in the environment"));
    assert_eq!((config.source("blog.page"), config.source("nothing")), (None, None));
}

#[test]
fn a_variable_is_json_where_it_can_be_and_text_where_that_is_wanted() {
    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Colour {
        Red,
    }
    let config = variables(
        Config::new(),
        [
            ("FRASCO_NUMBER", "0123"),
            ("FRASCO_COUNT", "12"),
            ("FRASCO_YES", "1"),
            ("FRASCO_NO", "Off"),
            ("FRASCO_COLOUR", "red"),
            ("FRASCO_TABLE", r#"{"a": 1, "b": 2}"#),
            ("FRASCO_TABLE__B", "3"),
            ("FRASCO_NULL", "null"),
        ],
    );
    assert_eq!(config.get::<String>("number").unwrap(), "0123");
    assert_eq!(
        (config.get::<u8>("count").unwrap(), config.get::<String>("count").unwrap()),
        (12, "12".to_owned())
    );
    assert_eq!((config.get::<bool>("yes").unwrap(), config.get::<bool>("no").unwrap()), (true, false));
    assert_eq!(config.get::<Colour>("colour").unwrap(), Colour::Red);
    assert_eq!((config.get::<u8>("table.a").unwrap(), config.get::<u8>("table.b").unwrap()), (1, 3));
    assert_eq!(config.get::<Option<u8>>("null").unwrap(), None);
    assert_eq!(config.get::<Option<u8>>("count").unwrap(), Some(12));
    assert_eq!(config.get::<Option<u8>>("nothing").unwrap(), None);
}

#[test]
fn dotenv_stands_in_for_what_the_environment_does_not_set() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".env");
    fs::write(
        &path,
        "# of development\nFRASCO_A=\"of the file\"\nFRASCO_B=of the file\nOTHER=1\n"
            .replace("B=of the file", "B=file"),
    )
    .unwrap();
    let config = Config::new().dotenv(&path).unwrap().dotenv(folder.path().join("none")).unwrap();
    let config = variables(config, [("FRASCO_B", "environment")]);
    assert_eq!(config.get::<String>("a").unwrap(), "of the file");
    assert_eq!(config.get::<String>("b").unwrap(), "environment");
    assert_eq!(config.source("a"), Some(format!("FRASCO_A in {}", path.display()).as_str()));
    assert_eq!(config.dotenv(&path).unwrap_err().kind(), ConfigErrorKind::Order);
    assert!(std::env::var_os("FRASCO_A").is_none(), "the process's own environment stays as it is");
}

#[test]
fn a_wrong_value_is_told_with_key_and_source() {
    #[derive(Deserialize, Debug)]
    struct Page {
        #[serde(rename = "size")]
        _size: u8,
    }
    #[derive(Deserialize, Debug)]
    struct Blog {
        #[serde(rename = "page")]
        _page: Page,
    }
    let config = Config::new().value("blog.page.size", "many").value("list", [1, 2]);
    let expected = "blog.page.size (from the program): invalid type: string \"many\", expected u8";
    assert_eq!(told::<u8>(&config, "blog.page.size"), expected);
    assert_eq!(told::<Blog>(&config, "blog"), expected);
    let of_variable = variables(config.clone(), [("FRASCO_BLOG__PAGE__SIZE", "300")]);
    let from = "blog.page.size (from FRASCO_BLOG__PAGE__SIZE in the environment)";
    assert_eq!(
        told::<Blog>(&of_variable, "blog"),
        format!("{from}: invalid value: integer `300`, expected u8")
    );
    assert_eq!(
        told::<String>(&config, "list"),
        "list (from the program): invalid type: sequence, expected a string"
    );
    assert_eq!(told::<u8>(&config, "blog"), "blog: invalid type: map, expected u8");
    assert_eq!(told::<u8>(&config, "blog.title"), "blog.title: there is no such key");
    assert_eq!(told::<Blog>(&Config::new().value("blog.x", 1), "blog"), "blog.page: there is no such key");
    assert_eq!(told::<Page>(&Config::new().value("x", 1), ""), "size: there is no such key");
}

#[test]
fn a_file_that_is_none_is_told_without_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("a.toml"), "ok = 1\nsecret_key = hunter2\n").unwrap();
    fs::write(at("a.json"), "{\"secret_key\": hunter2}").unwrap();
    fs::write(at("b.json"), "[]").unwrap();
    fs::write(at("a.yaml"), "").unwrap();
    fs::write(at(".env"), "FRASCO_SECRET_KEY 'hunter2\n").unwrap();
    let file = |name: &str| Config::new().file(at(name)).unwrap_err();
    let wrong = [
        (file("a.toml"), "a.toml: line 2 is no TOML: "),
        (file("a.json"), "a.json: it is no JSON: expected value at line 1 column 16"),
        (file("b.json"), "b.json: it is to be an object"),
        (file("a.yaml"), "a.yaml: its name is to end in .toml or .json"),
        (Config::new().dotenv(at(".env")).unwrap_err(), ".env: a line is no NAME=value"),
    ];
    for (error, expected) in wrong {
        assert_eq!(error.kind(), ConfigErrorKind::Syntax);
        assert!(error.to_string().contains(expected) && !error.to_string().contains("hunter2"), "{error}");
    }
    let missing = file("none.toml");
    assert_eq!(missing.kind(), ConfigErrorKind::File);
    let told = BuildError::from(missing).to_string();
    assert!(
        told.starts_with("the app can't be built:\n- the config ") && told.contains("No such file"),
        "{told}"
    );
}

#[test]
fn a_secret_is_never_shown() {
    let config = Config::new()
        .value("secret_key", "hunter2")
        .value("mail.password", "hunter2")
        .value("mail.user", "ada")
        .value("mail.server.pin", "hunter2")
        .value("database", "postgres://app:hunter2@db/blog")
        .value("site", "https://example.com/@ada")
        .value("api-keys", ["hunter2"])
        .secret("mail.server");
    let shown = format!("{config:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    for visible in
        ["\"ada\" (the program)", "https://example.com/@ada", "mail.password: [secret] (the program)"]
    {
        assert!(shown.contains(visible), "{visible}: {shown}");
    }
    for key in ["secret_key", "mail.password", "mail.server.pin", "database", "api-keys"] {
        let told = told::<u8>(&config, key);
        assert!(
            told.ends_with("a secret, is of another type than is wanted") && !told.contains("hunter2"),
            "{told}"
        );
    }
}

fn faults(config: Config) -> Vec<String> {
    App::builder("app").config(config).build().map(drop).unwrap_err().faults().to_vec()
}

#[test]
fn frascos_own_keys_are_read_at_boot_and_all_faults_told() {
    let config = Config::new()
        .value("debug", "maybe")
        .value("secret_key", 12)
        .value("session_cookie_name", "a b")
        .value("session_cookie_samesite", "sometimes")
        .value("max_content_length", -1)
        .value("trusted_hosts", "example.com")
        .value("unknown", "is the app's own");
    let expected = [
        "the config's secret_key (from the program): the value, which is a secret, is of another type than is wanted",
        "the config's session_cookie_name (from the program): \"a b\" is not a cookie's name: letters, digits, '-' and '_'",
        "the config's session_cookie_samesite (from the program): \"sometimes\" is not lax, strict or none",
        "the config's trusted_hosts (from the program): invalid type: string \"example.com\", expected a sequence",
        "the config's debug (from the program): invalid type: string \"maybe\", expected a boolean",
        "the config's max_content_length (from the program): invalid value: integer `-1`, expected u64",
    ];
    assert_eq!(faults(config), expected);
    let fallbacks = faults(Config::new().value("secret_key_fallbacks", ["x"]));
    assert!(fallbacks[0].starts_with("secret_key_fallbacks: they are keys of before"), "{fallbacks:?}");
}

fn builder(config: Config) -> Builder {
    App::builder("app").config(config)
}

fn client(builder: Builder) -> rsgi_test::Client {
    rsgi_test::Client::new(builder.build().unwrap())
}

async fn ping() -> &'static str {
    "pong"
}

#[test]
fn only_trusted_hosts_are_answered_and_no_hook_sees_another() {
    async fn before(request: crate::Request) -> Result<(), Error> {
        let host = request.host().unwrap_or_default();
        assert!(!host.contains("evil"), "{host}");
        Ok(())
    }
    let config = Config::new().value("trusted_hosts", ["Example.com", ".example.org", "[::1]"]);
    let client = client(builder(config).before_request(before).get("/", ping));
    let status = |host: &str| client.get("/").header("host", host).answer().status();
    for host in ["example.com", "EXAMPLE.com:8080", "example.org", "a.b.example.org:1", "[::1]:8000"] {
        assert_eq!(status(host), 200, "{host}");
    }
    for host in ["evil.com", "a.example.com", "badexample.org", "example.com.evil.com", "[::2]"] {
        assert_eq!(status(host), 400, "{host}");
    }
    let told = client.get("/").header("host", "evil.com").answer();
    assert!(told.text().contains("This app does not answer for that host."));
}

#[test]
fn more_content_than_the_config_allows_is_a_413() {
    async fn echo(content: crate::Json<Vec<u8>>) -> crate::Json<Vec<u8>> {
        content
    }
    let client = client(builder(Config::new().value("max_content_length", 9)).post("/", echo));
    let post = |body: &str| {
        client.post("/").header("content-type", "application/json").body(body.to_owned()).answer()
    };
    assert_eq!(post("[1,2,3,4]").status(), 200);
    assert_eq!(post("[1,2,3,45]").status(), 413);
}

#[test]
fn debug_shows_what_nothing_handles_and_only_that() {
    #[derive(Debug)]
    struct Known;
    impl std::fmt::Display for Known {
        fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("known")
        }
    }
    impl std::error::Error for Known {}
    async fn fail() -> Result<(), Error> {
        Err(Error::msg("the <cause>"))
    }
    async fn known() -> Result<(), Error> {
        Err(Known.into())
    }
    async fn page() -> &'static str {
        "an error page"
    }
    let app = |debug: bool| {
        let app = builder(Config::new().value("debug", debug)).get("/fail", fail).get("/known", known);
        client(app.on_status(500, page).on_error::<Known, _>(async || "of its type"))
    };
    let (debug, production) = (app(true), app(false));
    assert_eq!(production.get("/fail").answer().text(), "an error page");
    let shown = debug.get("/fail").answer();
    assert_eq!(shown.status(), 500);
    assert!(shown.text().contains("the <cause>"), "{}", shown.text());
    assert_eq!(debug.get("/known").answer().text(), "of its type");
}

#[cfg(feature = "sessions")]
mod sessions {
    use super::*;
    use crate::{Session, SessionKey, Sessions};

    const KEY: &str = "a secret of thirty-two bytes, or more";
    const OTHER: &str = "another secret of at least thirty-two";

    async fn visits(session: Session) -> Result<String, Error> {
        let visits = session.get::<u32>("visits")?.unwrap_or(0) + 1;
        session.insert("visits", visits)?;
        Ok(visits.to_string())
    }

    #[test]
    fn a_secret_key_gives_sessions_as_the_config_says() {
        let config = Config::new()
            .value("secret_key", KEY)
            .value("session_cookie_name", "s")
            .value("session_cookie_domain", "example.com")
            .value("session_cookie_path", "/app")
            .value("session_cookie_secure", true)
            .value("session_cookie_samesite", "Strict")
            .value("permanent_session_lifetime", 60);
        let answer = client(builder(config).get("/", visits)).get("/").answer();
        let cookie = answer.field("set-cookie").unwrap();
        assert!(cookie.starts_with("s="), "{cookie}");
        for attribute in
            ["Domain=example.com", "Path=/app", "Secure", "SameSite=Strict", "Max-Age=60", "HttpOnly"]
        {
            assert!(cookie.split("; ").any(|it| it == attribute), "{attribute}: {cookie}");
        }
    }

    #[test]
    fn a_key_of_before_opens_sessions_until_it_is_taken_away() {
        let with = |config: Config| client(builder(config).get("/", visits));
        let of = |client: &rsgi_test::Client, cookie: &str| client.get("/").header("cookie", cookie).answer();
        let answer = with(Config::new().value("secret_key", OTHER)).get("/").answer();
        let old = answer.field("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        let rotated = Config::new().value("secret_key", KEY).value("secret_key_fallbacks", [OTHER]);
        assert_eq!(of(&with(rotated), &old).text(), "2");
        assert_eq!(of(&with(Config::new().value("secret_key", KEY)), &old).text(), "1");
    }

    #[test]
    fn what_the_builder_was_given_counts_before_the_config() {
        let sessions = Sessions::new(SessionKey::generate()).name("own");
        let app = builder(Config::new().value("secret_key", KEY)).sessions(sessions).get("/", visits);
        assert!(client(app).get("/").answer().field("set-cookie").unwrap().starts_with("own="));
    }

    #[test]
    fn a_key_that_is_too_short_is_told_without_it() {
        let told =
            faults(Config::new().value("secret_key", "hunter2").value("secret_key_fallbacks", ["short"]));
        assert_eq!(told.len(), 2);
        assert!(told[0].starts_with("the config's secret_key: session key of 7 bytes"), "{told:?}");
        assert!(told[1].starts_with("the config's secret_key_fallbacks: "), "{told:?}");
        assert!(!told.concat().contains("hunter2"));
    }
}
