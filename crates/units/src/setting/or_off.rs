//! [`OrOff`]: a setting that can be taken away by the word `off`.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::{Deserialize, Deserializer, de};

/// A value, or the word `off` for none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrOff<T> {
    /// The word `off`.
    Off,
    /// A value.
    On(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OrOff<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Either<T> {
            type Value = OrOff<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value, or `off`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<OrOff<T>, E> {
                if text == "off" {
                    return Ok(OrOff::Off);
                }
                T::deserialize(StrDeserializer::new(text)).map(OrOff::On)
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<OrOff<T>, E> {
                T::deserialize(de::value::U64Deserializer::new(number)).map(OrOff::On)
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<OrOff<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(OrOff::On)
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for OrOff<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}OrOff", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [{ "const": "off" }, one] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Span;

    #[test]
    fn takes_a_text_a_number_a_map_or_off() {
        #[derive(Debug, PartialEq, Deserialize)]
        struct Map {
            a: u32,
        }
        let read = serde_json::from_str::<OrOff<Span>>;
        assert_eq!(read("\"off\"").unwrap(), OrOff::Off);
        assert_eq!(read("\"2s\"").unwrap(), OrOff::On(Span::from_secs(2)));
        assert!(read("\"soon\"").is_err());
        assert_eq!(serde_json::from_str::<OrOff<u32>>("3").unwrap(), OrOff::On(3));
        assert_eq!(serde_json::from_str::<OrOff<Map>>("{\"a\": 1}").unwrap(), OrOff::On(Map { a: 1 }));
        assert_eq!(serde_json::from_str::<OrOff<Map>>("\"off\"").unwrap(), OrOff::Off);
    }
}
