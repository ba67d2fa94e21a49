//! Cache keys with the `Vary` header field (RFC 9111 §4.1): which requests an answer may serve.
//!
//! Two values are the same if white space around the members of a list, empty members and the division into lines is
//! all that differs; for the fields of content negotiation case does not count either, and for `Accept-Encoding` not
//! the order. Fields whose commas are no list are compared byte for byte.

use std::fmt;

use sekisho_wire::{Edits, HeadView, Known, KnownSet};
use sha2::{Digest, Sha256};

use crate::directives::comma;
use crate::key::Key;
use crate::record::{Reader, put};
use crate::storing::NotStored;

/// Most fields an answer may vary by.
const MOST_FIELDS: usize = 16;
/// Most bytes of their values, all together.
const MOST_BYTES: usize = 8 * 1024;
/// Most members of a list that are compared without their order: the work grows by the square.
const MOST_MEMBERS: usize = 16;

/// Fields in which a comma may be part of a text, or whose values are of one piece.
const WHOLE: KnownSet = KnownSet::of(&[
    Known::UserAgent,
    Known::Cookie,
    Known::Authorization,
    Known::ProxyAuthorization,
    Known::Referer,
    Known::Origin,
    Known::XApiKey,
    Known::IfModifiedSince,
    Known::IfUnmodifiedSince,
]);

/// Fields whose members mean the same in any case (RFC 9110 §12.5.2 to §12.5.4).
const CASELESS: KnownSet = KnownSet::of(&[Known::AcceptEncoding, Known::AcceptLanguage]);

/// What the request was like by which an answer was chosen. Empty if the answer does not vary.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Vary(Box<[Field]>);

/// One field of that request.
#[derive(Clone, PartialEq, Eq)]
struct Field {
    known: Known,
    /// Lower case; empty for a known name.
    name: Box<str>,
    value: Option<Value>,
}

/// A value of a field.
#[derive(Clone, PartialEq, Eq)]
struct Value {
    /// The only line as it was sent: what the next client sends is mostly the same. Empty if there were several.
    raw: Box<[u8]>,
    /// The members joined by commas.
    normal: Box<[u8]>,
}

impl Vary {
    /// What `response` varies by, and what `request` said of that.
    ///
    /// # Errors
    /// The answer cannot be stored, since no request could be matched with it.
    pub(crate) fn read(
        request: HeadView<'_>,
        ours: &Edits,
        response: HeadView<'_>,
    ) -> Result<Vary, NotStored> {
        if !response.present().contains(Known::Vary) {
            return Ok(Vary::default());
        }
        let mut fields: Vec<Field> = Vec::new();
        let mut room = MOST_BYTES;
        let names = || response.all(Known::Vary).flat_map(sekisho_wire::list_items);
        if names().any(|name| name == b"*") {
            return Err(NotStored::VaryAny);
        }
        for name in names() {
            let known = Known::of(name);
            let lower = if known == Known::Unknown { lower(name)? } else { Box::default() };
            // The host is part of every key, whatever the origin saw of it.
            if known == Known::Host || fields.iter().any(|seen| (seen.known, &seen.name) == (known, &lower)) {
                continue;
            }
            let (written, taken) = match known {
                Known::Unknown => (ours.get(&*lower).is_some(), ours.removes(&*lower)),
                known => (ours.get(known).is_some(), ours.removes(known)),
            };
            if written {
                return Err(NotStored::VaryOurs);
            }
            if taken {
                // Whatever a client sends, the origin sees nothing of it.
                continue;
            }
            let field = Field { value: Value::read(request, known, &lower), known, name: lower };
            room = room.checked_sub(field.heap_size()).ok_or(NotStored::VaryLong)?;
            if fields.len() == MOST_FIELDS {
                return Err(NotStored::VaryLong);
            }
            fields.push(field);
        }
        Ok(Vary(fields.into()))
    }

    /// Whether `request` says the same.
    #[inline]
    #[must_use]
    pub fn matches(&self, request: HeadView<'_>) -> bool {
        self.0.iter().all(|field| field.matches(request))
    }

    /// A key for all requests under `key` that say the same as `request` of what the answer varies by.
    #[must_use]
    pub fn key_of(&self, key: &Key, request: HeadView<'_>) -> Key {
        let mut told: Vec<Option<Vec<u8>>> = Vec::with_capacity(self.0.len());
        for field in &self.0 {
            let value = Value::read(request, field.known, &field.name);
            told.push(value.map(|value| value.normal.to_ascii_lowercase()));
        }
        key.beneath(told.iter().map(|value| value.as_deref()))
    }

    /// Appends it to a record ([`Stored::write`](crate::Stored::write)).
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.push(self.0.len() as u8);
        for field in &self.0 {
            put(field.text().as_bytes(), out);
            out.push(field.value.is_some().into());
            if let Some(value) = &field.value {
                put(&value.raw, out);
                put(&value.normal, out);
            }
        }
    }

    /// Reads what [`Vary::write`] wrote.
    pub(crate) fn read_record(reader: &mut Reader<'_>) -> Option<Vary> {
        let [count] = reader.take()?;
        if usize::from(count) > MOST_FIELDS {
            return None;
        }
        let mut fields = Vec::with_capacity(count.into());
        for _ in 0..count {
            let name = reader.text()?;
            let known = Known::of(name);
            let name = if known == Known::Unknown { lower(name).ok()? } else { Box::default() };
            let value = match reader.take()? {
                [0] => None,
                [1] => Some(Value { raw: reader.text()?.into(), normal: reader.text()?.into() }),
                _ => return None,
            };
            fields.push(Field { known, name, value });
        }
        Some(Vary(fields.into()))
    }

    /// Whether both were chosen by the same request, so that one replaces the other.
    #[must_use]
    pub fn is_same(&self, other: &Vary) -> bool {
        let same = |one: &Field, two: &Field| {
            let normal = |field: &Field| field.value.as_ref().map(|value| value.normal.clone());
            (one.known, &one.name) == (two.known, &two.name) && normal(one) == normal(two)
        };
        self.0.len() == other.0.len() && self.0.iter().all(|one| other.0.iter().any(|two| same(one, two)))
    }

    /// Alike for two that [are the same](Vary::is_same), and for no others: names variants in stores outside of the process.
    #[must_use]
    pub fn digest(&self) -> [u8; 16] {
        let mut fields: Vec<_> = self.0.iter().map(|field| (field.text(), &field.value)).collect();
        fields.sort_unstable_by_key(|(name, _)| *name);
        let mut hash = Sha256::new();
        for (name, value) in fields {
            let normal = value.as_ref().map(|value| &*value.normal);
            for text in [Some(name.as_bytes()), normal] {
                hash.update(text.map_or(u64::MAX, |text| text.len() as u64).to_le_bytes());
                hash.update(text.unwrap_or_default());
            }
        }
        let whole: [u8; 32] = hash.finalize().into();
        let mut half = [0; 16];
        half.copy_from_slice(&whole[..16]);
        half
    }

    /// Whether the answer is the same for all requests.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names, in lower case or their usual spelling.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Field::text)
    }

    /// Bytes it takes beyond its own size.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        self.0.iter().map(|field| size_of::<Field>() + field.heap_size()).sum()
    }
}

impl fmt::Debug for Vary {
    /// The names only: values may be tokens or cookies.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

impl Field {
    fn heap_size(&self) -> usize {
        self.name.len() + self.value.as_ref().map_or(0, |value| value.raw.len() + value.normal.len())
    }

    #[inline]
    fn matches(&self, request: HeadView<'_>) -> bool {
        let raw = match self.known {
            Known::Unknown => None,
            known => match (&self.value, request.count(known)) {
                (None, count) => return count == 0,
                (Some(_), 0) => return false,
                (Some(value), 1) => Some((value, request.get(known))),
                _ => None,
            },
        };
        if let Some((value, Some(line))) = raw
            && line == &*value.raw
        {
            return true;
        }
        self.same(request)
    }

    /// Whether the lines of `request` say the same, however they are written.
    fn same(&self, request: HeadView<'_>) -> bool {
        let lines = || request.find_all(self.text());
        let Some(value) = &self.value else { return lines().next().is_none() };
        if lines().next().is_none() {
            return false;
        }
        let caseless = CASELESS.contains(self.known);
        let mut rest = Some(&*value.normal).filter(|normal| !normal.is_empty());
        let in_order = lines().flat_map(|line| members(line, self.known)).all(|member| {
            let Some((own, after)) = rest.and_then(|text| text.split_at_checked(member.len())) else {
                return false;
            };
            rest = match after {
                [] => None,
                [b',', after @ ..] => Some(after),
                _ => return false,
            };
            own == member || (caseless && own.eq_ignore_ascii_case(member))
        });
        (in_order && rest.is_none())
            || (self.known == Known::AcceptEncoding && same_set(&value.normal, lines))
    }

    fn text(&self) -> &str {
        if self.name.is_empty() { self.known.name() } else { &self.name }
    }
}

impl Value {
    fn read(request: HeadView<'_>, known: Known, lower: &str) -> Option<Value> {
        let name = if known == Known::Unknown { lower } else { known.name() };
        let mut lines = request.find_all(name);
        let mut normal = Vec::new();
        for member in request.find_all(name).flat_map(|line| members(line, known)) {
            if !normal.is_empty() {
                normal.push(b',');
            }
            normal.extend_from_slice(member);
        }
        let only = lines.next()?;
        let raw = if lines.next().is_none() { only.into() } else { Box::default() };
        Some(Value { raw, normal: normal.into() })
    }
}

/// The members of a line, or the line if it is no list.
fn members(line: &[u8], known: Known) -> impl Iterator<Item = &[u8]> {
    let whole = WHOLE.contains(known);
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = if whole { None } else { comma(text) };
        match end.and_then(|end| Some((text.get(..end)?, text.get(end + 1..)?))) {
            Some((member, after)) => {
                rest = Some(after);
                Some(member.trim_ascii())
            }
            None => {
                rest = None;
                Some(text.trim_ascii())
            }
        }
    })
    .filter(|member| !member.is_empty())
}

/// Whether the lines have the members of `normal` in any order. Weights stay with their members.
fn same_set<'a, I: Iterator<Item = &'a [u8]>>(normal: &[u8], lines: impl Fn() -> I) -> bool {
    let ours = || normal.split(|&b| b == b',');
    let theirs = || lines().flat_map(sekisho_wire::list_items);
    let count = ours().take(MOST_MEMBERS + 1).count();
    if count > MOST_MEMBERS || theirs().take(MOST_MEMBERS + 1).count() != count {
        return false;
    }
    let times = |member: &[u8], all: &mut dyn Iterator<Item = &[u8]>| {
        all.filter(|other| other.eq_ignore_ascii_case(member)).count()
    };
    ours().all(|member| times(member, &mut ours()) == times(member, &mut theirs()))
}

/// The name in lower case; what is no name can be in no request.
fn lower(name: &[u8]) -> Result<Box<str>, NotStored> {
    if !sekisho_wire::is_field_name(name) {
        return Err(NotStored::VaryAny);
    }
    let text = std::str::from_utf8(name).map_err(|_| NotStored::VaryAny)?;
    Ok(text.to_ascii_lowercase().into())
}
