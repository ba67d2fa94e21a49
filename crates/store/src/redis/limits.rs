//! [`Limits`]: decisions by Redis, one round trip each, by its clock.

use std::future::Future;
use std::time::Duration;

use redis::{Cmd, Script, Value};

use super::link::{NoScript, odd};
use super::{Away, Link};
use crate::key::{Key, shared};
use crate::limit::{Algorithm, Decision, Moment, Rule};

/// The script; `limit/` says the same in Rust.
const TAKE: &str = include_str!("take.lua");

/// What was counted, in Redis: an entry for each key, which Redis forgets when it says nothing any more.
#[derive(Clone)]
pub struct Limits {
    link: Link,
    digest: std::sync::Arc<str>,
}

impl Limits {
    /// Limits over a link. Needs Redis 5 or Valkey.
    pub fn new(link: Link) -> Self {
        Self { link, digest: Script::new(TAKE).get_hash().into() }
    }

    /// The connection.
    pub const fn link(&self) -> &Link {
        &self.link
    }

    /// Decides about a request of a key, and counts it if it passes. The clock is the server's, unless a test gives a time.
    ///
    /// The future owns what it needs, and is to be polled on the worker's runtime.
    ///
    /// # Errors
    /// [`Away`]. The server may have counted the request all the same.
    pub fn take(
        &self,
        worker: usize,
        rule: &Rule,
        key: Key<'_>,
        cost: u32,
        time: Option<Moment>,
    ) -> impl Future<Output = Result<Decision, Away>> + Send + use<> {
        let (limits, rule) = (self.clone(), *rule);
        let key = shared(self.link.prefix(), key, rule.algorithm());
        async move {
            let known = command("EVALSHA", &limits.digest, &key, &rule, cost, time);
            let answer = match limits.link.ask(worker, &known).await? {
                Ok(answer) => answer,
                Err(NoScript) => {
                    // A server that has just started, or was told to forget; what is sent whole is remembered.
                    let whole = command("EVAL", TAKE, &key, &rule, cost, time);
                    limits.link.ask(worker, &whole).await?.map_err(|NoScript| odd())?
                }
            };
            decision(&rule, &answer).ok_or_else(odd)
        }
    }
}

fn command(verb: &str, script: &str, key: &str, rule: &Rule, cost: u32, time: Option<Moment>) -> Cmd {
    let mut command = Cmd::with_capacity(11, script.len() + key.len() + 128);
    command.arg(verb).arg(script).arg(1).arg(key).arg(match rule.algorithm() {
        Algorithm::SlidingWindow => "s",
        Algorithm::TokenBucket => "b",
        Algorithm::FixedWindow => "f",
    });
    for number in [rule.period(), rule.capacity(), rule.pour(), rule.leak()] {
        command.arg(number);
    }
    command.arg(cost);
    if let Some(time) = time {
        command.arg(time.as_millis());
    }
    command
}

/// Reads what the script has answered.
fn decision(rule: &Rule, answer: &Value) -> Option<Decision> {
    let Value::Array(parts) = answer else { return None };
    let [Value::Int(allowed), Value::Int(remaining), Value::Int(reset), Value::Int(retry)] = parts[..] else {
        return None;
    };
    let millis = |number: i64| u64::try_from(number).ok().map(Duration::from_millis);
    Some(Decision {
        allowed: allowed == 1,
        limit: rule.capacity(),
        remaining: u64::try_from(remaining).ok()?,
        reset: millis(reset)?,
        retry_after: millis(retry),
    })
}
