//! Request heads: no panic, the same reading however the bytes are split, and a copy with edits reads back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_wire::{
    Edits, Head, Known, Limits, Parsed, check_request, hop_by_hop, parse_request, write_request_line,
};

fuzz_target!(|input: (u16, &[u8])| {
    let (cut, bytes) = input;
    let limits = Limits::default();
    let mut head = Head::default();
    let whole = parse_request(bytes, &mut head, &limits);

    let mut pieces = Head::default();
    let cut = usize::from(cut).min(bytes.len());
    let split = match parse_request(&bytes[..cut], &mut pieces, &limits) {
        Ok(Parsed::Partial) => parse_request(bytes, &mut pieces, &limits),
        other => other,
    };
    match whole {
        Ok(_) => assert_eq!(whole, split),
        // An error in an unfinished head may be noticed later when it comes in pieces.
        Err(_) => assert!(!matches!(split, Ok(Parsed::Complete(_)))),
    }

    let Ok(Parsed::Complete(_)) = whole else { return };
    let view = head.view(bytes);
    assert!(view.lines().eq(pieces.view(bytes).lines()));
    if check_request(view).is_err() {
        return;
    }

    let mut edits = Edits::default();
    edits.remove(Known::Cookie);
    edits.set(Known::Via, b"1.1 gateway").expect("a good value");
    let mut out = Vec::new();
    write_request_line(&mut out, view.method_bytes(), view.target(), None);
    edits.write(view, hop_by_hop(view), &mut out);
    out.extend_from_slice(b"\r\n");
    let mut copied = Head::default();
    let wide = Limits { head: 65_535, fields: 128, ..limits };
    assert_eq!(parse_request(&out, &mut copied, &wide), Ok(Parsed::Complete(out.len())));
    let copy = copied.view(&out);
    assert_eq!((copy.target(), copy.count(Known::Cookie), copy.count(Known::Via)), (view.target(), 0, 1));
});
