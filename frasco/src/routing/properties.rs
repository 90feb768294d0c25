//! What holds of any path and of any values: what is built leads back, nothing panics, and a redirect ends where it leads.
//!
//! The rules are each of another shape, so that a built path can lead to one alone. Where two variables stand side by side, what is
//! built may be read otherwise; such rules are left out here, as in any framework.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::tests::router;
use super::*;

/// Rules whose paths tell them apart, with the names of their variables.
const RULES: [&str; 9] = [
    "GET /text/<a>",
    "GET /two/<a>/<b>",
    "GET /folder/<a>/",
    "GET /whole/<path:a>",
    "GET /wiki/<path:a>/edit",
    "GET /number/<int(signed=true):a>",
    "GET /float/<float(signed=true):a>",
    "GET /word/<any(50%, 'a/b', c):a>",
    "GET /short/<string(minlength=2, maxlength=4):a>",
];

static ROUTER: LazyLock<Router> = LazyLock::new(|| router(&RULES));

fn built(router: &Router, endpoint: &str, values: &[(&str, &str)]) -> Result<String, UrlError> {
    let url = UrlFor::new(router, endpoint.to_owned(), "", (String::new(), String::new()));
    values.iter().fold(url, |url, (name, value)| url.with(name, value)).build()
}

/// Builds, and looks where it leads.
fn leads_back(endpoint: &str, values: &[(&str, &str)]) -> Result<(), TestCaseError> {
    let router = &*ROUTER;
    let path = built(router, endpoint, values);
    let path = path.map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert!(path.bytes().all(|it| it.is_ascii_graphic()), "{path:?} is a path of a request line");
    let Found::Entry(index, found) = router.find(&path, &Method::GET) else {
        return Err(TestCaseError::fail(format!("{path} leads nowhere")));
    };
    prop_assert_eq!(router.entry(index).endpoint.as_str(), endpoint, "{}", path);
    let given: Vec<&str> = values.iter().map(|(_, value)| *value).collect();
    prop_assert_eq!(found, given, "{}", path);
    Ok(())
}

/// Text as it gets into paths: with what separates, what escapes, and whatever else there is.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a/%25F?#&=+;.: \\\\é€-]{1,12}",
        // A line's end, too: `(?s)`.
        "(?s).{1,12}",
    ]
}

/// A path as a client may send it.
fn path() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("/".to_owned()),
        Just("%2F".to_owned()),
        Just("%25".to_owned()),
        Just("%5C".to_owned()),
        Just("%0D%0A".to_owned()),
        Just("%FF".to_owned()),
        Just("..".to_owned()),
        Just("docs".to_owned()),
        Just("edit".to_owned()),
        "[a-f0-9%]{1,4}",
        "(?s).{1,3}",
    ];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| format!("/{}", pieces.concat()))
}

/// Rules that redirect, and that take much.
const REDIRECTING: [&str; 7] = [
    "GET /docs/",
    "GET /<a>/",
    "GET /<a>/<path:b>/",
    "GET /<path:a>/edit",
    "GET /docs/<a>/",
    "GET /<int:a>",
    "GET /a//b",
];

static REDIRECTS: LazyLock<Router> = LazyLock::new(|| router(&REDIRECTING));

/// Rules that could cut an escape in two.
static CUTTING: LazyLock<Router> =
    LazyLock::new(|| router(&["GET /<a>2<b>", "GET /<path:a>F", "GET /x<a><int:n>"]));

proptest! {
    // What fails is in the report, with the values that made it fail.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_url_of_any_text_leads_back_to_it(a in text(), b in text()) {
        leads_back("/text/<a>", &[("a", &a)])?;
        leads_back("/two/<a>/<b>", &[("a", &a), ("b", &b)])?;
        leads_back("/folder/<a>/", &[("a", &a)])?;
    }

    #[test]
    fn a_url_of_any_path_leads_back_to_it(a in "[^/\n][a/%25F?#é .]{0,12}") {
        leads_back("/whole/<path:a>", &[("a", &a)])?;
        leads_back("/wiki/<path:a>/edit", &[("a", &a)])?;
    }

    #[test]
    fn a_url_of_any_number_leads_back_to_it(int in any::<i64>(), float in -1e9..1e9) {
        leads_back("/number/<int(signed=true):a>", &[("a", &int.to_string())])?;
        leads_back("/float/<float(signed=true):a>", &[("a", &format!("{float:?}"))])?;
    }

    #[test]
    fn a_url_of_one_of_several_words_leads_back_to_it(word in prop::sample::select(vec!["50%", "a/b", "c"])) {
        leads_back("/word/<any(50%, 'a/b', c):a>", &[("a", word)])?;
    }

    #[test]
    fn a_text_of_the_right_length_alone_has_a_url(a in "[a/%é]{1,6}") {
        let endpoint = "/short/<string(minlength=2, maxlength=4):a>";
        if (2..=4).contains(&a.chars().count()) {
            leads_back(endpoint, &[("a", &a)])?;
        } else {
            prop_assert!(built(&ROUTER, endpoint, &[("a", &a)]).is_err());
        }
    }

    #[test]
    fn values_are_whole_whatever_the_path(path in path()) {
        let router = &*CUTTING;
        if let Found::Entry(index, values) = router.find(&path, &Method::GET) {
            // What a client sends of these is there in its values, once decoded.
            let text = router.entry(index).rule.text.clone();
            let mut whole = text.clone();
            for (variable, value) in ["<a>", "<b>", "<path:a>", "<int:n>"].iter().filter(|it| text.contains(**it)).zip(&values) {
                whole = whole.replace(variable, value);
            }
            let form = canonical::of_path(&path).unwrap_or_default().into_owned();
            prop_assert_eq!(whole, canonical::to_text(&form), "{} {:?}", path, values);
        }
    }

    #[test]
    fn a_redirect_leads_to_where_it_ends(path in path()) {
        let router = &*REDIRECTS;
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            let mut at = path.clone();
            if let Found::Redirect(form) = router.find(&at, &method) {
                let location = crate::dispatch::location("", &form, None);
                prop_assert!(location.bytes().all(|it| it.is_ascii_graphic()), "{location:?} is no field's value");
                prop_assert!(location.starts_with('/') && !location.starts_with("//"), "{location:?} is a host");
                // What keeps two slashes from being a host.
                at = location.strip_prefix("/.").filter(|it| it.starts_with("//")).unwrap_or(&location).to_owned();
                let next = router.find(&at, &method);
                prop_assert!(matches!(next, Found::Entry(..)), "{path:?} -> {at:?} -> {next:?}");
            }
        }
    }

    #[test]
    fn any_text_is_a_path_that_is_found_or_not(path in any::<String>()) {
        let router = &*REDIRECTS;
        let _found = router.find(&path, &Method::GET);
    }
}
