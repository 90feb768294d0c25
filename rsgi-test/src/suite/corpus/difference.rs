//! The table of differences: where an adapter does something else than the corpus expects, what exactly, and why.
//!
//! A line is `PAIR | ADAPTER | CLASS | OUTCOME`, the outcome as [`super::Observation::line`] writes it; lines that
//! begin with `#` are comments. The classes are explained in the documentation of the adapters.
//!
//! Invariant: a line that isn't true any more is found, and so is a difference without a line.

use super::Mismatch;

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The pair's name.
    pub name: String,
    /// The adapter's short name.
    pub adapter: String,
    /// The class of differences that it belongs to.
    pub class: String,
    /// What comes of the pair's bytes there.
    pub outcome: String,
}

/// The lines of one adapter.
#[derive(Clone, Debug, Default)]
pub struct Differences(Vec<Difference>);

/// Reads a table.
///
/// # Panics
///
/// Where a line doesn't have four parts.
pub fn differences(table: &str) -> Vec<Difference> {
    let lines = table.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(difference).collect()
}

fn difference(line: &str) -> Difference {
    let parts: Vec<_> = line.splitn(4, " | ").map(str::to_owned).collect();
    let [name, adapter, class, outcome] =
        <[String; 4]>::try_from(parts).unwrap_or_else(|_| panic!("not four parts: {line}"));
    Difference { name, adapter, class, outcome }
}

impl Differences {
    /// Takes the lines of one adapter.
    pub fn of(adapter: &str, all: &[Difference]) -> Self {
        Self(all.iter().filter(|line| line.adapter == adapter).cloned().collect())
    }

    /// Judges what came of running a pair, by the table.
    ///
    /// # Errors
    ///
    /// What is wrong, as one line: an unlisted or changed difference, or a listed one that is gone.
    pub fn judge(&self, name: &str, result: Result<(), Mismatch>) -> Result<(), String> {
        let listed = self.0.iter().find(|line| line.name == name);
        match (result, listed) {
            (Ok(()), None) => Ok(()),
            (Ok(()), Some(_)) => Err(format!("{name}: listed as a difference, but passes")),
            (Err(mismatch), Some(line)) if mismatch.observed == line.outcome => Ok(()),
            (Err(mismatch), Some(line)) => Err(format!("{mismatch}\n    listed is: {}", line.outcome)),
            (Err(mismatch), None) => Err(mismatch.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_must_say_what_is_true_and_all_of_it() {
        let table = differences("# A comment.\n\na/b | hyper | lenient | 400, closed\na/c | other | x | y\n");
        let table = Differences::of("hyper", &table);
        let came = |name: &str, observed: &str| {
            let (name, how) = (name.to_owned(), "whole".to_owned());
            Err(Mismatch { name, how, observed: observed.into() })
        };
        assert_eq!(table.judge("a/b", came("a/b", "400, closed")), Ok(()));
        assert_eq!(table.judge("a/c", Ok(())), Ok(()));
        assert!(table.judge("a/b", Ok(())).is_err());
        assert!(table.judge("a/b", came("a/b", "open")).is_err());
        assert!(table.judge("a/c", came("a/c", "y")).is_err());
    }
}
