//! How a command ends when it does not end well.

/// Decides the exit code: 1, the answer is no; 2, wrong use.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A check did not hold or a program could not be run.
    Failed(String),
    /// The command line cannot be understood.
    Usage(String),
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Failure::Failed(text)
    }
}

/// Refuses every argument that a command without arguments was given.
pub(crate) fn no_arguments(command: &str, rest: &[String]) -> Result<(), Failure> {
    match rest.first() {
        None => Ok(()),
        Some(extra) => Err(Failure::Usage(format!("`{command}` takes no argument, but got `{extra}`"))),
    }
}

/// Reads the number that follows an option such as `--rounds`; it must lie between 1 and `most`.
pub(crate) fn number(option: &str, value: Option<&String>, most: u64) -> Result<u64, Failure> {
    let Some(text) = value else {
        return Err(Failure::Usage(format!("{option} needs a number")));
    };
    match text.parse::<u64>() {
        Ok(number) if (1..=most).contains(&number) => Ok(number),
        _ => Err(Failure::Usage(format!("{option} must be a number from 1 to {most}, not `{text}`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_of_options_are_bounded() {
        for (text, want) in [("1", Some(1)), ("60", Some(60)), ("0", None), ("61", None), ("x", None)] {
            assert_eq!(number("--seconds", Some(&text.to_owned()), 60).ok(), want, "{text}");
        }
        assert!(number("--seconds", None, 60).is_err());
    }
}
