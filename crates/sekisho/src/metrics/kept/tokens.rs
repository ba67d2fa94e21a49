//! What is remembered of tokens, and the keys that are fetched to verify them; without such policies there is no row.

use std::fmt;

use prometheus_client::encoding::DescriptorEncoder;
use sekisho_policies::{Counts, Kept, jwt};

use super::family;

/// Writes the families.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, kept: &Kept) -> fmt::Result {
    let remembered = kept.all::<jwt::Remembered>();
    let counts = remembered.iter().map(|(_, tokens)| tokens.counts()).reduce(Counts::and);
    let looks = counts.iter().flat_map(|counts| {
        [("hit", counts.hits), ("miss", counts.misses)].map(|(result, count)| ([("result", result)], count))
    });
    let about = "Looks at remembered tokens: one was there, or one had to be verified.";
    family::counter(encoder, ("gateway_jwt_cache", about), looks)?;
    let entries = counts.iter().map(|counts| ([], counts.entries));
    family::gauge::<_, 0>(encoder, ("gateway_jwt_remembered", "Tokens that are remembered."), entries)?;
    let remotes = kept.all::<jwt::Remote>();
    let fetched: Vec<_> = remotes.iter().map(|(_, remote)| (remote.about(), remote.fetches())).collect();
    let fetches = fetched.iter().flat_map(|(url, fetches)| {
        [("good", fetches.good), ("failed", fetches.failed)]
            .map(|(result, count)| ([("url", *url), ("result", result)], count))
    });
    family::counter(encoder, ("gateway_jwks_fetches", "Fetches of an issuer's keys."), fetches)?;
    let keys = fetched.iter().map(|(url, fetches)| ([("url", *url)], fetches.keys as u64));
    family::gauge(encoder, ("gateway_jwks_keys", "Keys of an issuer that are in force."), keys)
}
