//! One fetch of an issuer's keys: the set's URL as it is written, or as the issuer's metadata tells it.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use sekisho_exchange::{Ask, Dial, Local, Peer};
use sekisho_jose::{Family, KeySet, MAX_SET};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// What stands behind an issuer's URL with its metadata (OpenID Connect Discovery 1.0 §4).
pub(crate) const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// Largest metadata, in bytes.
const MAX_METADATA: usize = 256 * 1024;

/// Whom keys are asked of. In logs and answers all are called [`NAME`].
pub(crate) struct Source {
    pub(crate) peer: Arc<dyn Peer>,
    pub(crate) target: String,
    pub(crate) timeout: Duration,
    pub(crate) kind: Kind,
}

/// What the target is.
pub(crate) enum Kind {
    /// A JWK set.
    Set,
    /// The metadata of this issuer, which names the set.
    Metadata { issuer: String, dial: Arc<dyn Dial> },
}

/// A set that was fetched.
pub(crate) struct Got {
    pub(crate) set: KeySet,
    /// Of the document: the same one holds the same keys.
    pub(crate) digest: [u8; 32],
}

/// The name of those who are asked for keys.
pub(crate) const NAME: &str = "jwks";

/// What of an issuer's metadata is looked at (RFC 8414 §2).
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

impl Source {
    /// The keys of today; or why there are none, in words for operators.
    pub(crate) async fn fetch(&self, local: Rc<Local>) -> Result<Got, String> {
        match &self.kind {
            Kind::Set => self.set(&self.peer, self.target.clone(), &local).await,
            Kind::Metadata { issuer, dial } => {
                let document = self.get(&self.peer, self.target.clone(), MAX_METADATA, &local).await?;
                let url = set_url(&document, issuer)?;
                let (peer, target) = dial
                    .dial(NAME, &url)
                    .map_err(|error| format!("its `jwks_uri` cannot be asked: {error}"))?;
                self.set(&peer, target, &local).await
            }
        }
    }

    async fn set(&self, peer: &Arc<dyn Peer>, target: String, local: &Local) -> Result<Got, String> {
        let document = self.get(peer, target, MAX_SET, local).await?;
        Ok(Got { set: usable(&document)?, digest: Sha256::digest(&document).into() })
    }

    async fn get(
        &self,
        peer: &Arc<dyn Peer>,
        target: String,
        max: usize,
        local: &Local,
    ) -> Result<Vec<u8>, String> {
        let headers = vec![("Accept".to_owned(), b"application/jwk-set+json, application/json".to_vec())];
        let ask = Ask { method: "GET", target, headers, body: Vec::new(), timeout: self.timeout, max };
        let answered = Arc::clone(peer).ask(local, ask).await.map_err(|error| error.to_string())?;
        match answered.head.view().status() {
            200 => Ok(answered.body),
            status => Err(format!("the answer is {status}")),
        }
    }
}

/// The keys of a set that may verify tokens. A secret that anybody can fetch is none.
fn usable(document: &[u8]) -> Result<KeySet, String> {
    let (mut set, skipped) = KeySet::from_jwks(document).map_err(|error| error.to_string())?;
    set.retain(|key| key.family() != Family::Secret);
    if !set.is_empty() {
        return Ok(set);
    }
    Err(match skipped.first() {
        Some(first) => format!("none of its keys can be used; of the first: {}", first.why),
        None => "it holds no public key".to_owned(),
    })
}

/// Where the metadata says that the keys are.
fn set_url(document: &[u8], issuer: &str) -> Result<String, String> {
    let metadata: Metadata = serde_json::from_slice(document)
        .map_err(|_| "the metadata has no `issuer` and `jwks_uri`".to_owned())?;
    if metadata.issuer != issuer {
        // OpenID Connect Discovery 1.0 §4.3: it must be the very same.
        return Err("the metadata is that of another issuer".to_owned());
    }
    if issuer.starts_with("https:") && !metadata.jwks_uri.starts_with("https:") {
        return Err("its `jwks_uri` does not begin with `https`".to_owned());
    }
    Ok(metadata.jwks_uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_tells_of_the_issuer_that_was_asked_and_of_keys_as_safe_as_itself() {
        let issuer = "https://id.example";
        for (document, want) in [
            (
                r#"{"issuer":"https://id.example","jwks_uri":"https://keys.example/k"}"#,
                Ok("https://keys.example/k"),
            ),
            (
                r#"{"issuer":"https://id.example/","jwks_uri":"https://keys.example/k"}"#,
                Err("another issuer"),
            ),
            (r#"{"issuer":"https://id.example","jwks_uri":"http://keys.example/k"}"#, Err("`https`")),
            (r#"{"issuer":"https://id.example"}"#, Err("no `issuer` and `jwks_uri`")),
            ("<html>", Err("no `issuer` and `jwks_uri`")),
        ] {
            match (set_url(document.as_bytes(), issuer), want) {
                (Ok(url), Ok(want)) => assert_eq!(url, want),
                (Err(error), Err(want)) => assert!(error.contains(want), "{document}: {error}"),
                (got, _) => panic!("{document}: {got:?}"),
            }
        }
    }

    #[test]
    fn a_secret_that_anybody_can_fetch_verifies_nothing() {
        let secret =
            br#"{"keys":[{"kty":"oct","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U","alg":"HS256"}]}"#;
        assert_eq!(usable(secret).unwrap_err(), "it holds no public key");
        let odd = usable(br#"{"keys":[{"kty":"PQ"}]}"#).unwrap_err();
        assert!(odd.contains("none of its keys can be used"), "{odd}");
        assert!(usable(b"{\"keys\":[]}").is_err() && usable(b"<html>").is_err());
    }
}
