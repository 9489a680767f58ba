//! What must never be shown: a password, wherever it came from.

use std::fmt;
use std::fs::File;
use std::io::Read;

use super::tree::Value;

/// Longest secret, in bytes. More is not a password but the wrong file.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// A text that is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A secret that is known already.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The secret itself, for the one who must know it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Who Redpoll is to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user; `None` is the server's default user.
    pub username: Option<String>,
    /// The password.
    pub password: Secret,
}

/// A text that stands in the file itself, in an environment variable, or in another file.
///
/// Messages never repeat it.
pub(super) fn referred(value: &Value) -> Result<Secret, String> {
    match value {
        Value::Text(text) | Value::Number(text) => not_empty(text.clone(), "it is empty"),
        Value::Map(entries) => {
            let [entry] = &entries[..] else {
                return Err("a reference is one of 'env' and 'file'".to_owned());
            };
            let Value::Text(name) = &entry.node.value else {
                return Err(format!("'{}' refers to nothing", entry.key));
            };
            match entry.key.as_str() {
                "env" => from_env(name),
                "file" => from_file(name),
                other => Err(format!("'{other}' is neither 'env' nor 'file'")),
            }
        }
        Value::Null | Value::Bool(_) | Value::List(_) => Err("it is not a text".to_owned()),
    }
}

fn from_env(name: &str) -> Result<Secret, String> {
    match std::env::var(name) {
        Ok(text) => not_empty(text, &format!("the environment variable {name} is empty")),
        Err(std::env::VarError::NotPresent) => {
            Err(format!("the environment variable {name} is not set"))
        }
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(format!("the environment variable {name} is not valid UTF-8"))
        }
    }
}

fn from_file(path: &str) -> Result<Secret, String> {
    let mut text = String::new();
    let read =
        File::open(path).and_then(|file| file.take(SECRET_BYTES_MAX + 1).read_to_string(&mut text));
    match read {
        Err(error) => Err(format!("the file {path} cannot be read: {error}")),
        Ok(_) if text.len() as u64 > SECRET_BYTES_MAX => {
            Err(format!("the file {path} is longer than {SECRET_BYTES_MAX} bytes"))
        }
        // Editors and `echo` end a file with a line break that nobody meant.
        Ok(_) => not_empty(
            text.trim_end_matches(['\r', '\n']).to_owned(),
            &format!("the file {path} is empty"),
        ),
    }
}

fn not_empty(text: String, otherwise: &str) -> Result<Secret, String> {
    if text.is_empty() { Err(otherwise.to_owned()) } else { Ok(Secret(text)) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::format::Format;
    use super::*;

    fn read(yaml: &str) -> Result<String, String> {
        let value = Format::Yaml.parse(yaml).unwrap().value;
        referred(&value).map(|secret| secret.reveal().to_owned())
    }

    #[test]
    fn a_secret_stands_in_the_file_in_the_environment_or_in_another_file() {
        assert_eq!(read("hunter2"), Ok("hunter2".to_owned()));
        assert_eq!(read("1234"), Ok("1234".to_owned()));
        assert_eq!(read("{env: CARGO_PKG_NAME}"), Ok("redpoll".to_owned()));
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "from a file").unwrap();
        let path = file.path().display().to_string();
        assert_eq!(read(&format!("{{file: {path}}}")), Ok("from a file".to_owned()));
    }

    #[test]
    fn what_is_no_secret_says_why_and_not_what() {
        for (yaml, error) in [
            ("\"\"", "it is empty"),
            ("true", "it is not a text"),
            ("{env: REDPOLL_NO_SUCH_VARIABLE}", "REDPOLL_NO_SUCH_VARIABLE is not set"),
            ("{file: /no/such/file}", "/no/such/file cannot be read"),
            ("{file: /dev/zero}", "longer than"),
            ("{vault: x}", "'vault' is neither"),
            ("{env: a, file: b}", "one of 'env' and 'file'"),
        ] {
            let found = read(yaml).unwrap_err();
            assert!(found.contains(error), "{yaml}: {found}");
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        let credentials = Credentials { username: None, password: Secret::new("hunter2") };
        assert!(!format!("{credentials:?}").contains("hunter2"));
    }
}
