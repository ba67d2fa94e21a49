//! What a configuration says, part by part, so that two can be compared without keeping their texts.
//!
//! A part is known by a digest: what came from the environment or a file may be a secret, and is in no report.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use sekisho_yaml::{Kind, Node};
use serde::Serialize;

use crate::plan::Plan;
use crate::site::Site;

/// The parts of a configuration beside its routes, and their digests.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outline {
    /// Words at the top.
    pub(crate) settings: BTreeMap<Box<str>, u64>,
    /// Services by name.
    pub(crate) services: BTreeMap<Box<str>, u64>,
    /// Files that it names, as it names them.
    pub(crate) files: BTreeMap<Box<str>, u64>,
}

/// What one configuration has and another has not.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Changes {
    /// Words at the top that say something else.
    pub settings: Part,
    /// Services by name.
    pub services: Part,
    /// Routes by pattern.
    pub routes: Part,
    /// Files by the name that the configuration gives them.
    pub files: Part,
}

/// What was added, removed and changed of one kind.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Part {
    /// Only the new configuration has it.
    pub added: Vec<String>,
    /// Only the old one had it.
    pub removed: Vec<String>,
    /// Both have it, and it is not the same.
    pub changed: Vec<String>,
}

impl Outline {
    /// The outline of a document whose variables and files were put in.
    pub(crate) fn of(root: &Node, files: BTreeMap<Box<str>, u64>) -> Self {
        let digests = |name: &str| match root.get(name) {
            Some(Node { kind: Kind::Map(entries), .. }) => {
                entries.iter().map(|(key, node)| (Box::from(&*key.text), digest(node))).collect()
            }
            _ => BTreeMap::new(),
        };
        let mut settings: BTreeMap<Box<str>, u64> =
            root.entries().iter().map(|(key, node)| (Box::from(&*key.text), digest(node))).collect();
        for apart in ["services", "routes"] {
            settings.remove(apart);
        }
        Self { settings, services: digests("services"), files }
    }
}

impl Changes {
    /// What `new` has and `old` has not, and the reverse.
    pub fn between(old: &Site, new: &Site) -> Self {
        Self {
            settings: Part::of(&old.outline.settings, &new.outline.settings),
            services: Part::of(&old.outline.services, &new.outline.services),
            routes: routes(&old.plans, &new.plans),
            files: Part::of(&old.outline.files, &new.outline.files),
        }
    }

    /// Whether both say the same.
    pub fn is_empty(&self) -> bool {
        [&self.settings, &self.services, &self.routes, &self.files].iter().all(|part| part.is_empty())
    }
}

/// `routes: 1 added, 2 changed; services: 1 removed`; `nothing changed`.
impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing changed");
        }
        let parts = [
            ("settings", &self.settings),
            ("services", &self.services),
            ("routes", &self.routes),
            ("files", &self.files),
        ];
        let texts =
            parts.iter().filter(|(_, part)| !part.is_empty()).map(|(name, part)| format!("{name}: {part}"));
        f.write_str(&texts.collect::<Vec<_>>().join("; "))
    }
}

impl Part {
    fn of(old: &BTreeMap<Box<str>, u64>, new: &BTreeMap<Box<str>, u64>) -> Self {
        let named = |name: &str| name.to_owned();
        Self {
            added: new.keys().filter(|name| !old.contains_key(*name)).map(|name| named(name)).collect(),
            removed: old.keys().filter(|name| !new.contains_key(*name)).map(|name| named(name)).collect(),
            changed: new
                .iter()
                .filter(|(name, digest)| old.get(*name).is_some_and(|old| old != *digest))
                .map(|(name, _)| named(name))
                .collect(),
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// With more than so many their number is enough.
        const NAMED: usize = 3;
        let told = |what: &str, names: &[String]| match names.len() {
            0 => None,
            1..=NAMED => Some(format!("{} {what}", names.join(", "))),
            many => Some(format!("{many} {what}")),
        };
        let texts =
            [told("added", &self.added), told("removed", &self.removed), told("changed", &self.changed)];
        f.write_str(&texts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

/// Routes are compared by what they take and where they lead, and told of by their patterns.
fn routes(old: &[Plan], new: &[Plan]) -> Part {
    let by_identity = |plans: &'_ [Plan]| {
        plans.iter().map(|plan| (plan.about.identity.clone(), plan.about.digest)).collect::<HashMap<_, _>>()
    };
    let (known, kept) = (by_identity(old), by_identity(new));
    let patterns = |plans: &[Plan], which: &dyn Fn(&Plan) -> bool| {
        plans.iter().filter(|plan| which(plan)).map(|plan| plan.route.to_string()).collect()
    };
    Part {
        added: patterns(new, &|plan| !known.contains_key(&plan.about.identity)),
        removed: patterns(old, &|plan| !kept.contains_key(&plan.about.identity)),
        changed: patterns(new, &|plan| {
            known.get(&plan.about.identity).is_some_and(|old| *old != plan.about.digest)
        }),
    }
}

/// What a node says, wherever it stands.
pub(crate) fn digest(node: &Node) -> u64 {
    let mut hasher = DefaultHasher::new();
    take(node, &mut hasher);
    hasher.finish()
}

/// A digest of a digest and of what a map says, but for one of its words.
pub(crate) fn digest_without(above: u64, node: &Node, word: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    above.hash(&mut hasher);
    for (key, value) in node.entries().iter().filter(|(key, _)| &*key.text != word) {
        key.text.hash(&mut hasher);
        take(value, &mut hasher);
    }
    hasher.finish()
}

/// What a text says.
pub(crate) fn digest_of_text(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

fn take(node: &Node, hasher: &mut DefaultHasher) {
    match &node.kind {
        Kind::Null => 0_u8.hash(hasher),
        Kind::Scalar(scalar) => (1_u8, scalar.is_open(), &scalar.text).hash(hasher),
        Kind::Map(entries) => {
            (2_u8, entries.len()).hash(hasher);
            for (key, value) in entries {
                key.text.hash(hasher);
                take(value, hasher);
            }
        }
        Kind::List(items) => {
            (3_u8, items.len()).hash(hasher);
            items.iter().for_each(|item| take(item, hasher));
        }
    }
}
