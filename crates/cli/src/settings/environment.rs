//! The environment of a run: the process's variables, and those of env files below them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::app::Origin;
use crate::error::Error;

/// Variables, by name. Handed in, never read from the process elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Environment {
    process: BTreeMap<String, String>,
    files: BTreeMap<String, (String, PathBuf)>,
}

impl From<BTreeMap<String, String>> for Environment {
    fn from(process: BTreeMap<String, String>) -> Environment {
        Environment { process, files: BTreeMap::new() }
    }
}

impl Environment {
    /// The process's variables; such as are not Unicode are left out.
    pub(crate) fn process() -> Environment {
        let unicode = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        std::env::vars_os().filter_map(unicode).collect::<BTreeMap<_, _>>().into()
    }

    /// Adds env files: a later one wins over an earlier one, the process over all.
    ///
    /// # Errors
    /// A file that cannot be read, or a line that is no assignment.
    pub(crate) fn with_files(mut self, paths: &[PathBuf]) -> Result<Environment, Error> {
        for path in paths {
            for (name, value) in read(path)? {
                self.files.insert(name, (value, path.clone()));
            }
        }
        Ok(self)
    }

    /// A variable's value; an empty one counts as not set.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let value = match self.process.get(name) {
            Some(value) => value,
            None => &self.files.get(name)?.0,
        };
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// A variable's value and where it comes from.
    pub(crate) fn find(&self, name: &str) -> Option<(&str, Origin)> {
        let value = self.get(name)?;
        let origin = match (self.process.contains_key(name), self.files.get(name)) {
            (false, Some((_, path))) => Origin::File { variable: name.to_owned(), path: path.display().to_string() },
            _ => Origin::Variable(name.to_owned()),
        };
        Some((value, origin))
    }

    /// Variables of ours that are set in env files, with the file.
    pub(crate) fn ours_in_files(&self) -> impl Iterator<Item = (&str, &Path)> {
        self.files
            .iter()
            .filter(|(name, _)| name.starts_with("AOMIDORI_"))
            .map(|(name, (_, path))| (name.as_str(), path.as_path()))
    }

    /// AWS's variables that are set in env files and not in the process: the SDK would not see them.
    pub(crate) fn aws_in_files(&self) -> BTreeMap<String, String> {
        self.files
            .iter()
            .filter(|(name, _)| name.starts_with("AWS_") && !self.process.contains_key(*name))
            .map(|(name, (value, _))| (name.clone(), value.clone()))
            .collect()
    }
}

/// The assignments of a dotenv file, in order. Nothing is executed; `$NAME` is replaced as dotenv files do.
fn read(path: &Path) -> Result<Vec<(String, String)>, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::EnvFile { path: path.to_owned(), source })?;
    dotenvy::from_read_iter(text.as_bytes())
        .map(|line| {
            line.map_err(|error| match error {
                dotenvy::Error::LineParse(line, _) => Error::EnvLine { path: path.to_owned(), line },
                dotenvy::Error::Io(source) => Error::EnvFile { path: path.to_owned(), source },
                other => Error::EnvLine { path: path.to_owned(), line: other.to_string() },
            })
        })
        .collect()
}

impl Origin {
    /// In words: `--set nat=1`, `the variable X`, `X in dev.env`.
    pub(crate) fn words(&self) -> String {
        match self {
            Origin::Default => "its default".to_owned(),
            Origin::Flag(flag) => format!("`{flag}`"),
            Origin::Variable(name) => format!("the variable {name}"),
            Origin::File { variable, path } => format!("{variable} in {path}"),
        }
    }
}
