//! How the program speaks: results on standard output, progress on standard error, and an exit code.

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

/// How the program ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// All is well: 0.
    Fine,
    /// The question was understood, and the answer is no: 1.
    No,
    /// Wrong use, a port that is taken, a file that cannot be read: 2.
    WrongUse,
    /// Stopped at once by INT, as a shell reports it: 130.
    Interrupted,
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::No => 1,
            Self::WrongUse => 2,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why nothing could be done at all, in one line that says what to do about it. It ends the program with 2.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(line: impl Into<String>) -> Self {
        Self(line.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Writes a result, with a line end after it if it has none.
///
/// # Errors
/// Standard output cannot be written to. A reader that has left, as `head` does, is no error.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    let written = write!(out, "{text}{end}").and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Tells how things go, on standard error. Nobody may be listening, which is not the program's business.
pub(crate) fn note(line: &str) {
    let _ = writeln!(io::stderr().lock(), "sekisho: {line}");
}

/// Prints lines on standard error as they are: places must begin a line, so that editors find them.
pub(crate) fn report(lines: &str) {
    let _ = writeln!(io::stderr().lock(), "{lines}");
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn exit_codes_are_what_the_contract_says() {
        let codes = [Exit::Fine, Exit::No, Exit::WrongUse, Exit::Interrupted].map(Exit::code);
        assert_eq!(codes, [0, 1, 2, 130]);
    }
}
