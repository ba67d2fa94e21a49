//! What became of alerts, by the channels of the configuration in force; without one there is no row.

use std::fmt;

use prometheus_client::encoding::DescriptorEncoder;

use super::family;
use crate::alerts::Alerts;

/// Writes the families.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, alerts: &Alerts) -> fmt::Result {
    let tallies = alerts.tallies();
    let results = tallies.iter().flat_map(|(channel, tally)| {
        tally.results.map(|(result, count)| ([("channel", &**channel), ("result", result)], count))
    });
    let about = "Alerts, by what became of them: sent, failed for good, suppressed beyond the rate, folded into another, or dropped.";
    family::counter(encoder, ("gateway_alerts", about), results)?;
    let queued = tallies.iter().map(|(channel, tally)| ([("channel", &**channel)], tally.queued));
    family::gauge(encoder, ("gateway_alerts_queued", "Alerts that wait to be told."), queued)
}
