//! The lines around the data of a chunk (RFC 9112 §7.1).

use super::reader::BadBody;

/// What comes after the data of each chunk.
pub const CHUNK_END: &[u8] = b"\r\n";

/// Most bytes of one chunk's extensions.
const EXTENSION_MAX: usize = 256;

/// Something that may not be whole yet.
pub(super) enum Found<T> {
    Partial,
    Whole(T),
}

/// A line that begins a chunk.
pub(super) struct SizeLine {
    /// Bytes of data that follow; zero ends the body.
    pub(super) size: u64,
    /// Bytes of extensions, which are dropped.
    pub(super) extension: usize,
    /// Bytes of the line, its end included.
    pub(super) len: usize,
}

/// Reads 1 to 16 hexadecimal digits, extensions after a semicolon, CR LF. No white space before the semicolon
/// or the line end, which RFC 9112 would let a recipient skip: nobody sends it in good faith.
pub(super) fn size_line(bytes: &[u8]) -> Result<Found<SizeLine>, BadBody> {
    let mut size: u64 = 0;
    let mut at = 0;
    loop {
        let Some(&b) = bytes.get(at) else {
            return Ok(Found::Partial);
        };
        let Some(digit) = char::from(b).to_digit(16) else { break };
        if at == 16 {
            return Err(BadBody::Size);
        }
        size = size << 4 | u64::from(digit);
        at += 1;
    }
    if at == 0 {
        return Err(BadBody::Size);
    }
    let digits = at;
    match bytes[at] {
        b'\r' => {}
        b';' => loop {
            let Some(&b) = bytes.get(at) else {
                return Ok(Found::Partial);
            };
            match b {
                b'\r' => break,
                b'\n' => return Err(BadBody::LineEnd),
                b'\t' | b' '..=b'~' if at - digits < EXTENSION_MAX => at += 1,
                _ => return Err(BadBody::Extension),
            }
        },
        b'\n' => return Err(BadBody::LineEnd),
        _ => return Err(BadBody::Size),
    }
    match bytes.get(at + 1) {
        None => Ok(Found::Partial),
        Some(b'\n') => Ok(Found::Whole(SizeLine { size, extension: at - digits, len: at + 2 })),
        Some(_) => Err(BadBody::LineEnd),
    }
}

/// Writes the line that begins a chunk of `len` bytes. A chunk of zero bytes would end the body: nothing is
/// written then, use [`write_last_chunk`].
#[inline]
pub fn write_chunk_head(out: &mut Vec<u8>, len: usize) {
    if len == 0 {
        return;
    }
    let mut line = [0; 18];
    line[16..].copy_from_slice(b"\r\n");
    let mut at = 16;
    let mut left = len as u64;
    while left > 0 {
        at -= 1;
        line[at] = b"0123456789abcdef"[(left & 15) as usize];
        left >>= 4;
    }
    out.extend_from_slice(&line[at..]);
}

/// Writes the end of a chunked body, with trailer lines that [`filter_trailers`](crate::filter_trailers) let
/// pass.
#[inline]
pub fn write_last_chunk(out: &mut Vec<u8>, trailers: Option<&[u8]>) {
    out.extend_from_slice(b"0\r\n");
    if let Some(trailers) = trailers {
        out.extend_from_slice(trailers);
    }
    out.extend_from_slice(b"\r\n");
}
