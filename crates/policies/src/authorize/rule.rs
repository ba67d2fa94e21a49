//! What is asked of a user, as written and as it runs.

use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sekisho_exchange::{Entries, Identity};
use sekisho_units::{At, Place};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use super::Matching;
use crate::Here;

/// What is asked for some methods.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Written {
    /// Permissions of which the user must have one. Default: nothing is asked.
    #[schemars(with = "Option<Vec<String>>")]
    pub any: Option<At<Vec<At<String>>>>,
    /// Permissions of which the user must have every one. Default: nothing is asked.
    #[schemars(with = "Option<Vec<String>>")]
    pub all: Option<At<Vec<At<String>>>>,
    /// Roles of which the user must have one, as a list; or `{ any: […], all: […] }`. Default: nothing is asked.
    pub roles: Option<Roles>,
    /// Values that claims must have. Default: nothing is asked.
    #[schemars(with = "BTreeMap<String, Value>")]
    pub claims: BTreeMap<String, At<Value>>,
}

/// Roles: a list of which one is enough, or both kinds of list.
#[derive(Clone, Debug, Default)]
pub struct Roles {
    /// One of these.
    pub any: Option<At<Vec<At<String>>>>,
    /// Every one of these.
    pub all: Option<At<Vec<At<String>>>>,
}

/// [`Roles`] as a map.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
#[derive(Default)]
struct Full {
    /// Roles of which the user must have one.
    #[schemars(with = "Option<Vec<String>>")]
    any: Option<At<Vec<At<String>>>>,
    /// Roles of which the user must have every one.
    #[schemars(with = "Option<Vec<String>>")]
    all: Option<At<Vec<At<String>>>>,
}

impl<'de> Deserialize<'de> for Roles {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> de::Visitor<'de> for Either {
            type Value = Roles;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of roles, or a map of `any` and `all`")
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, list: A) -> Result<Roles, A::Error> {
                let any = Vec::<At<String>>::deserialize(SeqAccessDeserializer::new(list))?;
                Ok(Roles { any: Some(At::nowhere(any)), all: None })
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Roles, A::Error> {
                let Full { any, all } = Full::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Roles { any, all })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Roles {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Roles".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let full = generator.subschema_for::<Full>();
        json_schema!({ "anyOf": [{ "type": "array", "items": { "type": "string" } }, full] })
    }
}

/// What is asked, as it runs. An empty list asks nothing.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    any: Names,
    all: Names,
    roles_any: Names,
    roles_all: Names,
    /// Claims, and the values of which each must have one.
    claims: Box<[(String, Vec<Value>)]>,
}

type Names = Box<[Box<str>]>;

/// The first thing that a user lacks.
#[derive(Debug)]
pub(super) enum Lacking<'r> {
    Permission(&'r [Box<str>]),
    Role(&'r [Box<str>]),
    Claim(&'r str),
}

impl Rule {
    /// `field` is where it stands, with a dot at its end if it is not empty.
    pub(super) fn compile(written: &Written, field: &str, here: &mut Here<'_>) -> Option<Self> {
        let any = names(written.any.as_ref(), &format!("{field}any"), here);
        let all = names(written.all.as_ref(), &format!("{field}all"), here);
        let roles = written.roles.clone().unwrap_or_default();
        let roles_any = names(roles.any.as_ref(), &format!("{field}roles"), here);
        let roles_all = names(roles.all.as_ref(), &format!("{field}roles.all"), here);
        let mut claims = Some(Vec::new());
        for (name, value) in &written.claims {
            match wanted(name, value, &format!("{field}claims.{name}"), here) {
                Some(values) => {
                    claims.iter_mut().for_each(|claims| claims.push((name.clone(), values.clone())));
                }
                None => claims = None,
            }
        }
        Some(Self {
            any: any?,
            all: all?,
            roles_any: roles_any?,
            roles_all: roles_all?,
            claims: claims?.into(),
        })
    }

    #[inline]
    pub(super) fn lacks(&self, who: &Identity, matching: Matching) -> Option<Lacking<'_>> {
        if !self.any.is_empty() && !one_of(&self.any, who.permissions(), matching) {
            return Some(Lacking::Permission(&self.any));
        }
        if !self.all.is_empty() && !all_of(&self.all, who.permissions(), matching) {
            return Some(Lacking::Permission(&self.all));
        }
        if !self.roles_any.is_empty() && !one_of(&self.roles_any, who.roles(), Matching::Exact) {
            return Some(Lacking::Role(&self.roles_any));
        }
        if !self.roles_all.is_empty() && !all_of(&self.roles_all, who.roles(), Matching::Exact) {
            return Some(Lacking::Role(&self.roles_all));
        }
        let lacking = self.claims.iter().find(|(name, values)| !has_claim(who, name, values))?;
        Some(Lacking::Claim(&lacking.0))
    }
}

#[inline]
fn one_of(needed: &[Box<str>], held: Entries<'_>, matching: Matching) -> bool {
    held.iter().any(|held| needed.iter().any(|needed| grants(held, needed, matching)))
}

#[inline]
fn all_of(needed: &[Box<str>], held: Entries<'_>, matching: Matching) -> bool {
    needed.iter().all(|needed| held.iter().any(|held| grants(held, needed, matching)))
}

#[inline]
fn grants(held: &str, needed: &str, matching: Matching) -> bool {
    held == needed
        || matching == Matching::Wildcards
            && held
                .strip_suffix('*')
                .is_some_and(|start| (start.is_empty() || start.ends_with(':')) && needed.starts_with(start))
}

fn has_claim(who: &Identity, name: &str, values: &[Value]) -> bool {
    match who.claim(name) {
        Some(Value::Array(items)) => items.iter().any(|item| values.iter().any(|value| same(item, value))),
        Some(claim) => values.iter().any(|value| same(&claim, value)),
        None => false,
    }
}

/// Numbers are the same if their values are, however they are written.
fn same(claim: &Value, value: &Value) -> bool {
    claim == value || claim.as_f64().is_some_and(|claim| claim.is_finite() && value.as_f64() == Some(claim))
}

/// The names of a list. One that is written and empty would let nobody pass, or everybody.
fn names(list: Option<&At<Vec<At<String>>>>, field: &str, here: &mut Here<'_>) -> Option<Names> {
    let Some(list) = list else { return Some(Names::default()) };
    let place = || if list.place.is_none() { here.place.clone() } else { list.place.clone() };
    if list.is_empty() {
        let place = place();
        return here.refuse(field, &place, "the list is empty", "name at least one, or leave it out");
    }
    if let Some(empty) = list.iter().find(|name| name.trim().is_empty()) {
        return here.refuse(field, &empty.place, "a name is empty", "write a name such as `order:read`");
    }
    Some(list.iter().map(|name| name.value.as_str().into()).collect())
}

/// The values of which a claim must have one.
fn wanted(name: &str, value: &At<Value>, field: &str, here: &mut Here<'_>) -> Option<Vec<Value>> {
    const REMEDY: &str = "write a text, a number, `true` or `false`, or a list of these";
    let place: &Place = &value.place;
    let values = match &value.value {
        Value::Array(values) => values.clone(),
        one => vec![one.clone()],
    };
    if name.is_empty() || values.is_empty() {
        return here.refuse(field, place, "nothing can be it", REMEDY);
    }
    if values.iter().any(|value| matches!(value, Value::Null | Value::Array(_) | Value::Object(_))) {
        return here.refuse(field, place, "this is no single value", REMEDY);
    }
    Some(values)
}
