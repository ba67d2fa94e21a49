//! What stored answers did and take, over all routes; without the policy there is no row.

use std::collections::BTreeMap;
use std::fmt;

use prometheus_client::encoding::DescriptorEncoder;
use sekisho_policies::Kept;
use sekisho_policies::cache::{Cached, Filled, Shared, Tally};

use super::family;

/// Writes the families.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, kept: &Kept) -> fmt::Result {
    let all = kept.all::<Cached>();
    let tally = all.iter().map(|(_, cached)| cached.tally()).reduce(Tally::and);
    let filled = all.iter().map(|(_, cached)| cached.filled()).reduce(Filled::and);
    let rows = tally.iter().flat_map(|tally| tally.requests);
    let rows = rows.map(|(word, count)| ([("result", word)], count));
    let about = "Requests on routes with a cache, by what it did for them, as in X-Cache.";
    family::counter(encoder, ("gateway_cache_requests", about), rows)?;
    let ratio = tally.iter().filter_map(Tally::hit_ratio).map(|ratio| ([], ratio));
    let about = "Share of these requests but for those that bypassed it which a stored answer served.";
    family::gauge::<_, 0>(encoder, ("gateway_cache_hit_ratio", about), ratio)?;
    let results = |tally: &Tally| [("stored", tally.stored), ("dropped", tally.dropped)];
    let rows = tally.iter().flat_map(results).map(|(result, count)| ([("result", result)], count));
    let about = "Answers that came in to be stored: they were, or were not, as they were purged or invalidated before, or the shared store failed.";
    family::counter(encoder, ("gateway_cache_fills", about), rows)?;
    let rows = tally.iter().map(|tally| ([], tally.renewed));
    let about = "Stale answers that were asked for again while they were sent.";
    family::counter::<_, 0>(encoder, ("gateway_cache_renewals", about), rows)?;
    let shared = kept.all::<Shared>();
    let mut failures: BTreeMap<_, u64> = BTreeMap::new();
    for (reason, count) in shared.iter().flat_map(|(_, shared)| shared.failures()) {
        *failures.entry(reason).or_default() += count;
    }
    let rows = failures.into_iter().map(|(reason, count)| ([("reason", reason)], count));
    let about = "What the store of answers that gateways share was asked for and did not do.";
    family::counter(encoder, ("gateway_cache_store_errors", about), rows)?;
    let garbage = shared.iter().map(|(_, shared)| shared.garbage()).reduce(|one, two| one + two);
    let about = "What was found there under names of answers and is none.";
    family::counter::<_, 0>(
        encoder,
        ("gateway_cache_store_garbage", about),
        garbage.map(|count| ([], count)),
    )?;
    for (name, about, of) in [
        (
            "gateway_cache_bytes",
            "Bytes that stored answers take.",
            (|filled| filled.bytes) as fn(&Filled) -> u64,
        ),
        ("gateway_cache_bytes_max", "Bytes that they may take.", |filled| filled.most),
        ("gateway_cache_keys", "Keys of stored answers.", |filled| filled.keys),
    ] {
        family::gauge::<_, 0>(encoder, (name, about), filled.iter().map(|filled| ([], of(filled))))?;
    }
    Ok(())
}
