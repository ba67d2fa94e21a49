//! [`Node`]: one value of a document, where it stood and what was written there.

use std::fmt;
use std::sync::Arc;

use sekisho_units::Place;

/// A value with its place. Cloning shares the texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Where the value begins; for an empty value, where its key begins.
    pub place: Place,
    /// What it is.
    pub kind: Kind,
}

/// What a [`Node`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing, `~` or `null`.
    Null,
    /// A text, number, boolean or word: which of them is for the reader to ask.
    Scalar(Scalar),
    /// Keys and values in the order written, each key once; merged entries (`<<`) follow a map's own.
    Map(Vec<(Key, Node)>),
    /// Values in order.
    List(Vec<Node>),
}

/// A map's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Where it stands.
    pub place: Place,
    /// The key itself.
    pub text: Arc<str>,
}

/// A scalar's text and where it came from. `Debug` hides what came from the environment or a file.
#[derive(Clone, PartialEq, Eq)]
pub struct Scalar {
    /// The text, after escapes and substitution.
    pub text: Arc<str>,
    /// How it was written.
    pub style: Style,
    /// Where the text came from.
    pub origin: Origin,
}

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes: may be a number, a boolean or a word of ours.
    Plain,
    /// In quotes or as a block: a text.
    Quoted,
}

/// Where a scalar's text came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The document itself.
    Written,
    /// The document itself, by a default in `${NAME:-default}`.
    Default,
    /// Wholly or in part the environment or a file: never printed.
    Outside,
}

impl Scalar {
    /// Whether the text must not be printed.
    pub fn is_secret(&self) -> bool {
        self.origin == Origin::Outside
    }

    /// Whether the text may be a number, boolean or word: written plain, or substituted, since
    /// `"${PORT}"` in quotes says nothing of what the variable holds.
    pub fn is_open(&self) -> bool {
        self.style == Style::Plain || self.origin != Origin::Written
    }
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = if self.is_secret() { "(value hidden)" } else { &self.text };
        write!(f, "{:?}({text:?})", self.style)
    }
}

impl Node {
    /// The value of a map's key; `None` if there is no such key or this is no map.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(k, _)| *k.text == *key).map(|(_, value)| value)
    }

    /// The value of a map's key, to be changed in place.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        match &mut self.kind {
            Kind::Map(entries) => entries.iter_mut().find(|(k, _)| *k.text == *key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Takes an entry out of a map; `None` if there is no such key or this is no map.
    pub fn take(&mut self, key: &str) -> Option<(Key, Self)> {
        let Kind::Map(entries) = &mut self.kind else {
            return None;
        };
        let index = entries.iter().position(|(k, _)| *k.text == *key)?;
        Some(entries.remove(index))
    }

    /// Shows `to` this node and all beneath it.
    pub fn visit<'n>(&'n self, to: &mut dyn FnMut(&'n Self)) {
        to(self);
        self.entries().iter().for_each(|(_, node)| node.visit(to));
        self.items().iter().for_each(|node| node.visit(to));
    }

    /// A map's entries in order; empty if this is no map.
    pub fn entries(&self) -> &[(Key, Self)] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// A list's items in order; empty if this is no list.
    pub fn items(&self) -> &[Self] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// The scalar, if this is one.
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            Kind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// A scalar's text, however it was written.
    pub fn as_str(&self) -> Option<&str> {
        self.scalar().map(|scalar| &*scalar.text)
    }

    /// A scalar's text if it was written without quotes or substituted: a word of the configuration language.
    pub fn as_word(&self) -> Option<&str> {
        self.scalar().filter(|scalar| scalar.is_open()).map(|scalar| &*scalar.text)
    }

    /// Whether this is the word `off`, which takes an inherited policy away.
    pub fn is_off(&self) -> bool {
        self.as_word() == Some("off")
    }

    /// Whether this is nothing.
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// Whether this is a map.
    pub fn is_map(&self) -> bool {
        matches!(self.kind, Kind::Map(_))
    }

    /// Whether this is a list.
    pub fn is_list(&self) -> bool {
        matches!(self.kind, Kind::List(_))
    }

    /// What this is, for "found …" in a message: `a map`, `a list`, `nothing`, ``the text `x` ``,
    /// ``the number `5` ``, `(value hidden)`. Long texts are cut.
    pub fn describe(&self) -> String {
        match &self.kind {
            Kind::Null => "nothing".to_owned(),
            Kind::Map(_) => "a map".to_owned(),
            Kind::List(_) => "a list".to_owned(),
            Kind::Scalar(scalar) if scalar.is_secret() => "(value hidden)".to_owned(),
            Kind::Scalar(scalar) => {
                let text = excerpt(&scalar.text);
                let plain = scalar.style == Style::Plain;
                match crate::read::resolve(&scalar.text) {
                    crate::read::Resolved::Text => format!("the text `{text}`"),
                    _ if !plain => format!("the quoted text `{text}`"),
                    crate::read::Resolved::Bool(_) => format!("`{text}`"),
                    _ => format!("the number `{text}`"),
                }
            }
        }
    }

    /// The texts beneath this node that must not be printed.
    pub(crate) fn secrets<'a>(&'a self, found: &mut Vec<&'a str>) {
        match &self.kind {
            Kind::Scalar(scalar) if scalar.is_secret() => found.push(&scalar.text),
            Kind::Null | Kind::Scalar(_) => {}
            Kind::List(items) => items.iter().for_each(|item| item.secrets(found)),
            Kind::Map(entries) => entries.iter().for_each(|(_, value)| value.secrets(found)),
        }
    }
}

/// The first line of a text and no more than sixty characters of it.
fn excerpt(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let mut short: String = line.chars().take(60).collect();
    if short.len() < text.trim_end_matches('\n').len() {
        short.push('…');
    }
    short
}
