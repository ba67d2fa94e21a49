//! `jwt`: clients that prove by a signed token who they are (RFC 7519, RFC 8725).
//!
//! The algorithms are pinned, a key serves its own family only, and no header of a token makes the gateway look for a key
//! anywhere. Keys stand in the configuration, or are fetched from where the issuer publishes them. A token that was good is
//! remembered until it ends, never longer, and never beyond a change of its issuer's keys.

mod config;
mod holder;
mod issuers;
mod keys;
mod presented;
mod remembered;
mod remote;
#[cfg(test)]
mod tests;
mod texts;

use std::borrow::Cow;
use std::sync::Arc;

use sekisho_exchange::{Exchange, Policy, Reply, Resume, Unproved, Verdict};
use sekisho_jose::Claims;

pub use self::config::Config;
use self::holder::Names;
use self::issuers::{Checked, Issuers, Stamp};
use self::presented::{Places, Presented};
pub use self::remembered::Remembered;
pub use self::remote::{Fetches, Remote};
use self::remote::{Newer, Waiting};

/// How often a token may be judged anew by newer keys: a fetch that was under way when it came may have begun too early.
const WAITS: u8 = 3;

/// The policy as it runs.
pub struct Jwt(Arc<Gate>);

struct Gate {
    places: Places,
    issuers: Issuers,
    names: Names,
    remembered: Option<Arc<Remembered>>,
    required: bool,
    /// For those who bring no token.
    missing: Arc<str>,
    /// For those whose token is not good (RFC 6750 §3.1).
    wrong: Arc<str>,
}

impl Policy for Jwt {
    type Pass = ();
    const AUTHENTICATES: bool = true;

    fn challenge(&self) -> Option<&str> {
        Some(&self.0.missing)
    }

    #[inline]
    fn enter(&self, exchange: &mut Exchange<'_>) -> Verdict<()> {
        let presented = self.0.places.look(exchange);
        if exchange.identity().is_some() {
            // Another policy vouches for the client.
            return Verdict::Proceed(());
        }
        let token = match presented {
            Presented::Token(token) => token,
            Presented::Nothing => return exchange.turn_away(self.0.missing()),
            Presented::Several => return exchange.turn_away(self.0.wrong("duplicate")),
        };
        if let Some(remembered) = &self.0.remembered {
            let now = exchange.local.wall(exchange.started);
            let current = |stamp| self.0.issuers.is_current(stamp);
            if let Some(identity) = remembered.find(&token, now, exchange.local.index, current) {
                exchange.accept(identity);
                return Verdict::Proceed(());
            }
        }
        Gate::check(&self.0, &token, WAITS, exchange)
    }
}

impl Gate {
    fn check(self: &Arc<Self>, token: &[u8], waits: u8, exchange: &mut Exchange<'_>) -> Verdict<()> {
        // A token that had to wait is judged by the time that it is then.
        let moment = if waits == WAITS { exchange.started } else { exchange.local.clock.now() };
        match self.issuers.verify(token, exchange.local.wall(moment)) {
            Checked::Good(claims, stamp) => self.welcome(token, claims, stamp, exchange),
            Checked::Bad(error) => exchange.turn_away(self.wrong(error.word())),
            Checked::Keyless(lack) => {
                let newer = if waits == 0 { Newer::None } else { self.issuers.newer(lack, moment) };
                match newer {
                    Newer::Here => self.check(token, waits - 1, exchange),
                    Newer::After(waiting) => self.wait(waiting, token.to_vec(), waits - 1),
                    Newer::None if lack.is_of_all() => {
                        let reply = Reply::dependency_unavailable(remote::NAME, "no_keys");
                        Verdict::Answer(Box::new(reply))
                    }
                    Newer::None => exchange.turn_away(self.wrong("unknown_key")),
                }
            }
        }
    }

    fn wait(self: &Arc<Self>, waiting: Waiting, token: Vec<u8>, waits: u8) -> Verdict<()> {
        let gate = Arc::clone(self);
        Verdict::Wait(Box::pin(async move {
            waiting.over().await;
            Box::new(move |exchange: &mut Exchange<'_>| gate.check(&token, waits, exchange)) as Resume<()>
        }))
    }

    #[inline]
    fn welcome(
        &self,
        token: &[u8],
        claims: Claims,
        stamp: Stamp,
        exchange: &mut Exchange<'_>,
    ) -> Verdict<()> {
        let expires = claims.expires();
        let Some(identity) = self.names.identity(claims) else {
            return exchange.turn_away(self.wrong("no_subject"));
        };
        let identity = Arc::new(identity);
        if let (Some(remembered), Some(until)) = (&self.remembered, expires) {
            remembered.put(token, &identity, until, stamp);
        }
        exchange.accept(identity);
        Verdict::Proceed(())
    }

    #[cold]
    fn missing(&self) -> Unproved {
        if !self.required {
            return Unproved::Optional;
        }
        let detail = "This needs a token; send it as `Authorization: Bearer TOKEN`, or as the service's documentation says.";
        Unproved::Missing(Box::new(Reply::auth_missing(detail, self.missing.to_string())))
    }

    /// The reason is for the log, not for the client.
    #[cold]
    fn wrong(&self, reason: &'static str) -> Unproved {
        Unproved::Wrong(Box::new(Reply::auth_failed(Cow::Owned(self.wrong.to_string()), reason)))
    }
}
