//! What a run was made on and with: the machine's facts, and the versions of all that took part.

use std::fs;
use std::process::Command;

use crate::built::benches;

/// Facts, each with its name.
pub(crate) fn facts() -> Vec<(String, String)> {
    let mut facts = vec![
        fact("processor", field(&read("/proc/cpuinfo"), "model name", ':')),
        fact("cores", std::thread::available_parallelism().ok().map(|it| it.to_string())),
        fact("memory", field(&read("/proc/meminfo"), "MemTotal", ':')),
        fact("kernel", Some(read("/proc/sys/kernel/osrelease"))),
        fact("system", field(&read("/etc/os-release"), "PRETTY_NAME", '=')),
        fact("rustc", said("rustc", &["--version"])),
        fact("commit", said("git", &["-C", &benches().to_string_lossy(), "rev-parse", "--short", "HEAD"])),
        fact("wrk", said("wrk", &["--version"]).and_then(|it| Some(it.split_whitespace().nth(1)?.into()))),
        fact("h2load", said("h2load", &["--version"])),
        fact("nginx", said("/usr/sbin/nginx", &["-v"])),
        fact("python", said(&benches().join(".venv/bin/python").to_string_lossy(), &["--version"])),
    ];
    facts.extend(
        locked(&read(&benches().join("peers/Cargo.lock").to_string_lossy()))
            .chain(pinned(&read(&benches().join("python/requirements.txt").to_string_lossy()))),
    );
    facts
}

/// The date and time, by UTC.
pub(crate) fn date() -> String {
    said("date", &["-u", "+%Y-%m-%d %H:%M"]).unwrap_or_default()
}

/// The crates behind the peers whose versions matter.
const CRATES: &[&str] =
    &["actix-web", "axum", "hyper", "may_minihttp", "rouille", "tiny_http", "tokio", "touche"];

fn locked(lock: &str) -> impl Iterator<Item = (String, String)> {
    let packages: Vec<_> = lock.split("[[package]]").map(str::to_string).collect();
    packages.into_iter().filter_map(|package| {
        let name = field(&package, "name", '=')?;
        let version = field(&package, "version", '=')?;
        CRATES.contains(&name.as_str()).then_some((name, version))
    })
}

fn pinned(requirements: &str) -> impl Iterator<Item = (String, String)> {
    let lines: Vec<_> = requirements.lines().filter_map(|line| line.split_once("==")).collect();
    lines
        .into_iter()
        .map(|(name, version)| (name.to_string(), version.to_string()))
        .collect::<Vec<_>>()
        .into_iter()
}

fn fact(name: &str, value: Option<String>) -> (String, String) {
    (name.to_string(), value.map_or_else(|| "unknown".to_string(), |it| it.trim().to_string()))
}

/// The first line that a program prints, on either stream.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let made = Command::new(program).args(arguments).output().ok()?;
    let text = [made.stdout, made.stderr].concat();
    String::from_utf8_lossy(&text).lines().next().map(str::to_string)
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn field(text: &str, name: &str, separator: char) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(separator)?.1.trim().trim_matches('"').to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_from_the_lock_and_the_requirements() {
        let lock = "version = 4\n\n[[package]]\nname = \"axum\"\nversion = \"0.8.4\"\n\n[[package]]\nname = \"other\"\nversion = \"1\"\n";
        assert_eq!(locked(lock).collect::<Vec<_>>(), [("axum".to_string(), "0.8.4".to_string())]);
        let requirements = "# why\nflask==3.1.3\n";
        assert_eq!(pinned(requirements).collect::<Vec<_>>(), [("flask".to_string(), "3.1.3".to_string())]);
    }
}
