//! That the TOML of the pages is TOML, and its section `[serve]` one that the launcher takes.

use std::process::Command;

use crate::page::pages;

#[test]
fn every_table_parses_and_the_launcher_knows_its_settings() {
    let folder = std::env::temp_dir().join(format!("rsgi-book-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for page in pages() {
        for block in page.blocks_of("toml") {
            let place = format!("{}:{}", page.path, block.line);
            let table: toml::Table = block.code.parse().unwrap_or_else(|error| panic!("{place}: {error}"));
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
