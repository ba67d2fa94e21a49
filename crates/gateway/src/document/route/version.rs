//! A route's `version` and `versions` as written.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sekisho_units::{At, OneOrList, OrOff, Since};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::{PoliciesSchema, RedirectConfig, RespondConfig, SplitConfig};

/// How a request says which version it means. Each word holds for the routes beneath as well, until one of them says otherwise.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Version")]
pub struct VersionConfig {
    /// The version of requests that say none, or `off` to refuse them with 400. Default `v1` where there is one, else the entry
    /// `default` of `versions`.
    #[schemars(with = "Option<Number>")]
    pub default: Option<At<String>>,
    /// Where a version is looked for; the first place that says one decides. Default `[header, path, accept]`.
    #[schemars(with = "Option<Vec<SourceConfig>>")]
    pub order: Option<At<Vec<At<SourceConfig>>>>,
    /// The header. Default `API-Version`.
    #[schemars(with = "Option<String>")]
    pub header: Option<At<String>>,
    /// The media type in `Accept` whose parameter `version` counts, a list of them, or `any`. Default `application/vnd.api+json`.
    #[schemars(with = "Option<MediaTypesConfig>")]
    pub accept: Option<At<MediaTypesConfig>>,
    /// Whether the service is asked for the path with the version that it began with (`keep`) or without (`remove`). Default
    /// `remove`.
    pub segment: Option<SegmentConfig>,
    /// A header that tells the service which version was chosen, as in `v2`; a client's own of that name never passes then. Default
    /// `off`: the service sees what the client sent.
    #[schemars(with = "Option<OrOff<String>>")]
    pub tell: Option<At<OrOff<String>>>,
}

/// A version, or `off`, for the schema: YAML reads `2` and `2.0` as numbers.
#[derive(JsonSchema)]
#[schemars(inline, extend("type" = ["string", "number"]))]
struct Number(#[allow(dead_code, reason = "only its schema is used")] String);

/// Media types, one of them alone, or `any`.
#[derive(Debug)]
pub struct MediaTypesConfig(pub Vec<At<String>>);

impl<'de> Deserialize<'de> for MediaTypesConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        OneOrList::of_texts("a media type, a list of them, or `any`").read(deserializer).map(Self)
    }
}

impl JsonSchema for MediaTypesConfig {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "MediaTypes".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }] })
    }
}

/// Where a version may be said.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SourceConfig {
    /// In a header.
    Header,
    /// In the first segment of the path, as in `/v2/orders`.
    Path,
    /// As the parameter `version` of a media type in `Accept`.
    Accept,
}

/// What becomes of the version in a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SegmentConfig {
    /// The service does not see it.
    Remove,
    /// The service sees it.
    Keep,
}

/// One version of a route's interface: what answers, by which policies, and what its clients are told.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "RouteVersion")]
pub struct EditionConfig {
    /// The service that answers. Default: what answers on the route.
    #[schemars(with = "Option<String>")]
    pub service: Option<At<String>>,
    /// Services that share its requests.
    #[schemars(with = "Option<SplitConfig>")]
    pub split: Option<At<SplitConfig>>,
    /// Sends the client elsewhere.
    #[schemars(with = "Option<RedirectConfig>")]
    pub redirect: Option<At<RedirectConfig>>,
    /// A fixed answer: its body, or a map.
    #[schemars(with = "Option<RespondConfig>")]
    pub respond: Option<At<RespondConfig>>,
    /// Policies of this version. One of the same name on the route or further up is replaced as a whole.
    #[schemars(with = "Option<PoliciesSchema>")]
    pub policies: Option<IgnoredAny>,
    /// Since when, or from when on, its use is discouraged: `Deprecation` of every answer (RFC 9745). Default: none.
    #[schemars(with = "Option<Since>")]
    pub deprecation: Option<At<Since>>,
    /// When it will be gone: `Sunset` of every answer (RFC 8594), not before `deprecation`. It goes on being served. Default: none.
    #[schemars(with = "Option<Since>")]
    pub sunset: Option<At<Since>>,
    /// Where the version is that comes after it: a URL or path in `Link`, `rel="successor-version"`. Default: none.
    #[schemars(with = "Option<String>")]
    pub successor: Option<At<String>>,
    /// Where its deprecation is described: a URL or path in `Link`, `rel="deprecation"`. Default: none.
    #[schemars(with = "Option<String>")]
    pub documentation: Option<At<String>>,
}

/// The versions of a route, by name.
pub(in crate::document) struct VersionsSchema;

impl JsonSchema for VersionsSchema {
    fn schema_name() -> Cow<'static, str> {
        "Versions".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<Option<EditionConfig>>();
        json_schema!({
            "type": "object",
            "minProperties": 1,
            "propertyNames": { "pattern": r"^([vV]?[0-9]{1,9}(\.[0-9]{1,9}){0,2}|default)$" },
            "additionalProperties": one,
        })
    }
}
