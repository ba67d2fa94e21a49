//! Whatever a crate of ours depends on has its reason on one page, and the page names nothing else.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use crate::workspace::{Origin, Package};

/// Where the reasons stand, as rows `| name | reason |`.
pub(super) const PAGE: &str = "docs/dependencies.md";

/// Direct dependencies of any member, of whatever kind, against the rows of the page.
pub(super) fn check(packages: &[Package], page: &str) -> Vec<Finding> {
    let rows = rows(page);
    let members = packages.iter().filter(|package| package.origin == Origin::Member);
    let used: BTreeSet<&str> = members
        .flat_map(|package| &package.dependencies)
        .filter(|dependency| dependency.origin == Origin::Registry)
        .map(|dependency| dependency.name.as_str())
        .collect();
    let mut findings = Vec::new();
    for name in used.iter().filter(|name| !rows.contains_key(**name)) {
        let remedy = format!("add the row `| {name} | reason |`, or do without it");
        findings.push(Finding::new(PAGE, 1, format!("`{name}` has no reason"), remedy));
    }
    for (name, (line, reason)) in &rows {
        if !used.contains(name) {
            findings.push(Finding::new(PAGE, *line, format!("no crate uses `{name}`"), "remove the row"));
        } else if reason.is_empty() {
            findings.push(Finding::new(
                PAGE,
                *line,
                format!("`{name}` has no reason"),
                "say why it was taken",
            ));
        }
    }
    findings
}

/// Name to (line, reason) of each row below a table's rule; names may stand in back quotes.
fn rows(page: &str) -> BTreeMap<&str, (usize, &str)> {
    let mut rows = BTreeMap::new();
    let mut in_table = false;
    for (index, line) in page.lines().enumerate() {
        let Some(cells) = line.trim().strip_prefix('|') else {
            in_table = false;
            continue;
        };
        let mut cells = cells.split('|').map(str::trim);
        let name = cells.next().unwrap_or_default().trim_matches('`');
        if !name.is_empty() && name.chars().all(|c| matches!(c, '-' | ':')) {
            in_table = true;
        } else if in_table {
            rows.insert(name, (index + 1, cells.next().unwrap_or_default()));
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::super::tests::brief;
    use super::check;
    use crate::workspace::{Dependency, Kind, Origin, Package};

    fn using(names: &[&str]) -> Vec<Package> {
        let dependency = |name: &&str| Dependency {
            name: (*name).to_owned(),
            kind: Kind::Dev,
            origin: if name.starts_with("sekisho") { Origin::Member } else { Origin::Registry },
        };
        vec![Package {
            name: "sekisho".to_owned(),
            version: "0.1.0".to_owned(),
            origin: Origin::Member,
            licence: None,
            manifest: "Cargo.toml".to_owned(),
            dependencies: names.iter().map(dependency).collect(),
        }]
    }

    #[test]
    fn page_and_manifests_agree() {
        let page =
            "# Dependencies\n\n| name | reason |\n|---|---|\n| `slab` | keys |\n| itoa | |\n| old | once |\n";
        let found = check(&using(&["slab", "itoa", "memchr", "sekisho-units"]), page);
        let want = [
            "docs/dependencies.md:1: `memchr` has no reason",
            "docs/dependencies.md:6: `itoa` has no reason",
            "docs/dependencies.md:7: no crate uses `old`",
        ];
        assert_eq!(brief(&found), want);
        assert!(check(&using(&["slab"]), "| a | b |\n|:--|---|\n| slab | keys | more |\n").is_empty());
    }
}
