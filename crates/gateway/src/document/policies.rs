//! A map of policies as written: which are set, which taken away, and in which mode.

use sekisho_exchange::Mode;
use sekisho_policies::NAMES;
use sekisho_units::{Place, Problem, Problems, nearest};
use sekisho_yaml::{Kind, Node, join};

/// One policy of a `policies` map.
#[derive(Debug)]
pub struct PolicyEntry {
    /// Its index in the table of policies.
    pub policy: usize,
    /// Where it stands.
    pub place: Place,
    /// Its dotted path.
    pub path: String,
    /// What is said of it.
    pub setting: Setting,
}

/// What is said of a policy.
#[derive(Debug)]
pub enum Setting {
    /// It is not on the route, whatever the routes above say.
    Off,
    /// It is, with these settings; those inherited count no more.
    On {
        /// The settings without `mode`.
        settings: Node,
        /// Whether it bites.
        mode: Mode,
    },
}

/// Reads a `policies` map; what is wrong with it goes to `problems`, what is not is in the result.
pub(super) fn read_policies(node: Option<&Node>, path: &str, problems: &mut Problems) -> Vec<PolicyEntry> {
    let Some(node) = node.filter(|node| !node.is_null()) else { return Vec::new() };
    if !node.is_map() {
        let message = format!("expected a map of policies, found {}", node.describe());
        problems.push(Problem::error(node.place.clone(), path, message).remedy("write `{ cors: { … } }`"));
        return Vec::new();
    }
    let mut entries = Vec::new();
    for (key, value) in node.entries() {
        let path = join(path, &key.text);
        let Some(policy) = NAMES.iter().position(|name| **name == *key.text) else {
            let remedy = match nearest(&key.text, NAMES.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known policies are {}", quoted(NAMES)),
            };
            let message = format!("unknown policy `{}`", key.text);
            problems.push(Problem::error(key.place.clone(), path, message).remedy(remedy));
            continue;
        };
        if let Some(setting) = read_setting(value, &path, problems) {
            entries.push(PolicyEntry { policy, place: value.place.clone(), path, setting });
        }
    }
    entries
}

fn read_setting(value: &Node, path: &str, problems: &mut Problems) -> Option<Setting> {
    let on = |settings| Setting::On { settings, mode: Mode::Enforce };
    match &value.kind {
        Kind::Scalar(_) if value.is_off() => return Some(Setting::Off),
        Kind::Scalar(_) if value.as_word() == Some("on") => return Some(on(empty(&value.place))),
        Kind::Null => return Some(on(empty(&value.place))),
        Kind::Map(_) => {}
        _ => {
            let message = format!("expected `on`, `off` or a map of settings, found {}", value.describe());
            let remedy = match value.as_word() {
                Some("true" | "yes") => "write `on`",
                Some("false" | "no") => "write `off`",
                _ => "write `on` for the default settings",
            };
            problems.push(Problem::error(value.place.clone(), path, message).remedy(remedy));
            return None;
        }
    }
    let mut settings = value.clone();
    let mode = match settings.take("mode") {
        Some((_, mode)) => read_mode(&mode, path, problems),
        None => Mode::Enforce,
    };
    Some(Setting::On { settings, mode })
}

fn read_mode(node: &Node, path: &str, problems: &mut Problems) -> Mode {
    match node.as_str() {
        Some("enforce") => return Mode::Enforce,
        Some("shadow") => return Mode::Shadow,
        Some("off") => return Mode::Off,
        _ => {}
    }
    let near = node.as_str().and_then(|word| nearest(word, MODES.iter().copied()));
    let remedy = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("use one of {}", quoted(MODES)),
    };
    let message = format!("expected a mode, found {}", node.describe());
    problems.push(Problem::error(node.place.clone(), join(path, "mode"), message).remedy(remedy));
    Mode::Enforce
}

const MODES: &[&str] = &["enforce", "shadow", "off"];

fn empty(place: &Place) -> Node {
    Node { place: place.clone(), kind: Kind::Map(Vec::new()) }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
