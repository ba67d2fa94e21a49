//! Files, functions and folders small enough to be read at one sitting.

use std::collections::BTreeMap;

use super::source::{functions, mask, test_modules};
use super::{Allowed, File, Finding};

const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 60;
const FOLDER_FILES: usize = 12;

/// Files that may be longer.
pub(super) const LONG_FILES: &[Allowed] = &[];

/// Functions that may be longer, as `path::function`.
pub(super) const LONG_FUNCTIONS: &[Allowed] =
    &[("crates/wire/src/write.rs::reason", "a table of the registered reason phrases, a line each")];

/// Lengths without tests, and files in a folder. An exception that nothing needs any more is a finding too.
pub(super) fn check(files: &[File], long_files: &[Allowed], long_functions: &[Allowed]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut used = Vec::new();
    for file in files.iter().filter(|file| file.is_rust() && !is_test(&file.path)) {
        let masked = mask(&file.text);
        let tests = test_modules(&masked);
        let tested: usize = tests.iter().map(ExactSizeIterator::len).sum();
        let lines = file.text.lines().count() - tested;
        if lines > FILE_LINES {
            let what = format!("{lines} lines without its tests, the limit is {FILE_LINES}");
            let found =
                Finding::new(&file.path, FILE_LINES + 1, what, "split it where a second subject begins");
            note(found, &file.path, long_files, &mut findings, &mut used);
        }
        for function in functions(&masked) {
            let in_tests = tests.iter().any(|range| range.contains(&function.line));
            if function.lines <= FUNCTION_LINES || in_tests {
                continue;
            }
            let what =
                format!("fn {} has {} lines, the limit is {FUNCTION_LINES}", function.name, function.lines);
            let found =
                Finding::new(&file.path, function.line, what, "move its steps into functions of their own");
            let key = format!("{}::{}", file.path, function.name);
            note(found, &key, long_functions, &mut findings, &mut used);
        }
    }
    for (key, _) in long_files.iter().chain(long_functions) {
        if !used.iter().any(|one| one == key) {
            findings.push(Finding::new(
                key,
                1,
                "an exception that is not needed",
                "remove it from tidy's list",
            ));
        }
    }
    findings.extend(folders(files));
    findings
}

/// Adds the finding unless an exception names it.
fn note(found: Finding, key: &str, allowed: &[Allowed], findings: &mut Vec<Finding>, used: &mut Vec<String>) {
    if allowed.iter().any(|(name, _)| *name == key) {
        used.push(key.to_owned());
    } else {
        findings.push(found);
    }
}

/// Whole files of tests and benchmarks.
fn is_test(path: &str) -> bool {
    let mut folders: Vec<&str> = path.split('/').collect();
    folders.pop() == Some("tests.rs") || folders.iter().any(|folder| matches!(*folder, "tests" | "benches"))
}

fn folders(files: &[File]) -> Vec<Finding> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        *counts.entry(file.path.rsplit_once('/').map_or(".", |(folder, _)| folder)).or_default() += 1;
    }
    let crowded = counts.into_iter().filter(|(_, count)| *count > FOLDER_FILES);
    crowded
        .map(|(folder, count)| {
            let what = format!("{count} .rs files in one folder, the limit is {FOLDER_FILES}");
            Finding::new(folder, 1, what, "group what belongs together in a folder")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{brief, file};
    use super::check;

    fn lines(count: usize) -> String {
        "let x = 1;\n".repeat(count)
    }

    #[test]
    fn counts_a_file_without_its_tests() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", lines(100));
        for (path, text, want) in [
            ("a.rs", lines(500), vec![]),
            ("a.rs", lines(501), vec!["a.rs:501: 501 lines without its tests, the limit is 500"]),
            ("a.rs", lines(500) + &tests, vec![]),
            ("a.rs", lines(501) + &tests, vec!["a.rs:501: 501 lines without its tests, the limit is 500"]),
            ("a/tests.rs", lines(900), vec![]),
            ("a/tests/it/main.rs", lines(900), vec![]),
            ("a/benches/b.rs", lines(900), vec![]),
            ("a.yaml", lines(900), vec![]),
        ] {
            assert_eq!(brief(&check(&[file(path, &text)], &[], &[])), want, "{path}");
        }
    }

    #[test]
    fn counts_functions_outside_tests() {
        let long = format!("fn long() {{\n{}}}\n", lines(59));
        let short = format!("fn short() {{\n{}}}\n", lines(58));
        let tested = format!("#[cfg(test)]\nmod tests {{\n{long}}}\n");
        let found = check(&[file("a.rs", &(short + &long + &tested))], &[], &[]);
        assert_eq!(brief(&found), ["a.rs:61: fn long has 61 lines, the limit is 60"]);
    }

    #[test]
    fn an_exception_holds_while_it_is_needed() {
        let long = file("a.rs", &lines(501));
        assert!(check(&[long], &[("a.rs", "one table")], &[]).is_empty());
        let found = check(&[file("a.rs", "")], &[("a.rs", "one table")], &[]);
        assert_eq!(brief(&found), ["a.rs:1: an exception that is not needed"]);
        let function = format!("fn long() {{\n{}}}\n", lines(59));
        assert!(check(&[file("a.rs", &function)], &[], &[("a.rs::long", "one match")]).is_empty());
    }

    #[test]
    fn a_folder_holds_at_most_twelve_files() {
        let files = |count: usize| (0..count).map(|i| file(&format!("src/f{i}.rs"), "")).collect::<Vec<_>>();
        assert!(check(&files(12), &[], &[]).is_empty());
        assert_eq!(
            brief(&check(&files(13), &[], &[])),
            ["src:1: 13 .rs files in one folder, the limit is 12"]
        );
    }
}
