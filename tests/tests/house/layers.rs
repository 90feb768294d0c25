//! The layers: which of our crates may depend on which, and what rsgi-core may depend on and do.
//!
//! Reads the manifests as text, every kind of dependency alike. The table below is the whole truth: a crate that is not in it fails the
//! test until it is given its place.

use std::collections::BTreeSet;

use crate::files::{SourceFile, expect_none, has_word, with_extension};

/// Our crates and what of ours each may depend on, from the contract up.
const LAYERS: &[(&str, &[&str])] = &[
    ("rsgi-core", &[]),
    ("rsgi-threads", &["rsgi-core"]),
    ("rsgi-std", &["rsgi-core", "rsgi-threads"]),
    ("rsgi-hyper", &["rsgi-core"]),
    ("rsgi-gateway", &["rsgi-core", "rsgi-threads"]),
    ("rsgi-tower", &["rsgi-core", "rsgi-test"]),
    ("rsgi-middleware", &["rsgi-core", "rsgi-test"]),
    ("rsgi-test", &["rsgi-core"]),
    ("frasco", &["rsgi-core", "rsgi-middleware", "rsgi-test"]),
    ("rsgi-serve", &["rsgi-core", "rsgi-std", "rsgi-hyper", "rsgi-gateway", "rsgi-middleware", "rsgi-test"]),
    // Of rsgi-tests what drives processes, in its own tests.
    (
        "rsgi-python",
        &["rsgi-core", "rsgi-std", "rsgi-hyper", "rsgi-gateway", "rsgi-serve", "rsgi-test", "rsgi-tests"],
    ),
    (
        "rsgi-examples",
        &[
            "rsgi-core",
            "rsgi-std",
            "rsgi-hyper",
            "rsgi-tower",
            "rsgi-middleware",
            "rsgi-serve",
            "rsgi-test",
            "frasco",
        ],
    ),
    ("rsgi-afternoon", &["rsgi-core", "rsgi-test"]),
    ("rsgi-blog", &["rsgi-core", "rsgi-middleware", "rsgi-serve", "rsgi-test", "frasco"]),
    ("rsgi-benches", &["rsgi-core", "rsgi-std", "rsgi-hyper", "rsgi-gateway", "rsgi-tower", "frasco"]),
    (
        "rsgi-tests",
        &[
            "rsgi-core",
            "rsgi-threads",
            "rsgi-std",
            "rsgi-hyper",
            "rsgi-gateway",
            "rsgi-tower",
            "rsgi-middleware",
            "rsgi-serve",
            "rsgi-test",
            "rsgi-examples",
            "rsgi-afternoon",
        ],
    ),
    ("rsgi-fuzz", &["rsgi-core", "rsgi-std", "rsgi-hyper", "rsgi-gateway"]),
];

/// All that rsgi-core depends on. `pin-project-lite` is there because pinning a field by hand takes unsafe code.
const CORE_DEPENDENCIES: &[&str] =
    &["bytes", "futures-core", "http", "http-body", "pin-project-lite", "tracing"];

/// What would open a socket, or start a thread or process, or tie core to a runtime.
const FORBIDDEN_IN_CORE: &[&str] = &[
    "TcpListener::bind",
    "TcpStream::connect",
    "UdpSocket",
    "UnixListener::bind",
    "UnixStream::connect",
    "UnixStream::pair",
    "UnixDatagram",
    "thread::spawn",
    "thread::Builder",
    "thread::scope",
    "process::Command",
    "tokio::",
    "async_std::",
    "smol::",
    "hyper::",
    "mio::",
];

#[test]
fn no_crate_depends_on_a_layer_above_or_beside_it() {
    let mut offences = Vec::new();
    for manifest in manifests() {
        let name = package_name(&manifest);
        let Some((_, allowed)) = LAYERS.iter().find(|(layer, _)| *layer == name) else {
            offences.push(format!("{}: {name} has no place in the table of layers", manifest.path));
            continue;
        };
        for dependency in dependencies(&manifest.text, Kind::Any) {
            let ours =
                dependency.starts_with("rsgi-") || LAYERS.iter().any(|(layer, _)| *layer == dependency);
            if ours && !allowed.contains(&dependency.as_str()) {
                offences.push(format!("{}: {name} -> {dependency}", manifest.path));
            }
        }
    }
    expect_none("forbidden edges between our crates", &offences);
}

#[test]
fn rsgi_core_depends_on_its_allow_list_and_nothing_else() {
    let core = manifests().into_iter().find(|it| package_name(it) == "rsgi-core").unwrap();
    let found = dependencies(&core.text, Kind::Shipped);
    let allowed: BTreeSet<String> = CORE_DEPENDENCIES.iter().map(|it| (*it).to_string()).collect();
    assert_eq!(found, allowed, "rsgi-core's dependencies are part of the contract's promise");
    assert!(!core.text.contains("[features]"), "rsgi-core has no features");
}

#[test]
fn rsgi_core_opens_no_socket_and_starts_no_thread_or_process() {
    let mut offences = Vec::new();
    for file in with_extension("rs").iter().filter(|it| it.path.starts_with("rsgi-core/src/")) {
        if file.name() == "tests.rs" || file.path.contains("/tests/") {
            continue;
        }
        // Unit tests stand at the file's end and may start threads.
        let shipped = file.code_lines().take_while(|(_, code)| !code.contains("#[cfg(test)]"));
        for (number, code) in shipped {
            for word in FORBIDDEN_IN_CORE.iter().filter(|word| has_path(&code, word)) {
                offences.push(format!("{}:{number}: {word}", file.path));
            }
        }
    }
    expect_none("rsgi-core would compile where there is neither", &offences);
}

/// Rule 88: a 405 names the methods that are allowed (RFC 9110 section 15.5.6), which only an app knows.
#[test]
fn no_crate_below_the_app_answers_405_on_its_own() {
    let mut offences = Vec::new();
    let below = ["rsgi-core/src/", "rsgi-threads/src/", "rsgi-std/src/", "rsgi-hyper/src/"];
    for file in with_extension("rs") {
        if below.iter().any(|folder| file.path.starts_with(folder)) {
            let named = file.lines().filter(|(_, line)| {
                ["405", "METHOD_NOT_ALLOWED"].iter().any(|status| has_word(line, status))
            });
            offences.extend(named.map(|(number, _)| format!("{}:{number}", file.path)));
        }
    }
    expect_none("a 405 without Allow", &offences);
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Any,
    Shipped,
}

/// The manifests of the workspace's members.
fn manifests() -> Vec<SourceFile> {
    let all = with_extension("toml").into_iter();
    all.filter(|it| it.path.matches('/').count() == 1 && it.name() == "Cargo.toml").collect()
}

fn package_name(manifest: &SourceFile) -> String {
    let line = manifest.text.lines().find(|line| line.starts_with("name = ")).unwrap_or_default();
    line.trim_start_matches("name = ").trim_matches('"').to_string()
}

/// The names of the dependencies in a manifest, from tables (`[dependencies]`) and from headings (`[dependencies.name]`).
fn dependencies(manifest: &str, kind: Kind) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut inside = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(heading) = line.strip_prefix('[') {
            let heading = heading.trim_end_matches(']');
            let counts =
                |it: &str| it.contains("dependencies") && (kind == Kind::Any || !it.contains("dev-"));
            inside = counts(heading) && heading.ends_with("dependencies");
            if let Some((table, name)) = heading.rsplit_once("dependencies.")
                && counts(&format!("{table}dependencies"))
            {
                names.insert(name.to_string());
            }
        } else if inside && !line.starts_with('#') {
            let name: String =
                line.chars().take_while(|it| it.is_alphanumeric() || matches!(it, '-' | '_')).collect();
            if !name.is_empty() && line.contains('=') {
                names.insert(name);
            }
        }
    }
    names
}

/// Whether a path stands in the code, not only as the end of a longer word.
fn has_path(code: &str, path: &str) -> bool {
    let word = path.trim_end_matches("::");
    has_word(code, word) && (word == path || code.contains(path))
}

#[test]
fn the_manifest_reader_sees_tables_headings_and_kinds() {
    let manifest = "[dependencies]\na.workspace = true\n[dev-dependencies]\nb = \"1\"\n\
                    [target.'cfg(unix)'.dependencies]\nc = \"1\"\n[dependencies.d]\nversion = \"1\"\n[features]\ne = []\n";
    let names = |kind| dependencies(manifest, kind).into_iter().collect::<Vec<_>>();
    assert_eq!(names(Kind::Any), ["a", "b", "c", "d"]);
    assert_eq!(names(Kind::Shipped), ["a", "c", "d"]);
}
