//! The gzip format (RFC 1952): members, one behind another, each a head, a body in Deflate, and a check.
//!
//! The library reads it as well, but takes new memory for each member, of which a hostile body may have many.

use flate2::{Crc, Decompress};
use sekisho_exchange::Taken;

use super::codec::{Bad, inflate};

/// Bytes that every head begins with.
const FIXED: u8 = 10;

/// Bits of a head's flags.
const CHECKED: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

/// A body in the middle of its members.
pub(super) struct Gzip {
    place: Place,
    head: Head,
    body: Decompress,
    /// Of the member's plain bytes.
    check: Crc,
    /// Whether a member has ended.
    had_one: bool,
}

enum Place {
    Head,
    Body,
    /// The check and the length, and how many bytes of them are here.
    Check([u8; 8], usize),
}

impl Default for Gzip {
    fn default() -> Self {
        let (head, body, check) = (Head::default(), Decompress::new(false), Crc::new());
        Self { place: Place::Head, head, body, check, had_one: false }
    }
}

impl Gzip {
    pub(super) fn step(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<Taken, Bad> {
        let mut bytes = 0;
        loop {
            let piece = &piece[bytes..];
            match &mut self.place {
                Place::Head => {
                    let Some(byte) = piece.first() else { break };
                    bytes += 1;
                    // What is behind a member and does not even begin as another one is nothing of it.
                    let begins = self.head.at == Part::Fixed(0) && *byte != 0x1f;
                    let bad = if self.had_one && begins { Bad::Behind } else { Bad::Malformed };
                    if self.head.takes(*byte).ok_or(bad)? {
                        self.place = Place::Body;
                    }
                }
                Place::Body => {
                    let before = out.len();
                    let (taken, ended) = inflate(&mut self.body, piece, out)?;
                    self.check.update(&out[before..]);
                    bytes += taken.bytes;
                    if !ended {
                        return Ok(Taken { bytes, ..taken });
                    }
                    self.place = Place::Check([0; 8], 0);
                    // Otherwise the next member would give a portion as well.
                    if out.len() > before {
                        return Ok(Taken { bytes, more: false });
                    }
                }
                Place::Check(read, len) => {
                    let now = piece.len().min(8 - *len);
                    read[*len..*len + now].copy_from_slice(&piece[..now]);
                    (*len, bytes) = (*len + now, bytes + now);
                    if *len < 8 {
                        break;
                    }
                    let want = u64::from(self.check.amount()) << 32 | u64::from(self.check.sum());
                    if u64::from_le_bytes(*read) != want {
                        return Err(Bad::Malformed);
                    }
                    self.next();
                }
            }
        }
        Ok(Taken { bytes, more: false })
    }

    /// Ready for another member.
    fn next(&mut self) {
        self.body.reset(false);
        self.check.reset();
        self.head = Head::default();
        (self.place, self.had_one) = (Place::Head, true);
    }

    /// Whether a member has ended, and no other one has begun.
    pub(super) fn is_at_end(&self) -> bool {
        self.had_one && matches!(self.place, Place::Head) && self.head.at == Part::Fixed(0)
    }
}

/// A member's head, byte by byte.
struct Head {
    at: Part,
    flags: u8,
    /// Of its bytes.
    check: Crc,
}

/// What comes next of a head.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Fixed(u8),
    ExtraLen(Option<u8>),
    Extra(u16),
    Name,
    Comment,
    Check(Option<u8>),
    Done,
}

impl Default for Head {
    fn default() -> Self {
        Self { at: Part::Fixed(0), flags: 0, check: Crc::new() }
    }
}

impl Head {
    /// Takes a byte; `true` once the head is whole, `None` if it is none.
    fn takes(&mut self, byte: u8) -> Option<bool> {
        if !matches!(self.at, Part::Check(_)) {
            self.check.update(&[byte]);
        }
        self.at = match self.at {
            Part::Fixed(at) => {
                match (at, byte) {
                    (0, 0x1f) | (1, 0x8b) | (2, 8) | (4.., _) => {}
                    (3, flags) if flags & RESERVED == 0 => self.flags = flags,
                    _ => return None,
                }
                if at + 1 < FIXED { Part::Fixed(at + 1) } else { self.behind(Part::Fixed(at)) }
            }
            Part::ExtraLen(None) => Part::ExtraLen(Some(byte)),
            Part::ExtraLen(Some(low)) => match u16::from_le_bytes([low, byte]) {
                0 => self.behind(Part::Extra(0)),
                len => Part::Extra(len),
            },
            Part::Extra(left @ 2..) => Part::Extra(left - 1),
            Part::Name | Part::Comment if byte != 0 => self.at,
            Part::Check(None) => Part::Check(Some(byte)),
            Part::Check(Some(low)) if self.check.sum() as u16 != u16::from_le_bytes([low, byte]) => {
                return None;
            }
            part => self.behind(part),
        };
        Some(self.at == Part::Done)
    }

    /// What comes behind a part, by the flags.
    fn behind(&self, part: Part) -> Part {
        let has = |flag: u8| self.flags & flag != 0;
        match part {
            Part::Fixed(_) if has(EXTRA) => Part::ExtraLen(None),
            Part::Fixed(_) | Part::ExtraLen(_) | Part::Extra(_) if has(NAME) => Part::Name,
            Part::Fixed(_) | Part::ExtraLen(_) | Part::Extra(_) | Part::Name if has(COMMENT) => Part::Comment,
            Part::Check(_) | Part::Done => Part::Done,
            _ if has(CHECKED) => Part::Check(None),
            _ => Part::Done,
        }
    }
}
