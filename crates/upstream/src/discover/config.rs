//! `discover` as written.

use schemars::JsonSchema;
use sekisho_units::At;
use serde::Deserialize;

use super::dns::DnsConfig;
use super::etcd::EtcdConfig;

/// Where endpoints are found that come and go while the gateway runs: one of `file`, `dns` and `etcd`. Those that are gone end
/// the requests that they have. As long as a source fails, its last good answer holds.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Discover")]
pub struct DiscoverConfig {
    /// A file with a list as in `endpoints`, as YAML or JSON, looked for beside the configuration. It is looked at once a second;
    /// put another in its place by renaming, so that none is read by half.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub file: Option<At<String>>,
    /// A name whose addresses are the endpoints: `name[:port]`, or with further settings.
    #[serde(default)]
    pub dns: Option<DnsConfig>,
    /// Keys of an etcd, version 3.4 or newer, that several gateways and services share. Each holds the URL of an endpoint, or
    /// JSON: `{"url": "http://10.0.0.7:8080", "weight": 1, "priority": 0, "zone": "a"}`.
    #[serde(default)]
    pub etcd: Option<EtcdConfig>,
    /// Whether an empty answer takes all endpoints away. Default `false`: it counts as a failure, and the last ones stay.
    #[serde(default)]
    pub allow_empty: bool,
}
