//! `forward_auth`: a service of the operator's own says whether a request may pass, and who sends it.
//!
//! It is asked about each request with a `GET` of its own, without the body. Any 2xx lets the request pass; headers of that
//! answer can say who the client is, and can be copied to the request. 401 and 403, and redirections where the operator
//! wants them, go to the client. Whoever is known already, by a token or a key, is not asked about.

mod answer;
mod config;
mod known;
mod question;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use sekisho_exchange::{Ask, Exchange, Peer, Policy, Reply, Resume, Unproved, Verdict};

use self::answer::{Answer, Reading};
pub use self::config::Config;
pub use self::known::Known;
use self::known::{Key, Passed};
use self::question::Question;
use crate::{Compile, Context, Here};

/// Longest answer of the service, in bytes: it may be a page that the client is to see.
const LARGEST: usize = 256 * 1024;

/// What becomes of requests when the service gives no answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "OnForwardAuthFailure")]
pub enum OnFailure {
    /// They are answered with 503.
    #[default]
    Deny,
    /// They pass, and nobody is known. Only where there is no answer at all, or a 5xx: one that cannot be understood, or is
    /// too long, lets nobody pass.
    Allow,
}

/// The policy as it runs.
pub struct ForwardAuth(Arc<Auth>);

struct Auth {
    peer: Arc<dyn Peer>,
    question: Question,
    reading: Reading,
    timeout: Duration,
    on_failure: OnFailure,
    /// How long a good answer is remembered; not at all, if zero.
    cache: Duration,
    known: Arc<Known>,
}

impl Compile for Config {
    type Into = ForwardAuth;

    fn compile(self, here: &mut Here<'_>, context: &Context<'_>) -> Option<ForwardAuth> {
        self.compiled(here, context).map(|auth| ForwardAuth(Arc::new(auth)))
    }
}

impl Policy for ForwardAuth {
    type Pass = ();
    const AUTHENTICATES: bool = true;

    fn enter(&self, exchange: &mut Exchange<'_>) -> Verdict<()> {
        let auth = &self.0;
        // Whatever comes of it: what the service did not say must not seem to be its word.
        auth.reading.strip(exchange);
        if exchange.identity().is_some() {
            return Verdict::Proceed(());
        }
        let key = if auth.cache.is_zero() { None } else { auth.question.key(exchange) };
        if let Some(key) = &key
            && let Some(passed) = auth.known.find(key, exchange.started, auth.cache)
        {
            return auth.pass(&passed, exchange);
        }
        let ask = Ask {
            method: "GET",
            target: auth.question.target.clone(),
            headers: auth.question.headers(exchange),
            body: Vec::new(),
            timeout: auth.timeout,
            max: LARGEST,
        };
        let key = key.map(|key| (key, auth.known.times_forgotten()));
        let asking = Arc::clone(&auth.peer).ask(exchange.local, ask);
        let auth = Arc::clone(auth);
        Verdict::Wait(Box::pin(async move {
            let answer = auth.reading.of(asking.await);
            Box::new(move |exchange: &mut Exchange<'_>| auth.conclude(answer, key, exchange)) as Resume<()>
        }))
    }
}

impl Auth {
    /// What an answer means for the request.
    fn conclude(&self, answer: Answer, key: Option<(Key, u64)>, exchange: &mut Exchange<'_>) -> Verdict<()> {
        match answer {
            Answer::Passed(passed) => {
                let passed = Arc::new(passed);
                if let Some((key, forgotten)) = key {
                    self.known.put(&key, &passed, exchange.local.clock.now(), forgotten);
                }
                self.pass(&passed, exchange)
            }
            Answer::Refused(reply) => exchange.turn_away(Unproved::Wrong(reply)),
            Answer::None(_) if self.on_failure == OnFailure::Allow => exchange.turn_away(Unproved::Optional),
            Answer::None(reason) | Answer::Unclear(reason) => {
                Verdict::Answer(Box::new(Reply::dependency_unavailable(self.peer.name(), reason)))
            }
        }
    }

    /// The service has no objection.
    fn pass(&self, passed: &Passed, exchange: &mut Exchange<'_>) -> Verdict<()> {
        for (name, value) in &passed.copied {
            let added = exchange.to_service.add(&**name, value);
            debug_assert!(added.is_ok(), "it was a line of an answer");
        }
        match &passed.identity {
            Some(identity) => {
                exchange.accept(Arc::clone(identity));
                Verdict::Proceed(())
            }
            // It lets the client pass without saying who that is; a credential that another policy found wrong stays wrong.
            None => exchange.turn_away(Unproved::Optional),
        }
    }
}
