//! Policies that decide who may pass: whatever a request or a file of users and keys holds, nothing panics and nobody is let in.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use sekisho_exchange::{Client, Errands, Exchange, Local, NoErrands, Scheme, Verdict};
use sekisho_policies::access_log::Sinks;
use sekisho_policies::{Context, Here, Kept, NoPeers, Step};
use sekisho_store::{Memory, Store};
use sekisho_units::{Clock, Place, Problems, Until};
use sekisho_wire::{Framing, Head, Limits, Parsed, PathRules, normalise, parse_request};

/// Nobody finds the key of this digest, or the password of this hash.
const POLICIES: &[(&str, &str)] = &[
    (
        "api_key",
        "{ query: token, keys: [{ id: a, hash: 'sha256:0000000000000000000000000000000000000000000000000000000000000000' }] }",
    ),
    (
        "basic_auth",
        "{ users: [{ name: a, hash: '$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e' }] }",
    ),
    ("rate_limit", "{ rate: 1000000/s, key: [ip, header.X-Tenant, route] }"),
    (
        "jwt",
        "{ secret: 'a secret of which no fuzzer ever learns', algorithms: [HS256], cookie: c, query: token }",
    ),
    ("authorize", "{ any: [x] }"),
];

const FILES: &[(&str, &str)] = &[
    ("api_key", "file: f"),
    ("basic_auth", "file: f"),
    ("ip_filter", "{ allow_file: f, deny_file: f }"),
    ("jwt", "{ file: f, algorithms: [RS256] }"),
];

static STEPS: LazyLock<Vec<Step>> = LazyLock::new(|| {
    POLICIES.iter().map(|(name, settings)| compile(name, settings, "").expect("they compile")).collect()
});

fn compile(name: &str, settings: &str, file: &str) -> Option<Step> {
    let node = sekisho_yaml::parse("fuzz.yaml", settings).expect("the settings are YAML");
    let mut problems = Problems::new();
    let mut here = Here { place: Place::none(), path: name.into(), scope: "", problems: &mut problems };
    let read_file = |_: &str| Ok(file.to_owned());
    let errands: Arc<dyn Errands> = Arc::new(NoErrands);
    let (sinks, kept, peers, errands) = (&Sinks::new(), &Kept::default(), &NoPeers, &errands);
    let store = &Arc::new(Store::memory(Memory::new(1_000)));
    let context = Context { workers: 1, sinks, kept, store, read_file: &read_file, peers, errands };
    let step = Step::compile(name, &node, &mut here, &context);
    assert!(step.is_some() || problems.has_errors(), "what does not compile says why");
    step
}

fuzz_target!(|bytes: &[u8]| {
    let mut head = Head::default();
    let Ok(Parsed::Complete(_)) = parse_request(bytes, &mut head, &Limits::default()) else {
        // What is no request may be a file.
        if let Ok(text) = std::str::from_utf8(bytes) {
            let _ = Until::parse(text);
            for (name, settings) in FILES {
                compile(name, settings, text);
            }
        }
        return;
    };
    let view = head.view(bytes);
    let mut scratch = String::new();
    let Ok(normal) = normalise(view.target(), PathRules::default(), &mut scratch) else { return };
    let local = Local::new(0, Clock::manual());
    let client = Client::direct(([192, 0, 2, 7], 4711).into(), Scheme::Http);
    let target = (normal.path, normal.query, "");
    let mut exchange = Exchange::new(view, target, Framing::None, client, local.clock.now(), &local);
    let mut passed = true;
    for step in STEPS.iter() {
        passed &= matches!(step.enter(&mut exchange), Verdict::Proceed(_));
    }
    assert!(!passed && exchange.identity.is_none(), "nobody has a key");
});
