//! Reads the clauses out of SPEC.md.
//!
//! A clause is a heading `#### S1: short name`, its text, and a line `> owes: …; enforced by: …; rules: …`. What the words mean
//! stands in SPEC.md itself; here they are only told apart. A line that does not have this form fails the test that reads it.

use std::collections::BTreeSet;

/// One numbered clause.
#[derive(Debug)]
pub(crate) struct Clause {
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) owes: Vec<String>,
    pub(crate) enforced_by: Vec<Enforcer>,
    pub(crate) rules: Vec<u32>,
}

/// One word behind `enforced by`.
#[derive(Debug, PartialEq)]
pub(crate) enum Enforcer {
    /// A compile-fail case, by file name.
    Type(String),
    /// Core's code on every answer's road.
    Respond,
    /// The adapter's own code.
    Adapter,
    /// Rules of the conformance suite.
    Suite(Vec<u32>),
    /// A named test or case.
    Test(String),
    /// The lint middleware.
    Lint,
    /// Nobody, and why.
    Nobody(String),
}

impl Enforcer {
    /// Whether something would notice that the clause is broken, or it is said that nothing does.
    pub(crate) fn is_a_check(&self) -> bool {
        !matches!(self, Self::Respond | Self::Adapter)
    }
}

/// All clauses, in the order of the text.
pub(crate) fn parse(spec: &str) -> Result<Vec<Clause>, String> {
    let mut clauses = Vec::new();
    for block in spec.split("\n#### ").skip(1) {
        let end = block.find("\n## ").unwrap_or(block.len());
        clauses.push(clause(&block[..end])?);
    }
    Ok(clauses)
}

/// The rules that SPEC.md excuses, with their reasons.
pub(crate) fn excused_rules(spec: &str) -> Vec<(u32, String)> {
    let section = spec.split("\n## Conformance rules without a clause").nth(1).unwrap_or_default();
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        Some((cells.next()?.parse().ok()?, cells.next()?.to_string()))
    });
    rows.collect()
}

/// Everything in a text that looks like a clause's id.
pub(crate) fn mentioned_ids(text: &str) -> BTreeSet<String> {
    let words = text.split(|it: char| !it.is_alphanumeric() && it != '_' && it != '-');
    words.filter(|word| is_id(word)).map(str::to_string).collect()
}

fn is_id(word: &str) -> bool {
    let number = word.strip_prefix(['A', 'S', 'M', 'C']).unwrap_or_default();
    !number.is_empty() && number.chars().all(|it| it.is_ascii_digit())
}

fn clause(block: &str) -> Result<Clause, String> {
    let (heading, rest) = block.split_once('\n').ok_or_else(|| format!("a clause without text: {block}"))?;
    let id = heading.split(':').next().unwrap_or_default().to_string();
    if !is_id(&id) {
        return Err(format!("`{heading}` is no clause heading"));
    }
    let is_duty = |line: &&str| line.starts_with("> ");
    let duty = rest.lines().find(is_duty).ok_or_else(|| format!("{id} does not say who owes it"))?;
    let text: Vec<_> = rest.lines().take_while(|line| !is_duty(line)).collect();
    let mut clause = Clause {
        id,
        text: text.join(" ").trim().to_string(),
        owes: vec![],
        enforced_by: vec![],
        rules: vec![],
    };
    for part in split_outside_brackets(&duty[2..], ';') {
        let (key, value) = part.split_once(": ").ok_or_else(|| format!("{}: `{part}`", clause.id))?;
        let values = split_outside_brackets(value, ',');
        match key {
            "owes" => clause.owes = values,
            "enforced by" => {
                clause.enforced_by = values.iter().map(|it| enforcer(it)).collect::<Result<_, _>>()?;
            }
            "rules" => clause.rules = numbers(value)?,
            other => return Err(format!("{}: unknown key `{other}`", clause.id)),
        }
    }
    Ok(clause)
}

fn enforcer(word: &str) -> Result<Enforcer, String> {
    let (name, inner) = word.split_once('(').unwrap_or((word, ""));
    let inner = inner.trim_end_matches(')').to_string();
    match name.trim() {
        "respond" => Ok(Enforcer::Respond),
        "adapter" => Ok(Enforcer::Adapter),
        "lint" => Ok(Enforcer::Lint),
        "type" if !inner.is_empty() => Ok(Enforcer::Type(inner)),
        "suite" => Ok(Enforcer::Suite(numbers(&inner)?)),
        "test" if !inner.is_empty() => Ok(Enforcer::Test(inner)),
        "nobody" if inner.len() > 4 => Ok(Enforcer::Nobody(inner)),
        _ => Err(format!("`{word}` enforces nothing")),
    }
}

fn numbers(list: &str) -> Result<Vec<u32>, String> {
    list.split(',')
        .map(|it| it.trim().parse().map_err(|_| format!("`{list}` is no list of numbers")))
        .collect()
}

fn split_outside_brackets(text: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0_usize;
    for character in text.chars() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if character == separator && depth == 0 {
            parts.push(String::new());
        } else if let Some(last) = parts.last_mut() {
            last.push(character);
        }
    }
    parts.iter().map(|it| it.trim().to_string()).collect()
}

#[test]
fn a_clause_is_taken_apart() {
    let spec = "# t\n\n#### S7: a name\nIt sends\nit.\n> owes: server, app; enforced by: suite(1, 2), nobody (why, not); rules: 1, 2\n\n## Next\n";
    let clauses = parse(spec).unwrap();
    let [clause] = clauses.as_slice() else { panic!("{clauses:?}") };
    assert_eq!((clause.id.as_str(), clause.text.as_str()), ("S7", "It sends it."));
    assert_eq!(clause.owes, ["server", "app"]);
    assert_eq!(clause.rules, [1, 2]);
    assert_eq!(clause.enforced_by, [Enforcer::Suite(vec![1, 2]), Enforcer::Nobody("why, not".into())]);
}

#[test]
fn a_clause_without_a_duty_or_with_an_unknown_word_is_refused() {
    for spec in [
        "\n#### S1: a\ntext\n",
        "\n#### S1: a\n> owes: app; enforced by: hope\n",
        "\n#### Sx: a\n> owes: app\n",
    ] {
        assert!(parse(spec).is_err(), "{spec}");
    }
}
