//! All steps in a row, and a service that they ask: whatever request, answer and word of that service come, nothing panics, and what
//! goes to the service and to the client is a head that reads back.
#![no_main]

use std::cell::RefCell;
use std::io;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use sekisho_exchange::{
    Answered, Answerer, Ask, Asking, Client, Dial, Errands, Exchange, Identity, Local, NoErrands, Papers,
    Peer, Response, Scheme, Unanswered, Verdict,
};
use sekisho_policies::access_log::Sinks;
use sekisho_policies::{Context, Here, Kept, NoPeers, Pass, Peers, Step};
use sekisho_store::{Memory, Store};
use sekisho_units::{At, Clock, Place, Problems, Wall};
use sekisho_wire::{
    Edits, Head, HeadBuf, HeadView, Limits, Parsed, PathRules, check_request, hop_by_hop, normalise,
    parse_request, parse_response, write_request_line, write_status_line,
};

const POLICIES: &[(&str, &str)] = &[
    ("request_id", "{}"),
    ("ip_filter", "{ deny: [198.51.100.0/24] }"),
    ("security_headers", "{ permissions_policy: camera=() }"),
    (
        "cors",
        "{ origins: ['https://*.a.example', 'http://b:1'], headers: [X-A], expose: [X-B], credentials: true, max_age: 1m }",
    ),
    ("body_limit", "{ max: 1KiB }"),
    ("concurrency", "{ max: 9, key: header.X-A }"),
    ("rate_limit", "{ rate: 1000000/s, key: [header.X-A, ip] }"),
    ("decompress", "{}"),
    (
        "forward_auth",
        "{ service: s, send: [Cookie, X-A], copy: [X-Tenant], answer: [Location, Set-Cookie], redirects: true, \
         identity: { id: X-Id, email: X-Email, roles: X-Roles, permissions: X-Permissions, tier: X-Tier } }",
    ),
    (
        "user_lookup",
        "{ service: s, path: '/u/{subject}', cache: 1ms, entries: 10, fields: { tier: plan.name, active: on } }",
    ),
    ("authorize", "{ any: [x, 'a:b'], wildcards: true }"),
    ("quota", "{ rate: 1000000/s, key: user, tiers: { p: 1000000/1m } }"),
    ("rewrite", "{ match: '^/(?<id>[^/]+)(.*)$', to: '/n$2/$id?from=$id' }"),
    (
        "headers",
        "{ request: { remove: [Cookie], set: { X-Q: '{request.host}{request.path}{identity.id}{identity.claim.a}' }, add: { X-A: '{client.ip}' } }, \
         response: { remove: [X-In], set: { X-Out: '{request.?query}{request.header.x-a}{identity.roles}' } } }",
    ),
    ("compress", "{ min: 0B }"),
];

thread_local! {
    /// What the service says when it is asked: a head, and a body.
    static WORD: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };

    /// Goes on from one to the next, so that nobody is ever counted out.
    static CLOCK: Clock = Clock::manual();
}

struct Service;

impl Peer for Service {
    fn name(&self) -> &str {
        "s"
    }

    fn ask(self: Arc<Self>, _: &Local, ask: Ask) -> Asking {
        assert!(ask.target.starts_with('/'));
        let mut asked = HeadBuf::default();
        asked.request(ask.method.as_bytes(), ask.target.as_bytes()).expect("a target that a line may hold");
        for (name, value) in &ask.headers {
            asked.push(name, value).expect("a line that a head may hold");
        }
        Box::pin(async {
            let word = WORD.take();
            let mut head = Head::default();
            let Ok(Parsed::Complete(len)) = parse_response(&word, &mut head, &Limits::default()) else {
                return Err(Unanswered::Unclear("no answer"));
            };
            let view = head.view(&word);
            let mut buffer = HeadBuf::default();
            buffer.response(view.status());
            for (name, value, _) in view.lines() {
                let name = std::str::from_utf8(name).expect("a name is ASCII");
                buffer.push(name, value).map_err(|_| Unanswered::Unclear("too much"))?;
            }
            Ok(Answered { head: buffer, body: word[len..].to_vec() })
        })
    }
}

impl Peers for Service {
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

static STEPS: LazyLock<Vec<Step>> =
    LazyLock::new(|| POLICIES.iter().map(|(name, settings)| compile(name, settings)).collect());

fn compile(name: &str, settings: &str) -> Step {
    let node = sekisho_yaml::parse("fuzz.yaml", settings).expect("the settings are YAML");
    let mut problems = Problems::new();
    let mut here = Here { place: Place::none(), path: name.into(), scope: "", problems: &mut problems };
    let read_file = |_: &str| Err(io::ErrorKind::NotFound.into());
    let errands: Arc<dyn Errands> = Arc::new(NoErrands);
    let (sinks, kept, peers, errands) = (&Sinks::new(), &Kept::default(), &Service, &errands);
    let store = &Arc::new(Store::memory(Memory::new(1_000)));
    let context = Context { workers: 1, sinks, kept, store, read_file: &read_file, peers, errands };
    let step = Step::compile(name, &node, &mut here, &context);
    step.unwrap_or_else(|| panic!("{problems}"))
}

/// Through one step, and whatever it waits for.
async fn enter(step: &Step, exchange: &mut Exchange<'_>) -> Option<Pass> {
    let mut verdict = step.enter(exchange);
    while let Verdict::Wait(waiting) = verdict {
        verdict = waiting.await(exchange);
    }
    match verdict {
        Verdict::Proceed(pass) => return Some(pass),
        Verdict::Answer(reply) => {
            let mut head = HeadBuf::default();
            let body = reply.render(&mut head, None, Wall::from_secs(0));
            assert!((200..=599).contains(&head.view().status()));
            reads_back(head.view(), &exchange.to_client);
            assert!(body.is_empty() || reply.status != 304);
        }
        Verdict::Serve(..) => panic!("nothing is stored"),
        Verdict::Wait(_) => unreachable!("it was waited for"),
    }
    None
}

/// An answer's head with these edits is one.
fn reads_back(view: HeadView<'_>, edits: &Edits) {
    let mut out = Vec::new();
    write_status_line(&mut out, view.status());
    edits.write(view, hop_by_hop(view), &mut out);
    out.extend_from_slice(b"\r\n");
    let wide = Limits { head: 65_535, fields: 1_000, ..Limits::default() };
    let parsed = parse_response(&out, &mut Head::default(), &wide);
    assert_eq!(parsed, Ok(Parsed::Complete(out.len())), "{}", String::from_utf8_lossy(&out));
}

async fn walk(first: &[u8], second: &[u8], known: bool) {
    let limits = Limits::default();
    let (mut head, mut answer) = (Head::default(), Head::default());
    let Ok(Parsed::Complete(_)) = parse_request(first, &mut head, &limits) else { return };
    let view = head.view(first);
    let Ok(facts) = check_request(view) else { return };
    let mut scratch = String::new();
    let Ok(normal) = normalise(view.target(), PathRules::default(), &mut scratch) else { return };
    let local = Local::new(0, CLOCK.with(Clock::clone));
    local.clock.advance(Duration::from_secs(1));
    let client = Client::direct(([192, 0, 2, 7], 4711).into(), Scheme::Http);
    let target = (normal.path, normal.query, "a");
    let mut exchange = Exchange::new(view, target, facts.framing, client, local.clock.now(), &local);
    exchange.papers = Papers::expecting(2);
    if known {
        exchange.accept(Arc::new(Identity::of("jwt", "7", 0).expect("a subject").done()));
    }
    let mut passes = Vec::new();
    for step in STEPS.iter() {
        match enter(step, &mut exchange).await {
            Some(pass) => passes.push((step, pass)),
            None => break,
        }
    }
    if passes.len() == STEPS.len() {
        let mut out = Vec::new();
        let (path, query) =
            (exchange.to_ask.path.as_bytes(), exchange.to_ask.query.as_deref().map(str::as_bytes));
        assert!(path.starts_with(b"/") || path == b"*");
        write_request_line(&mut out, view.method_bytes(), path, query);
        exchange.to_service.write(view, hop_by_hop(view), &mut out);
        out.extend_from_slice(b"\r\n");
        let wide = Limits { head: 65_535, fields: 1_000, ..limits };
        let parsed = parse_request(&out, &mut Head::default(), &wide);
        assert_eq!(parsed, Ok(Parsed::Complete(out.len())), "{}", String::from_utf8_lossy(&out));
    }
    let Ok(Parsed::Complete(_)) = parse_response(second, &mut answer, &limits) else { return };
    let response = Response { head: answer.view(second), from: Answerer::Service };
    for (step, pass) in passes.into_iter().rev() {
        step.leave(pass, &mut exchange, &response);
    }
    reads_back(response.head, &exchange.to_client);
}

fuzz_target!(|bytes: &[u8]| {
    // The three are separated by NUL, which no head holds.
    let mut parts = bytes.splitn(4, |byte| *byte == 0);
    let mut next = || parts.next().unwrap_or_default();
    let (first, second, word) = (next(), next(), next());
    WORD.set(word.to_vec());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, walk(first, second, next() == b"known"));
});
