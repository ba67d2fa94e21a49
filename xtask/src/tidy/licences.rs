//! Every dependency is under terms that a program under Apache-2.0 can be shipped with.
//!
//! Licences are SPDX expressions (SPDX 2.3, annex D): `OR`, `AND`, `WITH` and parentheses, `WITH` binding tightest and
//! `OR` loosest. The `/` of old manifests means `OR`.

use super::Finding;
use crate::workspace::{Origin, Package};

const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Exceptions add permissions to a licence; each must be known all the same.
const EXCEPTIONS: &[&str] = &["LLVM-exception"];

/// Parentheses deeper than this are no licence.
const DEPTH: usize = 16;

/// Packages from registries whose terms are missing, unreadable or not on the list.
pub(super) fn check(packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages.iter().filter(|package| package.origin == Origin::Registry) {
        let what = match package.licence.as_deref().map(allows) {
            Some(Ok(Terms::Allowed)) => continue,
            Some(Ok(Terms::Refused)) => {
                format!("licence `{}` is not on the list", package.licence.as_deref().unwrap_or_default())
            }
            Some(Err(error)) => error,
            None => "no licence is declared".to_owned(),
        };
        let what = format!("{} {}: {what}", package.name, package.version);
        findings.push(Finding::new(
            "Cargo.lock",
            1,
            what,
            "take another crate, or widen tidy's list with a reason",
        ));
    }
    findings
}

/// What an expression comes to under the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Terms {
    Allowed,
    Refused,
}

/// Evaluates an SPDX expression; an error if it cannot be read.
fn allows(expression: &str) -> Result<Terms, String> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Reader { words: &words, depth: 0 };
    match (reader.either(), reader.words) {
        (Some(terms), []) => Ok(terms),
        _ => Err(format!("licence `{expression}` is not an SPDX expression")),
    }
}

struct Reader<'a> {
    words: &'a [&'a str],
    depth: usize,
}

impl<'a> Reader<'a> {
    fn either(&mut self) -> Option<Terms> {
        let mut terms = self.both()?;
        while self.take_if("OR") {
            let other = self.both()?;
            terms = if terms == Terms::Allowed { terms } else { other };
        }
        Some(terms)
    }

    fn both(&mut self) -> Option<Terms> {
        let mut terms = self.single()?;
        while self.take_if("AND") {
            let other = self.single()?;
            terms = if terms == Terms::Refused { terms } else { other };
        }
        Some(terms)
    }

    fn single(&mut self) -> Option<Terms> {
        if self.take_if("(") {
            self.depth += 1;
            let inside = if self.depth > DEPTH { None } else { self.either() };
            self.depth -= 1;
            return inside.filter(|_| self.take_if(")"));
        }
        let name = self.name()?;
        let mut known = ALLOWED.contains(&name);
        if self.take_if("WITH") {
            known &= EXCEPTIONS.contains(&self.name()?);
        }
        Some(if known { Terms::Allowed } else { Terms::Refused })
    }

    fn name(&mut self) -> Option<&'a str> {
        let (first, rest) = self.words.split_first()?;
        if matches!(*first, "(" | ")" | "OR" | "AND" | "WITH") {
            return None;
        }
        self.words = rest;
        Some(first)
    }

    fn take_if(&mut self, word: &str) -> bool {
        match self.words.split_first() {
            Some((first, rest)) if *first == word => {
                self.words = rest;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Terms::{Allowed, Refused};
    use super::{allows, check};
    use crate::workspace::{Origin, Package};

    #[test]
    fn evaluates_expressions() {
        for (expression, want) in [
            ("MIT", Some(Allowed)),
            ("MPL-2.0", Some(Refused)),
            ("MIT OR GPL-3.0-only", Some(Allowed)),
            ("MIT/Apache-2.0", Some(Allowed)),
            ("MIT AND GPL-3.0-only", Some(Refused)),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", Some(Allowed)),
            ("(MIT OR Apache-2.0) AND NCSA", Some(Refused)),
            ("GPL-3.0-only OR MIT AND ISC", Some(Allowed)),
            ("MIT OR GPL-3.0-only AND MPL-2.0", Some(Allowed)),
            ("(MIT OR GPL-3.0-only) AND MPL-2.0", Some(Refused)),
            ("Apache-2.0 WITH LLVM-exception", Some(Allowed)),
            ("Apache-2.0 WITH Other-exception OR MIT", Some(Allowed)),
            ("Apache-2.0 WITH Other-exception", Some(Refused)),
            ("GPL-2.0-only WITH LLVM-exception", Some(Refused)),
            ("mit", Some(Refused)),
            ("", None),
            ("MIT OR", None),
            ("MIT Apache-2.0", None),
            ("(MIT", None),
            ("MIT)", None),
            ("AND MIT", None),
            ("MIT WITH", None),
        ] {
            assert_eq!(allows(expression).ok(), want, "{expression}");
        }
        assert!(allows(&"(".repeat(100_000)).is_err());
    }

    #[test]
    fn names_the_package_and_leaves_our_own_alone() {
        let package = |name: &str, origin, licence: Option<&str>| Package {
            name: name.to_owned(),
            version: "1.2.3".to_owned(),
            origin,
            licence: licence.map(str::to_owned),
            manifest: String::new(),
            dependencies: vec![],
        };
        let packages = [
            package("fine", Origin::Registry, Some("MIT OR Apache-2.0")),
            package("ours", Origin::Member, None),
            package("bare", Origin::Registry, None),
            package("strict", Origin::Registry, Some("AGPL-3.0-only")),
        ];
        let found: Vec<_> = check(&packages).iter().map(|found| found.what.clone()).collect();
        let want = [
            "bare 1.2.3: no licence is declared",
            "strict 1.2.3: licence `AGPL-3.0-only` is not on the list",
        ];
        assert_eq!(found, want);
    }
}
