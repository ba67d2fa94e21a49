//! `security_headers`: the headers that helmet 8 sends by default, on every answer.
//!
//! Each can be given another value or be left out; what is left out here passes through from the service. Headers by which
//! services tell what they run on are taken off. An explicit header of the `headers` policy wins over these.

#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use sekisho_exchange::{Exchange, Policy, Response, Verdict};
use sekisho_units::At;
use sekisho_wire::{Blob, Known, KnownSet, is_field_name};
use serde::Deserialize;

use crate::{Compile, Context, Here};

/// A header's value, or `off`.
type Setting = Option<At<String>>;

/// `security_headers` as written. Each word takes the header's value, or `off` to leave it to the service.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `Content-Security-Policy`: where a page may load from. Default: helmet's policy, which allows the page's own origin.
    pub content_security_policy: Setting,
    /// `Cross-Origin-Opener-Policy`. Default `same-origin`.
    pub cross_origin_opener_policy: Setting,
    /// `Cross-Origin-Resource-Policy`. Default `same-origin`.
    pub cross_origin_resource_policy: Setting,
    /// `Origin-Agent-Cluster`. Default `?1`.
    pub origin_agent_cluster: Setting,
    /// `Referrer-Policy`. Default `no-referrer`.
    pub referrer_policy: Setting,
    /// `Strict-Transport-Security` (RFC 6797). Default `max-age=31536000; includeSubDomains`.
    pub strict_transport_security: Setting,
    /// `X-Content-Type-Options`. Default `nosniff`.
    pub x_content_type_options: Setting,
    /// `X-DNS-Prefetch-Control`. Default: the header with the value `off`. Here, too, writing `off` leaves the header out.
    pub x_dns_prefetch_control: Setting,
    /// `X-Download-Options`. Default `noopen`.
    pub x_download_options: Setting,
    /// `X-Frame-Options` (RFC 7034). Default `SAMEORIGIN`.
    pub x_frame_options: Setting,
    /// `X-Permitted-Cross-Domain-Policies`. Default `none`.
    pub x_permitted_cross_domain_policies: Setting,
    /// `X-XSS-Protection`. Default `0`: the filters it switched on did harm.
    pub x_xss_protection: Setting,
    /// `Permissions-Policy`. Not sent unless written.
    pub permissions_policy: Setting,
    /// `Cross-Origin-Embedder-Policy`. Not sent unless written.
    pub cross_origin_embedder_policy: Setting,
    /// Headers of services that are taken off. Default `Server` and `X-Powered-By`; an empty list keeps them.
    pub hide: Option<Vec<At<String>>>,
}

/// The policy as it runs.
#[derive(Clone, Debug)]
pub struct SecurityHeaders {
    lines: Vec<Line>,
    /// All lines at once, for the usual case that nothing set one of them before.
    all: Blob,
    /// The names of all of them.
    names: KnownSet,
    hidden: Vec<String>,
    hidden_known: KnownSet,
}

#[derive(Clone, Debug)]
struct Line {
    name: Known,
    value: String,
}

/// helmet's policy, directive by directive.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self';base-uri 'self';font-src 'self' https: data:;\
    form-action 'self';frame-ancestors 'self';img-src 'self' data:;object-src 'none';script-src 'self';\
    script-src-attr 'none';style-src 'self' https: 'unsafe-inline';upgrade-insecure-requests";
/// What tells which software a service runs on.
const HIDDEN: [&str; 2] = ["Server", "X-Powered-By"];

impl Config {
    /// Word, header, setting and default of each; an empty default is not sent.
    fn rows(&mut self) -> [(&'static str, Known, Setting, &'static str); 14] {
        macro_rules! row {
            ($field:ident, $name:ident, $default:expr) => {
                (stringify!($field), Known::$name, self.$field.take(), $default)
            };
        }
        [
            row!(content_security_policy, ContentSecurityPolicy, CONTENT_SECURITY_POLICY),
            row!(cross_origin_opener_policy, CrossOriginOpenerPolicy, "same-origin"),
            row!(cross_origin_resource_policy, CrossOriginResourcePolicy, "same-origin"),
            row!(origin_agent_cluster, OriginAgentCluster, "?1"),
            row!(referrer_policy, ReferrerPolicy, "no-referrer"),
            row!(strict_transport_security, StrictTransportSecurity, "max-age=31536000; includeSubDomains"),
            row!(x_content_type_options, XContentTypeOptions, "nosniff"),
            row!(x_dns_prefetch_control, XDnsPrefetchControl, "off"),
            row!(x_download_options, XDownloadOptions, "noopen"),
            row!(x_frame_options, XFrameOptions, "SAMEORIGIN"),
            row!(x_permitted_cross_domain_policies, XPermittedCrossDomainPolicies, "none"),
            row!(x_xss_protection, XXssProtection, "0"),
            row!(permissions_policy, PermissionsPolicy, ""),
            row!(cross_origin_embedder_policy, CrossOriginEmbedderPolicy, ""),
        ]
    }

    fn hidden(&mut self, here: &mut Here<'_>) -> Option<Vec<String>> {
        let Some(names) = self.hide.take() else {
            return Some(HIDDEN.map(str::to_owned).to_vec());
        };
        let mut good = Some(Vec::new());
        for name in names {
            if is_field_name(name.as_bytes()) {
                good.iter_mut().for_each(|good| good.push(name.value.clone()));
            } else {
                let message = format!("`{name}` is no header's name");
                good = here.refuse("hide", &name.place, message, "write a name such as `Server`");
            }
        }
        good
    }
}

impl Compile for Config {
    type Into = SecurityHeaders;

    fn compile(mut self, here: &mut Here<'_>, _: &Context<'_>) -> Option<SecurityHeaders> {
        let hidden = self.hidden(here);
        let mut lines = Vec::new();
        let mut bad = false;
        for (word, name, setting, default) in self.rows() {
            let value = match &setting {
                Some(written) if written.as_str() == "off" => continue,
                Some(written) => written.as_str(),
                None if default.is_empty() => continue,
                None => default,
            };
            let place = setting.as_ref().map_or(&here.place, |written| &written.place).clone();
            if value.is_empty() {
                bad = true;
                here.refuse::<()>(word, &place, "the value is empty", "write `off` to leave the header out");
            } else if let Err(error) = Blob::new(&[(name.name(), value)]) {
                bad = true;
                here.refuse::<()>(
                    word,
                    &place,
                    error.to_string(),
                    "write the value on one line (`>-` folds several)",
                );
            } else {
                lines.push(Line { name, value: value.to_owned() });
            }
        }
        let hidden = hidden.filter(|_| !bad)?;
        let fields: Vec<_> = lines.iter().map(|line| (line.name.name(), &line.value)).collect();
        let all = Blob::new(&fields).expect("each line was rendered before");
        let (known, other) = hidden.into_iter().partition::<Vec<_>, _>(|name| known(name) != Known::Unknown);
        let set = |names: &mut dyn Iterator<Item = Known>| names.fold(KnownSet::empty(), KnownSet::with);
        let hidden_known = set(&mut known.iter().map(|name| self::known(name)));
        let names = set(&mut lines.iter().map(|line| line.name));
        Some(SecurityHeaders { lines, all, names, hidden: other, hidden_known })
    }
}

fn known(name: &str) -> Known {
    Known::of(name.as_bytes())
}

impl Policy for SecurityHeaders {
    type Pass = ();
    const EVERY_ANSWER: bool = true;

    #[inline]
    fn enter(&self, _: &mut Exchange<'_>) -> Verdict<()> {
        Verdict::Proceed(())
    }

    #[inline]
    fn leave(&self, (): (), exchange: &mut Exchange<'_>, response: &Response<'_>) {
        let edits = &mut exchange.to_client;
        if edits.touches_any(self.names) {
            for line in &self.lines {
                if !edits.touches(line.name) {
                    let set = edits.set(line.name, line.value.as_bytes());
                    debug_assert!(set.is_ok(), "the value was checked when it was compiled");
                }
            }
        } else {
            edits.apply(&self.all);
        }
        // Only what the service sent need be removed.
        for name in self.hidden_known.intersection(response.head.present()).iter() {
            if !edits.touches(name) {
                edits.remove(name);
            }
        }
        for name in &self.hidden {
            if !edits.touches(name) {
                edits.remove_name(name);
            }
        }
    }
}
