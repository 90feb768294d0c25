//! Which Python's modules are looked for: that of a virtual environment, or else the one that this program lies beside, or one along
//! `$PATH`. Whether it can be the right one is looked at first, as the interpreter itself ends in riddles.
//!
//! Only paths: the interpreter is the one that this crate was linked with, whatever is found here.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// What the place depends on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Surroundings {
    /// The linked interpreter's `3.x`.
    pub(crate) version: String,
    /// The file of this program.
    pub(crate) own: Option<PathBuf>,
    pub(crate) virtual_env: Option<OsString>,
    pub(crate) home: Option<OsString>,
    pub(crate) path: OsString,
}

/// Why there is no such Python.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Misplaced {
    /// `PYTHONHOME` has no standard library of this version.
    Home { home: OsString, version: String },
    /// `VIRTUAL_ENV` is no virtual environment.
    NoEnvironment(PathBuf),
    /// The virtual environment is one of another version.
    Version { environment: PathBuf, its: String, version: String },
}

impl Surroundings {
    /// Those of this process.
    pub(crate) fn of_process(version: String) -> Self {
        // An empty variable is none, to Python too.
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            version,
            own: std::env::current_exe().ok(),
            virtual_env: variable("VIRTUAL_ENV"),
            home: variable("PYTHONHOME"),
            path: variable("PATH").unwrap_or_default(),
        }
    }

    /// The program as which the interpreter is to start; Python finds its modules by it, and calls it `sys.executable`.
    pub(crate) fn program(&self) -> Result<PathBuf, Misplaced> {
        self.look_at_home()?;
        let folder = self.own.as_deref().and_then(Path::parent);
        // A script of an environment belongs to it, whatever else is active; so does this program.
        if let Some(environment) = folder.and_then(Path::parent).filter(|it| is_environment(it)) {
            return self.of_environment(environment);
        }
        if let Some(environment) = self.virtual_env.as_deref().map(Path::new) {
            if !is_environment(environment) {
                return Err(Misplaced::NoEnvironment(environment.to_owned()));
            }
            return self.of_environment(environment);
        }
        let exact = format!("python{}", self.version);
        let beside = folder.map(|folder| folder.join(&exact));
        let along = |name: &str| {
            std::env::split_paths(&self.path).map(|folder| folder.join(name)).find(|file| file.is_file())
        };
        let beside = beside.filter(|file| file.is_file());
        let found = beside.or_else(|| along(&exact)).or_else(|| along(PYTHON));
        Ok(found.unwrap_or_else(|| PathBuf::from(PYTHON)))
    }

    fn of_environment(&self, environment: &Path) -> Result<PathBuf, Misplaced> {
        match version_of(environment) {
            Some(its) if its != self.version => {
                let (environment, version) = (environment.to_owned(), self.version.clone());
                Err(Misplaced::Version { environment, its, version })
            }
            _ => Ok(environment.join("bin").join(PYTHON)),
        }
    }

    /// `PYTHONHOME` is a prefix, or two with a colon between, of which the first holds the library.
    fn look_at_home(&self) -> Result<(), Misplaced> {
        let Some(home) = &self.home else { return Ok(()) };
        let prefix = home.as_encoded_bytes().split(|byte| *byte == b':').next().unwrap_or_default();
        let prefix = Path::new(OsStr::new(std::str::from_utf8(prefix).unwrap_or_default()));
        let folder = format!("python{}", self.version);
        let archive = format!("python{}.zip", self.version.replace('.', ""));
        let there = ["lib", "lib64"].iter().any(|lib| {
            let lib = prefix.join(lib);
            lib.join(&folder).join("encodings").is_dir() || lib.join(&archive).is_file()
        });
        if there {
            return Ok(());
        }
        Err(Misplaced::Home { home: home.clone(), version: self.version.clone() })
    }
}

fn is_environment(folder: &Path) -> bool {
    folder.join(MARK).is_file()
}

/// The `3.x` of a virtual environment, as whoever made it wrote it down.
fn version_of(environment: &Path) -> Option<String> {
    let text = fs::read_to_string(environment.join(MARK)).ok()?;
    let mut pairs = text.lines().filter_map(|line| line.split_once('='));
    let (_, version) = pairs.find(|(key, _)| matches!(key.trim(), "version" | "version_info"))?;
    let mut parts = version.trim().split('.');
    Some(format!("{}.{}", parts.next()?, parts.next()?))
}

impl fmt::Display for Misplaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Home { home, version } => write!(
                f,
                "PYTHONHOME is {}, where no standard library of Python {version} is; unset it, or name the folder above lib/python{version}",
                home.display()
            ),
            Self::NoEnvironment(folder) => write!(
                f,
                "VIRTUAL_ENV is {}, which is no virtual environment: it has no {MARK}; unset it, or make one there",
                folder.display()
            ),
            Self::Version { environment, its, version } => write!(
                f,
                "the virtual environment {} is of Python {its}, and this program was built with {version}; \
                 make one with python{version}, or install this program with python{its}",
                environment.display()
            ),
        }
    }
}

impl std::error::Error for Misplaced {}

/// What a folder has that is a virtual environment (PEP 405).
const MARK: &str = "pyvenv.cfg";
const PYTHON: &str = "python3";

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of a test's own.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("rsgi-python-place-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn environment(&self, name: &str, line: &str) -> PathBuf {
            let folder = self.0.join(name);
            fs::create_dir_all(folder.join("bin")).unwrap();
            fs::write(folder.join(MARK), format!("home = /usr/bin\n{line}\n")).unwrap();
            folder
        }

        fn program(&self, folder: &str, name: &str) -> PathBuf {
            let folder = self.0.join(folder);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(name), "").unwrap();
            folder.join(name)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn of_3_11() -> Surroundings {
        Surroundings { version: "3.11".to_owned(), ..Surroundings::default() }
    }

    #[test]
    fn the_environment_that_the_program_lies_in_comes_before_the_active_one() {
        let folder = Folder::new("own");
        let (own, active) = (folder.environment("own", "version = 3.11.7"), folder.environment("active", ""));
        let virtual_env = Some(active.clone().into());
        let mut here = Surroundings { own: Some(own.join("bin/rsgi-python")), virtual_env, ..of_3_11() };
        assert_eq!(here.program(), Ok(own.join("bin/python3")));
        here.own = Some(folder.0.join("elsewhere/bin/rsgi-python"));
        assert_eq!(here.program(), Ok(active.join("bin/python3")));
    }

    #[test]
    fn without_an_environment_the_python_of_the_same_version_is_found_first() {
        let folder = Folder::new("path");
        let (any, exact) = (folder.program("a", "python3"), folder.program("b", "python3.11"));
        let beside = folder.program("bin", "python3.11");
        let path = std::env::join_paths([folder.0.join("a"), folder.0.join("b")]).unwrap();
        let mut here = Surroundings { path, own: Some(folder.0.join("bin/rsgi-python")), ..of_3_11() };
        assert_eq!(here.program(), Ok(beside));
        here.own = None;
        assert_eq!(here.program(), Ok(exact));
        here.version = "3.12".to_owned();
        assert_eq!(here.program(), Ok(any));
    }

    #[test]
    fn an_environment_of_another_version_or_none_at_all_is_refused() {
        let folder = Folder::new("other");
        for line in ["version = 3.12.1", "version_info = 3.12.1.final.0"] {
            let environment = folder.environment("other", line);
            let here = Surroundings { virtual_env: Some(environment.into()), ..of_3_11() };
            let said = here.program().unwrap_err().to_string();
            assert!(said.contains("is of Python 3.12") && said.contains("built with 3.11"), "{said}");
        }
        let here = Surroundings { virtual_env: Some(folder.0.join("nowhere").into()), ..of_3_11() };
        assert_eq!(here.program(), Err(Misplaced::NoEnvironment(folder.0.join("nowhere"))));
    }

    #[test]
    fn a_home_without_the_standard_library_is_refused() {
        let folder = Folder::new("home");
        let mut here = Surroundings { home: Some(folder.0.clone().into()), ..of_3_11() };
        let said = here.program().unwrap_err().to_string();
        assert!(said.contains("PYTHONHOME is ") && said.contains("lib/python3.11"), "{said}");
        fs::create_dir_all(folder.0.join("lib64/python3.11/encodings")).unwrap();
        assert!(here.program().is_ok());
        let mut both = folder.0.clone().into_os_string();
        both.push(":/elsewhere");
        here.home = Some(both);
        assert!(here.program().is_ok());
    }
}
