//! What requests have in common that go to the same endpoint.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sekisho_exchange::Exchange;
use sekisho_wire::is_field_name;
use serde::{Deserialize, Deserializer, de};

use super::hashed;

/// Where the key of a request stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Key {
    /// A header's first line.
    Header(Box<str>),
    /// A cookie.
    Cookie(Box<str>),
    /// The client's address.
    Ip,
}

impl Key {
    /// The hash of what the request has there.
    pub fn of(&self, exchange: &Exchange<'_>) -> Option<u64> {
        match self {
            Self::Header(name) => exchange.head.find(name).map(hashed),
            Self::Cookie(name) => exchange.head.cookies(name).next().map(hashed),
            Self::Ip => Some(match exchange.client.ip {
                IpAddr::V4(ip) => hashed(&ip.octets()),
                IpAddr::V6(ip) => hashed(&ip.octets()),
            }),
        }
    }
}

impl FromStr for Key {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let place: fn(Box<str>) -> Self = match text.split_once('.') {
            None if text == "ip" => return Ok(Self::Ip),
            Some(("header", _)) => Self::Header,
            Some(("cookie", _)) => Self::Cookie,
            _ => return Err(format!("key `{text}` is unknown; use `ip`, `header.NAME` or `cookie.NAME`")),
        };
        let name = text.split_once('.').map_or("", |(_, name)| name);
        if !is_field_name(name.as_bytes()) {
            return Err(format!(
                "`{text}` holds no name; write one such as `header.X-Session` or `cookie.session`"
            ));
        }
        Ok(place(name.into()))
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Key;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`ip`, `header.NAME` or `cookie.NAME`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Key, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl JsonSchema for Key {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "BalanceKey".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^(ip|header\\..+|cookie\\..+)$",
            "description": "What requests to one endpoint have in common: `ip`, `header.NAME` or `cookie.NAME`." })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_where_it_stands() {
        for (text, want) in [
            ("ip", Some(Key::Ip)),
            ("header.X-Session", Some(Key::Header("X-Session".into()))),
            ("cookie.a.b", Some(Key::Cookie("a.b".into()))),
            ("header.", None),
            ("header.a b", None),
            ("cookie", None),
            ("query.a", None),
            ("", None),
        ] {
            assert_eq!(text.parse().ok(), want, "{text}");
        }
    }
}
