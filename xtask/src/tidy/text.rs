//! What editing leaves behind: tabs, trailing white space, words for unfinished work, tests set aside, and paths
//! that exist on one machine only.

use std::path::Path;

use super::source::mask;
use super::{Allowed, File, Finding};

/// Endings of the files whose white space is ours to decide.
const OURS: &[&str] =
    &["rs", "toml", "md", "yaml", "yml", "json", "sh", "conf", "cfg", "html", "css", "js", "graphql", "lua"];

/// Words for work that was put off; joined here so that this file does not contain them.
const UNFINISHED: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// Beginnings of paths in a home folder. The second part says whether a name must follow.
const HOMES: &[(&str, Then)] = &[
    (concat!("/ro", "ot/"), Then::Anything),
    (concat!("/ho", "me/"), Then::NameAndSlash),
    (concat!("/Us", "ers/"), Then::NameAndSlash),
];

/// Folders every system has: a checkout below one of them does not make the folder foreign.
const STANDARD: &[&str] =
    &["builds", "dev", "etc", "home", "mnt", "opt", "proc", "root", "run", "srv", "sys", "tmp", "usr", "var"];

/// Places that may name such paths.
const HOMES_ALLOWED: &[Allowed] =
    &[("crates/waf/", "attacks ask for files in home folders, and rules name them")];

/// What must follow the beginning of a path for it to be one machine's. A URL may well hold the word alone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Anything,
    NameAndSlash,
}

/// Paths that this checkout shows to be local: its own folder, and the top folder it lies in.
pub(super) fn foreign_roots(root: &Path) -> Vec<String> {
    let mut roots = vec![format!("{}/", root.display())];
    let top = root.iter().nth(1).and_then(|name| name.to_str());
    if let Some(top) = top.filter(|top| !STANDARD.contains(top)) {
        roots.push(format!("/{top}/"));
    }
    roots
}

/// Line by line through every text file; data kept as it came (a folder named `corpus`) is left alone.
pub(super) fn check(files: &[File], foreign: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| !file.path.split('/').any(|folder| folder == "corpus")) {
        let ending = file.path.rsplit_once('.').map_or("", |(_, ending)| ending);
        let may_name_homes = HOMES_ALLOWED.iter().any(|(start, _)| file.path.starts_with(start));
        for (index, line) in file.text.lines().enumerate() {
            let mut add = |what: &str, remedy: &str| {
                findings.push(Finding::new(&file.path, index + 1, what, remedy));
            };
            if OURS.contains(&ending) {
                white_space(line, &mut add);
            }
            if !may_name_homes && is_foreign(line, foreign) {
                add("a path of one machine", "write it relative to the project, or leave it out");
            }
            if file.is_rust()
                && let Some(word) = UNFINISHED.iter().find(|word| has_word(line, word))
            {
                add(&format!("`{word}`"), "finish it, or open an issue and say what holds now");
            }
        }
        if file.is_rust() {
            findings.extend(set_aside(file));
        }
    }
    findings
}

fn white_space(line: &str, add: &mut impl FnMut(&str, &str)) {
    if line.contains('\t') {
        add("a tab", "use spaces, or an escape in a literal");
    }
    if line.ends_with([' ', '\t', '\r']) {
        add("white space at the end of the line", "remove it");
    }
}

fn is_foreign(line: &str, foreign: &[String]) -> bool {
    let homes = HOMES.iter().any(|(start, then)| {
        begins(line, start).any(|rest| *then == Then::Anything || starts_with_name_and_slash(rest))
    });
    homes || foreign.iter().any(|start| begins(line, start).next().is_some())
}

/// What follows each place where an absolute path begins with `start`.
fn begins<'a>(line: &'a str, start: &'a str) -> impl Iterator<Item = &'a str> {
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '*' | '}');
    line.match_indices(start)
        .filter(move |(at, _)| !line[..*at].chars().next_back().is_some_and(inside))
        .map(move |(at, _)| &line[at + start.len()..])
}

fn starts_with_name_and_slash(rest: &str) -> bool {
    let name = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.')));
    name.is_some_and(|end| end > 0 && rest[end..].starts_with('/'))
}

fn has_word(line: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_some_and(is_word);
        let after = line[at + word.len()..].chars().next().is_some_and(is_word);
        !before && !after
    })
}

fn set_aside(file: &File) -> Vec<Finding> {
    let masked = mask(&file.text);
    let lines = masked.lines().enumerate().filter(|(_, line)| line.contains("#[ignore"));
    lines
        .map(|(index, _)| Finding::new(&file.path, index + 1, "a test set aside", "mend it or remove it"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{brief, file};
    use super::{check, foreign_roots};
    use std::path::Path;

    const NONE: Vec<&str> = vec![];

    #[test]
    fn finds_white_space_in_files_of_ours() {
        for (path, text, want) in [
            ("a.rs", "a\tb\n", vec!["a.rs:1: a tab"]),
            ("a.md", "fine\nend \n", vec!["a.md:2: white space at the end of the line"]),
            ("a.toml", "x\r\n", NONE),
            ("Makefile", "all:\n\techo\n", NONE),
            ("crates/waf/corpus/a.yaml", "a\tb \n", NONE),
        ] {
            assert_eq!(brief(&check(&[file(path, text)], &[])), want, "{path} {text:?}");
        }
    }

    #[test]
    fn finds_unfinished_work_and_tests_set_aside() {
        let put_off = concat!("// TO", "DO: more\n");
        let found = check(&[file("a.rs", put_off)], &[]);
        assert_eq!(brief(&found), [concat!("a.rs:1: `TO", "DO`")]);
        assert!(check(&[file("a.md", put_off)], &[]).is_empty());
        assert!(check(&[file("a.rs", concat!("const METHOD", "S_TO", "DO_X: u8;\n"))], &[]).is_empty());
        let found = check(&[file("a.rs", "#[test]\n#[ignore = \"slow\"]\nfn f() {}\n")], &[]);
        assert_eq!(brief(&found), ["a.rs:2: a test set aside"]);
        assert!(check(&[file("a.rs", "let text = \"#[ignore]\"; // #[ignore]\n")], &[]).is_empty());
    }

    #[test]
    fn finds_paths_of_one_machine() {
        let foreign = foreign_roots(Path::new("/cave/gateway"));
        let home = concat!("/ho", "me/ann/x");
        for (path, text, found) in [
            ("a.md", concat!("see /ro", "ot/notes").to_owned(), true),
            ("a.yaml", format!("file: {home}"), true),
            ("a.rs", concat!("get(\"/ho", "me/index\")").to_owned(), false),
            ("a.rs", format!("get(\"http://a.example{home}\")"), false),
            ("a.md", "cd /cave/other".to_owned(), true),
            ("a.md", "docs/cave/other".to_owned(), false),
            ("crates/waf/src/files.rs", format!("\"{home}\""), false),
        ] {
            assert_eq!(!check(&[file(path, &text)], &foreign).is_empty(), found, "{path} {text}");
        }
    }

    #[test]
    fn a_checkout_below_a_standard_folder_bans_only_itself() {
        assert_eq!(foreign_roots(Path::new("/tmp/gateway")), ["/tmp/gateway/"]);
        assert_eq!(foreign_roots(Path::new("/cave/gateway")), ["/cave/gateway/", "/cave/"]);
    }
}
