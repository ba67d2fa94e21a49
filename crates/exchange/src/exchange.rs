//! The traveller: what policies read of a request, what they change, and what is noted.

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use sekisho_units::Tick;
use sekisho_wire::{Edits, Framing, HeadView, Known, Method};

use crate::policy::Mode;
use crate::{
    Awaited, BodyCopy, Challenges, Client, DIGESTS, Facts, Filter, Filters, Identity, Ids, Local, Papers,
    Refused, Reply, RequestFilter, RequestFilters, Turn,
};

/// The body that comes with a request, as its head announces it.
pub type RequestBody = Framing;

/// The most bytes that a request's body may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BodyLimit {
    /// Bytes of payload.
    pub max: u64,
    /// Whether a longer body is refused or only noted.
    pub mode: Mode,
}

/// What the service is asked for, where a policy changes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rewritten<'a> {
    /// The path, normalised, with its leading slash.
    pub path: Cow<'a, str>,
    /// The query without its `?`.
    pub query: Option<Cow<'a, str>>,
}

/// One request on its way. Everything borrowed lives as long as the exchange: the head's bytes, the route, the worker.
pub struct Exchange<'a> {
    /// The request's head as it came.
    pub head: HeadView<'a>,
    /// The request's method; [`HeadView::method_bytes`] has one that is not standard.
    pub method: Method,
    /// The normalised path, percent-encoded where it must be, without the query.
    pub path: &'a str,
    /// The query as it came, without its `?`.
    pub query: Option<&'a str>,
    /// The authority that the client named (`Host`), or an empty text (HTTP/1.0 without one).
    pub host: &'a str,
    /// How the request's body is delimited on its way to the service.
    pub body: RequestBody,
    /// Who sent it.
    pub client: Client,
    /// Request and correlation id; none where `request_id` is off.
    pub ids: Option<Ids<'a>>,
    /// Who it is, once a policy has vouched for the client. [`Exchange::identity`] is for policies.
    pub identity: Option<Arc<Identity>>,
    /// Who it is by a policy that only watches.
    pub(crate) supposed: Option<Arc<Identity>>,
    /// What policies that authenticate have found.
    pub papers: Papers,
    /// How a client may prove itself on the route.
    pub challenges: &'a Challenges,
    /// Names of the trailers that the route lets pass.
    pub trailers: &'a [Box<str>],
    /// The pattern of the route that took it; empty before one did, and where none does.
    pub route: &'a str,
    /// What tells the route from all others; two may have one pattern.
    pub route_identity: Option<&'a Arc<str>>,
    /// The service that the route leads to; empty where there is none. [`Facts::service`] is there once it is asked.
    pub service: &'a str,
    /// The values of the route's `{name}` segments, in their order.
    pub params: Vec<(&'a str, &'a str)>,
    /// What the service is asked for.
    pub to_ask: Rewritten<'a>,
    /// The protocols that the service may switch to, as `Upgrade` offers them; empty for none.
    pub to_offer: Vec<u8>,
    /// Changes of the head that goes to the service.
    pub to_service: Edits,
    /// Changes of the head that goes to the client.
    pub to_client: Edits,
    /// The limit of the request's body, if any.
    pub body_limit: Option<BodyLimit>,
    /// Who is to have a copy of the request's body, if anybody.
    pub copy: Option<Box<BodyCopy>>,
    /// What the request's body goes through, if anything.
    pub request_filters: Option<Box<RequestFilters>>,
    /// What the answer's body goes through, if anything.
    pub filters: Option<Box<Filters>>,
    /// What becomes of the answer beside changes of its head. A step sets it in `leave`, and the steps that leave after it see
    /// the answer that the client gets.
    pub turn: Option<Box<Turn>>,
    /// Others who wait for the service's answer, if there may be any.
    pub awaited: Option<Box<dyn Awaited>>,
    /// What a step has set aside for the way back that is too much for its pass: passes are many, and cost nothing to drop.
    pub aside: Option<Box<dyn Any>>,
    /// What is noted for log and metrics.
    pub facts: Facts<'a>,
    /// When its first byte was here.
    pub started: Tick,
    /// When everything must be over, if the route says so.
    pub deadline: Option<Tick>,
    /// Whether the step that has it now only watches: then nothing that it does may show outside.
    pub watched: bool,
    /// Whether it is answered already, as a malformed request is: steps only look on, and nobody waits for what they wait for.
    pub answered: bool,
    /// What policies hold until all is over.
    held: Vec<Box<dyn Any>>,
    /// The worker's things.
    pub local: &'a Local,
}

/// A point to come back to: what a step in shadow changes after it is undone.
pub struct Mark<'a> {
    to_ask: Rewritten<'a>,
    to_service: sekisho_wire::Mark,
    to_client: sekisho_wire::Mark,
    body: RequestBody,
    body_limit: Option<BodyLimit>,
    request_filters: usize,
    filters: usize,
    identity: Option<Arc<Identity>>,
}

impl<'a> Exchange<'a> {
    /// An exchange at its start: nothing rewritten, nothing edited, nothing noted.
    ///
    /// `path` and `query` are the normalised target, `host` the authority.
    #[inline]
    pub fn new(
        head: HeadView<'a>,
        (path, query, host): (&'a str, Option<&'a str>, &'a str),
        body: RequestBody,
        client: Client,
        started: Tick,
        local: &'a Local,
    ) -> Self {
        Self {
            head,
            method: head.method(),
            path,
            query,
            host,
            body,
            client,
            ids: None,
            identity: None,
            supposed: None,
            papers: Papers::default(),
            challenges: Challenges::NONE,
            trailers: &[],
            route: "",
            route_identity: None,
            service: "",
            params: Vec::new(),
            to_ask: Rewritten { path: Cow::Borrowed(path), query: query.map(Cow::Borrowed) },
            to_offer: Vec::new(),
            to_service: Edits::default(),
            to_client: Edits::default(),
            body_limit: None,
            copy: None,
            request_filters: None,
            filters: None,
            turn: None,
            awaited: None,
            aside: None,
            facts: Facts::default(),
            started,
            deadline: None,
            watched: false,
            answered: false,
            held: Vec::new(),
            local,
        }
    }

    /// The value of the route's segment `{name}`.
    pub fn param(&self, name: &str) -> Option<&'a str> {
        self.params.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// Keeps `place` until the exchange is over, whatever its end: until the last byte of the answer or of the tunnel, or
    /// until the client is gone. Then it is dropped.
    pub fn hold(&mut self, place: impl Any) {
        self.held.push(Box::new(place));
    }

    /// Lets the answer's body go through `filter`, behind those that are there.
    pub fn filter(&mut self, filter: impl Filter + 'static) {
        self.filters.get_or_insert_default().push(filter);
    }

    /// Lets the request's body go through `filter` of this policy, which decodes it: behind those that decode already, and before
    /// all that look at the body. The service is told of no coding, as `Content-Encoding` names all of them.
    pub fn decode(&mut self, policy: &'static str, filter: impl RequestFilter + 'static) {
        self.request_filters.get_or_insert_default().add(policy, true, Box::new(filter));
        // How long it will be nobody knows.
        self.body = Framing::Chunked;
        self.to_service.remove(Known::ContentLength);
        self.to_service.remove(Known::ContentEncoding);
        for digest in DIGESTS {
            self.to_service.remove_name(digest);
        }
    }

    /// Lets the request's body go through `filter` of this policy, which sees what the service will, behind those that are there. The
    /// filter may hold bytes back, but not change how many there are.
    pub fn inspect(&mut self, policy: &'static str, filter: impl RequestFilter + 'static) {
        self.request_filters.get_or_insert_default().add(policy, false, Box::new(filter));
    }

    /// Where the exchange stands now.
    pub fn mark(&self) -> Mark<'a> {
        Mark {
            to_ask: self.to_ask.clone(),
            to_service: self.to_service.mark(),
            to_client: self.to_client.mark(),
            body: self.body,
            body_limit: self.body_limit,
            request_filters: self.request_filters.as_ref().map_or(0, |filters| filters.added()),
            filters: self.filters.as_ref().map_or(0, |filters| filters.len()),
            identity: self.identity.clone(),
        }
    }

    /// Undoes every change since `mark` was taken. A body limit set since then stays, but only watches, as do filters of the request's
    /// body; who the client was found to be stays for steps that only watch.
    pub fn rollback(&mut self, mark: Mark<'a>) {
        self.to_ask = mark.to_ask;
        self.to_service.rollback(&mark.to_service);
        self.to_client.rollback(&mark.to_client);
        self.body = mark.body;
        if let Some(filters) = &mut self.request_filters {
            filters.watch_all_but(mark.request_filters);
        }
        match &mut self.filters {
            Some(filters) if mark.filters > 0 => filters.truncate(mark.filters),
            filters => *filters = None,
        }
        let found = std::mem::replace(&mut self.identity, mark.identity);
        if found != self.identity {
            self.supposed = found;
        }
        if self.body_limit != mark.body_limit {
            self.body_limit = match (self.body_limit, mark.body_limit) {
                // A limit that bites stays in force beside one that only watches.
                (_, Some(before)) if before.mode == Mode::Enforce => Some(before),
                (Some(limit), _) => Some(BodyLimit { mode: Mode::Shadow, ..limit }),
                (None, before) => before,
            };
        }
    }

    /// A piece of the request's body passes.
    #[inline]
    pub fn copy_body(&mut self, piece: &[u8]) {
        if let Some(copy) = &mut self.copy
            && !copy.take(piece)
        {
            self.copy = None;
        }
    }

    /// The request's body was whole.
    #[inline]
    pub fn end_body(&mut self) {
        if let Some(copy) = self.copy.take() {
            copy.end(self.local);
        }
    }

    /// Counts `bytes` more of the request's body; refuses once they are too many.
    #[inline]
    pub fn take_body(&mut self, bytes: usize) -> Result<(), Refused> {
        self.facts.request_bytes += bytes as u64;
        self.limit_body(self.facts.request_bytes)
    }

    /// Lets a piece of the request's body, or (`last`) its end, go through the filters, until a portion has come out; gives how many
    /// bytes of the piece were taken. What comes out is held to the body's limit as well: that is what the service would get.
    pub fn filter_body(&mut self, piece: &[u8], last: bool, out: &mut Vec<u8>) -> Result<usize, Refused> {
        let Some(filters) = &mut self.request_filters else {
            out.extend_from_slice(piece);
            return Ok(piece.len());
        };
        let taken = filters.pass(piece, last, out, &mut self.facts)?;
        if let Some(decoded) = filters.decoded() {
            self.limit_body(decoded)?;
        }
        Ok(taken)
    }

    /// Whether the filters have more to give before they take more.
    pub fn is_filtering(&self) -> bool {
        self.request_filters.as_ref().is_some_and(|filters| filters.is_busy())
    }

    /// Whether all of a body that has ended has come out of the filters.
    pub fn is_filtered(&self) -> bool {
        self.request_filters.as_ref().is_none_or(|filters| filters.is_through())
    }

    /// Whether the service gets other bytes than the client sends.
    pub fn is_decoded(&self) -> bool {
        self.request_filters.as_ref().is_some_and(|filters| filters.decoded().is_some())
    }

    #[inline]
    fn limit_body(&mut self, bytes: u64) -> Result<(), Refused> {
        let Some(limit) = self.body_limit.filter(|limit| bytes > limit.max) else {
            return Ok(());
        };
        let (policy, reply) = ("body_limit", Reply::body_too_large(limit.max));
        if limit.mode == Mode::Enforce {
            return Err(Refused { policy, reply: Box::new(reply) });
        }
        self.facts.shadow(policy, &reply);
        self.body_limit = None;
        Ok(())
    }
}
