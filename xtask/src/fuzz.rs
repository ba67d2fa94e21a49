//! Runs the fuzz targets, each for a bounded time. They live outside the workspace since they need nightly.

use std::fs;
use std::iter;
use std::path::Path;
use std::process::Command;

use crate::command::{capture, stream};
use crate::failure::{Failure, number};
use crate::workspace::root;

const DEFAULT_SECONDS: u64 = 60;
const MOST_SECONDS: u64 = 24 * 3600;
/// Long enough for every example, and short enough for many tries.
const LONGEST: &str = "-max_len=16384";
/// What targets have in common is HTTP.
const WORDS: &str = "-dict=fuzz/words.dict";

/// `cargo xtask fuzz [TARGET] [--seconds N]`; without a target all of them in turn.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let (chosen, seconds) = options(arguments)?;
    let root = root();
    let mut targets = targets(&root)?;
    if let Some(name) = chosen {
        if !targets.contains(&name) {
            return Err(Failure::Usage(format!(
                "no fuzz target `{name}`; there are: {}",
                targets.join(", ")
            )));
        }
        targets = vec![name];
    }
    if capture(nightly(&root).args(["fuzz", "--version"])).is_err() {
        let how = "run `rustup toolchain install nightly && cargo install cargo-fuzz`";
        return Err(Failure::Failed(format!("fuzzing needs cargo-fuzz and a nightly toolchain; {how}")));
    }
    for target in targets {
        eprintln!("==> fuzz {target} for {seconds} s");
        let limit = format!("-max_total_time={seconds}");
        // The first folder grows by what is found; from the others it is only read.
        let corpus = format!("fuzz/corpus/{target}");
        fs::create_dir_all(root.join(&corpus)).map_err(|e| format!("{corpus} cannot be made: {e}"))?;
        let seeds = seeds(&root, &target);
        let folders = iter::once(&corpus).chain(&seeds);
        let how = ["--", WORDS, LONGEST, &limit];
        stream(nightly(&root).args(["fuzz", "run", &target]).args(folders).args(how))?;
    }
    Ok(())
}

/// What a target begins with beside what was found before, if anything.
fn seeds(root: &Path, target: &str) -> Option<String> {
    let folder = if target == "config" { "examples".to_owned() } else { format!("fuzz/seeds/{target}") };
    root.join(&folder).is_dir().then_some(folder)
}

fn options(arguments: &[String]) -> Result<(Option<String>, u64), Failure> {
    let (mut chosen, mut seconds) = (None, DEFAULT_SECONDS);
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "--seconds" => seconds = number(word, rest.next(), MOST_SECONDS)?,
            option if option.starts_with('-') => {
                return Err(Failure::Usage(format!("option `{option}` is unknown")));
            }
            _ if chosen.is_some() => {
                return Err(Failure::Usage("name one fuzz target, or none for all".to_owned()));
            }
            name => chosen = Some(name.to_owned()),
        }
    }
    Ok((chosen, seconds))
}

/// Names of the targets: the files under fuzz/fuzz_targets and in its folders.
fn targets(root: &Path) -> Result<Vec<String>, String> {
    let mut folders = vec![root.join("fuzz/fuzz_targets")];
    let mut names = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).map_err(|e| format!("{} cannot be read: {e}", folder.display()))?;
        for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
            match (path.is_dir(), path.extension(), path.file_stem().and_then(|stem| stem.to_str())) {
                (true, ..) => folders.push(path),
                (false, Some(end), Some(name)) if end == "rs" => names.push(name.to_owned()),
                _ => {}
            }
        }
    }
    names.sort();
    Ok(names)
}

/// The rustup proxy rather than the cargo that runs us, which knows nothing of `+nightly`.
fn nightly(root: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root).env_remove("RUSTUP_TOOLCHAIN").arg("+nightly");
    command
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{DEFAULT_SECONDS, options, seeds, targets};

    #[test]
    fn targets_are_found_in_folders_too() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let names = targets(root).unwrap();
        assert!(
            ["request", "decompress"].iter().all(|name| names.iter().any(|known| known == name)),
            "{names:?}"
        );
    }

    #[test]
    fn every_folder_of_seeds_belongs_to_a_target() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let targets = targets(root).unwrap();
        let folders = fs::read_dir(root.join("fuzz/seeds")).unwrap();
        let names: Vec<_> =
            folders.map(|folder| folder.unwrap().file_name().into_string().unwrap()).collect();
        assert!(names.iter().all(|name| targets.contains(name)), "{names:?}");
        assert_eq!(seeds(root, "config").as_deref(), Some("examples"));
        assert_eq!(seeds(root, "cache").as_deref(), Some("fuzz/seeds/cache"));
        assert_eq!(seeds(root, "none"), None);
    }

    #[test]
    fn reads_a_target_and_a_time() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        for (text, want) in [
            ("", Some((None, DEFAULT_SECONDS))),
            ("head", Some((Some("head"), DEFAULT_SECONDS))),
            ("head --seconds 5", Some((Some("head"), 5))),
            ("head chunk", None),
            ("--seconds", None),
            ("--minutes 5", None),
        ] {
            let want = want.map(|(name, seconds)| (name.map(str::to_owned), seconds));
            assert_eq!(options(&words(text)).ok(), want, "{text}");
        }
    }
}
