//! Records of stored answers from a store that anybody may have written to: no panic, and what is read reads again.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _is = sekisho_policies::cache::is_record(bytes);
});
