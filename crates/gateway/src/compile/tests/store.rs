//! `store`: what it may be, what is wrong with it, and when one stays.

use std::sync::Arc;

use super::{compile_beside, problems};
use crate::compile::Carry;

const ROUTES: &str = "\nroutes: [{ path: /, respond: x }]";

#[test]
fn a_store_is_told_of_where_it_is_wrong_and_never_with_its_password() {
    for (store, want) in [
        ("memry", "t:1:8: error: store: a store's address begins with redis://"),
        ("http://u:SECRET@h", "t:1:8: error: store: a store's address begins with redis://"),
        (
            "redis://u:SECRET@h:port",
            "t:1:8: error: store: a store's address is not complete; write one such as",
        ),
        ("{ url: 'redis://u:SECRET@h/many' }", "t:1:15: error: store.url: a store's address is not complete"),
        ("redis+cluster://u:SECRET@a,b/2", "error: store: a cluster has only database 0; leave the path out"),
        ("{ url: 'redis://h', timeout: 0s }", "t:1:37: error: store.timeout: no answer would be in time"),
        (
            "{ url: 'redis://h', prefix: '{a}' }",
            "error: store.prefix: \"{a}\" cannot be what keys begin with",
        ),
        (
            "{ url: memory, entries: 0 }",
            "t:1:32: error: store.entries: nothing could be counted; write 1 or more",
        ),
        ("{ url: 'redis://h', tls: { ca: a.pem } }", "error: store.tls: this address is asked without TLS"),
        ("{ url: 'rediss://h', tls: { ca: a.pem } }", "error: store.tls.ca: the file `a.pem` cannot be read"),
        ("{ url: 'rediss://h', tls: { key: '-----BEGIN' } }", "error: store.tls"),
        (
            "{ url: 'rediss://h', tls: { ca: '-----BEGIN SECRET' } }",
            "t:1:15: error: store.url: a store's connection cannot",
        ),
        ("{ timeout: 1s }", "missing"),
    ] {
        let problems = problems(&format!("store: {store}{ROUTES}")).join("\n");
        assert!(problems.contains(want) && !problems.contains("SECRET"), "{store}: {problems}");
    }
}

#[test]
fn a_store_stays_for_as_long_as_the_same_is_said_of_it() {
    let mut carry = Carry::default();
    let mut site = |store: &str| {
        let (site, problems) = compile_beside(&format!("store: {store}{ROUTES}"), &carry);
        let site = Arc::new(site.unwrap_or_else(|| panic!("{problems}")));
        carry.running = Some(Arc::clone(&site));
        Arc::clone(&site.store)
    };
    let memory = site("memory");
    assert!(Arc::ptr_eq(&memory, &site("memory")));
    assert!(Arc::ptr_eq(&memory, &site("{ url: memory, timeout: 1s }")));
    let first = site("redis://u:one@h:1");
    assert!(Arc::ptr_eq(&first, &site("redis://u:one@h:1")));
    for other in ["redis://u:two@h:1", "redis://u:one@h:2", "{ url: 'redis://u:two@h:1', prefix: x }"] {
        assert!(!Arc::ptr_eq(&first, &site(other)), "{other}");
    }
    let shown = site("redis://u:one@h:1").link().map(|link| link.server().to_owned());
    assert_eq!(shown.as_deref(), Some("redis://h:1"));
}
