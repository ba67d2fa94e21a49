//! The version that a request means: whatever it says there is one meaning, nothing panics, and a service is told what was chosen.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sekisho_gateway::Site;
use sekisho_gateway::compile::{Carry, Source, compile};
use sekisho_gateway::route::{ApiVersion, Ask, Fork, Found, Said, Unmet};
use sekisho_wire::{Head, Limits, Parsed, PathRules, normalise, parse_request};

const CONFIG: &str = "
services: { a: { endpoints: ['http://127.0.0.1:1'] } }
version: { accept: any, tell: X-Api-Version }
routes:
  - { path: '/{id}/*', service: a, public: true, versions: { v1: , v2: , v2.1: } }
  - { path: /*, service: a, public: true, version: { order: [accept, path, header], default: off }, versions: { v1: , default: } }
";

static SITE: LazyLock<Site> = LazyLock::new(|| {
    let source = Source {
        name: "fuzz.yaml",
        text: CONFIG,
        env: &|_| None,
        read_file: &|_| Ok(String::new()),
        folder: std::path::Path::new(""),
    };
    let (site, problems) = compile(&source, &Carry::default());
    site.unwrap_or_else(|| panic!("{problems}"))
});

fuzz_target!(|bytes: &[u8]| {
    if let Some(version) = ApiVersion::read(bytes) {
        assert_eq!(ApiVersion::read(version.to_string().as_bytes()), Some(version));
        assert!(matches!(Said::by(bytes), Said::Version(same, _) if same == version));
    }
    let mut head = Head::default();
    let Ok(Parsed::Complete(_)) = parse_request(bytes, &mut head, &Limits::default()) else { return };
    let view = head.view(bytes);
    let mut scratch = String::new();
    let Ok(normal) = normalise(view.target(), PathRules::default(), &mut scratch) else { return };
    let Found::Route { plan, params, segment } = SITE.router.find(&Ask::new(view, normal.path, "")) else {
        return;
    };
    let plans = &SITE.plans[plan..];
    let named = plans[0].params.len();
    assert_eq!(params.count(), named, "the version's own place is no parameter");
    let Some(Fork::Versions(versions)) = plans[0].fork.as_deref() else { return };
    let choice = versions.choose(view, segment);
    match choice.way {
        Ok(way) => assert!(plans[way].edition.as_ref().is_some_and(|edition| !edition.name.is_empty())),
        Err(Unmet::Unknown) => assert!(versions.others.is_none() && !choice.said.is_empty()),
        Err(Unmet::Malformed) => assert!(choice.said.is_empty() && choice.by.is_some()),
        Err(Unmet::Unsaid) => assert!(versions.unsaid.is_none() && choice.by.is_none()),
    }
    assert!(choice.looked <= versions.order.len());
    assert!(!versions.reason(&choice).is_empty());
});
