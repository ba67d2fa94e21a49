//! Whatever the codec accepts, hyper reads alike.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/wire/tests/oracle/mod.rs"]
mod oracle;

fuzz_target!(|bytes: &[u8]| {
    if let Err(difference) = oracle::difference(bytes) {
        panic!("{difference}");
    }
});
