//! An answer as bytes. What does not read back exactly is no answer: garbage, a piece of a record, one of another version, one that
//! lies under another key than it was made for.
//!
//! ```text
//! magic and version   4
//! check               8   SipHash-1-3 of the key, the variant, and all that follows
//! moment              8   how far the log of purges went when it was asked for
//! life                8   of its URI
//! facts, head, host, path, tags, body: each with its length before it, in four bytes
//! ```
//! Numbers are little-endian.

use std::hash::Hasher;
use std::sync::Arc;

use bytes::Bytes;
use sekisho_caching::{Key, KeyParts, Stored};
use sekisho_wire::HeadBuf;
use siphasher::sip::SipHasher13;

use super::super::entry::{Entry, Target};
use super::super::purge::Purge;
use super::Ticket;

/// Says what it is, and by its last byte in which form.
const MAGIC: [u8; 4] = *b"SKC\x01";
/// Where the part begins that is checked.
const CHECKED: usize = 12;
/// Most tags of an answer.
const MOST_TAGS: usize = 1_024;

/// The name of a variant among those of a key: [`sekisho_caching::Vary::digest`].
pub(super) type Variant = [u8; 16];

/// The record of an answer, or `None` if it has more bytes than that.
pub(super) fn write(key: &Key, entry: &Entry, ticket: &Ticket, largest: usize) -> Option<(Variant, Vec<u8>)> {
    let variant = entry.facts.vary().digest();
    let head = entry.head.bytes().len();
    if entry.body.len().saturating_add(head) > largest || entry.tags.len() > MOST_TAGS {
        return None;
    }
    let mut out = Vec::with_capacity(entry.body.len() + 2 * head + 512);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&ticket.moment.to_le_bytes());
    out.extend_from_slice(&ticket.life);
    part(&mut out, |out| entry.facts.write(out));
    part(&mut out, |out| {
        for (name, value, _) in entry.head.view().lines() {
            part(out, |out| out.extend_from_slice(name));
            part(out, |out| out.extend_from_slice(value));
        }
    });
    for text in [&entry.target.host, &entry.target.path] {
        part(&mut out, |out| out.extend_from_slice(text.as_bytes()));
    }
    part(&mut out, |out| {
        for tag in &entry.tags {
            part(out, |out| out.extend_from_slice(tag.as_bytes()));
        }
    });
    part(&mut out, |out| out.extend_from_slice(&entry.body));
    sign(key, &variant, &mut out);
    (out.len() <= largest).then_some((variant, out))
}

/// What a record says its check is, if it is one of this version.
pub(super) fn told(record: &[u8]) -> Option<u64> {
    let mut reader = Reader(record);
    (*reader.take()? == MAGIC).then_some(())?;
    reader.take().map(|check| u64::from_le_bytes(*check))
}

/// Reads a record; the body stays where it lies.
pub(super) fn read(key: &Key, variant: &Variant, record: &Bytes) -> Option<(Entry, Ticket)> {
    let told = told(record)?;
    let mut reader = Reader(record.get(CHECKED..)?);
    if told != check(key, variant, reader.0) {
        return None;
    }
    let moment = u64::from_le_bytes(*reader.take()?);
    let life = *reader.take()?;
    let facts = Stored::read(reader.part()?)?;
    let head = head(facts.status(), reader.part()?)?;
    let host = Arc::from(reader.text()?);
    let path = Arc::from(reader.text()?);
    let tags = tags(reader.part()?)?;
    let body = reader.part()?.len();
    if !reader.0.is_empty() {
        return None;
    }
    let body = record.slice(record.len() - body..);
    Some((Entry { head, facts, body, target: Target { host, path }, tags }, Ticket { moment, life }))
}

/// Whether those bytes, with a check that fits, are a record; for the fuzz target, which cannot guess a check.
pub(super) fn is_one(bytes: &[u8]) -> bool {
    let (key, variant) = (Key::of(&KeyParts::default()), Variant::default());
    let mut record = bytes.to_vec();
    if record.len() >= CHECKED {
        record[..MAGIC.len()].copy_from_slice(&MAGIC);
        sign(&key, &variant, &mut record);
    }
    let _means = means(&Purge::Tag("t".into()), &key, &record);
    let Some((entry, ticket)) = read(&key, &variant, &record.into()) else { return false };
    assert_eq!(entry.head.view().status(), entry.facts.status());
    // What was read is written so that it is read again.
    let (variant, again) = write(&key, &entry, &ticket, usize::MAX).expect("it was a record");
    let (again, _) = read(&key, &variant, &again.into()).expect("it is one");
    assert!(again.body == entry.body && again.facts == entry.facts && again.tags == entry.tags);
    assert_eq!(again.head.bytes(), entry.head.bytes());
    true
}

/// Whether a purge means a record of which only what lies before the body is there. Not checked: good for counting and removing.
pub(super) fn means(purge: &Purge, key: &Key, start: &[u8]) -> bool {
    let told = || {
        let mut reader = Reader(start.get(CHECKED + 16..)?);
        let (_facts, _head) = (reader.part()?, reader.part()?);
        let target = Target { host: reader.text()?.into(), path: reader.text()?.into() };
        Some((target, tags(reader.part()?)?))
    };
    match purge {
        Purge::Key(other) => key == other,
        Purge::All => true,
        // What cannot be read serves nobody.
        Purge::Path { .. } => told().is_none_or(|(target, _)| purge.means_target(&target)),
        Purge::Tag(tag) => told().is_none_or(|(_, tags)| tags.contains(tag)),
    }
}

/// Writes the check.
pub(super) fn sign(key: &Key, variant: &Variant, record: &mut [u8]) {
    let check = check(key, variant, &record[CHECKED..]);
    record[MAGIC.len()..CHECKED].copy_from_slice(&check.to_le_bytes());
}

/// What tells a whole record in its place from anything else.
fn check(key: &Key, variant: &Variant, rest: &[u8]) -> u64 {
    let mut hash = SipHasher13::new_with_keys(0x7365_6b69_7368_6f20, 0x6361_6368_6520_3031);
    hash.write(key.bytes());
    hash.write(variant);
    hash.write(rest);
    hash.finish()
}

/// Appends what `write` appends, with its length before it.
fn part(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    // A record has fewer bytes than four can count, or it is not used.
    let length = u32::try_from(out.len() - start - 4).unwrap_or(u32::MAX);
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// Field lines, read again as strictly as if a service had sent them.
fn head(status: u16, lines: &[u8]) -> Option<HeadBuf> {
    let mut head = HeadBuf::default();
    head.response(status);
    let mut lines = Reader(lines);
    while !lines.0.is_empty() {
        head.push(lines.text()?, lines.part()?).ok()?;
    }
    Some(head)
}

fn tags(tags: &[u8]) -> Option<Box<[Box<str>]>> {
    let (mut all, mut tags) = (Vec::new(), Reader(tags));
    while !tags.0.is_empty() {
        if all.len() == MOST_TAGS {
            return None;
        }
        all.push(tags.text()?.into());
    }
    Some(all.into())
}

/// Bytes that are read from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (chunk, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(chunk)
    }

    fn part(&mut self) -> Option<&'a [u8]> {
        let length = u32::from_le_bytes(*self.take()?);
        let (part, rest) = self.0.split_at_checked(length.try_into().ok()?)?;
        self.0 = rest;
        Some(part)
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.part()?).ok()
    }
}
