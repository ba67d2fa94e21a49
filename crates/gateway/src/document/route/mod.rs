//! One route as written, without its policies and the routes beneath it.

mod mirror;
mod split;
mod upgrade;
mod version;

use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sekisho_units::{At, HostPattern, OrOff, Pattern, Span};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, IgnoredAny};
use serde::{Deserialize, Deserializer};

pub use self::mirror::{MirrorConfig, ShownConfig};
pub use self::split::{BranchConfig, SplitConfig};
pub use self::upgrade::UpgradeConfig;
pub(super) use self::version::VersionsSchema;
pub use self::version::{EditionConfig, SegmentConfig, SourceConfig, VersionConfig};
use super::schema::PoliciesSchema;

/// A route: which requests it takes, what it asks of them, and what answers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Route")]
pub struct RouteConfig {
    /// The paths it takes: `/orders/{id}`, `/api/*`. Beneath another route: a whole path that lies under that one's.
    #[schemars(with = "Pattern")]
    pub path: At<Pattern>,
    /// The hosts it takes: names, or `*.example.com`. Default: those of the route above, else all.
    #[serde(default)]
    #[schemars(with = "Vec<HostPattern>")]
    pub hosts: Vec<At<HostPattern>>,
    /// The methods it takes; HEAD comes with GET. Default: those of the route above, else all.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub methods: Vec<At<String>>,
    /// Header fields that a request must have, beside those that the route above asks for: a value, or
    /// `{ present: true }`, `{ absent: true }`, `{ prefix: … }`.
    #[serde(default)]
    pub headers: Fields<HeaderConfig>,
    /// The service that answers.
    #[schemars(with = "Option<String>")]
    pub service: Option<At<String>>,
    /// Services that share the requests.
    #[schemars(with = "Option<SplitConfig>")]
    pub split: Option<At<SplitConfig>>,
    /// Sends the client elsewhere.
    #[schemars(with = "Option<RedirectConfig>")]
    pub redirect: Option<At<RedirectConfig>>,
    /// A fixed answer: its body, or a map.
    #[schemars(with = "Option<RespondConfig>")]
    pub respond: Option<At<RespondConfig>>,
    /// How a request says which version it means; `off` where neither this route nor those beneath it have versions. Default: as the
    /// route above, or the top, says.
    #[schemars(with = "Option<OrOff<VersionConfig>>")]
    pub version: Option<At<OrOff<VersionConfig>>>,
    /// The versions of the interface, such as `v1` and `v2`; the entry `default` takes those that are not listed, which otherwise get
    /// 400. The route takes `/v1` and its own path as well. Default: those of the route above, with what answers on this one.
    #[serde(default)]
    #[schemars(with = "Option<VersionsSchema>")]
    pub versions: Option<IgnoredAny>,
    /// Policies of this route and of those beneath it. One of the same name further up is replaced as a whole.
    #[serde(default)]
    #[schemars(with = "Option<PoliciesSchema>")]
    pub policies: Option<IgnoredAny>,
    /// Routes beneath this one: they inherit what it asks, its policies, `version`, `versions`, `timeout`, `risky_paths`, `trailers`, `upgrade`,
    /// `mirror` and `public`.
    #[serde(default)]
    #[schemars(with = "Option<Vec<RouteConfig>>")]
    pub routes: Option<IgnoredAny>,
    /// Longest time for the whole exchange. Default: that of the route above, else none. On expiry the client gets 504.
    #[schemars(with = "Option<Span>")]
    pub timeout: Option<At<Span>>,
    /// Takes paths with an encoded slash, a backslash or a control character, which otherwise get 400. Default `false`.
    pub risky_paths: Option<bool>,
    /// Trailers that may pass, either way. Default: none.
    #[schemars(with = "Option<Vec<String>>")]
    pub trailers: Option<Vec<At<String>>>,
    /// Protocols that a connection may switch to, as the service agrees, or `off` for none. Default: those of the route above,
    /// else `[websocket]`.
    #[schemars(with = "Option<UpgradeConfig>")]
    pub upgrade: Option<At<UpgradeConfig>>,
    /// A service that is shown the requests as well, or a share of them, and whose answers are dropped: its name, or a map; `off` for
    /// none. Default: that of the route above.
    #[schemars(with = "Option<MirrorConfig>")]
    pub mirror: Option<At<MirrorConfig>>,
    /// States that this route is meant to take writes from anybody, so that no warning says so. Default `false`.
    pub public: Option<bool>,
}

/// Sends the client elsewhere.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Redirect")]
pub struct RedirectConfig {
    /// Where to: a URL or path, with values such as `{request.path}`, `{request.?query}`, `{param.NAME}`.
    #[schemars(with = "String")]
    pub to: At<String>,
    /// 301, 302, 303, 307 or 308. Default 308.
    #[schemars(with = "Option<RedirectStatus>")]
    pub status: Option<At<u16>>,
}

/// The status of a redirection, for the schema.
#[derive(JsonSchema)]
#[schemars(inline, extend("enum" = [301, 302, 303, 307, 308]))]
struct RedirectStatus(#[allow(dead_code, reason = "only its schema is used")] u16);

/// A fixed answer: a text alone is its body.
#[derive(Debug, Default)]
pub struct RespondConfig {
    /// 200 to 599. Default 200.
    pub status: Option<At<u16>>,
    /// A template. Default: none.
    pub body: Option<At<String>>,
    /// Default `text/plain; charset=utf-8`.
    pub content_type: Option<At<String>>,
    /// Further header fields, their values templates.
    pub headers: Fields<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
struct RespondFull {
    /// 200 to 599. Default 200.
    #[schemars(with = "Option<u16>", range(min = 200, max = 599))]
    status: Option<At<u16>>,
    /// The body, with values such as `{request.id}`. Default: none.
    #[schemars(with = "Option<String>")]
    body: Option<At<String>>,
    /// The body's media type. Default `text/plain; charset=utf-8`.
    #[schemars(with = "Option<String>")]
    content_type: Option<At<String>>,
    /// Further header fields, with values as in the body.
    #[serde(default)]
    headers: Fields<String>,
}

impl<'de> Deserialize<'de> for RespondConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> de::Visitor<'de> for Either {
            type Value = RespondConfig;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text for the body, or a map of `status`, `body`, `content_type`, `headers`")
            }
            fn visit_str<E: de::Error>(self, body: &str) -> Result<RespondConfig, E> {
                Ok(RespondConfig { body: Some(At::nowhere(body.to_owned())), ..RespondConfig::default() })
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<RespondConfig, A::Error> {
                let RespondFull { status, body, content_type, headers } =
                    RespondFull::deserialize(MapAccessDeserializer::new(map))?;
                Ok(RespondConfig { status, body, content_type, headers })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for RespondConfig {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Respond".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let full = generator.subschema_for::<RespondFull>();
        json_schema!({ "description": "A fixed answer: its body, or a map.", "anyOf": [{ "type": "string" }, full] })
    }
}

/// What a header field of a request must be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HeaderConfig {
    /// This value.
    Exact(String),
    /// A value that begins so.
    Prefix(String),
    /// Any value.
    Present,
    /// No such field.
    Absent,
}

impl<'de> Deserialize<'de> for HeaderConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Full {
            present: Option<bool>,
            absent: Option<bool>,
            prefix: Option<String>,
        }
        struct Either;
        impl<'de> de::Visitor<'de> for Either {
            type Value = HeaderConfig;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a value in quotes, or one of `{ present: true }`, `{ absent: true }`, `{ prefix: … }`",
                )
            }
            fn visit_str<E: de::Error>(self, value: &str) -> Result<HeaderConfig, E> {
                Ok(HeaderConfig::Exact(value.to_owned()))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<HeaderConfig, A::Error> {
                let full = Full::deserialize(MapAccessDeserializer::new(map))?;
                match (full.present, full.absent, full.prefix) {
                    (Some(true), None, None) | (None, Some(false), None) => Ok(HeaderConfig::Present),
                    (Some(false), None, None) | (None, Some(true), None) => Ok(HeaderConfig::Absent),
                    (None, None, Some(prefix)) if !prefix.is_empty() => Ok(HeaderConfig::Prefix(prefix)),
                    (None, None, Some(_)) => {
                        Err(de::Error::custom("the prefix is empty; write `{ present: true }` for any value"))
                    }
                    _ => Err(de::Error::custom("write exactly one of `present`, `absent` and `prefix`")),
                }
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for HeaderConfig {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "HeaderCondition".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "What a request's header field must be.",
            "anyOf": [
                { "type": "string", "description": "This value exactly." },
                { "type": "object", "additionalProperties": false, "minProperties": 1, "maxProperties": 1, "properties": {
                    "present": { "type": "boolean", "description": "The field is there, whatever its value." },
                    "absent": { "type": "boolean", "description": "The field is not there." },
                    "prefix": { "type": "string", "minLength": 1, "description": "The value begins so." },
                } },
            ],
        })
    }
}

/// Header fields in the order written: names, and what stands behind them.
#[derive(Debug)]
pub struct Fields<T>(pub Vec<(String, At<T>)>);

impl<T> Default for Fields<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Fields<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Map<T> {
            type Value = Fields<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of header fields")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Fields<T>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Map(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Fields<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Fields_{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        json_schema!({ "type": "object", "additionalProperties": value })
    }
}
