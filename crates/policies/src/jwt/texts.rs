//! One text, or a list of them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sekisho_units::OneOrList;
use serde::{Deserialize, Deserializer};

/// One text, or a list of them.
#[derive(Clone, Debug, Default)]
pub struct Texts(pub(super) Vec<String>);

impl Texts {
    pub(super) fn of(texts: &[&str]) -> Self {
        Self(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    /// These, or where there are none, the others.
    pub(super) fn or<'a>(&'a self, others: &'a Self) -> &'a Self {
        if self.0.is_empty() { others } else { self }
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = OneOrList::of_texts("a text, or a list of texts").read::<String, _>(deserializer)?;
        let mut texts: Vec<String> = texts.into_iter().map(|at| at.value).collect();
        if texts == [""] {
            // A name that is empty names nothing.
            texts.clear();
        }
        Ok(Self(texts))
    }
}

impl JsonSchema for Texts {
    fn schema_name() -> Cow<'static, str> {
        "Texts".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] })
    }
}
