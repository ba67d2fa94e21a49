//! The serde and JSON Schema sides of a type that is written as text.
//!
//! All units read and print through `FromStr` and `Display`; this macro derives the rest from those two, so
//! that a unit means the same in YAML, in JSON and in the schema. A bare number, where a format hands one
//! over, goes to the same parser as its digits, so that the parser's remedy ("write `30s`") is what the
//! reader sees. A type that may be a bare number asks with `deserialize_any`, the others for a string.

/// Implements `Serialize`, `Deserialize` and `JsonSchema` for a type with `FromStr` and `Display`.
macro_rules! textual {
    ($type:ty, $name:literal, expecting $expecting:literal, schema $schema:tt) => {
        $crate::text::textual!($type, $name, deserialize_str, expecting $expecting, schema $schema);
    };
    ($type:ty, $name:literal, $ask:ident, expecting $expecting:literal, schema $schema:tt) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl serde::de::Visitor<'_> for Text {
                    type Value = $type;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expecting)
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<$type, E> {
                        self.visit_str(&number.to_string())
                    }
                    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<$type, E> {
                        self.visit_str(&number.to_string())
                    }
                }
                deserializer.$ask(Text)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($schema)
            }
        }
    };
}

pub(crate) use textual;
