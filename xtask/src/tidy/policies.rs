//! A folder under crates/policies/src is a policy, and a policy comes with an example that the docs show.

use std::collections::BTreeSet;

use super::{File, Finding};

const HOME: &str = "crates/policies/src/";
const EXPECTED: &[&str] = &["mod.rs", "example.yaml"];

/// Each policy folder has its module and its example.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let inside: BTreeSet<&str> = files.iter().filter_map(|file| file.path.strip_prefix(HOME)).collect();
    let folders: BTreeSet<&str> = inside.iter().filter_map(|path| Some(path.split_once('/')?.0)).collect();
    let mut findings = Vec::new();
    for folder in folders {
        for name in EXPECTED {
            if !inside.contains(format!("{folder}/{name}").as_str()) {
                let what = format!("policy `{folder}` has no {name}");
                findings.push(Finding::new(
                    &format!("{HOME}{folder}"),
                    1,
                    what,
                    "add it, as in the other policies",
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::tests::{brief, file};
    use super::check;

    #[test]
    fn a_policy_has_a_module_and_an_example() {
        let whole = ["cors/mod.rs", "cors/example.yaml", "lib.rs"];
        let half = ["cors/mod.rs", "cors/config.rs"];
        for (names, want) in [
            (&whole[..], vec![]),
            (&half[..], vec!["crates/policies/src/cors:1: policy `cors` has no example.yaml"]),
        ] {
            let files: Vec<_> =
                names.iter().map(|name| file(&format!("crates/policies/src/{name}"), "")).collect();
            assert_eq!(brief(&check(&files)), want, "{names:?}");
        }
    }
}
