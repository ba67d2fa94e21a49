//! What the policies that authenticate agree on when a route has several of them: any of them may vouch for the client.
//!
//! They are asked in walking order. The first that accepts decides who it is, and the rest look away. If none does, the
//! answer is the last one's to give: about the first credential that was wrong, or, where none came at all, one that names
//! all the ways to prove oneself, unless one of them does without.

use std::borrow::Cow;
use std::sync::Arc;

use crate::{Exchange, Identity, Reply, Verdict};

/// What has been found so far.
#[derive(Debug, Default)]
pub struct Papers {
    /// Policies of the plan that may still vouch for the client, the one at work included.
    left: u8,
    /// Whether one of them lets clients without credentials pass.
    optional: bool,
    /// Whether the refusal is about a credential that came.
    wrong: bool,
    refusal: Option<Box<Reply>>,
}

/// Why a policy does not vouch for a client.
#[derive(Debug)]
pub enum Unproved {
    /// There is no credential of its kind; this is the refusal where one is needed.
    Missing(Box<Reply>),
    /// There is none, and the policy lets such clients pass.
    Optional,
    /// There is one, and it is not good.
    Wrong(Box<Reply>),
}

impl Papers {
    /// At the start of a plan with so many policies that authenticate.
    pub fn expecting(left: u8) -> Self {
        Self { left, ..Self::default() }
    }

    /// Takes one policy's finding; gives the refusal when it is the last one's turn and nobody lets the client pass.
    fn turn_away(&mut self, finding: Unproved) -> Option<Box<Reply>> {
        self.left = self.left.saturating_sub(1);
        match finding {
            Unproved::Optional => self.optional = true,
            Unproved::Wrong(reply) if !self.wrong => {
                self.wrong = true;
                self.refusal = Some(reply);
            }
            Unproved::Missing(reply) if !self.wrong => match &mut self.refusal {
                Some(refusal) => refusal.headers.extend(challenges(*reply)),
                None => self.refusal = Some(reply),
            },
            Unproved::Missing(_) | Unproved::Wrong(_) => {}
        }
        let refuses = self.left == 0 && (self.wrong || !self.optional);
        if refuses { self.refusal.take() } else { None }
    }
}

/// The challenges of a refusal (RFC 9110 §11.6.1).
fn challenges(reply: Reply) -> impl Iterator<Item = (Cow<'static, str>, Cow<'static, str>)> {
    reply.headers.into_iter().filter(|(name, _)| name.eq_ignore_ascii_case("WWW-Authenticate"))
}

impl Exchange<'_> {
    /// Who the client is, as far as the step at work may know: one that only watches also sees what others that only watch
    /// have found.
    pub fn identity(&self) -> Option<&Arc<Identity>> {
        self.identity.as_ref().or_else(|| self.supposed.as_ref().filter(|_| self.watched))
    }

    /// A policy vouches for the client. From now on the others look away.
    pub fn accept(&mut self, identity: Arc<Identity>) {
        self.identity = Some(identity);
        if !self.watched {
            self.papers.refusal = None;
        }
    }

    /// A policy does not vouch for the client: gives the refusal, or the way on for those that may still do so.
    pub fn turn_away<P: Default>(&mut self, finding: Unproved) -> Verdict<P> {
        let refusal = if self.watched {
            match finding {
                Unproved::Missing(reply) | Unproved::Wrong(reply) => Some(reply),
                Unproved::Optional => None,
            }
        } else {
            self.papers.turn_away(finding)
        };
        refusal.map_or_else(|| Verdict::Proceed(P::default()), Verdict::Answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(scheme: &'static str) -> Unproved {
        let reply = Reply::problem(401, "MISSING", "", "").header("WWW-Authenticate", scheme);
        Unproved::Missing(Box::new(reply.header("X-Other", scheme)))
    }

    fn wrong(reason: &'static str) -> Unproved {
        Unproved::Wrong(Box::new(Reply::problem(401, "WRONG", "", "").because(reason)))
    }

    fn after(findings: Vec<Unproved>) -> Option<Box<Reply>> {
        let mut papers = Papers::expecting(findings.len() as u8);
        let count = findings.len();
        for (index, finding) in findings.into_iter().enumerate() {
            let refusal = papers.turn_away(finding);
            if index + 1 == count {
                return refusal;
            }
            assert_eq!(refusal, None, "only the last one refuses");
        }
        None
    }

    #[test]
    fn without_credentials_the_answer_names_all_ways() {
        let reply = after(vec![missing("Basic"), missing("Bearer")]).unwrap();
        let challenges: Vec<_> =
            reply.headers.iter().filter(|(name, _)| name == "WWW-Authenticate").map(|(_, v)| &**v).collect();
        assert_eq!(challenges, ["Basic", "Bearer"]);
        assert_eq!(reply.headers.len(), 3, "only challenges are taken over");
    }

    #[test]
    fn the_first_wrong_credential_is_what_the_answer_is_about() {
        for findings in [
            vec![wrong("first")],
            vec![wrong("first"), wrong("second")],
            vec![wrong("first"), missing("Bearer")],
            vec![missing("Basic"), wrong("first")],
            vec![wrong("first"), Unproved::Optional],
            vec![Unproved::Optional, wrong("first")],
        ] {
            let reply = after(findings).unwrap();
            assert_eq!((reply.code, &*reply.reason), ("WRONG", "first"));
        }
    }

    #[test]
    fn without_credentials_one_way_that_needs_none_is_enough() {
        assert_eq!(after(vec![Unproved::Optional]), None);
        assert_eq!(after(vec![missing("Basic"), Unproved::Optional]), None);
        assert_eq!(after(vec![Unproved::Optional, missing("Bearer")]), None);
    }
}
