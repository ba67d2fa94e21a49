//! What a step of a route's plan implements.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use schemars::JsonSchema;
use sekisho_wire::HeadView;
use serde::{Deserialize, Serialize};

use crate::{Exchange, Reply, Serving};

/// Whether a policy bites. One meaning for all of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It decides and changes.
    #[default]
    Enforce,
    /// It decides, and what it decided is counted and logged; but nothing is refused and nothing is changed.
    Shadow,
    /// It is not on the route.
    Off,
}

/// Goes on where a step that had to wait stopped.
pub type Resume<P> = Box<dyn FnOnce(&mut Exchange<'_>) -> Verdict<P>>;

/// What a step says to a request.
pub enum Verdict<P> {
    /// Go on. The pass is given back to the step when the answer comes by.
    Proceed(P),
    /// Stop here; this is the answer.
    Answer(Box<Reply>),
    /// Stop here; this answer, which a service gave before, is the answer. With a pass, a service is to be asked all the same, by
    /// the steps that follow and for no client: the pass is given to the step when that answer comes by.
    Serve(Box<Serving>, Option<P>),
    /// The step must wait for something; when it has it, it goes on with what the future gives.
    Wait(Pin<Box<dyn Future<Output = Resume<P>>>>),
}

impl<P: 'static> Verdict<P> {
    /// The same verdict with another kind of pass; the table of policies uses it to make one kind of all.
    pub fn map<Q: 'static>(self, pass: fn(P) -> Q) -> Verdict<Q> {
        match self {
            Self::Proceed(given) => Verdict::Proceed(pass(given)),
            Self::Answer(reply) => Verdict::Answer(reply),
            Self::Serve(serving, renewal) => Verdict::Serve(serving, renewal.map(pass)),
            Self::Wait(future) => Verdict::Wait(Box::pin(async move {
                let resume = future.await;
                Box::new(move |exchange: &mut Exchange<'_>| resume(exchange).map(pass)) as Resume<Q>
            })),
        }
    }
}

impl<P: fmt::Debug> fmt::Debug for Verdict<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proceed(pass) => f.debug_tuple("Proceed").field(pass).finish(),
            Self::Answer(reply) => f.debug_tuple("Answer").field(reply).finish(),
            Self::Serve(serving, renewal) => f.debug_tuple("Serve").field(serving).field(renewal).finish(),
            Self::Wait(_) => f.write_str("Wait"),
        }
    }
}

/// Whose head [`Policy::leave`] sees.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answerer {
    /// The service's, be it now or once.
    Service,
    /// The gateway's own answer.
    Gateway,
}

/// An answer's head on its way to the client. Policies change it through [`Exchange::to_client`].
#[derive(Clone, Copy)]
pub struct Response<'a> {
    /// Status and lines as the answerer gave them.
    pub head: HeadView<'a>,
    /// Who gave it.
    pub from: Answerer,
}

/// What there is to tell when an exchange is over, beside its [`crate::Facts`].
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The status that the client saw; 499 if it left before it saw any.
    pub status: u16,
    /// From the first byte of the request to the last byte of the answer.
    pub duration: Duration,
    /// Why, as the log says it.
    pub reason: Cow<'static, str>,
}

/// One policy as it runs. `enter` on the way in, `leave` on the way out in reverse order, `account` when all is over.
pub trait Policy {
    /// What `enter` hands to `leave`. `()` for most.
    type Pass: Default;
    /// Whether `leave` is called even where an earlier step answered before this one was entered, so that what it adds is
    /// on every answer.
    const EVERY_ANSWER: bool = false;
    /// Whether it may vouch for a client: of several such policies on a route, any is enough.
    const AUTHENTICATES: bool = false;

    /// Whether [`Policy::weigh`] is to be asked.
    const WEIGHS: bool = false;

    /// The challenge that says how to prove oneself to it (RFC 9110 §11.6.1), if it has a scheme of its own.
    fn challenge(&self) -> Option<&str> {
        None
    }

    /// Looks at the request; may change what the service will see through [`Exchange::to_service`].
    fn enter(&self, exchange: &mut Exchange<'_>) -> Verdict<Self::Pass>;

    /// Looks at the head of the service's answer before any policy does. `true`: the request is to be sent once more, as it is
    /// now. That is asked once.
    fn weigh(&self, _pass: &mut Self::Pass, _exchange: &mut Exchange<'_>, _head: HeadView<'_>) -> bool {
        false
    }

    /// Looks at the answer's head; may change it through [`Exchange::to_client`].
    fn leave(&self, _pass: Self::Pass, _exchange: &mut Exchange<'_>, _response: &Response<'_>) {}

    /// Tells of the exchange once the last byte is sent.
    fn account(&self, _exchange: &Exchange<'_>, _outcome: &Outcome) {}
}
