//! Module names that say what is inside, and a first line in every file that says what it is for.

use super::source::mask;
use super::{File, Finding};

/// Names under which anything would fit.
const BANNED: &[&str] = &["utils", "util", "common", "helpers", "helper", "core", "manager", "misc"];

/// Names of files, folders and inline modules; `//!` at the top of each file.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let folders = file.path.split('/').rev().skip(1);
        for name in folders.chain([file.stem()]).filter(|name| BANNED.contains(name)) {
            findings.push(banned(&file.path, 1, name));
        }
        for (index, line) in mask(&file.text).lines().enumerate() {
            if let Some(name) = inline_module(line).filter(|name| BANNED.contains(name)) {
                findings.push(banned(&file.path, index + 1, name));
            }
        }
        let first = file.text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        if !first.starts_with("//!") {
            let remedy = "begin with what the file is for and why";
            findings.push(Finding::new(&file.path, 1, "no `//!` at the top", remedy));
        }
    }
    findings
}

fn banned(path: &str, line: usize, name: &str) -> Finding {
    Finding::new(path, line, format!("`{name}` says nothing"), "name the module after what it holds")
}

/// The name in `mod name {`, after any `pub`.
fn inline_module(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("mod ")?;
    let before = before.trim();
    if !before.is_empty() && !before.starts_with("pub") {
        return None;
    }
    after.split_once('{').map(|(name, _)| name.trim())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{brief, file};
    use super::check;

    #[test]
    fn finds_names_that_say_nothing() {
        for (path, text, want) in [
            ("src/utils.rs", "//! x\n", vec!["src/utils.rs:1: `utils` says nothing"]),
            ("src/core/a.rs", "//! x\n", vec!["src/core/a.rs:1: `core` says nothing"]),
            ("src/a.rs", "//! x\npub(crate) mod helpers {\n}\n", vec!["src/a.rs:2: `helpers` says nothing"]),
            ("src/a.rs", "//! x\n// mod helpers {\nuse core::fmt;\nmod plan {}\n", vec![]),
            ("src/cores.rs", "//! x\n", vec![]),
            ("docs/common.md", "", vec![]),
        ] {
            assert_eq!(brief(&check(&[file(path, text)])), want, "{path} {text}");
        }
    }

    #[test]
    fn every_file_says_what_it_is_for() {
        for (text, fine) in
            [("//! What.\n", true), ("\n//! What.\n", true), ("// What.\n", false), ("", false)]
        {
            assert_eq!(check(&[file("a.rs", text)]).is_empty(), fine, "{text:?}");
        }
    }
}
