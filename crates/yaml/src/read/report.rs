//! From a fault to a [`Problem`]: place, path, words and remedy, with secrets hidden.

use std::fmt::Write;

use sekisho_units::{Problem, nearest};

use super::error::{Fault, Spot, Step, What};
use super::resolve::{Resolved, resolve};
use crate::node::{Kind, Node};

/// So many candidates are listed if none is near; more would hide the message.
const FEW: usize = 12;

/// The problem that a fault is. `path` is the root's own.
pub(crate) fn problem(fault: &Fault, steps: &[Step], root: &Node, path_of_root: &str) -> Problem {
    let mut node = root;
    let mut place = &root.place;
    for (index, step) in steps.iter().enumerate() {
        let Some(next) = step.follow(node) else {
            break;
        };
        place = &next.place;
        if let (true, Spot::Key, Some((key, _))) =
            (index + 1 == steps.len(), fault.spot, node.entries().get(step.index()))
        {
            place = &key.place;
        }
        node = next;
    }
    // The variant of an enum stands as the only key of its map.
    if let (What::UnknownVariant { name, .. }, Some((key, _))) = (&fault.what, node.entries().first())
        && *key.text == **name
    {
        place = &key.place;
    }
    let (message, remedy) = words(fault, node, steps);
    Problem { remedy, ..Problem::error(place.clone(), path(path_of_root, steps), message) }
}

fn words(fault: &Fault, node: &Node, steps: &[Step]) -> (String, Option<String>) {
    match &fault.what {
        What::UnknownField { name, expected } => {
            (format!("unknown field `{name}`"), candidates(name, expected, "known fields are"))
        }
        What::UnknownVariant { name, expected } if is_secret(name, node) => {
            ("unknown word (value hidden)".to_owned(), candidates("", expected, "use one of"))
        }
        What::UnknownVariant { name, expected } => {
            (format!("unknown word `{name}`"), candidates(name, expected, "use one of"))
        }
        What::MissingField(name) => (format!("missing field `{name}`"), Some(format!("add `{name}: …`"))),
        What::Type { expected } => match (fault.spot, steps.last()) {
            (Spot::Key, Some(Step::Entry(_, key))) => {
                (format!("expected {}, found the key `{key}`", human(expected)), None)
            }
            _ => (format!("expected {}, found {}", human(expected), node.describe()), remedy(expected, node)),
        },
        What::Other(message) => (hide(message, node), None),
    }
}

/// Whether a word came from outside: the tag of an enum may stand deeper than the node that is blamed.
fn is_secret(word: &str, node: &Node) -> bool {
    let mut secrets = Vec::new();
    node.secrets(&mut secrets);
    secrets.contains(&word)
}

fn candidates(word: &str, expected: &[&'static str], intro: &str) -> Option<String> {
    if let Some(near) = nearest(word, expected.iter().copied()) {
        return Some(format!("did you mean `{near}`?"));
    }
    let list = expected.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match expected.len() {
        0 => Some("remove it".to_owned()),
        1..=FEW => Some(format!("{intro} {list}")),
        _ => None,
    }
}

/// What to write instead of a value of the wrong kind.
fn remedy(expected: &str, node: &Node) -> Option<String> {
    let wanted = human(expected);
    let scalar = match &node.kind {
        Kind::Null if wanted == "a list" => return Some("write `[]` for an empty list".to_owned()),
        Kind::Null if wanted == "a map" => return Some("write `{}` for an empty map".to_owned()),
        Kind::Null if wanted == "a text" => return Some("write `\"\"` for an empty text".to_owned()),
        Kind::Scalar(scalar) if !scalar.is_secret() => scalar,
        _ => return None,
    };
    let number = wanted.contains("number");
    let boolean = wanted == BOOLEAN;
    match (resolve(&scalar.text), &*scalar.text) {
        (Resolved::Bool(_), _) if boolean && !scalar.is_open() => Some("remove the quotes".to_owned()),
        (Resolved::Unsigned(_) | Resolved::Signed(_) | Resolved::Float(_), _)
            if number && !scalar.is_open() =>
        {
            Some("remove the quotes".to_owned())
        }
        (_, "on" | "yes") if boolean => Some("write `true`".to_owned()),
        (_, "off" | "no") if boolean => Some("write `false`".to_owned()),
        (_, text) if wanted == "a list" && text.len() <= 60 && !text.contains('\n') => {
            Some(format!("write `[{text}]`"))
        }
        _ => None,
    }
}

const BOOLEAN: &str = "`true` or `false`";

/// serde's name of an expectation in the words of our users.
pub(crate) fn human(expected: &str) -> String {
    let words = match expected {
        "a string" | "a borrowed string" | "string" | "a byte array" => "a text",
        "a boolean" => BOOLEAN,
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" | "u128" => "a whole number of 0 or more",
        "i8" => "a whole number from -128 to 127",
        "i16" => "a whole number from -32768 to 32767",
        "i32" => "a whole number from -2147483648 to 2147483647",
        "i64" | "isize" | "i128" => "a whole number",
        "f32" | "f64" => "a number",
        "a sequence" => "a list",
        "a character" => "one character",
        "unit" => "nothing",
        _ if expected.starts_with("struct ") || expected.starts_with("internally tagged enum") => "a map",
        _ if expected.starts_with("enum ") => "a word, or a map with one key",
        _ if expected.starts_with("a nonzero ") => "a whole number other than 0",
        _ => return length(expected).unwrap_or_else(|| expected.to_owned()),
    };
    words.to_owned()
}

/// `a tuple of size 2`, `an array of length 4`.
fn length(expected: &str) -> Option<String> {
    let size =
        ["a tuple of size ", "an array of length "].into_iter().find_map(|p| expected.strip_prefix(p))?;
    Some(format!("a list of {size}"))
}

/// A message from outside this crate, without the secrets that stand at or beneath the node it blames.
///
/// Quoted whole, a secret is replaced; if four characters of it in a row are still there, or all of a
/// shorter one, the message is dropped: better no reason than a secret in a log.
fn hide(message: &str, node: &Node) -> String {
    let mut secrets = Vec::new();
    node.secrets(&mut secrets);
    let mut message = message.to_owned();
    for secret in secrets.into_iter().filter(|secret| !secret.is_empty()) {
        message = message.replace(&format!("`{secret}`"), HIDDEN).replace(&format!("\"{secret}\""), HIDDEN);
        if leaks(&message.replace(HIDDEN, "").to_lowercase(), &secret.to_lowercase()) {
            return format!("the value is refused {HIDDEN}");
        }
    }
    message
}

const HIDDEN: &str = "(value hidden)";

fn leaks(message: &str, secret: &str) -> bool {
    if secret.chars().count() < 4 {
        return message.split(|c: char| !c.is_alphanumeric()).any(|word| word == secret);
    }
    let starts: Vec<usize> = message.char_indices().map(|(at, _)| at).chain([message.len()]).collect();
    starts.windows(5).any(|w| secret.contains(&message[w[0]..w[4]]))
}

/// The dotted path of what lies `steps` beneath `root`.
pub(crate) fn path(root: &str, steps: &[Step]) -> String {
    steps.iter().fold(root.to_owned(), |path, step| match step {
        Step::Entry(_, key) => join(&path, key),
        Step::Item(index) => format!("{path}[{index}]"),
    })
}

/// The dotted path of a map's key: `routes[2].policies`, and `services["a b"]` if the key is no plain word.
pub fn join(path: &str, key: &str) -> String {
    let mut joined = path.to_owned();
    let plain = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    if !plain {
        write!(joined, "[{key:?}]").expect("a string takes every text");
        return joined;
    }
    if !joined.is_empty() {
        joined.push('.');
    }
    joined.push_str(key);
    joined
}
