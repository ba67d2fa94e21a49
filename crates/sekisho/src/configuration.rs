//! Finding and compiling the configuration that a command is about.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use sekisho_gateway::compile::{self, Carry, Source};
use sekisho_gateway::{Mark, Site};
use sekisho_units::Problems;

use crate::output::Failure;

/// Where the configuration is looked for when none is named; the first that exists counts.
const USUAL: &[&str] = &["sekisho.yaml", "/etc/sekisho/sekisho.yaml"];

/// What came of a configuration.
pub(crate) struct Loaded {
    /// Its name, as places show it.
    pub(crate) name: String,
    /// The configuration, unless there is an error in it.
    pub(crate) site: Option<Site>,
    /// What outlives it; its log sinks are not yet open.
    pub(crate) carry: Carry,
    /// The file that it stands in; none if it is part of the program.
    pub(crate) path: Option<PathBuf>,
    /// The files that it was made of, as they were then.
    pub(crate) files: HashMap<PathBuf, Mark>,
    /// All that is wrong or odd, in the order in which it stands there.
    pub(crate) problems: Problems,
}

/// Compiles the file that was named, or else the usual one; `carry` is what there is already.
///
/// # Errors
/// There is no such file, or it cannot be read.
pub(crate) fn load(named: Option<&Path>, carry: Carry) -> Result<Loaded, Failure> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => usual(Path::exists)?,
    };
    let compile::Loaded { site, problems, files } =
        compile::load(&path, &carry).map_err(|error| Failure::new(error.to_string()))?;
    Ok(Loaded { name: path.display().to_string(), site, carry, path: Some(path), files, problems })
}

fn usual(exists: impl Fn(&Path) -> bool) -> Result<PathBuf, Failure> {
    let found = USUAL.iter().map(Path::new).find(|path| exists(path));
    found.map(Path::to_owned).ok_or_else(|| {
        Failure::new(format!(
            "there is neither {} nor {}; name a configuration with `--config`",
            USUAL[0], USUAL[1]
        ))
    })
}

/// Compiles a text that is part of the program, with these variables. It can name no files.
pub(crate) fn compile_text(
    name: &str,
    text: &str,
    env: impl Fn(&str) -> Option<String>,
    carry: Carry,
) -> Loaded {
    let no_files = |path: &str| {
        Err(io::Error::new(io::ErrorKind::NotFound, format!("{path} is not part of the program")))
    };
    let (site, problems) = compile::compile(
        &Source { name, text, env: &env, read_file: &no_files, folder: Path::new("") },
        &carry,
    );
    Loaded { name: name.to_owned(), site, carry, path: None, files: HashMap::new(), problems }
}

/// The configuration in a text that is right.
#[cfg(test)]
pub(crate) fn site_of(text: &str) -> Site {
    let loaded = compile_text("test.yaml", text, |_| None, Carry::default());
    loaded.site.unwrap_or_else(|| panic!("{}", loaded.problems))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_here_first_and_then_for_the_systems() {
        let found = |there: &[&str]| usual(|path| there.iter().any(|one| Path::new(one) == path));
        assert_eq!(found(&[USUAL[1], USUAL[0]]).unwrap(), Path::new(USUAL[0]));
        assert_eq!(found(&[USUAL[1]]).unwrap(), Path::new(USUAL[1]));
        assert!(found(&[]).unwrap_err().to_string().contains("--config"));
    }

    #[test]
    fn a_file_that_is_not_there_is_told_by_its_name() {
        let Err(failure) = load(Some(Path::new("no/such/file.yaml")), Carry::default()) else {
            panic!("loaded")
        };
        assert!(failure.to_string().contains("no/such/file.yaml"), "{failure}");
    }
}
