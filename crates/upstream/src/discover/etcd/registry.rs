//! What stands under a prefix in an etcd, as its JSON gateway tells of it: first whole, then change by change. Without I/O.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::{Deserialize, Deserializer, de};

use super::value;
use crate::discover::MOST;
use crate::discover::source::Answer;
use crate::fleet::EndpointConfig;

/// The keys under a prefix, and what they name, as of one revision of the store.
#[derive(Default)]
pub struct EtcdRegistry {
    entries: BTreeMap<Box<[u8]>, Result<EndpointConfig, String>>,
    /// All changes up to this one are in it; 0 as long as nothing is known.
    revision: i64,
    /// Which etcd it is.
    cluster: u64,
}

/// What a line of a watch means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    /// Changes come from now on.
    Begun,
    /// Something has changed.
    Changed,
    /// Nothing has.
    Nothing,
    /// What is known can no longer be brought up to date: it must be asked for anew.
    Outdated,
}

#[derive(Deserialize)]
struct Header {
    #[serde(default, deserialize_with = "number")]
    cluster_id: u64,
    #[serde(default, deserialize_with = "number")]
    revision: i64,
}

#[derive(Deserialize)]
struct Pair {
    key: Bytes,
    #[serde(default)]
    value: Bytes,
}

#[derive(Deserialize)]
struct Range {
    header: Header,
    #[serde(default)]
    kvs: Vec<Pair>,
    #[serde(default)]
    more: bool,
}

#[derive(Deserialize)]
struct Line {
    result: Option<Watched>,
    error: Option<Refused>,
}

/// What the gateway says where it cannot say what was asked for.
#[derive(Deserialize, Default)]
pub(super) struct Refused {
    #[serde(default)]
    error: String,
    #[serde(default)]
    message: String,
}

impl Refused {
    /// In words.
    pub(super) fn why(self) -> String {
        let why = if self.message.is_empty() { self.error } else { self.message };
        why.chars().filter(|one| !one.is_control()).take(200).collect()
    }
}

#[derive(Deserialize)]
struct Watched {
    header: Header,
    #[serde(default)]
    created: bool,
    #[serde(default)]
    canceled: bool,
    #[serde(default, deserialize_with = "number")]
    compact_revision: i64,
    #[serde(default)]
    cancel_reason: String,
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    /// Left out for `PUT`.
    #[serde(default, rename = "type")]
    kind: Option<String>,
    kv: Pair,
}

/// Bytes as the gateway writes them.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        BASE64_STANDARD.decode(&*text).map(Self).map_err(|_| de::Error::custom("bytes that are no base64"))
    }
}

/// 64-bit numbers, which stand in quotes in JSON made from protobuf, but need not.
fn number<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: std::str::FromStr + Deserialize<'de>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either<T> {
        Number(T),
        Text(String),
    }
    match Either::<T>::deserialize(deserializer)? {
        Either::Number(number) => Ok(number),
        Either::Text(text) => text.parse().map_err(|_| de::Error::custom("a number that is none")),
    }
}

impl EtcdRegistry {
    /// Takes over the whole of it, from the answer to a range request.
    ///
    /// # Errors
    /// What is wrong with the answer; then nothing has changed.
    pub fn list(&mut self, answer: &[u8]) -> Result<(), String> {
        let Range { header, kvs, more } = read(answer)?;
        if more || kvs.len() > MOST {
            return Err(format!("there are more than {MOST} keys"));
        }
        self.entries =
            kvs.into_iter().map(|pair| (pair.key.0.into(), value::endpoint(&pair.value.0))).collect();
        (self.revision, self.cluster) = (header.revision, header.cluster_id);
        Ok(())
    }

    /// Takes over what a line of a watch tells.
    ///
    /// # Errors
    /// The watch is over, or the line is none.
    pub fn line(&mut self, line: &[u8]) -> Result<Told, String> {
        let watched = match read(line)? {
            Line { error: Some(refused), .. } => return Err(refused.why()),
            Line { result: Some(watched), .. } => watched,
            Line { result: None, .. } => return Ok(Told::Nothing),
        };
        let header = watched.header;
        if header.cluster_id != self.cluster || watched.compact_revision > 0 {
            return Ok(Told::Outdated);
        }
        if watched.canceled {
            return Err(Refused { error: watched.cancel_reason, message: String::new() }.why());
        }
        if watched.created {
            // It was made anew from an older copy.
            return Ok(if header.revision < self.revision { Told::Outdated } else { Told::Begun });
        }
        let changed = !watched.events.is_empty();
        for Event { kind, kv } in watched.events {
            let key = kv.key.0.into_boxed_slice();
            match kind.as_deref() {
                Some("DELETE") => drop(self.entries.remove(&key)),
                _ if self.entries.len() >= MOST && !self.entries.contains_key(&key) => {
                    return Err(format!("there are more than {MOST} keys"));
                }
                _ => drop(self.entries.insert(key, value::endpoint(&kv.value.0))),
            }
        }
        // An answer without changes tells how far they have been told.
        self.revision = self.revision.max(header.revision);
        Ok(if changed { Told::Changed } else { Told::Nothing })
    }

    /// From which revision on changes are not known; `None` as long as nothing is.
    pub fn next_revision(&self) -> Option<i64> {
        (self.revision > 0).then_some(self.revision.saturating_add(1))
    }

    /// Nothing is known any more of how far it goes.
    pub(super) fn forget_revision(&mut self) {
        self.revision = 0;
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The endpoints in the order of their keys, and which keys name none.
    pub(in crate::discover) fn answer(&self) -> Answer {
        let mut answer = Answer::default();
        for (key, entry) in &self.entries {
            match entry {
                Ok(endpoint) => answer.found.push(endpoint.clone()),
                Err(why) => answer.odd.push(format!("key `{}`: {why}", shown(key))),
            }
        }
        answer
    }
}

fn shown(key: &[u8]) -> String {
    String::from_utf8_lossy(key).chars().filter(|one| !one.is_control()).take(100).collect()
}

fn read<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(text).map_err(|error| format!("etcd's answer cannot be understood: {error}"))
}

/// The first key behind all that begin with `prefix`.
pub(super) fn behind(prefix: &[u8]) -> Vec<u8> {
    let mut behind = prefix.to_vec();
    while let Some(last) = behind.pop() {
        if last < 0xff {
            behind.push(last + 1);
            return behind;
        }
    }
    // All keys that follow.
    vec![0]
}

/// Bytes as the gateway reads them.
pub(super) fn encoded(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
