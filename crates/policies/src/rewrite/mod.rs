//! `rewrite`: the path that the service is asked for.
//!
//! `strip_prefix` and `add_prefix` work by segment, in this order; `match` with `to` replaces what a regular expression
//! finds, in time linear in the path's length. The query is kept unless `to` writes one.

mod replace;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use schemars::JsonSchema;
use sekisho_exchange::{Exchange, Policy, Reply, Verdict};
use sekisho_units::At;
use sekisho_wire::{PathRules, normalise};
use serde::Deserialize;

use self::replace::Replace;
use crate::{Compile, Context, Here};

/// `rewrite` as written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Path that is taken off the front, by segment: with `/api/users`, `/api/users/7` becomes `/7`, `/api/users` becomes
    /// `/`, and `/api/usersX` stays. Default: nothing.
    pub strip_prefix: Option<At<String>>,
    /// Path that is put in front, after `strip_prefix`: with `/v1`, `/7` becomes `/v1/7`. Default: nothing.
    pub add_prefix: Option<At<String>>,
    /// Regular expression that is looked for in the path; only with `to`, and without the other two. Default: nothing.
    pub r#match: Option<At<String>>,
    /// What the part that `match` found becomes; `$1` and `$name` stand for its groups, `$$` for a dollar sign. With a
    /// `?` it replaces the query as well; `match` must then end with `$`.
    pub to: Option<At<String>>,
}

/// The policy as it runs.
#[derive(Clone, Debug)]
pub enum Rewrite {
    /// Prefixes go and come, each with its leading slash and without one at its end; empty for none.
    #[allow(missing_docs, reason = "said above")]
    Prefix { strip: String, add: String },
    /// What an expression finds is replaced.
    #[allow(missing_docs, private_interfaces, reason = "as it runs it is nobody else's business")]
    Replace(Replace),
}

impl Compile for Config {
    type Into = Rewrite;

    fn compile(self, here: &mut Here<'_>, _: &Context<'_>) -> Option<Rewrite> {
        let place = here.place.clone();
        match (self.r#match, self.to) {
            (Some(expression), Some(to)) => {
                if let Some(prefix) = self.strip_prefix.or(self.add_prefix) {
                    let message = "prefixes and `match` exclude each other";
                    return here.refuse(
                        "match",
                        &prefix.place,
                        message,
                        "put the prefix into `match` and `to`",
                    );
                }
                Replace::compile(&expression, &to, here).map(Rewrite::Replace)
            }
            (Some(expression), None) => {
                here.refuse("match", &expression.place, "`to` is missing", "write what the match becomes")
            }
            (None, Some(to)) => {
                here.refuse("to", &to.place, "`match` is missing", "write what is to be replaced")
            }
            (None, None) if self.strip_prefix.is_none() && self.add_prefix.is_none() => here.refuse(
                "",
                &place,
                "nothing is rewritten",
                "write `strip_prefix`, `add_prefix`, or `match` with `to`",
            ),
            (None, None) => {
                let strip = prefix("strip_prefix", self.strip_prefix.as_ref(), here);
                let add = prefix("add_prefix", self.add_prefix.as_ref(), here);
                Some(Rewrite::Prefix { strip: strip?, add: add? })
            }
        }
    }
}

/// Checks a prefix: the normal form of a path, other than the root.
fn prefix(field: &str, written: Option<&At<String>>, here: &mut Here<'_>) -> Option<String> {
    let Some(written) = written else { return Some(String::new()) };
    let path = written.strip_suffix('/').unwrap_or(written);
    let mut scratch = String::new();
    match normalise(path.as_bytes(), PathRules::default(), &mut scratch) {
        Ok(normal) if normal.path == path && normal.query.is_none() && !normal.risky && path.len() > 1 => {
            Some(path.to_owned())
        }
        Ok(normal) if normal.path.len() > 1 && !normal.risky => {
            let remedy = format!("write `{}`", normal.path.trim_end_matches('/'));
            here.refuse(
                field,
                &written.place,
                format!("`{written}` is not a path in its normal form"),
                remedy,
            )
        }
        _ => {
            let message = format!("`{written}` is no path prefix");
            here.refuse(
                field,
                &written.place,
                message,
                "write a path such as `/api/users`, percent-encoded where needed",
            )
        }
    }
}

/// What stays of `path` behind `prefix`, if that is a whole number of its segments.
#[inline]
fn strip<'p>(path: &'p str, prefix: &str) -> Option<&'p str> {
    let mut rest = path.strip_prefix(prefix)?;
    if rest.is_empty() {
        return Some("/");
    }
    // Two slashes at the front would make the rest look like an authority (RFC 3986 §4.2).
    while rest.starts_with("//") {
        rest = &rest[1..];
    }
    rest.starts_with('/').then_some(rest)
}

impl Policy for Rewrite {
    type Pass = ();

    #[inline]
    fn enter(&self, exchange: &mut Exchange<'_>) -> Verdict<()> {
        let asked = &mut exchange.to_ask;
        match self {
            Self::Replace(replace) => {
                if replace.apply(asked).is_err() {
                    return Verdict::Answer(Box::new(Reply::risky_path()));
                }
            }
            Self::Prefix { strip: prefix, add } => {
                if !prefix.is_empty() {
                    asked.path = match std::mem::take(&mut asked.path) {
                        Cow::Borrowed(path) => Cow::Borrowed(strip(path, prefix).unwrap_or(path)),
                        Cow::Owned(path) => match strip(&path, prefix) {
                            Some(rest) => Cow::Owned(rest.to_owned()),
                            None => Cow::Owned(path),
                        },
                    };
                }
                if !add.is_empty() {
                    asked.path = Cow::Owned([add, asked.path.as_ref()].concat());
                }
            }
        }
        Verdict::Proceed(())
    }
}
