//! `match` with `to`: a regular expression and what its match becomes.

use std::borrow::Cow;

use regex::{Captures, Regex, RegexBuilder};
use sekisho_exchange::Rewritten;
use sekisho_units::At;
use sekisho_wire::{PathRules, Refusal, normalise};

use crate::Here;

/// Most bytes that a compiled expression may take.
const LARGEST: usize = 1 << 20;
/// Slashes were merged, or not, when the path came in; here they stay as they are.
const RULES: PathRules = PathRules { merge_slashes: false };

/// An expression and what its first match becomes.
#[derive(Clone, Debug)]
pub(super) struct Replace {
    expression: Regex,
    path: Vec<Part>,
    /// The query that replaces the request's, if there is one.
    query: Option<Vec<Part>>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    Text(String),
    Group(usize),
}

/// What a replacement does to the path so that it must not be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Risky;

impl Replace {
    pub(super) fn compile(expression: &At<String>, to: &At<String>, here: &mut Here<'_>) -> Option<Self> {
        let compiled = match RegexBuilder::new(expression).size_limit(LARGEST).build() {
            Ok(compiled) => compiled,
            Err(error) => {
                // The library draws the expression over several lines; the last one says what is wrong.
                let text = error.to_string();
                let last = text.lines().last().unwrap_or_default().trim().trim_start_matches("error: ");
                let message = format!("no regular expression: {last}");
                let remedy =
                    "write for example `^/old/(.*)$`; look-around and back-references are not supported";
                return here.refuse("match", &expression.place, message, remedy);
            }
        };
        let (path, query) = match to.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (to.as_str(), None),
        };
        if query.is_some() && !expression.ends_with('$') {
            let message = "`to` writes the query, so that nothing of the path may be left behind it";
            return here.refuse("match", &expression.place, message, "end `match` with `$`");
        }
        let mut part = |text| match parts(text, &compiled) {
            Ok(parts) => Some(parts),
            Err(message) => {
                let remedy = "write `$1` or `$name` for a group of `match`, `$$` for a dollar sign";
                here.refuse("to", &to.place, message, remedy)
            }
        };
        let (path, query) = (part(path)?, query.map(part));
        let query = match query {
            Some(None) => return None,
            Some(parts) => parts,
            None => None,
        };
        // What is sent to the service must be visible ASCII whatever the groups hold.
        let sample = format!("/{}", to.as_str());
        if normalise(sample.as_bytes(), RULES, &mut String::new()).is_err() {
            let message = "the text holds what must be percent-encoded, or leads above the root";
            return here.refuse("to", &to.place, message, "write a path such as `/new/$1`");
        }
        Some(Self { expression: compiled, path, query })
    }

    /// Replaces the first match, if there is one. An error leaves everything as it was.
    pub(super) fn apply(&self, asked: &mut Rewritten<'_>) -> Result<(), Risky> {
        let before = asked.path.as_ref();
        let Some(groups) = self.expression.captures(before) else { return Ok(()) };
        let found = groups.get_match();
        let mut path = before[..found.start()].to_owned();
        expand(&self.path, &groups, &mut path);
        path.push_str(&before[found.end()..]);
        let mut scratch = String::new();
        let normal = normalise(path.as_bytes(), RULES, &mut scratch).map_err(|_: Refusal| Risky)?;
        // Two slashes at the front would read as an authority; a group can hold no question mark, since a path holds none.
        if normal.path.starts_with("//") || normal.query.is_some() || (normal.risky && !is_risky(before)) {
            return Err(Risky);
        }
        let path = normal.path.to_owned();
        if let Some(parts) = &self.query {
            let mut query = String::new();
            expand_query(parts, &groups, &mut query);
            asked.query = Some(Cow::Owned(query));
        }
        asked.path = Cow::Owned(path);
        Ok(())
    }
}

/// Whether the route let a risky path pass already.
fn is_risky(path: &str) -> bool {
    normalise(path.as_bytes(), RULES, &mut String::new()).map_or(true, |normal| normal.risky)
}

fn expand(parts: &[Part], groups: &Captures<'_>, out: &mut String) {
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Group(index) => out.push_str(groups.get(*index).map_or("", |group| group.as_str())),
        }
    }
}

/// In a query, what a group holds is one value: it cannot begin another parameter.
fn expand_query(parts: &[Part], groups: &Captures<'_>, out: &mut String) {
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Group(index) => {
                for c in groups.get(*index).map_or("", |group| group.as_str()).chars() {
                    match c {
                        '&' => out.push_str("%26"),
                        '=' => out.push_str("%3D"),
                        ';' => out.push_str("%3B"),
                        '+' => out.push_str("%2B"),
                        c => out.push(c),
                    }
                }
            }
        }
    }
}

/// Splits a replacement into text and groups that the expression has.
fn parts(text: &str, expression: &Regex) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        plain.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            plain.push('$');
            rest = after;
            continue;
        }
        let (name, after) = group_name(rest).ok_or("`$` stands before no group")?;
        let known = match name.parse::<usize>() {
            Ok(index) => Some(index).filter(|&index| index < expression.captures_len()),
            Err(_) => expression.capture_names().position(|known| known == Some(name)),
        };
        let index = known.ok_or_else(|| format!("`match` has no group `{name}`"))?;
        if !plain.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut plain)));
        }
        parts.push(Part::Group(index));
        rest = after;
    }
    plain.push_str(rest);
    parts.push(Part::Text(plain));
    Ok(parts)
}

/// The name or number behind a dollar sign, with or without braces, and what follows it.
fn group_name(text: &str) -> Option<(&str, &str)> {
    if let Some(braced) = text.strip_prefix('{') {
        return braced.split_once('}').filter(|(name, _)| !name.is_empty());
    }
    let numbered = text.starts_with(|c: char| c.is_ascii_digit());
    let part = |c: char| if numbered { c.is_ascii_digit() } else { c.is_ascii_alphanumeric() || c == '_' };
    let len = text.find(|c| !part(c)).unwrap_or(text.len());
    (len > 0).then(|| text.split_at(len))
}
