//! What stands behind `listen`, `admin` and `via`: addresses to listen on, and words that may be `off`.

use std::fmt;
use std::net::SocketAddr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sekisho_units::At;
use serde::{Deserialize, Deserializer, de};

/// Where clients connect, as written: `http://address:port`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Address(pub SocketAddr);

/// Why a text is no [`Address`].
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadAddress {
    /// Not `http`.
    #[error("`{0}` has no scheme that can be listened to; write `http://127.0.0.1:8080`")]
    Scheme(String),
    /// A name.
    #[error(
        "`{0}` names a host; write an address such as `http://127.0.0.1:8080`, or `http://0.0.0.0:8080` for all"
    )]
    Name(String),
    /// No port.
    #[error("`{0}` has no port; write one as in `http://127.0.0.1:8080`")]
    Port(String),
    /// More than address and port.
    #[error("`{0}` has a path; write `http://address:port`, paths belong to `routes`")]
    Path(String),
}

impl Address {
    /// Reads `http://address:port[/]`.
    ///
    /// # Errors
    /// A [`BadAddress`] that says what to write instead.
    pub fn parse(text: &str) -> Result<Self, BadAddress> {
        let owned = || text.to_owned();
        let rest = text.strip_prefix("http://").ok_or_else(|| BadAddress::Scheme(owned()))?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#']) {
            return Err(BadAddress::Path(owned()));
        }
        if let Ok(address) = rest.parse() {
            return Ok(Self(address));
        }
        let ported = rest.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        Err(if ported { BadAddress::Name(owned()) } else { BadAddress::Port(owned()) })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.0)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Address;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address such as `http://127.0.0.1:8080`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Address, E> {
                Address::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl JsonSchema for Address {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Address".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "Where to listen: `http://address:port`.",
            "pattern": "^http://.+:[0-9]+/?$",
            "examples": ["http://127.0.0.1:8080", "http://[::]:8080"],
        })
    }
}

/// One address or a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listen(pub Vec<At<Address>>);

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> de::Visitor<'de> for Either {
            type Value = Listen;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address such as `http://127.0.0.1:8080`, or a list of them")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Listen, E> {
                Ok(Listen(vec![At::nowhere(Address::parse(text).map_err(E::custom)?)]))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Listen, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = list.next_element()? {
                    all.push(one);
                }
                Ok(Listen(all))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Listen {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Listen".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<Address>();
        json_schema!({ "anyOf": [one.clone(), { "type": "array", "items": one, "minItems": 1 }] })
    }
}

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
        struct Either<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Either<T> {
            type Value = OrOff<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or `off`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<OrOff<T>, E> {
                if text == "off" {
                    return Ok(OrOff::Off);
                }
                T::deserialize(de::value::StrDeserializer::new(text)).map(OrOff::On)
            }
        }
        deserializer.deserialize_str(Either(std::marker::PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for OrOff<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
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

    #[test]
    fn an_address_is_a_scheme_an_ip_address_and_a_port() {
        for (text, want) in [
            ("http://127.0.0.1:8080", Ok("127.0.0.1:8080")),
            ("http://[::]:80/", Ok("[::]:80")),
            ("127.0.0.1:8080", Err("has no scheme")),
            ("https://127.0.0.1:8080", Err("has no scheme that can be listened to")),
            ("http://localhost:8080", Err("names a host")),
            ("http://127.0.0.1", Err("has no port")),
            ("http://[::1]", Err("has no port")),
            ("http://127.0.0.1:8080/x", Err("has a path")),
        ] {
            match (Address::parse(text), want) {
                (Ok(address), Ok(want)) => assert_eq!(address.0.to_string(), want),
                (Err(error), Err(want)) => assert!(error.to_string().contains(want), "{text}: {error}"),
                (got, _) => panic!("{text}: {got:?}"),
            }
        }
    }
}
