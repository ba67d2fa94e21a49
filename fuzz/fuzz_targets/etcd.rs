//! What an etcd answers: no panic, no more keys than are bearable, and the known revision never goes back by a change.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_upstream::EtcdRegistry;

fuzz_target!(|bytes: &[u8]| {
    // NUL, which JSON does not hold, stands between the list and the lines.
    let mut lines = bytes.split(|byte| *byte == 0);
    let list = lines.next().unwrap_or_default();
    let mut registry = EtcdRegistry::default();
    let _ = registry.list(list);
    for line in lines {
        let before = registry.next_revision();
        let _ = registry.line(line);
        assert!(registry.next_revision() >= before);
        assert!(registry.len() <= 10_000);
    }
});
