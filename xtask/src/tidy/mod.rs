//! This project's own rules, where no lint knows them. Each finding reads `path:line: what; remedy`.
//!
//! The rules are functions from text to findings, so that tables of text test them; only this file touches disk.

mod dependencies;
mod floors;
mod licences;
mod names;
mod pages;
mod policies;
mod sizes;
mod source;
mod text;

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::command::capture;
use crate::failure::{Failure, no_arguments};
use crate::workspace::{self, Reach};

/// One place where a rule does not hold.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    what: String,
    remedy: String,
}

impl Finding {
    fn new(path: &str, line: usize, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Finding { path: path.to_owned(), line, what: what.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}; {}", self.path, self.line, self.what, self.remedy)
    }
}

/// A file that git tracks or is about to, with `/` between folders whatever the system.
#[derive(Debug)]
struct File {
    path: String,
    text: String,
}

impl File {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        name.rsplit_once('.').map_or(name, |(stem, _)| stem)
    }
}

/// An exception to a rule: the path (or its beginning) and why it may stand.
type Allowed = (&'static str, &'static str);

/// `cargo xtask tidy`.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    no_arguments("tidy", arguments)?;
    Ok(check(&workspace::root())?)
}

/// Applies every rule; prints the findings on stdout and fails if there are any.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    let files = files(root)?;
    let everything = workspace::load(root, Reach::Everything)?;
    let reasons = fs::read_to_string(root.join(dependencies::PAGE)).unwrap_or_default();
    let mut findings = sizes::check(&files, sizes::LONG_FILES, sizes::LONG_FUNCTIONS);
    findings.extend(names::check(&files));
    findings.extend(text::check(&files, &text::foreign_roots(root)));
    findings.extend(pages::check(&files));
    findings.extend(policies::check(&files));
    findings.extend(floors::check(&everything.packages));
    findings.extend(licences::check(&everything.packages));
    findings.extend(dependencies::check(&everything.packages, &reasons));
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        1 => Err("tidy: 1 finding".to_owned()),
        many => Err(format!("tidy: {many} findings")),
    }
}

/// Text files known to git or new and not ignored. What is not UTF-8 is left out: no rule speaks of it.
fn files(root: &Path) -> Result<Vec<File>, String> {
    let mut git = Command::new("git");
    git.current_dir(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = capture(&mut git)?;
    let mut files = Vec::new();
    for path in listed.split('\0').filter(|path| !path.is_empty()) {
        let Ok(bytes) = fs::read(root.join(path)) else { continue };
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(File { path: path.to_owned(), text });
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::{File, Finding};

    pub(super) fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    /// Findings as `path:line: what`, which is what the tables of the rules compare.
    pub(super) fn brief(findings: &[Finding]) -> Vec<String> {
        findings.iter().map(|found| format!("{}:{}: {}", found.path, found.line, found.what)).collect()
    }

    #[test]
    fn a_finding_reads_as_place_what_and_remedy() {
        let found = Finding::new("a/b.rs", 7, "tab", "use spaces");
        assert_eq!(found.to_string(), "a/b.rs:7: tab; use spaces");
    }

    #[test]
    fn the_stem_is_the_name_without_folder_and_ending() {
        assert_eq!(file("a/b/c.rs", "").stem(), "c");
        assert_eq!(file("LICENSE", "").stem(), "LICENSE");
    }
}
