//! WebSocket frames (RFC 6455, section 5.2), as far as whole messages in one frame go.

/// What a frame is for.
pub(super) const BINARY: u8 = 2;
pub(super) const CLOSE: u8 = 8;
pub(super) const PING: u8 = 9;
pub(super) const PONG: u8 = 10;

/// The key that every client sends, and the answer to it, both from RFC 6455, section 1.3.
pub(super) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(super) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;
const LONGEST: usize = 1 << 20;

/// Where a frame lies in the bytes it was read from.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) opcode: u8,
    /// Where the payload begins.
    pub(super) start: usize,
    /// Where it ends, and the frame with it.
    pub(super) end: usize,
    pub(super) mask: Option<[u8; 4]>,
}

/// The frame at the beginning of `bytes`, or `None` while it is not whole.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<Frame>, String> {
    let &[first, second, ..] = bytes else { return Ok(None) };
    if first & 0x70 != 0 || first & FINAL == 0 || first & 0x0f == 0 {
        return Err(format!("a frame that nobody sent: it begins with {first:#04x}"));
    }
    let number = |from: usize, to: usize| {
        let digits = bytes.get(from..to)?;
        Some(digits.iter().fold(0_usize, |sum, digit| sum << 8 | usize::from(*digit)))
    };
    let (length, after) = match second & 0x7f {
        126 => (number(2, 4), 4),
        127 => (number(2, 10), 10),
        short => (Some(usize::from(short)), 2),
    };
    let Some(length) = length else { return Ok(None) };
    if length > LONGEST {
        return Err(format!("a frame of {length} bytes"));
    }
    let (mask, start) = if second & MASKED == 0 {
        (None, after)
    } else {
        let Some(mask) = bytes.get(after..after + 4) else { return Ok(None) };
        (mask.try_into().ok(), after + 4)
    };
    let end = start + length;
    Ok((bytes.len() >= end).then_some(Frame { opcode: first & 0x0f, start, end, mask }))
}

/// Adds a frame to `out`: with a mask, as a client must; without, as a server must.
pub(super) fn write(out: &mut Vec<u8>, opcode: u8, payload: &[u8], mask: Option<[u8; 4]>) {
    let flag = if mask.is_some() { MASKED } else { 0 };
    out.push(FINAL | opcode);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short), _) if short < 126 => out.push(flag | short),
        (_, Ok(medium)) => {
            out.push(flag | 126);
            out.extend(medium.to_be_bytes());
        }
        _ => {
            out.push(flag | 127);
            out.extend((payload.len() as u64).to_be_bytes());
        }
    }
    out.extend(mask.iter().flatten());
    let from = out.len();
    out.extend_from_slice(payload);
    if let Some(mask) = mask {
        unmask(&mut out[from..], mask);
    }
}

/// Masks or unmasks: it is the same.
pub(super) fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    for four in payload.chunks_mut(4) {
        for (byte, key) in four.iter_mut().zip(mask) {
            *byte ^= key;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BINARY, CLOSE, parse, unmask, write};

    #[test]
    fn reads_what_it_writes_at_every_length_and_never_before_it_is_whole() {
        for length in [0, 1, 125, 126, 127, 1024, 65_535, 65_536] {
            let payload: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            for mask in [None, Some([1, 2, 3, 255])] {
                let mut bytes = Vec::new();
                write(&mut bytes, BINARY, &payload, mask);
                for cut in (0..bytes.len()).filter(|cut| *cut < 20 || cut % 1000 == 0) {
                    assert_eq!(parse(&bytes[..cut]), Ok(None), "{length} {cut}");
                }
                let frame = parse(&bytes).unwrap().unwrap();
                assert_eq!((frame.opcode, frame.end, frame.mask), (BINARY, bytes.len(), mask));
                let found = &mut bytes[frame.start..frame.end];
                unmask(found, mask.unwrap_or_default());
                assert_eq!(found, payload);
            }
        }
    }

    #[test]
    fn the_example_of_the_rfc() {
        let mut bytes = Vec::new();
        write(&mut bytes, 1, b"Hello", Some([0x37, 0xfa, 0x21, 0x3d]));
        assert_eq!(bytes, [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    }

    #[test]
    fn refuses_frames_that_nobody_sent() {
        for bytes in [[0x02, 0x00], [0xc2, 0x00], [0x80, 0x00], [0x92, 0x00]] {
            assert!(parse(&bytes).is_err(), "{bytes:?}");
        }
        assert!(parse(&[0x82, 127, 0, 0, 0, 0, 0x7f, 0, 0, 0]).is_err());
        assert!(parse(&[0x80 | CLOSE, 0]).unwrap().is_some());
    }
}
