//! TLS settings of a service as written.

use schemars::JsonSchema;
use sekisho_units::At;
use serde::Deserialize;

/// TLS to the `https://` endpoints of a service. Files are PEM, looked for beside the configuration.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "UpstreamTls")]
pub struct Config {
    /// File of the certificate authorities that are believed. Default: the system's. A service's own certificate can stand
    /// there if it is not marked as an authority (`openssl req -x509` marks it, unless told `CA:FALSE`).
    #[schemars(with = "Option<String>")]
    pub ca: Option<At<String>>,
    /// File of the certificate, with those between it and its authority, that the gateway shows to a service that asks for
    /// one. Together with `key`.
    #[schemars(with = "Option<String>")]
    pub certificate: Option<At<String>>,
    /// File of the private key of `certificate`, not encrypted.
    #[schemars(with = "Option<String>")]
    pub key: Option<At<String>>,
    /// Name or address that the service's certificate must be for, and that the greeting asks for. Default: the host of the
    /// endpoint.
    #[schemars(with = "Option<String>")]
    pub name: Option<At<String>>,
    /// Whether the service's certificate is checked. Default `true`. `false` lets anybody in between read and change
    /// everything.
    #[schemars(with = "Option<bool>")]
    pub verify: Option<At<bool>>,
}

impl Config {
    /// Whether certificates are checked.
    pub(super) fn verifies(&self) -> bool {
        self.verify.as_ref().is_none_or(|verify| verify.value)
    }
}
