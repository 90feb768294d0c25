//! A table of text, for a terminal and for a page.

use std::fmt::Write as _;

/// Heads and rows; a row may be shorter than the heads.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(heads: Vec<String>) -> Self {
        Self { heads, rows: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// With columns set under each other.
    pub(crate) fn text(&self) -> String {
        let width = |column: usize| {
            let cells = self.lines().filter_map(|line| line.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..self.heads.len()).map(width).collect();
        let mut text = String::new();
        for line in self.lines() {
            let mut row = String::from(" ");
            for (cell, width) in line.iter().zip(&widths) {
                // Writing to a string can't fail.
                let _done = write!(row, " {cell:<width$} ");
            }
            text.push_str(row.trim_end());
            text.push('\n');
        }
        text
    }

    /// As Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::new();
        let mut push = |cells: &[String]| {
            let mut line = String::from("|");
            for column in 0..self.heads.len() {
                let cell = cells.get(column).map_or("", String::as_str);
                // Writing to a string can't fail.
                let _done = write!(line, " {} |", cell.replace('|', "\\|"));
            }
            text.push_str(&line);
            text.push('\n');
        };
        push(&self.heads);
        push(&vec!["---".to_string(); self.heads.len()]);
        self.rows.iter().for_each(|row| push(row));
        text
    }

    fn lines(&self) -> impl Iterator<Item = &Vec<String>> {
        std::iter::once(&self.heads).chain(&self.rows)
    }
}
