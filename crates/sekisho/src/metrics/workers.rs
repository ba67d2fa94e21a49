//! What holds workers, by worker.

use std::fmt;

use prometheus_client::encoding::DescriptorEncoder;

use super::family::{self, Durations};
use crate::server::State;

/// Writes the families.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, state: &State) -> fmt::Result {
    let workers: Vec<_> = (0..).map(|index| u64::to_string(&index)).zip(&state.workers).collect();
    let stalls: Vec<_> =
        workers.iter().map(|(worker, meter)| ([("worker", worker.as_str())], meter.stalls.read())).collect();
    let counted = stalls.iter().map(|(labels, stalls)| {
        (*labels, Durations { buckets: stalls.buckets, seconds: stalls.total.as_secs_f64() })
    });
    let about = "Processor time for which one piece of work held a worker and all its other connections, in seconds; \
                 only what took 0.25 ms or longer.";
    family::histogram(encoder, ("gateway_worker_stall_seconds", about), counted)?;
    let longest = stalls.iter().map(|(labels, stalls)| (*labels, stalls.longest.as_secs_f64()));
    let about = "The longest of them since the start.";
    family::gauge(encoder, ("gateway_worker_longest_stall_seconds", about), longest)
}
