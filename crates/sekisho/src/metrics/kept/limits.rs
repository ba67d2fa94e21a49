//! The store in which limits are counted; rows about a server only where there is one. What limits decided is among the policies'
//! decisions.

use std::fmt;

use prometheus_client::encoding::DescriptorEncoder;
use sekisho_store::Store;
use sekisho_store::redis::{Link, Presence};

use super::family;

/// Writes the families.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, store: &Store) -> fmt::Result {
    let tally = store.tally();
    let one = |count: usize| [([], count as u64)];
    let about = "Counts of limits in this process.";
    family::gauge::<_, 0>(encoder, ("gateway_store_entries", about), one(tally.entries))?;
    let about = "Memory that counts of limits take in this process.";
    family::gauge::<_, 0>(encoder, ("gateway_store_bytes", about), one(tally.bytes))?;
    let about = "Counts of limits that made room for others before their time was over.";
    family::counter::<_, 0>(encoder, ("gateway_store_evicted", about), [([], tally.evicted)])?;

    let up = store.link().map(|link| u64::from(!matches!(*link.presence().borrow(), Presence::Gone(_))));
    let about = "Whether the shared store is there; 1 as well where nobody has needed it yet.";
    family::gauge::<_, 0>(encoder, ("gateway_store_up", about), up.map(|up| ([], up)))?;
    let changes = store.link().map(Link::changes);
    let changes = changes.into_iter().flat_map(|(away, back)| [("away", away), ("back", back)]);
    let rows = changes.map(|(change, count)| ([("change", change)], count));
    family::counter(encoder, ("gateway_store_changes", "How often the shared store went and came."), rows)?;
    let rows = store.rulings().into_iter().flatten().map(|(by, count)| ([("by", by)], count));
    let about = "Decisions of limits by the shared store, and what was done instead while it was away.";
    family::counter(encoder, ("gateway_store_decisions", about), rows)?;
    let rows = store.failures().into_iter().flatten().map(|(reason, count)| ([("reason", reason)], count));
    let about = "Decisions of limits that the shared store was to make and did not.";
    family::counter(encoder, ("gateway_store_errors", about), rows)
}
