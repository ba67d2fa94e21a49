//! [`Place`]: where something stands in a file.

use std::fmt;
use std::sync::Arc;

/// A file, line and column, both counted from 1, the column in characters. Prints as `sekisho.yaml:14:9`.
///
/// Cloning copies a pointer and two numbers. Places order by file, then line, then column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file as the user named it.
    pub file: Arc<str>,
    /// The line, from 1; 0 for no place.
    pub line: u32,
    /// The column in characters, from 1; 0 for no place.
    pub column: u32,
}

impl Place {
    /// A place in a file; line and column from 1.
    pub fn new(file: impl Into<Arc<str>>, line: u32, column: u32) -> Self {
        Self { file: file.into(), line, column }
    }

    /// The place of a value that was not read from a file.
    pub fn none() -> Self {
        Self::new("", 0, 0)
    }

    /// Whether this is [`Place::none`].
    pub fn is_none(&self) -> bool {
        self.line == 0
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::none()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() {
            return f.write_str("-");
        }
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_editors_open_it() {
        assert_eq!(Place::new("sekisho.yaml", 14, 9).to_string(), "sekisho.yaml:14:9");
        assert_eq!(Place::none().to_string(), "-");
    }
}
