//! [`Entry`]: an answer as it is stored.

use std::sync::Arc;

use bytes::Bytes;
use sekisho_caching::Stored;
use sekisho_exchange::Laid;
use sekisho_wire::{HeadBuf, HeadView, list_items};

use super::flight::Headed;

/// Fields in which origins name tags: the words of the large content networks. Tags are divided by commas, and in the second
/// by spaces.
const TAGS: [&str; 2] = ["Cache-Tag", "Surrogate-Key"];
/// Most tags of one answer; further ones are not heard.
const MOST_TAGS: usize = 64;
/// What an entry costs beyond what can be counted: its places in tables, and the allocator's rounding.
const BESIDE: usize = 256;

/// An answer as it is stored: whole, after everything that policies behind the cache have changed of it.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Status and the lines that are kept.
    pub(crate) head: HeadBuf,
    /// What decisions need of it.
    pub(crate) facts: Stored,
    /// The whole body.
    pub(crate) body: Bytes,
    /// What it was the answer to, so that it can be purged by that.
    pub(crate) target: Target,
    /// Its tags (`Cache-Tag`, `Surrogate-Key`), by which it can be purged.
    pub(crate) tags: Box<[Box<str>]>,
}

/// What an answer is of: the URI without what it was fetched by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Target {
    /// The host as the client named it, in lower case.
    pub(crate) host: Arc<str>,
    /// The path in its one spelling.
    pub(crate) path: Arc<str>,
}

impl Entry {
    /// The answer whose body has come in behind `headed`; `None` if it is not as long as the head says.
    pub(super) fn of(headed: &Headed, body: Bytes) -> Option<Self> {
        let mut head = headed.head.clone();
        match headed.length {
            Some(length) if length != body.len() as u64 => return None,
            Some(_) => {}
            None => head.push("Content-Length", itoa::Buffer::new().format(body.len()).as_bytes()).ok()?,
        }
        head.shrink();
        let (facts, target, tags) = (headed.facts.clone(), headed.target.clone(), headed.tags.clone());
        Some(Self { head, facts, body, target, tags })
    }

    /// Bytes it takes, as nearly as can be told.
    pub(crate) fn weight(&self) -> usize {
        let tags = self.tags.iter().map(|tag| size_of::<Box<str>>() + tag.len()).sum::<usize>();
        let texts = self.target.host.len() + self.target.path.len();
        let counted = size_of::<Self>() + self.head.heap_size() + self.facts.heap_size() + tags + texts;
        // Sizes are rounded up by an eighth at most.
        BESIDE + counted + self.body.len() + (counted + self.body.len()) / 16
    }
}

impl Laid for Entry {
    fn head(&self) -> HeadView<'_> {
        self.head.view()
    }
}

/// The tags that an answer names, as text; what is no text is none.
pub(super) fn tags(head: HeadView<'_>) -> Box<[Box<str>]> {
    let words = TAGS.iter().flat_map(|name| head.find_all(name)).flat_map(list_items);
    let words = words.flat_map(|item| item.split(|byte| *byte == b' ')).filter(|word| !word.is_empty());
    let mut tags: Vec<Box<str>> = Vec::new();
    for word in words.filter_map(|word| std::str::from_utf8(word).ok()) {
        if tags.len() == MOST_TAGS {
            break;
        }
        if !tags.iter().any(|tag| **tag == *word) {
            tags.push(word.into());
        }
    }
    tags.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_from_both_fields() {
        let mut head = HeadBuf::default();
        head.response(200);
        head.push("Cache-Tag", b"a, product:7 ,,a").unwrap();
        head.push("surrogate-key", b"b  c a").unwrap();
        head.push("Cache-Tag", b"\xff,d").unwrap();
        assert_eq!(
            tags(head.view()).iter().map(|tag| &**tag).collect::<Vec<_>>(),
            ["a", "product:7", "d", "b", "c"]
        );
    }
}
