//! Path normalisation: no panic, and doing it twice changes nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_wire::{PathRules, normalise};

fuzz_target!(|input: (bool, &[u8])| {
    let rules = PathRules { merge_slashes: input.0 };
    let (mut scratch, mut second) = (String::new(), String::new());
    let Ok(normal) = normalise(input.1, rules, &mut scratch) else { return };
    let again = normalise(normal.path.as_bytes(), rules, &mut second).expect("what is normal stays so");
    assert_eq!(again.path, normal.path);
    assert!(normal.risky || !again.risky);
    assert!(!normal.path.contains("/../") && !normal.path.ends_with("/.."));
    assert!(!rules.merge_slashes || !normal.path.contains("//"));
});
