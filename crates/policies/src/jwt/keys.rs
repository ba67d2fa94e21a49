//! An issuer as written, and what becomes of it: its keys, and what is asked of its tokens.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use sekisho_jose::{Algorithm, Expiry, Family, Key, KeyError, KeySet, Rules, Types, Verifier};
use sekisho_units::{At, Place, Problem, Secret};
use sha2::{Digest as _, Sha256};

use super::config::{Config, IssuerConfig};
use super::issuers::Issuer;
use super::remote::{Kind, NAME, Remote, Source, Times, WELL_KNOWN};
use crate::{Context, Here};

/// Base64 with or without its padding; the URL-safe letters are put right before.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// One issuer, wherever it is written.
pub(super) struct Written<'a> {
    /// What stands before its fields' names, with a dot at its end if it is not empty.
    pub(super) field: String,
    pub(super) place: Place,
    pub(super) issuer: &'a IssuerConfig,
    /// For what is common to all issuers.
    pub(super) policy: &'a Config,
}

impl Written<'_> {
    fn algorithms(&self) -> &At<Vec<Algorithm>> {
        if self.issuer.algorithms.is_empty() { &self.policy.algorithms } else { &self.issuer.algorithms }
    }

    /// The issuer as it runs. `identity` takes in all that decides about its tokens.
    pub(super) fn compile(
        &self,
        here: &mut Here<'_>,
        context: &Context<'_>,
        identity: &mut Sha256,
    ) -> Option<Issuer> {
        const SOURCES: &str = "`secret`, `key`, `file`, `jwks` or `discovery`";
        match self.issuer.sources() {
            1 => {}
            0 => {
                return self.refuse(
                    "",
                    &self.place,
                    "it names no key",
                    format!("write one of {SOURCES}"),
                    here,
                );
            }
            _ => {
                let remedy = format!("keep one of {SOURCES}, or write several `issuers`");
                return self.refuse("", &self.place, "it takes its keys from several places", remedy, here);
            }
        }
        let rules = self.rules(here)?;
        writeln!(HashText(identity), "{rules:?}").ok()?;
        if let Some(url) = &self.issuer.jwks {
            self.check_public(here)?;
            return self.fetched(rules, url, false, here, context, identity);
        }
        if let Some(url) = &self.issuer.discovery {
            self.check_public(here)?;
            let behind = format!("{}{WELL_KNOWN}", url.trim_end_matches('/'));
            let at = At::new(url.place.clone(), behind);
            return self.fetched(rules, &at, true, here, context, identity);
        }
        let keys = self.fixed(here, context, identity)?;
        Some(Issuer::Fixed(Box::new(Verifier::new(rules, keys))))
    }

    fn rules(&self, here: &mut Here<'_>) -> Option<Rules> {
        if self.algorithms().is_empty() {
            let place =
                if self.algorithms().place.is_none() { &self.place } else { &self.algorithms().place };
            let remedy =
                "write those by which the issuer signs, such as `[RS256]`, or `[HS256]` with a secret";
            return self.refuse("algorithms", place, "the algorithms are not named", remedy, here);
        }
        let mut issuers = self.issuer.issuer.0.clone();
        if issuers.is_empty() {
            issuers.extend(self.issuer.discovery.as_ref().map(|url| url.value.clone()));
        }
        if issuers.is_empty() && !self.field.is_empty() {
            let remedy = "write what its tokens have in `iss`";
            return self.refuse(
                "issuer",
                &self.place,
                "of several issuers each must be told from the others",
                remedy,
                here,
            );
        }
        let types = self.policy.types.0.clone();
        Some(Rules {
            algorithms: self.algorithms().iter().copied().collect(),
            issuers,
            audiences: self.issuer.audience.or(&self.policy.audience).0.clone(),
            types: if types.is_empty() { Types::Usual } else { Types::Only(types) },
            expiry: if self.policy.expiry { Expiry::Required } else { Expiry::Optional },
            leeway: self.policy.leeway.as_duration(),
            max_token: self.policy.max_token as usize,
        })
    }

    /// Keys that stand in the configuration or beside it.
    fn fixed(&self, here: &mut Here<'_>, context: &Context<'_>, identity: &mut Sha256) -> Option<KeySet> {
        let (field, place, keys) = if let Some(secret) = &self.issuer.secret {
            identity.update(secret.expose());
            identity.update([u8::from(self.issuer.secret_base64)]);
            ("secret", &secret.place, self.secret(secret, here)?)
        } else if let Some(text) = &self.issuer.key {
            identity.update(text.expose());
            ("key", &text.place, self.read(text.expose(), ("key", &text.place), here)?)
        } else {
            let file = self.issuer.file.as_ref()?;
            let text = here.file(&format!("{}file", self.field), file, context)?;
            identity.update(&text);
            ("file", &file.place, self.read(&text, ("file", &file.place), here)?)
        };
        for algorithm in self.algorithms().iter() {
            if !keys.iter().any(|key| key.algorithms().contains(*algorithm)) {
                let message = format!("no key of `{field}` serves the algorithm {algorithm}");
                let remedy = "name the algorithms by which its issuer signs, and no others";
                return self.refuse("algorithms", &self.algorithms().place, message, remedy, here);
            }
            if keys.iter().any(|key| key.is_short_for(*algorithm)) {
                let message = format!("the secret is shorter than the hash of {algorithm} (RFC 7518 §3.2)");
                let path = format!("{}.{}{field}", here.path, self.field);
                let problem = Problem::warning(place.clone(), path, message);
                here.problems.push(problem.remedy("use at least 32 bytes of chance for HS256, 64 for HS512"));
            }
        }
        Some(keys)
    }

    fn secret(&self, secret: &At<Secret>, here: &mut Here<'_>) -> Option<KeySet> {
        let text = secret.expose();
        let bytes = if self.issuer.secret_base64 {
            let usual: String = text
                .trim()
                .chars()
                .map(|letter| match letter {
                    '-' => '+',
                    '_' => '/',
                    letter => letter,
                })
                .collect();
            match BASE64.decode(usual) {
                Ok(bytes) => bytes,
                Err(_) => {
                    let remedy = "take `secret_base64` away, or write base64";
                    return self.refuse("secret", &secret.place, "the secret is no base64", remedy, here);
                }
            }
        } else {
            text.as_bytes().to_vec()
        };
        self.taken(Key::secret(&bytes), "secret", &secret.place, here)
    }

    /// PEM, or a JWK, or a set of them.
    fn read(&self, text: &str, (field, place): (&str, &Place), here: &mut Here<'_>) -> Option<KeySet> {
        let text = text.trim();
        if !text.starts_with('{') {
            return self.taken(Key::pem(text), field, place, here);
        }
        let (set, skipped) = match KeySet::from_jwks(text.as_bytes()) {
            Ok(set) => set,
            Err(_) => return self.taken(Key::jwk(text.as_bytes()), field, place, here),
        };
        for skipped in &skipped {
            let message = format!("key {} of the set is left out: {}", skipped.index, skipped.why);
            let path = format!("{}.{}{field}", here.path, self.field);
            here.problems.push(Problem::warning(place.clone(), path, message));
        }
        if set.is_empty() {
            return self.refuse(
                field,
                place,
                "the set has no key that could be used",
                "write one that has",
                here,
            );
        }
        Some(set)
    }

    fn taken(
        &self,
        key: Result<Key, KeyError>,
        field: &str,
        place: &Place,
        here: &mut Here<'_>,
    ) -> Option<KeySet> {
        match key {
            Ok(key) => {
                let mut set = KeySet::new();
                set.push(key);
                Some(set)
            }
            Err(error) => {
                self.refuse(field, place, error.to_string(), "write the key as its issuer gives it", here)
            }
        }
    }

    /// What is fetched from a public place is no secret.
    fn check_public(&self, here: &mut Here<'_>) -> Option<()> {
        let Some(secret) = self.algorithms().iter().find(|algorithm| algorithm.family() == Family::Secret)
        else {
            return Some(());
        };
        let message = format!("{secret} goes by a secret, which nobody publishes");
        let remedy = "name algorithms such as RS256 or ES256, or write a `secret`";
        self.refuse("algorithms", &self.algorithms().place, message, remedy, here)
    }

    /// An issuer whose keys are fetched from `url`.
    fn fetched(
        &self,
        rules: Rules,
        url: &At<String>,
        metadata: bool,
        here: &mut Here<'_>,
        context: &Context<'_>,
        identity: &mut Sha256,
    ) -> Option<Issuer> {
        let field = if metadata { "discovery" } else { "jwks" };
        let path = format!("{}.{}{field}", here.path, self.field);
        self.warn_of_plain(url, &path, here);
        let (peer, target) = context.peers.url(NAME, url, &path, here.problems)?;
        let (policy, timeout) = (self.policy, self.policy.timeout.as_duration());
        let times =
            Times { refresh: policy.refresh.as_duration(), unknown: policy.refresh_unknown.as_duration() };
        let (kind, word) = match &self.issuer.discovery {
            Some(issuer) => {
                let dial = context.peers.dial();
                (Kind::Metadata { issuer: issuer.value.clone(), dial }, format!("metadata of {}", **issuer))
            }
            None => (Kind::Set, "set".to_owned()),
        };
        // Whoever fetches the same in the same way shares it.
        let same = format!("{word} {} {times:?} {timeout:?}", **url);
        identity.update(&same);
        let remote = context.kept.shared(same, || {
            let about = without_query(url).to_owned();
            Remote::start(Source { peer, target, timeout, kind }, times, about, context.errands)
        });
        Some(Issuer::fetched(rules, remote))
    }

    /// Whoever sits between could sign whatever they like.
    fn warn_of_plain(&self, url: &At<String>, path: &str, here: &mut Here<'_>) {
        let near =
            ["http://127.", "http://localhost", "http://[::1]"].iter().any(|near| url.starts_with(near));
        if url.starts_with("http://") && !near {
            let message = "keys come without TLS: whoever sits between can sign any token";
            let problem = Problem::warning(url.place.clone(), path, message);
            here.problems.push(problem.remedy("use `https://`"));
        }
    }

    fn refuse<T>(
        &self,
        field: &str,
        place: &Place,
        message: impl Into<String>,
        remedy: impl Into<String>,
        here: &mut Here<'_>,
    ) -> Option<T> {
        let field = format!("{}{field}", self.field);
        here.refuse(field.trim_end_matches('.'), place, message, remedy)
    }
}

/// A URL as operators may see it in logs: what stands in a query may be secret.
fn without_query(url: &str) -> &str {
    url.split('?').next().unwrap_or_default()
}

/// Hashes what is printed.
struct HashText<'a>(&'a mut Sha256);

impl std::fmt::Write for HashText<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.update(text);
        Ok(())
    }
}
