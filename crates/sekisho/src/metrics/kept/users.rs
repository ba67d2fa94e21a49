//! What policies remember of users, over all routes; without such policies there is no row.

use std::fmt;

use prometheus_client::encoding::DescriptorEncoder;
use sekisho_policies::{Counts, Kept, forward_auth, user_lookup};

use super::family;

/// Writes the families.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, kept: &Kept) -> fmt::Result {
    let sum = |counts: Vec<Counts>| counts.into_iter().reduce(Counts::and);
    let users = kept.all::<user_lookup::Users>();
    let users = sum(users.iter().map(|(_, users)| users.counts()).collect());
    let known = kept.all::<forward_auth::Known>();
    let known = sum(known.iter().map(|(_, known)| known.counts()).collect());
    let rows = users.iter().flat_map(|counts| {
        [("hit", counts.hits), ("miss", counts.misses), ("joined", counts.joined)]
            .map(|(result, count)| ([("result", result)], count))
    });
    let about =
        "Looks at remembered users: one was there, one had to be asked for, or was being asked for already.";
    family::counter(encoder, ("gateway_user_lookup_cache", about), rows)?;
    let failed = users.iter().map(|counts| ([], counts.failed));
    let about = "Questions about users that the service did not answer, or not clearly.";
    family::counter::<_, 0>(encoder, ("gateway_user_lookup_failures", about), failed)?;
    let rows = known.iter().flat_map(|counts| {
        [("hit", counts.hits), ("miss", counts.misses)].map(|(result, count)| ([("result", result)], count))
    });
    let about = "Looks at remembered answers of `forward_auth`, where it remembers any.";
    family::counter(encoder, ("gateway_forward_auth_cache", about), rows)?;
    let policies = [("user_lookup", users), ("forward_auth", known)];
    let counts = policies.into_iter().filter_map(|(policy, counts)| Some(([("policy", policy)], counts?)));
    let counts: Vec<_> = counts.collect();
    let entries = counts.iter().map(|(labels, counts)| (*labels, counts.entries));
    family::gauge(encoder, ("gateway_remembered_users", "Entries that policies remember."), entries)?;
    let evicted = counts.iter().map(|(labels, counts)| (*labels, counts.evicted));
    let about = "Entries that made room for others.";
    family::counter(encoder, ("gateway_remembered_users_evicted", about), evicted)
}
