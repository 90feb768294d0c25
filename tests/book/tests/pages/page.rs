//! A page: its path, its text, its blocks of code and the code within its sentences.

use std::fs;
use std::path::{Path, PathBuf};

/// A page of the book.
pub(crate) struct Page {
    /// Within `docs/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A block of code.
pub(crate) struct Block {
    /// What stands behind the opening fence.
    pub(crate) info: String,
    pub(crate) code: String,
    /// Of the opening fence, from 1.
    pub(crate) line: usize,
}

impl Block {
    /// The first word of what stands behind the fence.
    pub(crate) fn language(&self) -> &str {
        self.info.split(',').next().unwrap_or_default()
    }
}

impl Page {
    /// The blocks of one language.
    pub(crate) fn blocks_of(&self, language: &str) -> Vec<Block> {
        self.blocks().into_iter().filter(|block| block.language() == language).collect()
    }

    /// All blocks, in order.
    pub(crate) fn blocks(&self) -> Vec<Block> {
        let (mut blocks, mut open) = (Vec::new(), None::<Block>);
        for (index, line) in self.text.lines().enumerate() {
            match (line.trim_start().strip_prefix("```"), &mut open) {
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(info), None) => {
                    open = Some(Block { info: info.to_owned(), code: String::new(), line: index + 1 });
                }
                (None, Some(block)) => block.code = format!("{}{line}\n", block.code),
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a block without an end", self.path);
        blocks
    }

    /// What stands between backticks outside of blocks, with its line.
    pub(crate) fn inline(&self) -> Vec<(usize, String)> {
        let (mut found, mut fenced) = (Vec::new(), false);
        for (index, line) in self.text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            } else if !fenced {
                let code = line.split('`').skip(1).step_by(2);
                found.extend(code.map(|code| (index + 1, code.to_owned())));
            }
        }
        found
    }
}

/// The folder of the book.
pub(crate) fn docs() -> PathBuf {
    root().join("docs")
}

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All pages but the table of contents, sorted.
pub(crate) fn pages() -> Vec<Page> {
    let entries = fs::read_dir(docs()).unwrap_or_else(|error| panic!("docs: {error}"));
    let paths = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|it| it == "md"));
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut pages: Vec<_> = paths
        .filter(|path| !path.ends_with("SUMMARY.md"))
        .map(|path| Page { path: name(&path), text: read(&path) })
        .collect();
    pages.sort_by(|left, right| left.path.cmp(&right.path));
    assert!(!pages.is_empty(), "no pages in docs/");
    pages
}

/// The text of a file.
pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// One page by its name.
pub(crate) fn page(path: &str) -> Page {
    pages().into_iter().find(|page| page.path == path).unwrap_or_else(|| panic!("no page {path}"))
}

#[test]
fn blocks_and_inline_code_are_told_apart() {
    let text = "a `--x 1` b\n```rust,no_run\nlet a = `no`;\n```\n`y`\n".to_owned();
    let page = Page { path: "a.md".into(), text };
    let blocks = page.blocks();
    assert_eq!((blocks[0].info.as_str(), blocks[0].language(), blocks[0].line), ("rust,no_run", "rust", 2));
    assert_eq!(blocks[0].code, "let a = `no`;\n");
    assert_eq!(page.inline(), [(1, "--x 1".to_owned()), (5, "y".to_owned())]);
}
