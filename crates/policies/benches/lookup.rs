//! What a user costs who is remembered, and what the making of the exchange around it costs by itself.

#![allow(missing_docs, reason = "a benchmark has no users")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use sekisho_exchange::{
    Answered, Ask, Asking, Client, Dial, Errands, Exchange, Identity, Local, NoErrands, Peer, Scheme, Verdict,
};
use sekisho_policies::access_log::Sinks;
use sekisho_policies::{Context, Here, Kept, NoPeers, Peers, Step};
use sekisho_store::{Memory, Store};
use sekisho_units::{At, Clock, Place, Problems};
use sekisho_wire::{Framing, Head, HeadBuf, Limits, parse_request};
use tokio::runtime::{Builder, LocalOptions};

const USER: &str = r#"{"id": "user-4711", "email": "ada@shop.example", "isActive": true, "roles": ["customer"],
    "permissions": ["user:read", "user:write", "order:read", "order:write"], "tier": "premium"}"#;
const CLAIMS: &str = r#"{"sub": "user-4711", "iss": "https://issuer.example", "aud": "shop", "exp": 1767229200,
    "permissions": ["user:read", "order:read"], "scope": "openid profile"}"#;

/// Knows one user, and answers at once.
struct Directory;

impl Peers for Directory {
    fn service(&self, _: &At<String>, _: &str, _: &mut Problems) -> Option<Arc<dyn Peer>> {
        Some(Arc::new(Self))
    }

    fn url(
        &self,
        _: &'static str,
        _: &At<String>,
        _: &str,
        _: &mut Problems,
    ) -> Option<(Arc<dyn Peer>, String)> {
        None
    }

    fn dial(&self) -> Arc<dyn Dial> {
        Arc::new(NoPeers)
    }
}

impl Peer for Directory {
    fn name(&self) -> &str {
        "users"
    }

    fn ask(self: Arc<Self>, _: &Local, _: Ask) -> Asking {
        let mut head = HeadBuf::default();
        head.response(200);
        Box::pin(async { Ok(Answered { head, body: USER.as_bytes().to_vec() }) })
    }
}

fn step() -> Step {
    let node = sekisho_yaml::parse("bench.yaml", "service: users").expect("the settings are YAML");
    let mut problems = Problems::new();
    let path = "user_lookup".to_owned();
    let mut here = Here { place: Place::none(), path, scope: "", problems: &mut problems };
    let read_file = |name: &str| Err(std::io::Error::other(name.to_owned()));
    let errands: Arc<dyn Errands> = Arc::new(NoErrands);
    let (sinks, kept, errands) = (&Sinks::new(), &Kept::default(), &errands);
    let store = &Arc::new(Store::memory(Memory::new(1_000)));
    let context =
        Context { workers: 1, sinks, kept, store, read_file: &read_file, peers: &Directory, errands };
    let step = Step::compile("user_lookup", &node, &mut here, &context);
    step.unwrap_or_else(|| panic!("{problems}"))
}

fn lookup(c: &mut Criterion) {
    let request = "GET /orders/7 HTTP/1.1\r\nHost: shop.example\r\n\r\n";
    let mut head = Head::default();
    parse_request(request.as_bytes(), &mut head, &Limits::default()).expect("the request is well-formed");
    let local = Local::new(0, Clock::system());
    let client = Client::direct(([192, 0, 2, 7], 4711).into(), Scheme::Https);
    // A token each, as where no token is remembered: the same claims, at another place.
    let token = || {
        let described = Identity::of("jwt", "user-4711", 64).expect("the subject is fine");
        Arc::new(described.permissions(["user:read"]).claims(CLAIMS.as_bytes().into()).done())
    };
    let view = head.view(request.as_bytes());
    let begin = |who: &Arc<Identity>| {
        let target = ("/orders/7", None, "shop.example");
        let mut exchange = Exchange::new(view, target, Framing::None, client, local.clock.now(), &local);
        exchange.identity = Some(Arc::clone(who));
        exchange
    };
    let step = step();
    let runtime = Builder::new_current_thread().build_local(LocalOptions::default()).expect("a runtime");
    runtime.block_on(async {
        let mut exchange = begin(&token());
        let Verdict::Wait(waiting) = step.enter(&mut exchange) else { panic!("nobody is known yet") };
        assert!(matches!(waiting.await(&mut exchange), Verdict::Proceed(_)));
    });
    let who = token();
    c.bench_function("an exchange with a user", |b| {
        b.iter(|| {
            black_box(&mut begin(&who));
        });
    });
    c.bench_function("an exchange with a user who is looked up", |b| {
        b.iter(|| {
            let mut exchange = begin(&who);
            assert!(matches!(step.enter(black_box(&mut exchange)), Verdict::Proceed(_)));
        });
    });
}

criterion_group!(benches, lookup);
criterion_main!(benches);
