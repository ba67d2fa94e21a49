//! `authorize`: what a user must be allowed to do.
//!
//! Permissions, roles and claims are those that the policies before it have found. All that is written must hold: what stands
//! at the top for every request, what stands under `read` for GET, HEAD and OPTIONS, what stands under `write` for all other
//! methods. An empty block asks only that somebody is known. Nobody known is 401, anything lacking 403.

mod rule;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use sekisho_exchange::{Entries, Exchange, Identity, Needed, Policy, Reply, Verdict};
use sekisho_units::At;
use sekisho_wire::Method;
use serde::Deserialize;
use serde_json::Value;

use self::rule::{Lacking, Rule};
pub use self::rule::{Roles, Written};
use crate::{Compile, Context, Here};

/// `authorize` as written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Permissions of which the user must have one. Default: nothing is asked.
    #[schemars(with = "Option<Vec<String>>")]
    pub any: Option<At<Vec<At<String>>>>,
    /// Permissions of which the user must have every one. Default: nothing is asked.
    #[schemars(with = "Option<Vec<String>>")]
    pub all: Option<At<Vec<At<String>>>>,
    /// Roles of which the user must have one, as a list; or `{ any: […], all: […] }`. Default: nothing is asked.
    pub roles: Option<Roles>,
    /// Values that claims must have, by name or path, as in `plan.level`: a text, number or truth value, or a list of those that
    /// will do. Of a claim that is a list one item must be among them. Default: nothing is asked.
    #[schemars(with = "BTreeMap<String, Value>")]
    pub claims: BTreeMap<String, At<Value>>,
    /// What is asked beside all this for GET, HEAD and OPTIONS. Default: nothing.
    pub read: Written,
    /// What is asked beside all this for all other methods. Default: nothing.
    pub write: Written,
    /// Whether a permission that ends in `:*`, or is `*`, grants every one that begins so. Default `false`.
    pub wildcards: bool,
    /// Whether a 403 says in `required` and `current` what would be needed and what the user has. Default `true`.
    pub disclose: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            any: None,
            all: None,
            roles: None,
            claims: BTreeMap::new(),
            read: Written::default(),
            write: Written::default(),
            wildcards: false,
            disclose: true,
        }
    }
}

/// The policy as it runs.
#[derive(Clone, Debug)]
pub struct Authorize {
    always: Rule,
    read: Rule,
    write: Rule,
    matching: Matching,
    disclose: bool,
}

/// What grants a permission.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Matching {
    /// Itself alone.
    Exact,
    /// Also one that ends in a star and begins in the same way.
    Wildcards,
}

impl Compile for Config {
    type Into = Authorize;

    fn compile(self, here: &mut Here<'_>, _: &Context<'_>) -> Option<Authorize> {
        let top = Written { any: self.any, all: self.all, roles: self.roles, claims: self.claims };
        let always = Rule::compile(&top, "", here);
        let read = Rule::compile(&self.read, "read.", here);
        let write = Rule::compile(&self.write, "write.", here);
        let matching = if self.wildcards { Matching::Wildcards } else { Matching::Exact };
        Some(Authorize { always: always?, read: read?, write: write?, matching, disclose: self.disclose })
    }
}

impl Policy for Authorize {
    type Pass = ();

    #[inline]
    fn enter(&self, exchange: &mut Exchange<'_>) -> Verdict<()> {
        let Some(who) = exchange.identity() else {
            return Verdict::Answer(Box::new(Reply::auth_required(exchange.challenges)));
        };
        let more = match exchange.method {
            Method::Get | Method::Head | Method::Options => &self.read,
            _ => &self.write,
        };
        match self.always.lacks(who, self.matching).or_else(|| more.lacks(who, self.matching)) {
            None => Verdict::Proceed(()),
            Some(lacking) => self.refuse(&lacking, who),
        }
    }
}

impl Authorize {
    #[cold]
    fn refuse(&self, lacking: &Lacking<'_>, who: &Identity) -> Verdict<()> {
        let (required, current, reason) = match lacking {
            Lacking::Permission(required) => (*required, who.permissions(), "lacks_permission".to_owned()),
            Lacking::Role(required) => (*required, who.roles(), "lacks_role".to_owned()),
            Lacking::Claim(name) => {
                // Which claims count, and for what, is nobody's business outside.
                return Verdict::Answer(Box::new(Reply::forbidden(None, format!("lacks_claim {name}"))));
            }
        };
        let required: Vec<&str> = required.iter().map(AsRef::as_ref).collect();
        let current: Vec<&str> = Entries::iter(current).collect();
        let needed = self.disclose.then_some(Needed { required: &required, current: &current });
        Verdict::Answer(Box::new(Reply::forbidden(needed, reason)))
    }
}
