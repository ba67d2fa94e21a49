//! `jwt` as written.

use std::sync::Arc;

use schemars::JsonSchema;
use sekisho_jose::Algorithm;
use sekisho_units::{At, OrOff, Secret, Span};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::holder::Names;
use super::issuers::Issuers;
use super::keys::Written;
use super::presented::Places;
use super::remembered::Remembered;
use super::texts::Texts;
use super::{Gate, Jwt};
use crate::principal::{check_header, check_realm};
use crate::{Compile, Context, Here, query};

/// `jwt` as written. Keys come from one of `secret`, `key`, `file`, `jwks` and `discovery`, or from each of `issuers`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// A secret that the issuer shares with the gateway, for HS256, HS384 and HS512: at least 32 bytes of chance.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub secret: Option<At<Secret>>,
    /// Whether `secret` is base64 of the secret, of either alphabet, rather than itself. Default `false`.
    #[serde(default)]
    pub secret_base64: bool,
    /// A public key: PEM, a JWK, or a JWK set.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub key: Option<At<Secret>>,
    /// A file with what `key` may hold; read again at each reload.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub file: Option<At<String>>,
    /// The URL of a JWK set.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub jwks: Option<At<String>>,
    /// The issuer's URL, behind which its OpenID Connect metadata names its JWK set. It is the default of `issuer`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub discovery: Option<At<String>>,
    /// The algorithms by which tokens may be signed. No default: they must be those that the issuer uses.
    #[serde(default)]
    #[schemars(with = "Option<Vec<Algorithm>>")]
    pub algorithms: At<Vec<Algorithm>>,
    /// What `iss` must be, a text or a list. Default: anything, where the key is proof enough.
    #[serde(default)]
    pub issuer: Texts,
    /// What `aud` must hold, a text or a list of which one is enough. Default: anything.
    #[serde(default)]
    pub audience: Texts,
    /// Several issuers, instead of the keys above. A token is verified by the one that it names in `iss`, so that each needs
    /// an `issuer`. Those with the same one are asked one after another, as while a secret changes.
    #[serde(default)]
    #[schemars(with = "Vec<IssuerConfig>")]
    pub issuers: At<Vec<At<IssuerConfig>>>,

    /// The claim with the user's id, by name or path. Default `sub`.
    #[serde(default = "sub")]
    #[schemars(with = "Option<String>")]
    pub subject: At<String>,
    /// The claims with what else is known of the user.
    #[serde(default)]
    pub claims: ClaimNames,
    /// How far an issuer's clock may be off. Default `30s`.
    #[serde(default = "half_a_minute")]
    pub leeway: Span,
    /// Whether a token must say when it ends (`exp`). Default `true`.
    #[serde(default = "on")]
    pub expiry: bool,
    /// What `typ` may be. Default: missing, `JWT` or `at+jwt` (RFC 9068).
    #[serde(default)]
    pub types: Texts,
    /// Longest token, in bytes. Default 16384.
    #[serde(default = "sixteen_kib")]
    pub max_token: u32,

    /// The request header with the token, with or without `Bearer` before it. Default `Authorization`, where `Bearer` must be.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub header: Option<At<String>>,
    /// A cookie that may have the token where the header has none. Default: none, as other sites can make browsers send it.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub cookie: Option<At<String>>,
    /// A query parameter that may have it where the others have none: `access_token`, `api_key`, `apikey` or `token`, which
    /// the access log never shows. Services do not see it. Default: none, as addresses end up in logs and histories.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub query: Option<At<String>>,
    /// Whether a request without a token is refused. Default `true`. A wrong one always is, unless another policy of the
    /// route vouches for the client.
    #[serde(default = "on")]
    pub required: bool,
    /// Whether the token's header is taken off before the service. Default `false`.
    #[serde(default)]
    pub hide: bool,
    /// What refusals name in `WWW-Authenticate`. Default: nothing.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub realm: Option<At<String>>,

    /// How many good tokens are remembered, until they end, or `off`. Default 10000.
    #[serde(default = "ten_thousand")]
    #[schemars(with = "Option<OrOff<u32>>")]
    pub remember: At<OrOff<u32>>,
    /// How often fetched keys are fetched again. Default `10m`.
    #[serde(default = "ten_minutes")]
    #[schemars(with = "Option<Span>")]
    pub refresh: At<Span>,
    /// How often, at most, tokens whose key nobody knows let keys be fetched again. Default `30s`.
    #[serde(default = "half_a_minute")]
    pub refresh_unknown: Span,
    /// Longest wait for each answer with keys. Default `5s`.
    #[serde(default = "five_seconds")]
    #[schemars(with = "Option<Span>")]
    pub timeout: At<Span>,
}

/// One of several issuers.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "JwtIssuer")]
pub struct IssuerConfig {
    /// As above.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub secret: Option<At<Secret>>,
    /// As above.
    #[serde(default)]
    pub secret_base64: bool,
    /// As above.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub key: Option<At<Secret>>,
    /// As above.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub file: Option<At<String>>,
    /// As above.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub jwks: Option<At<String>>,
    /// As above.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub discovery: Option<At<String>>,
    /// As above. Default: those of the policy.
    #[serde(default)]
    #[schemars(with = "Option<Vec<Algorithm>>")]
    pub algorithms: At<Vec<Algorithm>>,
    /// As above.
    #[serde(default)]
    pub issuer: Texts,
    /// As above. Default: that of the policy.
    #[serde(default)]
    pub audience: Texts,
}

/// Names or paths of claims; an empty name: it is not told.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClaimNames {
    /// The mail address. Default `email`.
    pub email: String,
    /// What limits go by. Default `tier`.
    pub tier: String,
    /// The roles: a list of texts, or one text with blanks between them. Several claims count together. Default `roles`.
    pub roles: Texts,
    /// The permissions, likewise. Default `[permissions, scope]`.
    pub permissions: Texts,
}

impl Default for ClaimNames {
    fn default() -> Self {
        Self {
            email: "email".to_owned(),
            tier: "tier".to_owned(),
            roles: Texts::of(&["roles"]),
            permissions: Texts::of(&["permissions", "scope"]),
        }
    }
}

fn sub() -> At<String> {
    At::nowhere("sub".to_owned())
}

fn half_a_minute() -> Span {
    Span::from_secs(30)
}

fn ten_minutes() -> At<Span> {
    At::nowhere(Span::from_secs(600))
}

fn five_seconds() -> At<Span> {
    At::nowhere(Span::from_secs(5))
}

fn sixteen_kib() -> u32 {
    16 * 1024
}

fn ten_thousand() -> At<OrOff<u32>> {
    At::nowhere(OrOff::On(10_000))
}

fn on() -> bool {
    true
}

impl Compile for Config {
    type Into = Jwt;

    fn compile(self, here: &mut Here<'_>, context: &Context<'_>) -> Option<Jwt> {
        let fine = self.check(here);
        // What decides about tokens: where it is the same, what was found out about them is, too.
        let mut identity = Sha256::new();
        let issuers = self.issuers(here, context, &mut identity);
        let names = Names {
            subject: self.subject.value.as_str().into(),
            email: self.claims.email.as_str().into(),
            tier: self.claims.tier.as_str().into(),
            roles: self.claims.roles.0.clone(),
            permissions: self.claims.permissions.0.clone(),
        };
        identity.update(format!("{names:?}"));
        let remembered = match *self.remember {
            OrOff::Off => None,
            OrOff::On(entries) => {
                let identity = format!("{:?} {entries}", identity.finalize());
                let workers = context.workers;
                Some(context.kept.of(identity, || Remembered::new(entries as usize, workers)))
            }
        };
        let (issuers, ()) = (issuers?, fine?);
        let name = |name: Option<At<String>>| name.map(|name| name.value.into());
        let realm =
            self.realm.as_ref().map(|realm| format!(" realm=\"{}\"", realm.value)).unwrap_or_default();
        let comma = if realm.is_empty() { "" } else { "," };
        Some(Jwt(Arc::new(Gate {
            places: Places {
                header: name(self.header.filter(|header| !header.eq_ignore_ascii_case("Authorization"))),
                cookie: name(self.cookie),
                query: name(self.query),
                hide: self.hide,
            },
            issuers: Issuers(issuers),
            names,
            remembered,
            required: self.required,
            missing: format!("Bearer{realm}").into(),
            wrong: format!("Bearer{realm}{comma} error=\"invalid_token\"").into(),
        })))
    }
}

impl Config {
    /// Looks at what does not depend on keys.
    fn check(&self, here: &mut Here<'_>) -> Option<()> {
        let mut fine = Some(());
        let mut and = |one: Option<()>| fine = fine.and(one);
        and(self.header.as_ref().map_or(Some(()), |name| check_header(name, "Authorization", here)));
        and(self.query.as_ref().map_or(Some(()), |name| query::check(name, here)));
        and(self.realm.as_ref().map_or(Some(()), |realm| check_realm(realm, here)));
        if let Some(name) = &self.cookie
            && !sekisho_wire::is_field_name(name.as_bytes())
        {
            let message = format!("`{name}` is no cookie's name");
            and(here.refuse("cookie", &name.place, message, "write letters, digits, `-` and `_`"));
        }
        if self.subject.is_empty() {
            let remedy = "name the claim with the user's id, such as `sub`";
            and(here.refuse(
                "subject",
                &self.subject.place,
                "without it nobody could say whose token it is",
                remedy,
            ));
        }
        if matches!(*self.remember, OrOff::On(0)) {
            and(here.refuse(
                "remember",
                &self.remember.place,
                "nothing would be remembered",
                "write `off`, or 1 or more",
            ));
        }
        for (field, span) in [("refresh", &self.refresh), ("timeout", &self.timeout)] {
            if span.is_zero() {
                and(here.refuse(
                    field,
                    &span.place,
                    "it must be longer than nothing",
                    "write a time such as `5s`",
                ));
            }
        }
        fine
    }

    /// The issuers, wherever they are written.
    fn issuers(
        &self,
        here: &mut Here<'_>,
        context: &Context<'_>,
        identity: &mut Sha256,
    ) -> Option<Vec<super::issuers::Issuer>> {
        if self.issuers.is_empty() {
            let own = self.own();
            let written =
                Written { field: String::new(), place: here.place.clone(), issuer: &own, policy: self };
            return written.compile(here, context, identity).map(|issuer| vec![issuer]);
        }
        if self.own().sources() > 0 {
            let message = "keys are written both in `issuers` and beside it";
            return here.refuse("issuers", &self.issuers.place, message, "move all of them into `issuers`");
        }
        let all = self.issuers.iter().enumerate().map(|(index, issuer)| {
            let field = format!("issuers[{index}].");
            Written { field, place: issuer.place.clone(), issuer, policy: self }
                .compile(here, context, identity)
        });
        // Each is looked at, so that no mistake hides another.
        all.collect::<Vec<_>>().into_iter().collect()
    }

    /// The issuer that is written without `issuers`.
    fn own(&self) -> IssuerConfig {
        IssuerConfig {
            secret: self.secret.clone(),
            secret_base64: self.secret_base64,
            key: self.key.clone(),
            file: self.file.clone(),
            jwks: self.jwks.clone(),
            discovery: self.discovery.clone(),
            algorithms: self.algorithms.clone(),
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
        }
    }
}

impl IssuerConfig {
    /// How many places its keys come from: it must be one.
    pub(super) fn sources(&self) -> usize {
        let Self { secret, key, file, jwks, discovery, .. } = self;
        [secret.is_some(), key.is_some(), file.is_some(), jwks.is_some(), discovery.is_some()]
            .into_iter()
            .filter(|is| *is)
            .count()
    }
}
