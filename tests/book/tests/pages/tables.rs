//! That the TOML of the pages is TOML, its section `[serve]` one that the launcher takes, and its dependencies crates of ours with such
//! features.

use std::process::Command;

use toml::{Table, Value};

use crate::page::{pages, read, root};

#[test]
fn every_table_parses_and_the_launcher_knows_its_settings() {
    let folder = std::env::temp_dir().join(format!("rsgi-book-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for page in pages() {
        for block in page.blocks_of("toml") {
            let place = format!("{}:{}", page.path, block.line);
            let table: Table = block.code.parse().unwrap_or_else(|error| panic!("{place}: {error}"));
            if table.contains_key("serve") {
                let file = folder.join("rsgi.toml");
                std::fs::write(&file, &block.code).unwrap();
                let shop = env!("CARGO_BIN_EXE_shop");
                let shown = Command::new(shop).arg("print-config").arg("-c").arg(&file).output().unwrap();
                assert!(shown.status.success(), "{place}: {}", String::from_utf8_lossy(&shown.stderr));
            }
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_dependency_is_a_crate_of_ours_with_such_features_and_this_version() {
    let workspace: Table = read(&root().join("Cargo.toml")).parse().unwrap();
    let version = workspace["workspace"]["package"]["version"].as_str().unwrap();
    let mut found = 0;
    for page in pages() {
        for block in page.blocks_of("toml") {
            let table: Table = block.code.parse().unwrap();
            let lists =
                ["dependencies", "dev-dependencies"].iter().filter_map(|list| table.get(*list)?.as_table());
            for (name, wanted) in lists.flatten() {
                let place = format!("{}:{}: {name}", page.path, block.line);
                let manifest: Table = read(&root().join(name).join("Cargo.toml")).parse().unwrap();
                let said = wanted.get("version").unwrap_or(wanted).as_str();
                assert!(
                    said.is_some_and(|said| version.starts_with(said)),
                    "{place}: {said:?}, and {version} is there"
                );
                let features = wanted.get("features").and_then(Value::as_array).into_iter().flatten();
                for feature in features.filter_map(Value::as_str) {
                    let known = manifest.get("features").and_then(|features| features.get(feature));
                    assert!(known.is_some(), "{place}: no feature {feature}");
                }
                found += 1;
            }
        }
    }
    assert!(found >= 3, "the dependencies weren't found: {found}");
}
