//! A request and its way through one policy, for tests.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use sekisho_exchange::{
    Answerer, Ask, Asking, Client, Dial, Errands, Exchange, Local, NoErrands, Peer, Policy, Reply, Response,
    Scheme, Unanswered, Verdict,
};
use sekisho_store::{Memory, Store};
use sekisho_units::{At, Clock, Place, Problems};
use sekisho_wire::{
    Edits, Framing, Head, HeadBuf, HeadView, Limits, Parsed, PathRules, Skip, check_request, normalise,
    parse_request,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::access_log::Sinks;
use crate::{Compile, Context, Here, Kept, NoPeers, Peers};

/// A request as it came, and what an exchange borrows beside it.
pub(crate) struct Fixture {
    bytes: Vec<u8>,
    head: Head,
    framing: Framing,
    path: String,
    query: Option<String>,
    host: String,
    /// Who sends it: 192.0.2.7, over TLS.
    pub(crate) client: Client,
    /// Stands at 2026-01-01T00:00:00.000Z.
    pub(crate) clock: Clock,
    local: Rc<Local>,
}

impl Fixture {
    /// The request of this head; its lines end in LF here, and the empty line is left out.
    pub(crate) fn new(head: &str) -> Self {
        let bytes = (head.trim_end().replace('\n', "\r\n") + "\r\n\r\n").into_bytes();
        let mut parsed = Head::default();
        let complete = parse_request(&bytes, &mut parsed, &Limits::default()).unwrap();
        assert_eq!(complete, Parsed::Complete(bytes.len()), "{head}");
        let view = parsed.view(&bytes);
        let facts = check_request(view).unwrap();
        let mut scratch = String::new();
        let normal = normalise(view.target(), PathRules::default(), &mut scratch).unwrap();
        let (path, query) = (normal.path.to_owned(), normal.query.map(str::to_owned));
        let host = facts.host.map_or("", |host| std::str::from_utf8(host.of(&bytes)).unwrap()).to_owned();
        let peer: SocketAddr = "192.0.2.7:4711".parse().unwrap();
        let clock = Clock::manual();
        let local = Local::new(0, clock.clone());
        let client = Client::direct(peer, Scheme::Https);
        Self { framing: facts.framing, head: parsed, bytes, path, query, host, client, clock, local }
    }

    /// The exchange at its start, for the worker 0.
    pub(crate) fn exchange(&self) -> Exchange<'_> {
        Exchange::new(
            self.head.view(&self.bytes),
            (&self.path, self.query.as_deref(), &self.host),
            self.framing,
            self.client,
            self.clock.now(),
            &self.local,
        )
    }
}

/// The head of a service's answer; lines end in LF.
pub(crate) fn answer(head: &str) -> HeadBuf {
    let mut lines = head.lines();
    let status =
        lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|text| text.parse().ok()).unwrap();
    let mut answer = HeadBuf::default();
    answer.response(status);
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        answer.push(name, value.as_bytes()).unwrap();
    }
    answer
}

/// Enters and, unless the policy answers, leaves with a service's answer. Gives the reply if there is one.
pub(crate) fn through<P: Policy>(
    policy: &P,
    exchange: &mut Exchange<'_>,
    response: &HeadBuf,
) -> Option<Reply> {
    match policy.enter(exchange) {
        Verdict::Proceed(pass) => {
            policy.leave(pass, exchange, &Response { head: response.view(), from: Answerer::Service });
            None
        }
        Verdict::Answer(reply) => Some(*reply),
        Verdict::Serve(..) | Verdict::Wait(_) => panic!("nothing to wait for here"),
    }
}

/// The lines that are sent: those of `view` that stay, and those added. Each ends in LF.
pub(crate) fn lines(edits: &Edits, view: HeadView<'_>) -> String {
    let mut out = Vec::new();
    edits.write(view, Skip::default(), &mut out);
    String::from_utf8(out).unwrap().replace("\r\n", "\n")
}

/// Knows the service `users`, which answers nothing, and any URL.
pub(crate) struct Somebody;

impl Peers for Somebody {
    fn service(&self, name: &At<String>, path: &str, problems: &mut Problems) -> Option<Arc<dyn Peer>> {
        if *name.value == *"users" {
            return Some(Arc::new(Self));
        }
        problems.error(&name.place, path, format!("unknown service `{name}`"));
        None
    }

    fn url(
        &self,
        _: &'static str,
        _: &At<String>,
        _: &str,
        _: &mut Problems,
    ) -> Option<(Arc<dyn Peer>, String)> {
        Some((Arc::new(Self), "/check".to_owned()))
    }

    fn dial(&self) -> Arc<dyn Dial> {
        Arc::new(NoPeers)
    }
}

impl Peer for Somebody {
    fn name(&self) -> &str {
        "users"
    }

    fn ask(self: Arc<Self>, _: &Local, _: Ask) -> Asking {
        Box::pin(async { Err(Unanswered::Absent("nobody_there")) })
    }
}

/// Compiles settings, or gives the problems as one text.
pub(crate) fn compile_with<C: Compile + DeserializeOwned>(
    settings: Value,
    sinks: &Sinks,
) -> Result<C::Into, String> {
    compile_in::<C>(settings, sinks, &no_file, &NoPeers)
}

/// The same for policies that ask somebody.
pub(crate) fn compile_asking<C: Compile + DeserializeOwned>(
    settings: Value,
    peers: &dyn Peers,
) -> Result<C::Into, String> {
    compile_in::<C>(settings, &Sinks::new(), &no_file, peers)
}

fn no_file(name: &str) -> io::Result<String> {
    Err(io::Error::other(format!("there is no `{name}`")))
}

fn compile_in<C: Compile + DeserializeOwned>(
    settings: Value,
    sinks: &Sinks,
    read_file: &dyn Fn(&str) -> io::Result<String>,
    peers: &dyn Peers,
) -> Result<C::Into, String> {
    let config: C = serde_json::from_value(settings).map_err(|error| error.to_string())?;
    let mut problems = Problems::new();
    let path = "policies.it".into();
    let mut here = Here { place: Place::none(), path, scope: "", problems: &mut problems };
    let errands: Arc<dyn Errands> = Arc::new(NoErrands);
    let (kept, errands) = (&Kept::default(), &errands);
    let store = &Arc::new(Store::memory(Memory::new(1_000)));
    let context = Context { workers: 4, sinks, kept, store, read_file, peers, errands };
    let compiled = config.compile(&mut here, &context);
    match compiled {
        Some(policy) if !problems.has_errors() => Ok(policy),
        _ => {
            assert!(problems.has_errors(), "what does not compile says why");
            Err(problems.to_string())
        }
    }
}

/// The same for policies that write no log.
pub(crate) fn compile<C: Compile + DeserializeOwned>(settings: Value) -> Result<C::Into, String> {
    compile_with::<C>(settings, &Sinks::new())
}

/// The same where there is a file of this name.
pub(crate) fn compile_reading<C: Compile + DeserializeOwned>(
    settings: Value,
    name: &str,
    text: &str,
) -> Result<C::Into, String> {
    compile_in::<C>(
        settings,
        &Sinks::new(),
        &|asked| {
            if asked == name { Ok(text.to_owned()) } else { no_file(asked) }
        },
        &NoPeers,
    )
}
