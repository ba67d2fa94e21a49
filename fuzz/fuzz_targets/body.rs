//! Chunked bodies: no panic, the same reading however the bytes are split, and what is read writes back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_wire::{
    BadBody, BodyReader, CHUNK_END, Framing, Step, filter_trailers, write_chunk_head, write_last_chunk,
};

/// Payload and bytes used; nothing if more bytes are needed.
fn read(bytes: &[u8], cuts: &[usize]) -> Result<Option<(Vec<u8>, usize)>, BadBody> {
    let mut reader = BodyReader::new(Framing::Chunked);
    let (mut at, mut body) = (0, Vec::new());
    for &end in cuts {
        loop {
            match reader.next(&bytes[at..end.max(at)])? {
                Step::Data { skip, len } => {
                    assert!(len > 0);
                    at += skip;
                    body.extend_from_slice(&bytes[at..at + len]);
                    reader.consumed(len);
                    at += len;
                }
                Step::More { skip } => {
                    at += skip;
                    break;
                }
                Step::Done { skip } => {
                    let _ = filter_trailers(reader.trailers(), &["etag"]);
                    return Ok(Some((body, at + skip)));
                }
            }
        }
    }
    Ok(None)
}

fuzz_target!(|input: (u8, &[u8])| {
    let (cut, bytes) = input;
    let whole = read(bytes, &[bytes.len()]);
    assert_eq!(whole, read(bytes, &[usize::from(cut).min(bytes.len()), bytes.len()]));

    if let Ok(Some((body, _))) = whole {
        let mut out = Vec::new();
        for part in body.chunks(7) {
            write_chunk_head(&mut out, part.len());
            out.extend_from_slice(part);
            out.extend_from_slice(CHUNK_END);
        }
        write_last_chunk(&mut out, None);
        assert_eq!(read(&out, &[out.len()]), Ok(Some((body, out.len()))));
    }
});
