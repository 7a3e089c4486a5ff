//! Secrets: a type that cannot be printed, and the only places they are read from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;

use crate::clock::Clock;

/// A text that no log, error or report ever shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret itself, for the one call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The process's environment as far as the configuration may see it; a value, so that tests need
/// not change the process's own.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, Secret>,
    /// Directory of the configuration's relative paths for the database (the working directory).
    working_directory: PathBuf,
    /// The day, for what depends on it: a calendar that ends soon.
    now: Timestamp,
}

impl Environment {
    /// The real environment.
    pub fn process() -> Self {
        let names = [
            "DATABASE_URL",
            "DATABASE_URL_FILE",
            "REDIS_URL",
            "REDIS_URL_FILE",
            "TIINGO_API_KEY",
            "TIINGO_API_KEY_FILE",
            "FINSTAGE_HTTP_TOKEN",
            "FINSTAGE_HTTP_TOKEN_FILE",
            "CREDENTIALS_DIRECTORY",
        ];
        let found = names.iter().filter_map(|name| {
            std::env::var(name)
                .ok()
                .map(|value| ((*name).to_owned(), Secret(value)))
        });
        Self {
            variables: found.collect(),
            working_directory: PathBuf::new(),
            now: Clock::system().now(),
        }
    }

    /// A made-up environment in which the database's relative paths start at `directory`.
    pub fn in_directory(directory: impl Into<PathBuf>) -> Self {
        Self {
            variables: BTreeMap::new(),
            working_directory: directory.into(),
            now: Timestamp::UNIX_EPOCH,
        }
    }

    /// The same on another day.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }

    /// The same now: a daemon reads its configuration again months after its start.
    #[must_use]
    pub fn today(self) -> Self {
        self.at(Clock::system().now())
    }

    /// The day it is.
    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// Adds a variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables
            .insert(name.to_owned(), Secret(value.to_owned()));
        self
    }

    /// Where the database's relative paths start.
    pub(super) fn working_directory(&self) -> &std::path::Path {
        &self.working_directory
    }

    fn variable(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(Secret::expose)
            .filter(|value| !value.is_empty())
    }

    /// The database URL given outside the file, with the place it came from.
    pub(super) fn database_url(&self) -> Option<Result<(String, String), (String, String)>> {
        self.outside_the_file("DATABASE_URL")
    }

    /// The key for Tiingo, with the place it came from.
    pub(super) fn tiingo_api_key(&self) -> Option<Result<(String, String), (String, String)>> {
        self.outside_the_file("TIINGO_API_KEY")
    }

    /// The address of the shared cache given outside the file, likewise.
    pub(super) fn redis_url(&self) -> Option<Result<(String, String), (String, String)>> {
        self.outside_the_file("REDIS_URL")
    }

    /// The token that watchers on other machines send, with the place it came from.
    pub(super) fn http_token(&self) -> Option<Result<(String, String), (String, String)>> {
        self.outside_the_file("FINSTAGE_HTTP_TOKEN")
    }

    /// What the credential `name`, `NAME_FILE` or the variable `NAME` says, in this order.
    fn outside_the_file(&self, name: &str) -> Option<Result<(String, String), (String, String)>> {
        if let Some(directory) = self.variable("CREDENTIALS_DIRECTORY") {
            let credential = name.to_lowercase();
            let path = PathBuf::from(directory).join(&credential);
            if path.exists() {
                return Some(read_secret(&path, &format!("credential {credential}")));
            }
        }
        let file = format!("{name}_FILE");
        if let Some(path) = self.variable(&file) {
            return Some(read_secret(path.as_ref(), &file));
        }
        let value = self.variable(name)?;
        Some(Ok((value.to_owned(), name.to_owned())))
    }
}

fn read_secret(path: &std::path::Path, place: &str) -> Result<(String, String), (String, String)> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok((text.trim().to_owned(), place.to_owned())),
        Err(error) => Err((
            place.to_owned(),
            format!("{} cannot be read: {error}", path.display()),
        )),
    }
}
