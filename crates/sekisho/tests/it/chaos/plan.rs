//! What goes wrong with which request: told by the seed, the request's number and the endpoint, so that a seed repeats it.

/// A number that depends on all three and shows nothing of them (SplitMix64).
pub(super) fn mix(seed: u64, number: u64, endpoint: u64) -> u64 {
    let mut mixed = seed;
    for part in [number, endpoint] {
        mixed = mixed.wrapping_add(part).wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
    }
    mixed
}

/// How a service answers one try.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// Well, with a length.
    None,
    /// Well, in chunks.
    Chunks,
    /// Well, but in small pieces with pauses.
    Drip,
    /// Well, and the connection's end is the body's.
    UntilClose,
    /// Well; then the connection is closed without having been announced.
    HangUp,
    /// By 503.
    Busy,
    /// A reset before a byte of the answer, with the request's body unread.
    ResetBeforeHead,
    /// The connection's end instead of an answer.
    EndBeforeHead,
    /// The connection's end within the head.
    EndInHead,
    /// No HTTP.
    Garbage,
    /// Nothing at all.
    StallBeforeHead,
    /// A reset within the body.
    ResetInBody,
    /// The connection's end within a body that has a length.
    EndInBody,
    /// The connection's end within chunks.
    EndInChunks,
    /// Nothing more from the middle of the body on.
    StallInBody,
}

use Fault::{
    Busy, Chunks, Drip, EndBeforeHead, EndInBody, EndInChunks, EndInHead, Garbage, HangUp, ResetBeforeHead,
    ResetInBody, StallBeforeHead, StallInBody, UntilClose,
};

/// How many of a thousand tries of a service that is not well go so; the rest are well.
const SHARES: [(Fault, u64); 14] = [
    (Chunks, 200),
    (Drip, 20),
    (UntilClose, 40),
    (HangUp, 40),
    (Busy, 40),
    (ResetBeforeHead, 40),
    (EndBeforeHead, 40),
    (EndInHead, 20),
    (Garbage, 20),
    (StallBeforeHead, 8),
    (ResetInBody, 25),
    (EndInBody, 25),
    (EndInChunks, 25),
    (StallInBody, 7),
];

impl Fault {
    /// Of a try of this request at this endpoint.
    pub(super) fn of(seed: u64, number: u64, endpoint: u64) -> Self {
        let mut lot = mix(seed, number, endpoint) % 1_000;
        for (fault, share) in SHARES {
            if lot < share {
                return fault;
            }
            lot -= share;
        }
        Self::None
    }

    /// Of one whose service is well as long as it lives.
    pub(super) fn none_of(seed: u64, number: u64, endpoint: u64) -> Self {
        match mix(seed, number, endpoint) % 50 {
            0 => Drip,
            1..=10 => Chunks,
            _ => Self::None,
        }
    }

    /// By the name that `Debug` gives.
    pub(super) fn named(name: &str) -> Option<Self> {
        let all = SHARES.iter().map(|(fault, _)| *fault).chain([Self::None]);
        all.into_iter().find(|fault| format!("{fault:?}") == name)
    }

    /// Whether the answer is whole, and no 503.
    pub(super) fn is_well(self) -> bool {
        matches!(self, Self::None | Chunks | Drip | UntilClose | HangUp)
    }

    /// Whether there is an end, but no head.
    pub(super) fn is_before_head(self) -> bool {
        matches!(self, ResetBeforeHead | EndBeforeHead | EndInHead | Garbage)
    }

    /// Whether there is nothing but the connection's end.
    pub(super) fn is_silent(self) -> bool {
        matches!(self, ResetBeforeHead | EndBeforeHead)
    }

    /// Whether there is a head, but not all of the body.
    pub(super) fn is_in_body(self) -> bool {
        matches!(self, ResetInBody | EndInBody | EndInChunks | StallInBody)
    }
}

fn text(what: &str, number: u64, most: u64) -> Vec<u8> {
    let length = 40 + mix(number, most, 0) % most;
    format!("{what} {number} ").bytes().cycle().take(length as usize).collect()
}

/// The only right answer to a request with this number; large ones are rare.
pub(super) fn answer(number: u64) -> Vec<u8> {
    text("answer to", number, if number.is_multiple_of(16) { 100_000 } else { 2_000 })
}

/// The body of a request with this number, if it has one.
pub(super) fn upload(number: u64) -> Vec<u8> {
    text("body of", number, if number.is_multiple_of(8) { 40_000 } else { 500 })
}

#[test]
fn every_fault_has_its_turn_and_its_name() {
    for (fault, _) in SHARES {
        assert!((0..5_000).any(|number| Fault::of(7, number, 1) == fault), "{fault:?}");
        assert_eq!(Fault::named(&format!("{fault:?}")), Some(fault));
    }
    let again = |seed| (0..100).map(|number| Fault::of(seed, number, 1)).collect::<Vec<_>>();
    assert_eq!(again(7), again(7));
    assert_ne!(again(7), again(8));
}
