//! Response heads: no panic, and the same reading however the bytes are split.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_wire::{Head, Limits, Method, Parsed, check_response, parse_response};

fuzz_target!(|input: (u16, &[u8])| {
    let (cut, bytes) = input;
    let limits = Limits::default();
    let mut head = Head::default();
    let whole = parse_response(bytes, &mut head, &limits);

    let mut pieces = Head::default();
    let cut = usize::from(cut).min(bytes.len());
    let split = match parse_response(&bytes[..cut], &mut pieces, &limits) {
        Ok(Parsed::Partial) => parse_response(bytes, &mut pieces, &limits),
        other => other,
    };
    match whole {
        Ok(_) => assert_eq!(whole, split),
        // An error in an unfinished head may be noticed later when it comes in pieces.
        Err(_) => assert!(!matches!(split, Ok(Parsed::Complete(_)))),
    }

    if let Ok(Parsed::Complete(_)) = whole {
        let view = head.view(bytes);
        assert!((100..=599).contains(&view.status()));
        assert!(view.lines().eq(pieces.view(bytes).lines()));
        let _ = check_response(view, Method::Get);
        let _ = check_response(view, Method::Head);
    }
});
