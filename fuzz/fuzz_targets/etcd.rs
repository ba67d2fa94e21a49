//! What an etcd answers: no panic, no more keys than are bearable, and the known revision never goes back by a change.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_upstream::EtcdRegistry;

fuzz_target!(|input: (&[u8], Vec<&[u8]>)| {
    let (list, lines) = input;
    let mut registry = EtcdRegistry::default();
    let _ = registry.list(list);
    for line in lines {
        let before = registry.next_revision();
        let _ = registry.line(line);
        assert!(registry.next_revision() >= before);
        assert!(registry.len() <= 10_000);
    }
});
