//! ARCHITECTURE.md leads to files, and a file that was moved since leads nowhere.

use super::{File, Finding};

/// The page, whose paths name a crate, or any folders above a file.
const PAGE: &str = "ARCHITECTURE.md";

/// Each Rust file that the page names in backticks is there.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let Some(page) = files.iter().find(|file| file.path == PAGE) else { return Vec::new() };
    let mut findings = Vec::new();
    for (index, line) in page.text.lines().enumerate() {
        // What stands between two backticks is every other piece.
        for word in line.split('`').skip(1).step_by(2).filter(|word| word.ends_with(".rs")) {
            if !files.iter().any(|file| leads_to(word, &file.path)) {
                let what = format!("there is no file `{word}`");
                findings.push(Finding::new(PAGE, index + 1, what, "name the one that holds it now"));
            }
        }
    }
    findings
}

/// `walk/mod.rs`, `gateway/walk/mod.rs` and `crates/gateway/src/walk/mod.rs` are the same.
fn leads_to(word: &str, path: &str) -> bool {
    let inside =
        |path: &str| path == word || path.strip_suffix(word).is_some_and(|above| above.ends_with('/'));
    inside(path) || inside(&path.replacen("/src/", "/", 1))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{brief, file};
    use super::check;

    #[test]
    fn every_file_that_the_page_names_is_there() {
        let page = "Read `a/src/b.rs`, `a/c/d.rs`, `c/d.rs`.\nNot `b/d.rs`, `d/.rs` or `c.rs` of `C::new`.\n";
        let files =
            [file("ARCHITECTURE.md", page), file("crates/a/src/b.rs", ""), file("crates/a/src/c/d.rs", "")];
        let gone = |name: &str| format!("ARCHITECTURE.md:2: there is no file `{name}`");
        assert_eq!(brief(&check(&files)), ["b/d.rs", "d/.rs", "c.rs"].map(gone));
    }
}
