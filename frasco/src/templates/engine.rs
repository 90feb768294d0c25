//! [`Templates`]: an app's templates, compiled, with what every one of them sees.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use minijinja::{
    AutoEscape, Environment, Error as TemplateError, ErrorKind, Output, State, TemplateSource,
    UndefinedBehavior, Value, escape_formatter,
};

use super::references::references;
use super::scene::Scene;
use super::sources::Source;
use super::{Declared, Processor, Reload, Undefined};
use crate::error::Error;
use crate::extras::{Extra, Holder};
use crate::request::Request;

/// The templates of an app.
pub(crate) struct Templates {
    environment: Environment<'static>,
    names: Vec<String>,
    /// Of each part of the app.
    processors: Vec<Vec<Processor>>,
}

impl Templates {
    /// Tells whether there is a template of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|found| found == name)
    }

    /// All names, sorted.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Renders a template for a request.
    pub(super) fn render(&self, request: &Request, name: &str, context: Value) -> Result<String, Error> {
        let scene = self.scene(request, context)?;
        Ok(self.environment.get_template(name)?.render(scene)?)
    }

    /// Renders a text that is a template; it is escaped as HTML.
    pub(super) fn render_text(&self, request: &Request, text: &str, context: Value) -> Result<String, Error> {
        let scene = self.scene(request, context)?;
        Ok(self.environment.render_named_str(OF_TEXT, text, scene)?)
    }

    fn scene(&self, request: &Request, context: Value) -> Result<Value, Error> {
        let chain = request.chain();
        let mut added = Vec::new();
        // What is nearer the handler wins.
        for processor in chain.iter().rev().filter_map(|part| self.processors.get(*part)).flatten() {
            added.push(processor(request)?);
        }
        Ok(Value::from_object(Scene { given: context, added, request: request.clone() }))
    }
}

impl Extra for Declared {
    type Assembled = Templates;

    fn assemble(parts: &[Holder<'_, Self>], faults: &mut Vec<String>) -> Templates {
        let app = parts.first().and_then(|part| part.extra).cloned().unwrap_or_default();
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(escape_of);
        environment.set_formatter(write_value);
        environment.set_undefined_behavior(match app.undefined {
            Undefined::Refused => UndefinedBehavior::SemiStrict,
            Undefined::Empty => UndefinedBehavior::Lenient,
        });
        // Costs something where an error is made, and that then names what is undefined.
        environment.set_debug(true);
        for change in &app.changes {
            change(&mut environment);
        }
        let held = || parts.iter().filter_map(|part| Some((part, part.extra?)));
        let mut sources: Vec<Source> = Vec::new();
        let mut names = BTreeMap::new();
        for (part, declared) in held() {
            for source in &declared.sources {
                match source.names() {
                    Ok(found) => found.into_iter().for_each(|name| {
                        names.entry(name).or_insert(sources.len());
                    }),
                    Err(error) => faults.push(part.told(&unreadable(source, &error))),
                }
                sources.push(source.clone());
            }
        }
        let all: HashSet<String> = names.keys().cloned().collect();
        for (name, at) in &names {
            let read = sources[*at].read(name);
            let text = match read {
                Ok(Some(found)) => found.text,
                Ok(None) => continue,
                Err(error) => {
                    faults.push(format!("the template {name} can't be read: {error}"));
                    continue;
                }
            };
            if let Err(error) = environment.add_template_owned(name.clone(), text.clone()) {
                faults.push(format!("the template {}: {error}", sources[*at].place(name)));
                continue;
            }
            faults.extend(missing(name, &text, &all));
        }
        if app.reload == Reload::Changed {
            // Those that are held already would never be looked at again.
            environment.clear_templates();
            environment.set_loader(loader(sources));
        }
        let processors =
            parts.iter().map(|part| part.extra.map(|it| it.processors.clone()).unwrap_or_default());
        Templates { environment, names: names.into_keys().collect(), processors: processors.collect() }
    }
}

/// What templates a template wants that aren't there.
fn missing(name: &str, text: &str, all: &HashSet<String>) -> Vec<String> {
    let lacks = |names: &[String]| !names.iter().any(|it| all.contains(it));
    let wanting = references(text).into_iter().filter(|it| lacks(&it.names));
    wanting
        .map(|it| {
            format!(
                "the template {name}, line {}: {} {:?}, which is no template of the app: there are {}",
                it.line,
                it.tag,
                it.names.join(" or "),
                list(all.iter())
            )
        })
        .collect()
}

/// Some of many names, in words.
pub(super) fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let mut names: Vec<&str> = names.map(String::as_str).collect();
    names.sort_unstable();
    let more = names.len().saturating_sub(20);
    names.truncate(20);
    match (names.is_empty(), more) {
        (true, _) => "none".to_owned(),
        (false, 0) => names.join(", "),
        (false, more) => format!("{}, and {more} more", names.join(", ")),
    }
}

fn unreadable(source: &Source, error: &std::io::Error) -> String {
    match source {
        Source::Folder(folder) => format!(
            "the folder of templates {} can't be read: {error}; a path that doesn't begin with a slash is taken from where the program was \
             started, so concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/templates\") may be meant",
            folder.display()
        ),
        Source::Embedded(name, _) => format!("the template {name}: {error}"),
    }
}

/// Reads templates when they are asked for, and again when they have changed.
fn loader(
    sources: Vec<Source>,
) -> impl Fn(&str) -> Result<Option<TemplateSource>, TemplateError> + Send + Sync + 'static {
    let sources = Arc::new(sources);
    move |name| {
        for source in sources.iter() {
            let read = source.read(name).map_err(|error| {
                TemplateError::new(ErrorKind::InvalidOperation, format!("the template {name} can't be read"))
                    .with_source(error)
            })?;
            let Some(found) = read else { continue };
            let (sources, name) = (Arc::clone(&sources), name.to_owned());
            let stamp = found.stamp;
            let is_current =
                move || sources.iter().find_map(|source| source.stamp(&name)).is_some_and(|now| now == stamp);
            return Ok(Some(TemplateSource::new(found.text).with_uptodate_check(is_current)));
        }
        Ok(None)
    }
}

/// Escapes by the name's extension, as Flask does, and texts without a name.
fn escape_of(name: &str) -> AutoEscape {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    match extension {
        Some("html" | "htm" | "xml" | "xhtml" | "svg") => AutoEscape::Html,
        _ if name == OF_TEXT => AutoEscape::Html,
        _ => AutoEscape::None,
    }
}

/// Writes text as Jinja does: a slash stays one, as in a URL.
fn write_value(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), TemplateError> {
    match value.as_str() {
        Some(text) if *state.auto_escape() == AutoEscape::Html && !value.is_safe() => {
            let mut rest = text;
            while let Some(at) = rest.find(['<', '>', '&', '"', '\'']) {
                out.write_str(&rest[..at])?;
                out.write_str(match rest.as_bytes()[at] {
                    b'<' => "&lt;",
                    b'>' => "&gt;",
                    b'&' => "&amp;",
                    b'"' => "&#34;",
                    _ => "&#39;",
                })?;
                rest = &rest[at + 1..];
            }
            Ok(out.write_str(rest)?)
        }
        _ => escape_formatter(out, state, value),
    }
}

impl fmt::Debug for Templates {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Templates").field("names", &self.names).finish_non_exhaustive()
    }
}

/// The name of a template that is a text.
const OF_TEXT: &str = "<text>";
