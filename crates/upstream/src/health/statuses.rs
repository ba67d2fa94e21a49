//! Statuses that are expected: `200-399`, `204`, `[200, 204, 300-399]`.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// Statuses, as ranges of which both ends belong to them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statuses(Vec<(u16, u16)>);

impl Default for Statuses {
    fn default() -> Self {
        Self(vec![(200, 399)])
    }
}

impl Statuses {
    /// Whether it is one of them.
    pub fn has(&self, status: u16) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&status))
    }

    fn range(text: &str) -> Result<(u16, u16), String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let status = |text: &str| text.trim().parse().ok().filter(|status| (200..=599).contains(status));
        match (status(first), status(last)) {
            (Some(first), Some(last)) if first <= last => Ok((first, last)),
            _ => {
                Err(format!("`{text}` is no status; write one from 200 to 599, or a range such as `200-399`"))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Statuses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> de::Visitor<'de> for Either {
            type Value = Statuses;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a status, a range such as `200-399`, or a list of them")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Statuses, E> {
                Statuses::range(text).map(|range| Statuses(vec![range])).map_err(E::custom)
            }
            fn visit_u64<E: de::Error>(self, status: u64) -> Result<Statuses, E> {
                self.visit_str(&status.to_string())
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Statuses, A::Error> {
                let mut all = Vec::new();
                while let Some(Statuses(some)) = list.next_element()? {
                    all.extend(some);
                }
                if all.is_empty() {
                    return Err(de::Error::custom("no status is expected; write one such as `200`"));
                }
                Ok(Statuses(all))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Statuses {
    fn schema_name() -> Cow<'static, str> {
        "Statuses".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = json_schema!({ "anyOf": [
            { "type": "integer", "minimum": 200, "maximum": 599 },
            { "type": "string", "pattern": "^[2-5][0-9][0-9](-[2-5][0-9][0-9])?$" },
        ] });
        json_schema!({ "anyOf": [one.clone(), { "type": "array", "items": one, "minItems": 1 }] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_a_range_or_several() {
        for (text, has, has_not) in [
            ("200-399", &[200, 399, 301][..], &[199, 400, 503][..]),
            ("204", &[204], &[200, 205]),
            ("[200, 204, 401-403]", &[200, 204, 402], &[201, 400, 404]),
        ] {
            let statuses: Statuses = sekisho_yaml::read(
                &sekisho_yaml::parse("test.yaml", text).unwrap(),
                "",
                &mut sekisho_units::Problems::new(),
            )
            .unwrap();
            assert!(has.iter().all(|status| statuses.has(*status)), "{text}");
            assert!(!has_not.iter().any(|status| statuses.has(*status)), "{text}");
        }
        for text in ["99", "600", "399-200", "2xx", "[]", "200-"] {
            let mut problems = sekisho_units::Problems::new();
            let node = sekisho_yaml::parse("test.yaml", text).unwrap();
            assert!(sekisho_yaml::read::<Statuses>(&node, "", &mut problems).is_none(), "{text}");
            assert!(!problems.is_empty(), "{text}");
        }
    }
}
