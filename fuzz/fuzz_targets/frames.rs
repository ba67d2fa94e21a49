//! WebSocket frames: no panic, the same boundaries however the bytes are split, and a Close frame only at one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_wire::Frames;

fuzz_target!(|input: (bool, u32, u8, &[u8])| {
    let (masks, key, cut, bytes) = input;
    let mut whole = Frames::new(masks);
    whole.follow(bytes);
    let (first, second) = bytes.split_at(usize::from(cut).min(bytes.len()));
    let mut split = Frames::new(masks);
    split.follow(first);
    split.follow(second);
    assert_eq!(whole, split);

    let close = whole.going_away(key);
    assert_eq!(close.is_empty(), !whole.at_boundary());
    whole.follow(&close);
    assert!(!whole.at_boundary());
});
