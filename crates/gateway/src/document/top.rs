//! The words at the top of a document.

use schemars::JsonSchema;
use sekisho_units::{At, Cidr, OrOff, Size, Span};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::address::Address;
use super::alerts::AlertConfig;
use super::health::HealthPageConfig;
use super::listen::{Listen, TlsConfig};
use super::route::{RouteConfig, VersionConfig};
use super::schema::{PoliciesSchema, ServiceDefaultsSchema, ServicesSchema};
use super::store::StoreConfig;

/// The whole configuration of a gateway.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Sekisho")]
pub struct TopConfig {
    /// Where clients connect: an address, a map with its settings, or a list of either. Default `http://0.0.0.0:8080`.
    #[schemars(with = "Option<Listen>")]
    pub listen: Option<At<Listen>>,
    /// TLS on every `https` address that has no `tls` of its own.
    #[schemars(with = "Option<TlsConfig>")]
    pub tls: Option<At<TlsConfig>>,
    /// Where operators connect, or `off`. Default `http://127.0.0.1:9901`.
    #[schemars(with = "Option<OrOff<Address>>")]
    pub admin: Option<At<OrOff<Address>>>,
    /// Worker threads. Default: as many as there are cores.
    #[schemars(with = "Option<u32>", range(min = 1, max = 1024))]
    pub workers: Option<At<u32>>,
    /// Addresses and networks of proxies that are believed when they tell of a client. Default: none.
    pub trusted_proxies: Vec<Cidr>,
    /// What services are told of a known user.
    pub identity: IdentityConfig,
    /// Where counts are kept that requests share: `memory` for this process, the address of a Redis or Valkey server that several
    /// gateways share, or a map with `url`. Default `memory`.
    #[schemars(with = "Option<StoreConfig>")]
    pub store: At<StoreConfig>,
    /// Settings of every service, except `endpoints`; a service's own words win, map by map.
    #[schemars(with = "Option<ServiceDefaultsSchema>")]
    pub service_defaults: Option<IgnoredAny>,
    /// The services by name.
    #[schemars(with = "Option<ServicesSchema>")]
    pub services: Option<IgnoredAny>,
    /// Policies of every route and of requests that no route takes.
    #[schemars(with = "Option<PoliciesSchema>")]
    pub policies: Option<IgnoredAny>,
    /// How requests say which version they mean, on routes with `versions`.
    #[schemars(with = "Option<OrOff<VersionConfig>>")]
    pub version: Option<At<OrOff<VersionConfig>>>,
    /// The routes. The most specific one takes a request, wherever it stands in the list.
    #[schemars(with = "Option<Vec<RouteConfig>>")]
    pub routes: Option<IgnoredAny>,
    /// A page that tells whether services are well. Default: none.
    #[schemars(with = "Option<HealthPageConfig>")]
    pub health: Option<At<HealthPageConfig>>,
    /// Limits of what a client may send and hold.
    pub limits: LimitsConfig,
    /// How long a client may take.
    pub client: ClientConfig,
    /// Reads `//` in paths as `/`. Default `true`.
    pub merge_slashes: Option<bool>,
    /// The gateway's name in the header `Via`, or `off` for no such header. Default `sekisho`.
    #[schemars(with = "Option<OrOff<String>>")]
    pub via: Option<At<OrOff<String>>>,
    /// Whom to tell when a circuit breaker opens, an endpoint goes down, or the store is away. Default: nobody; there is a line on
    /// standard error in any case.
    #[schemars(with = "Vec<AlertConfig>")]
    pub alerts: Vec<At<AlertConfig>>,
    /// How the gateway stops.
    pub drain: DrainConfig,
    /// When the configuration is read anew.
    pub reload: ReloadConfig,
}

/// What services are told of a known user.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IdentityConfig {
    /// Which headers go to services: `id` is `X-User-ID`, `email` is `X-User-Email`, `roles` and `permissions` are
    /// `X-User-Roles` and `X-User-Permissions` with commas. Default `[id]`, which is always among them.
    #[schemars(with = "Vec<Detail>")]
    pub forward: Vec<At<Detail>>,
}

/// Something that is known of a user.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Detail {
    /// Who it is.
    Id,
    /// The mail address.
    Email,
    /// The roles.
    Roles,
    /// The permissions.
    Permissions,
}

/// Limits of what a client may send and hold.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Most bytes of a request's head, up to 65535. Default `32KiB`. A longer one gets 431.
    #[schemars(with = "Size")]
    pub head: At<Size>,
    /// Most header fields of a request, up to 128. Default 100. More get 431.
    #[schemars(with = "u32", range(min = 1, max = 128))]
    pub fields: At<u32>,
    /// Most bytes of a request's target, up to `head`. Default `8KiB`. A longer one gets 414.
    #[schemars(with = "Size")]
    pub target: At<Size>,
    /// Most client connections at once. Default 10000. For one more, those that have waited longest for a request make room;
    /// if none waits, it gets 503 and is closed.
    #[schemars(with = "u32", range(min = 1))]
    pub connections: At<u32>,
    /// Most connections of one client address at once (of one /64 with IPv6); trusted proxies are not counted. Default: half
    /// of `connections`. One more gets 429 and is closed.
    #[schemars(with = "Option<u32>", range(min = 1))]
    pub connections_per_address: Option<At<u32>>,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            head: At::nowhere(Size::from_kib(32)),
            fields: At::nowhere(100),
            target: At::nowhere(Size::from_kib(8)),
            connections: At::nowhere(10_000),
            connections_per_address: None,
        }
    }
}

/// How long a client may take.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClientConfig {
    /// For a TLS handshake, and for the PROXY header where one is expected. Default `10s`. On expiry the connection is closed.
    #[schemars(with = "Span")]
    pub handshake: At<Span>,
    /// For a whole head, from its first byte. Default `10s`. On expiry the client gets 408.
    #[schemars(with = "Span")]
    pub head: At<Span>,
    /// Between two requests of a connection, and between two bytes of an answer that its system confirms. Default `75s`. On
    /// expiry the connection is closed; of an answer that is noticed up to a sixteenth of the time later.
    #[schemars(with = "Span")]
    pub idle: At<Span>,
    /// For a body, before its rate counts. Default `10s`.
    #[schemars(with = "Span")]
    pub body_grace: At<Span>,
    /// Fewest bytes a second of a body, on average, after the grace; `0` for no limit. Default `1KiB`. A slower client gets
    /// 408.
    #[schemars(with = "Size")]
    pub body_rate: At<Size>,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            handshake: At::nowhere(Span::from_secs(10)),
            head: At::nowhere(Span::from_secs(10)),
            idle: At::nowhere(Span::from_secs(75)),
            body_grace: At::nowhere(Span::from_secs(10)),
            body_rate: At::nowhere(Size::from_kib(1)),
        }
    }
}

/// How the gateway stops.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DrainConfig {
    /// How long requests in flight may take to end once the gateway is told to stop. Default `30s`. Then they are cut.
    pub grace: Span,
    /// How long tunnels, such as WebSockets, may go on once the gateway is told to stop, or their port is closed by a reload.
    /// Default `10s`; `0s` ends them at once. Then both sides are told the end, and have 2 seconds to agree. It is a time of
    /// its own: longer than `grace` or shorter, neither ends the other. The gateway has ended after the longer of the two.
    pub tunnels: Span,
}

impl Default for DrainConfig {
    fn default() -> Self {
        Self { grace: Span::from_secs(30), tunnels: Span::from_secs(10) }
    }
}

/// When the configuration is read anew, beside HUP and `POST /api/reload`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReloadConfig {
    /// How often the configuration and the files that it names are looked at for changes, or `off`. A change counts once the
    /// files have stayed the same for as long. Default `1s`.
    #[schemars(with = "OrOff<Span>")]
    pub watch: At<OrOff<Span>>,
}

impl Default for ReloadConfig {
    fn default() -> Self {
        Self { watch: At::nowhere(OrOff::On(Span::from_secs(1))) }
    }
}
