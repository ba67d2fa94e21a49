//! [`substitute`]: `${NAME}`, `${NAME:-default}` and `file:` in a tree that is already parsed.
//!
//! It works on scalars after parsing, so that a value from outside can never become structure. What came
//! from outside is marked, and no message of this crate prints it.

use std::io::{self, Read};
use std::path::Path;

use sekisho_units::{Place, Problem, Problems};

use crate::node::{Kind, Node, Origin, Scalar};
use crate::read::join;

/// The largest file that `file:` reads, in bytes.
pub const MAX_FILE: u64 = 1 << 20;

/// Replaces `${NAME}` and `${NAME:-default}` in every scalar (not in keys), and then every scalar written
/// as `file:path` by the file's text without one newline at its end.
///
/// The default holds if the variable is unset or empty; `$${` is a literal `${`. `env` gives a variable's
/// value, `read_file` a file's text (see [`files_in`]).
///
/// Problems: a variable that is unset and has no default, a `${` that is not ended or names nothing, a file
/// that cannot be read, is too large or holds NUL.
pub fn substitute(
    node: &mut Node,
    env: &dyn Fn(&str) -> Option<String>,
    read_file: &dyn Fn(&str) -> io::Result<String>,
    problems: &mut Problems,
) {
    Filler { env, read_file, problems }.node(node, "");
}

/// A reader for [`substitute`]: paths are relative to `folder`, and no more than [`MAX_FILE`] is read.
pub fn files_in(folder: &Path) -> impl Fn(&str) -> io::Result<String> {
    move |path| {
        let mut text = String::new();
        // One byte more than allowed, so that the caller sees that it is too much.
        std::fs::File::open(folder.join(path))?.take(MAX_FILE + 1).read_to_string(&mut text)?;
        Ok(text)
    }
}

struct Filler<'a> {
    env: &'a dyn Fn(&str) -> Option<String>,
    read_file: &'a dyn Fn(&str) -> io::Result<String>,
    problems: &'a mut Problems,
}

impl Filler<'_> {
    fn node(&mut self, node: &mut Node, path: &str) {
        let place = &node.place;
        match &mut node.kind {
            Kind::Null => {}
            Kind::Scalar(scalar) => self.scalar(scalar, place, path),
            Kind::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.node(item, &format!("{path}[{index}]"));
                }
            }
            Kind::Map(entries) => {
                for (key, value) in entries {
                    self.node(value, &join(path, &key.text));
                }
            }
        }
    }

    fn scalar(&mut self, scalar: &mut Scalar, place: &Place, path: &str) {
        let written = scalar.text.clone();
        // Only what the document itself says is a file: a variable's value cannot make us read one.
        let names_file = written.starts_with("file:");
        if !names_file && !written.contains("${") {
            return;
        }
        let filled = match self.fill(&written) {
            Ok(filled) => filled,
            Err(fault) => {
                self.problems.push(fault.at(place, path));
                return;
            }
        };
        let (text, origin) = match filled.text.strip_prefix("file:").filter(|_| names_file) {
            None => (filled.text, filled.origin),
            Some(file) => match self.file(file, &written) {
                Ok(text) => (text, Origin::Outside),
                Err(problem) => {
                    self.problems.push(Problem { place: place.clone(), path: path.to_owned(), ..problem });
                    return;
                }
            },
        };
        scalar.text = text.into();
        scalar.origin = origin;
    }

    fn fill(&self, written: &str) -> Result<Filled, Fault> {
        let mut filled = Filled { text: String::with_capacity(written.len()), origin: Origin::Written };
        let mut rest = written;
        while let Some(at) = rest.find("${") {
            let (before, reference) = rest.split_at(at);
            if let Some(before) = before.strip_suffix('$') {
                filled.text.push_str(before);
                filled.text.push_str("${");
                rest = &reference[2..];
                continue;
            }
            filled.text.push_str(before);
            let Some((inside, after)) = reference[2..].split_once('}') else {
                return Err(Fault::Open);
            };
            rest = after;
            let (name, default) = match inside.split_once(":-") {
                Some((name, default)) => (name, Some(default)),
                None => (inside, None),
            };
            if !is_name(name) {
                return Err(Fault::Name(inside.to_owned()));
            }
            if default.is_some_and(|default| default.contains("${")) {
                return Err(Fault::Nested(name.to_owned()));
            }
            match ((self.env)(name), default) {
                (Some(value), None) => filled.outside(&value),
                (Some(value), Some(_)) if !value.is_empty() => filled.outside(&value),
                (_, Some(default)) => filled.default(default),
                (None, None) => return Err(Fault::Unset(name.to_owned())),
            }
        }
        filled.text.push_str(rest);
        Ok(filled)
    }

    fn file(&self, path: &str, written: &str) -> Result<String, Problem> {
        let bad = |message: String, remedy: &str| Problem::error(Place::none(), "", message).remedy(remedy);
        // Messages show what was written: the path itself may hold a variable's value.
        let mut text = (self.read_file)(path).map_err(|error| {
            let reason = unreadable(&error);
            bad(
                format!("`{written}` cannot be read: {reason}"),
                "name a readable text file, relative to the configuration's folder",
            )
        })?;
        if text.len() as u64 > MAX_FILE {
            return Err(bad(format!("`{written}` is larger than {MAX_FILE} bytes"), "name a smaller file"));
        }
        if text.contains('\0') {
            return Err(bad(format!("`{written}` holds a NUL character"), "name a text file"));
        }
        if text.ends_with('\n') {
            text.pop();
            if text.ends_with('\r') {
                text.pop();
            }
        }
        Ok(text)
    }
}

/// Why a file cannot be read, for people. Of what the system says only the words, never the path: it may hold a secret.
pub fn unreadable(error: &io::Error) -> String {
    match (error.kind(), error.raw_os_error()) {
        (io::ErrorKind::NotFound, _) => "there is no such file".to_owned(),
        (io::ErrorKind::InvalidData, _) => "it is not UTF-8 text".to_owned(),
        (_, Some(code)) => {
            let text = error.to_string();
            let words = text.strip_suffix(&format!(" (os error {code})")).unwrap_or(&text);
            words.char_indices().map(|(at, c)| if at == 0 { c.to_ascii_lowercase() } else { c }).collect()
        }
        (kind, None) => kind.to_string(),
    }
}

struct Filled {
    text: String,
    origin: Origin,
}

impl Filled {
    fn outside(&mut self, value: &str) {
        self.text.push_str(value);
        self.origin = Origin::Outside;
    }

    fn default(&mut self, value: &str) {
        self.text.push_str(value);
        if self.origin == Origin::Written {
            self.origin = Origin::Default;
        }
    }
}

enum Fault {
    Open,
    Name(String),
    Nested(String),
    Unset(String),
}

impl Fault {
    fn at(self, place: &Place, path: &str) -> Problem {
        let (message, remedy) = match self {
            Self::Open => (
                "`${` has no `}`".to_owned(),
                "write `${NAME}` or `${NAME:-default}`, and `$${` for a literal `${`".to_owned(),
            ),
            Self::Name(inside) => (
                format!("`${{{inside}}}` names no variable"),
                "write `${NAME}` or `${NAME:-default}` with letters, digits and `_`, and `$${` for a literal `${`"
                    .to_owned(),
            ),
            Self::Nested(name) => (
                format!("the default of `${{{name}}}` holds another `${{`"),
                "write a plain text as the default".to_owned(),
            ),
            Self::Unset(name) => (
                format!("the environment variable `{name}` is not set"),
                format!("set it, or write `${{{name}:-default}}`"),
            ),
        };
        Problem::error(place.clone(), path, message).remedy(remedy)
    }
}

fn is_name(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_is_told_in_words() {
        for (code, want) in [
            (2, "there is no such file"),
            (13, "permission denied"),
            (21, "is a directory"),
            (24, "too many open files"),
        ] {
            assert_eq!(unreadable(&io::Error::from_raw_os_error(code)), want);
        }
        assert_eq!(unreadable(&io::Error::other("/run/secret")), "other error");
    }
}
