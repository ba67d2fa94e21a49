//! Crates stand on floors and import only from floors below. Cargo forbids circles; this forbids neighbours.

use super::Finding;
use crate::workspace::{Kind, Origin, Package};

/// The floor of each crate, lowest first.
const FLOORS: &[(&str, u8)] = &[
    ("sekisho-units", 1),
    ("sekisho-yaml", 1),
    ("sekisho-wire", 1),
    ("sekisho-jose", 1),
    ("sekisho-waf", 1),
    ("sekisho-graph", 1),
    ("sekisho-exchange", 2),
    ("sekisho-store", 2),
    ("sekisho-caching", 2),
    ("sekisho-policies", 3),
    ("sekisho-upstream", 3),
    ("sekisho-gateway", 4),
    ("sekisho", 5),
];

/// Imports between neighbours that may stand: reading a document is reading places and problems, and tokens are judged
/// at a time of day.
const NEIGHBOURS: &[(&str, &str)] = &[("sekisho-yaml", "sekisho-units"), ("sekisho-jose", "sekisho-units")];

/// Stands beside the house: it may be used by none and uses none.
const OUTSIDE: &str = "xtask";

/// Normal and build dependencies between members; tests may reach further.
pub(super) fn check(packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages.iter().filter(|package| package.origin == Origin::Member) {
        let own = floor(&package.name);
        if own.is_none() && package.name != OUTSIDE {
            let what = format!("`{}` stands on no floor", package.name);
            findings.push(Finding::new(
                &package.manifest,
                1,
                what,
                "give it one in tidy's FLOORS and in ARCHITECTURE.md",
            ));
        }
        for dependency in &package.dependencies {
            if dependency.origin == Origin::Registry || dependency.kind == Kind::Dev {
                continue;
            }
            if NEIGHBOURS.contains(&(package.name.as_str(), dependency.name.as_str())) {
                continue;
            }
            if !matches!((own, floor(&dependency.name)), (Some(own), Some(other)) if other < own) {
                let what = format!(
                    "`{}` imports `{}`, which is not on a lower floor",
                    package.name, dependency.name
                );
                let remedy = "supply what it needs as a trait on a lower floor";
                findings.push(Finding::new(&package.manifest, 1, what, remedy));
            }
        }
    }
    findings
}

fn floor(name: &str) -> Option<u8> {
    FLOORS.iter().find(|(crate_name, _)| *crate_name == name).map(|(_, floor)| *floor)
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::workspace::{Dependency, Kind, Origin, Package};

    fn importing(name: &str, other: &str, kind: Kind) -> Vec<Package> {
        let dependency = Dependency { name: other.to_owned(), kind, origin: Origin::Member };
        vec![Package {
            name: name.to_owned(),
            version: "0.1.0".to_owned(),
            origin: Origin::Member,
            licence: None,
            manifest: "Cargo.toml".to_owned(),
            dependencies: vec![dependency],
        }]
    }

    #[test]
    fn imports_go_down_only() {
        for (from, to, kind, fine) in [
            ("sekisho-exchange", "sekisho-wire", Kind::Normal, true),
            ("sekisho", "sekisho-units", Kind::Normal, true),
            ("sekisho-yaml", "sekisho-units", Kind::Normal, true),
            ("sekisho-units", "sekisho-yaml", Kind::Normal, false),
            ("sekisho-policies", "sekisho-upstream", Kind::Normal, false),
            ("sekisho-wire", "sekisho-exchange", Kind::Build, false),
            ("sekisho-policies", "sekisho-upstream", Kind::Dev, true),
            ("sekisho-units", "xtask", Kind::Normal, false),
            ("xtask", "sekisho-units", Kind::Normal, false),
        ] {
            assert_eq!(check(&importing(from, to, kind)).is_empty(), fine, "{from} -> {to}");
        }
    }

    #[test]
    fn a_crate_without_a_floor_is_named() {
        let found = check(&importing("sekisho-attic", "sekisho-units", Kind::Dev));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].to_string().contains("`sekisho-attic` stands on no floor"), "{}", found[0]);
    }
}
