//! [`Stored`] as bytes, for stores outside of the process. Whatever does not read back exactly is nothing: bytes of
//! another version, cut off, or written by somebody else.

use sekisho_units::Wall;

use crate::directives::LONGEST;
use crate::etag::Tag;
use crate::reuse::Vary;
use crate::stored::{Rules, Stored};

/// The first byte; another one whenever the form changes.
const FORM: u8 = 2;

impl Stored {
    /// Appends the facts to `out`; [`Stored::read`] reads them.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[FORM, self.rules.0]);
        out.extend_from_slice(&self.status.to_le_bytes());
        for seconds in [self.initial_age, self.lifetime, self.while_revalidating, self.if_error] {
            out.extend_from_slice(&seconds.to_le_bytes());
        }
        // No answer was last modified at the end of all time.
        for moment in [self.received.as_millis(), self.date, self.last_modified.unwrap_or(u64::MAX)] {
            out.extend_from_slice(&moment.to_le_bytes());
        }
        put(&self.etag, out);
        self.vary.write(out);
    }

    /// Reads what [`Stored::write`] wrote; `None` if it is anything else.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Stored> {
        let mut reader = Reader { rest: bytes };
        let [form, rules] = reader.take::<2>()?;
        let status = u16::from_le_bytes(reader.take()?);
        let mut seconds = || reader.take().map(u32::from_le_bytes).filter(|seconds| *seconds <= LONGEST);
        let (initial_age, lifetime, while_revalidating, if_error) =
            (seconds()?, seconds()?, seconds()?, seconds()?);
        let mut moment = || reader.take().map(u64::from_le_bytes);
        let (received, date, last_modified) = (moment()?, moment()?, moment()?);
        let etag = reader.text()?;
        let vary = Vary::read_record(&mut reader)?;
        let good = form == FORM
            && Rules(rules).is_known()
            && (200..600).contains(&status)
            && (etag.is_empty() || Tag::read(etag).is_some())
            && reader.rest.is_empty();
        good.then(|| Stored {
            received: Wall::from_millis(received),
            initial_age,
            lifetime,
            while_revalidating,
            if_error,
            date,
            last_modified: Some(last_modified).filter(|moment| *moment != u64::MAX),
            etag: etag.into(),
            status,
            rules: Rules(rules),
            vary,
        })
    }
}

/// Appends a text with its length; texts come from heads, which are shorter than 64 KiB.
pub(crate) fn put(text: &[u8], out: &mut Vec<u8>) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&text[..usize::from(length)]);
}

/// Bytes that are read from the front.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (chunk, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*chunk)
    }

    /// What [`put`] wrote.
    pub(crate) fn text(&mut self) -> Option<&'a [u8]> {
        let length = u16::from_le_bytes(self.take()?);
        let (text, rest) = self.rest.split_at_checked(length.into())?;
        self.rest = rest;
        Some(text)
    }
}
