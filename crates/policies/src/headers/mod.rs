//! `headers`: sets, adds and removes headers of the request to the service and of the answer to the client.
//!
//! Values may name parts of the exchange, as in `{client.ip}`; a value that comes out empty is not sent. Names by which
//! messages are delimited, connections managed or users identified belong to the gateway and are refused.

pub(crate) mod names;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use sekisho_exchange::{Exchange, Policy, Response, Template, Verdict};
use sekisho_units::At;
use sekisho_wire::{Blob, Edits, is_field_name};
use serde::Deserialize;

use self::names::Side;
use crate::{Compile, Context, Here};

/// What to do instead of setting this header of requests, if it belongs to the gateway.
pub fn reserved(name: &str) -> Option<&'static str> {
    names::remedy(name, Side::Request)
}

/// `headers` as written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Changes of the request that goes to the service. Default: none.
    pub request: Changes,
    /// Changes of the answer that goes to the client, the gateway's own answers included. Default: none.
    pub response: Changes,
}

/// Changes of one head, made in the order `remove`, `set`, `add`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Changes {
    /// Headers by name, each the only one of its name afterwards. A value is a template such as `{client.ip}`; where it
    /// comes out empty there is none of that name afterwards. Default: none.
    pub set: BTreeMap<String, At<String>>,
    /// Headers by name, added to those that are there. Default: none.
    pub add: BTreeMap<String, At<String>>,
    /// Names of headers that are taken off. Default: none.
    pub remove: Vec<At<String>>,
}

/// The policy as it runs.
#[derive(Clone, Debug)]
pub struct Headers {
    request: Compiled,
    response: Compiled,
}

#[derive(Clone, Debug)]
struct Compiled {
    remove: Vec<String>,
    /// All headers whose value is always the same.
    constant: Blob,
    set: Vec<(String, Template)>,
    add: Vec<(String, Template)>,
}

impl Compile for Config {
    type Into = Headers;

    fn compile(self, here: &mut Here<'_>, _: &Context<'_>) -> Option<Headers> {
        let request = self.request.compile("request", Side::Request, here);
        let response = self.response.compile("response", Side::Response, here);
        Some(Headers { request: request?, response: response? })
    }
}

impl Changes {
    fn compile(self, part: &str, side: Side, here: &mut Here<'_>) -> Option<Compiled> {
        let mut good = true;
        for name in &self.remove {
            good &= check(name, &format!("{part}.remove"), name, side, here).is_some();
        }
        let set = templates(&self.set, &format!("{part}.set"), side, here);
        let add = templates(&self.add, &format!("{part}.add"), side, here);
        let (set, add) = (set?, add?);
        let (constant, set) =
            set.into_iter().partition::<Vec<_>, _>(|(_, template)| constant(template).is_some());
        let lines: Vec<_> = constant.iter().map(|(name, value)| (name, constant_text(value))).collect();
        let constant = Blob::new(&lines).expect("each name and value was checked");
        let remove = self.remove.into_iter().map(|name| name.value).collect();
        good.then_some(Compiled { remove, constant, set, add })
    }
}

/// The value, if it is always the same and not empty.
fn constant(template: &Template) -> Option<&str> {
    template.constant().map(str::trim).filter(|text| !text.is_empty())
}

fn constant_text(template: &Template) -> &str {
    constant(template).unwrap_or_default()
}

/// Checks a header's name; `value` is where it stands.
fn check(name: &str, field: &str, value: &At<String>, side: Side, here: &mut Here<'_>) -> Option<()> {
    if !is_field_name(name.as_bytes()) {
        let remedy = "write letters, digits and `-` only, as in `X-Team`";
        return here.refuse(field, &value.place, format!("`{name}` is no header's name"), remedy);
    }
    match names::remedy(name, side) {
        Some(remedy) => here.refuse(field, &value.place, format!("`{name}` belongs to the gateway"), remedy),
        None => Some(()),
    }
}

fn templates(
    headers: &BTreeMap<String, At<String>>,
    field: &str,
    side: Side,
    here: &mut Here<'_>,
) -> Option<Vec<(String, Template)>> {
    let mut good = Some(Vec::new());
    for (name, value) in headers {
        let field = format!("{field}.{name}");
        let named = check(name, &field, value, side, here);
        let template = template(&field, value, here);
        match (named, template) {
            (Some(()), Some(template)) => {
                good.iter_mut().for_each(|good| good.push((name.clone(), template.clone())));
            }
            _ => good = None,
        }
    }
    good
}

fn template(field: &str, value: &At<String>, here: &mut Here<'_>) -> Option<Template> {
    if value.chars().any(|c| c.is_ascii_control() && c != '\t') {
        let remedy = "write it on one line (`>-` folds several)";
        return here.refuse(field, &value.place, "the value holds a line break or control character", remedy);
    }
    match Template::parse(value) {
        Ok(template) => Some(template),
        Err(error) => here.refuse(
            field,
            &value.place,
            error.to_string(),
            "write text with values such as `{client.ip}`",
        ),
    }
}

impl Compiled {
    #[inline]
    fn apply(&self, exchange: &Exchange<'_>, edits: &mut Edits) {
        for name in &self.remove {
            edits.remove_name(name);
        }
        if !self.constant.is_empty() {
            edits.apply(&self.constant);
        }
        for (name, template) in &self.set {
            edits.remove_name(name);
            add(edits, name, &template.render(exchange, None));
        }
        for (name, template) in &self.add {
            match template.constant() {
                Some(value) => add(edits, name, value),
                None => add(edits, name, &template.render(exchange, None)),
            }
        }
    }
}

fn add(edits: &mut Edits, name: &str, value: &str) {
    let value = value.trim();
    if !value.is_empty() {
        let added = edits.add(name, value.as_bytes());
        debug_assert!(added.is_ok(), "a template leaves out what no value may hold");
    }
}

impl Policy for Headers {
    type Pass = ();
    const EVERY_ANSWER: bool = true;

    #[inline]
    fn enter(&self, exchange: &mut Exchange<'_>) -> Verdict<()> {
        // Templates read the exchange while its edits are written.
        let mut edits = std::mem::take(&mut exchange.to_service);
        self.request.apply(exchange, &mut edits);
        exchange.to_service = edits;
        Verdict::Proceed(())
    }

    #[inline]
    fn leave(&self, (): (), exchange: &mut Exchange<'_>, _: &Response<'_>) {
        let mut edits = std::mem::take(&mut exchange.to_client);
        self.response.apply(exchange, &mut edits);
        exchange.to_client = edits;
    }
}
