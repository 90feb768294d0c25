//! That the program takes every command line of `docs/python.md`, and every setting in its files.

use crate::driving::Folder;

const PAGE: &str = include_str!("../../../docs/python.md");

#[test]
fn the_program_takes_every_command_line_of_its_page() {
    let folder = Folder::new("page", &[]);
    let mut tried = 0;
    for line in blocks("sh").flat_map(str::lines).filter_map(|line| line.strip_prefix("rsgi-python ")) {
        // `check` would want the application to be there.
        let words = words(line).into_iter().filter(|word| word != "check");
        let words: Vec<String> = words.chain(["--print-config".to_owned()]).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        shows(&folder, &words);
        tried += 1;
    }
    assert!(tried >= 5, "the lines weren't found: {tried}");
}

#[test]
fn the_program_takes_every_file_of_its_page() {
    let folder = Folder::new("pages-file", &[]);
    let mut tried = 0;
    for block in blocks("toml") {
        folder.write("rsgi.toml", block);
        let shown = shows(&folder, &["print-config"]);
        assert!(shown.contains("\"wsgi_app\" = "), "{shown}");
        tried += 1;
    }
    assert!(tried > 0, "the files weren't found");
}

/// Words of a shell's line, with double quotes only.
fn words(line: &str) -> Vec<String> {
    let quoted = line.split('"').enumerate();
    let words = quoted.flat_map(|(index, part)| match index % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    });
    words.collect()
}

fn blocks(language: &str) -> impl Iterator<Item = &'static str> {
    let fence = format!("```{language}\n");
    PAGE.match_indices("```")
        .filter_map(move |(at, _)| PAGE[at..].strip_prefix(fence.as_str())?.split("```").next())
}

#[track_caller]
fn shows(folder: &Folder, words: &[&str]) -> String {
    let output = folder.program(words).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
