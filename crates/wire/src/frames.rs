//! Where the frames of a WebSocket begin and end (RFC 6455 §5.2), without a look at what is in them.
//!
//! Whoever ends a WebSocket's connection in the middle can say so by a Close frame of its own, but only where a frame would
//! begin: anywhere else it would be read as payload.

/// The opcode of a Close frame (RFC 6455 §5.5.1).
const CLOSE: u8 = 0x8;
/// The status `1001 going away` (RFC 6455 §7.4.1) as it stands in a Close frame.
const GOING_AWAY: [u8; 2] = 1001_u16.to_be_bytes();

/// Follows the frames that one side sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frames {
    /// Whether the sender masks: a client must, a service must not (RFC 6455 §5.1).
    masks: bool,
    at: At,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    /// A frame begins with the next byte.
    Boundary,
    /// Behind the first byte.
    Length { first: u8 },
    /// In the longer form of a length, of which `left` bytes are to come.
    LongLength { left: u8, length: u64, first: u8 },
    /// In the key and the payload.
    Rest { left: u64, closes: bool },
    /// Behind a Close frame, after which none may come.
    Closed,
    /// These are no frames.
    Lost,
}

impl Frames {
    /// At the start of what a client sends (`masks`), or a service.
    #[must_use]
    pub fn new(masks: bool) -> Self {
        Self { masks, at: At::Boundary }
    }

    /// Whether another frame may begin here.
    #[must_use]
    pub fn at_boundary(&self) -> bool {
        self.at == At::Boundary
    }

    /// Takes note of `bytes` that were sent. Does not read what it can step over.
    #[inline]
    pub fn follow(&mut self, bytes: &[u8]) {
        // Most pieces are one whole frame each.
        if self.at == At::Boundary && self.usual(bytes) == Some(bytes.len()) {
            return;
        }
        self.step_over(bytes);
    }

    fn step_over(&mut self, mut bytes: &[u8]) {
        while let [byte, rest @ ..] = bytes {
            match self.at {
                At::Boundary if let Some(whole) = self.usual(bytes) => {
                    let here = whole.min(bytes.len());
                    self.at = rest_of((whole - here) as u64, false);
                    bytes = &bytes[here..];
                    continue;
                }
                At::Rest { left, closes } => {
                    let count = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
                    self.at = rest_of(left - count as u64, closes);
                    bytes = &bytes[count..];
                    continue;
                }
                At::Closed | At::Lost => return,
                _ => self.at = self.after(*byte),
            }
            bytes = rest;
        }
    }

    /// The bytes of the frame that begins here, if it is a data frame whose head is at hand and not of the longest form.
    #[inline]
    fn usual(&self, bytes: &[u8]) -> Option<usize> {
        let [first, second, third, fourth, ..] = *bytes else { return None };
        if first & 0x0f > 0x2 || (second & 0x80 != 0) != self.masks {
            return None;
        }
        let behind = match second & 0x7f {
            127 => return None,
            126 => 2 + usize::from(u16::from_be_bytes([third, fourth])),
            length => usize::from(length),
        };
        Some(2 + if self.masks { 4 } else { 0 } + behind)
    }

    /// Where one more byte of a frame's head leads.
    fn after(&self, byte: u8) -> At {
        match self.at {
            At::Boundary => match byte & 0x0f {
                // Reserved opcodes, and control frames in fragments (RFC 6455 §5.5).
                0x3..=0x7 | 0xb..=0xf => At::Lost,
                0x8..=0xa if byte & 0x80 == 0 => At::Lost,
                _ => At::Length { first: byte },
            },
            At::Length { first } => match byte & 0x7f {
                _ if (byte & 0x80 != 0) != self.masks => At::Lost,
                126 | 127 if first & 0x08 != 0 => At::Lost,
                126 => At::LongLength { left: 2, length: 0, first },
                127 => At::LongLength { left: 8, length: 0, first },
                length => self.payload(u64::from(length), first),
            },
            // The highest bit of a length is 0.
            At::LongLength { left: 8, .. } if byte & 0x80 != 0 => At::Lost,
            At::LongLength { left, length, first } => {
                let length = length << 8 | u64::from(byte);
                match left {
                    1 => self.payload(length, first),
                    left => At::LongLength { left: left - 1, length, first },
                }
            }
            other => other,
        }
    }

    fn payload(&self, length: u64, first: u8) -> At {
        rest_of(length + if self.masks { 4 } else { 0 }, first & 0x0f == CLOSE)
    }

    /// A Close frame with the status 1001, as the sender would send it here; nothing where none may begin. A client's is
    /// masked with `key`.
    #[must_use]
    pub fn going_away(&self, key: u32) -> Vec<u8> {
        if !self.at_boundary() {
            return Vec::new();
        }
        let mut frame = vec![0x80 | CLOSE, GOING_AWAY.len() as u8];
        if self.masks {
            let key = key.to_be_bytes();
            frame[1] |= 0x80;
            frame.extend(key);
            frame.extend(GOING_AWAY.iter().zip(key).map(|(byte, key)| byte ^ key));
        } else {
            frame.extend(GOING_AWAY);
        }
        frame
    }
}

/// In the rest of a frame, or behind it.
fn rest_of(left: u64, closes: bool) -> At {
    match (left, closes) {
        (0, false) => At::Boundary,
        (0, true) => At::Closed,
        _ => At::Rest { left, closes },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn after(masks: bool, pieces: &[&[u8]]) -> Frames {
        let mut frames = Frames::new(masks);
        pieces.iter().for_each(|piece| frames.follow(piece));
        frames
    }

    /// A frame, written by other means than the ones above read it.
    fn frame(opcode: u8, length: usize, masks: bool) -> Vec<u8> {
        let mask = if masks { 0x80 } else { 0 };
        let mut frame = vec![0x80 | opcode];
        match length {
            0..=125 => frame.push(mask | length as u8),
            126..=0xffff => {
                frame.push(mask | 126);
                frame.extend((length as u16).to_be_bytes());
            }
            _ => {
                frame.push(mask | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.resize(frame.len() + length + if masks { 4 } else { 0 }, 0x88);
        frame
    }

    #[test]
    fn a_boundary_is_where_a_frame_has_ended() {
        for masks in [false, true] {
            for length in [0, 1, 125, 126, 0xffff, 0x1_0000] {
                let bytes = frame(2, length, masks);
                assert!(after(masks, &[&bytes]).at_boundary(), "{length}");
                for cut in [1, 2, 3, bytes.len() - 1] {
                    if cut < bytes.len() {
                        assert!(!after(masks, &[&bytes[..cut]]).at_boundary(), "{length}, cut at {cut}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_no_frame_and_what_follows_a_close_frame_is_no_boundary() {
        for (masks, bytes) in [
            (false, &[0x88, 0][..]),
            (false, &[0x88, 0, 0x82, 0]),
            (false, &[0x83, 0]),
            (false, &[0x82, 0x80]),
            (true, &[0x82, 0]),
            (false, &[0x09, 0]),
            (false, &[0x89, 126, 0, 0]),
            (false, &[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0]),
            (false, b"hello"),
        ] {
            assert!(!after(masks, &[bytes]).at_boundary(), "{bytes:?}");
        }
        let longest = [0x82, 127, 0x7f, 255, 255, 255, 255, 255, 255, 255, 1];
        assert!(!after(true, &[&[0x82, 255], &longest[2..]]).at_boundary());
    }

    #[test]
    fn a_close_frame_of_the_gateway_is_one_of_its_sender() {
        assert_eq!(Frames::new(false).going_away(7), [0x88, 2, 3, 0xe9]);
        assert_eq!(Frames::new(true).going_away(0x0102_0304), [0x88, 0x82, 1, 2, 3, 4, 3 ^ 1, 0xe9 ^ 2]);
        for masks in [false, true] {
            let close = Frames::new(masks).going_away(0);
            assert_eq!(after(masks, &[&close]).at, At::Closed);
            assert!(after(masks, &[&[0x82]]).going_away(0).is_empty());
        }
    }

    proptest! {
        #[test]
        fn any_split_of_the_bytes_gives_the_same(
            masks: bool,
            bytes in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..300),
                prop::collection::vec((0_u8..3, 0_usize..300), 0..8)
                    .prop_map(|all| all.into_iter().flat_map(|(opcode, len)| frame(opcode, len, false)).collect()),
            ],
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let whole = after(masks, &[&bytes]);
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.sort_unstable();
            let mut split = Frames::new(masks);
            let mut start = 0;
            for end in cuts.into_iter().chain([bytes.len()]) {
                split.follow(&bytes[start..end]);
                start = end;
            }
            prop_assert_eq!(split, whole);
        }

        #[test]
        fn whole_frames_end_at_a_boundary(masks: bool, all in prop::collection::vec((0_u8..3, 0_usize..70_000), 0..4)) {
            let mut frames = Frames::new(masks);
            for (opcode, length) in all {
                frames.follow(&frame(opcode, length, masks));
                prop_assert!(frames.at_boundary());
            }
        }
    }
}
