//! The book, compiled: every block of Rust in a page of `docs/` is a documentation test of this crate.
//!
//! Not here: the pages of rsgi-serve, rsgi-gateway and rsgi-python (`serving.md`, `gateway.md`, `python-hosts.md`), which those crates compile themselves. That no page
//! with Rust is left out, and what is tested of the rest of a page, is in `tests/pages`; `src/bin/shop.rs` is the program of the
//! book's command lines.
#![forbid(unsafe_code)]

#[cfg(doctest)]
macro_rules! pages {
    ($($name:ident: $page:literal,)*) => {$(
        #[doc = include_str!(concat!("../../../docs/", $page))]
        #[derive(Debug)]
        pub struct $name;
    )*};
}

#[cfg(doctest)]
pages! {
    Introduction: "introduction.md",
    Apps: "apps.md",
    Frameworks: "frameworks.md",
    Servers: "servers.md",
    Middleware: "middleware.md",
    FromWsgi: "from-wsgi.md",
    FromAxum: "from-axum.md",
    Frasco: "frasco.md",
    FrascoFirstPage: "frasco-first-page.md",
    FrascoRules: "frasco-rules.md",
    FrascoDatabase: "frasco-database.md",
    FrascoTemplates: "frasco-templates.md",
    FrascoLogin: "frasco-login.md",
    FrascoMessages: "frasco-messages.md",
    FrascoPictures: "frasco-pictures.md",
    FrascoPages: "frasco-pages.md",
    FrascoServing: "frasco-serving.md",
}
