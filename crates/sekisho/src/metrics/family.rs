//! Writing a family: its name, and a row for each set of labels.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, NoLabelSet};
use prometheus_client::metrics::MetricType;
use sekisho_gateway::BOUNDS;

/// Labels of one row: names and values.
pub(super) type Labels<'a, const N: usize> = [(&'static str, &'a str); N];

/// A counter; the samples' names get `_total`.
pub(super) fn counter<'a, V: EncodeCounterValue, const N: usize>(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help): (&str, &str),
    rows: impl IntoIterator<Item = (Labels<'a, N>, V)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, value) in rows {
        // An empty set of labels would be written as `{}`.
        if N == 0 {
            family.encode_counter::<NoLabelSet, V, u64>(&value, None)?;
        } else {
            family.encode_family(&labels)?.encode_counter::<NoLabelSet, V, u64>(&value, None)?;
        }
    }
    Ok(())
}

/// A gauge.
pub(super) fn gauge<'a, V: EncodeGaugeValue, const N: usize>(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help): (&str, &str),
    rows: impl IntoIterator<Item = (Labels<'a, N>, V)>,
) -> fmt::Result {
    numbers(encoder, (name, help), MetricType::Gauge, rows)
}

/// A counter whose name without `_total` is taken by a gauge, as OpenMetrics does not allow: it is written with its whole
/// name and without a type, which reads the same.
pub(super) fn untyped_total<'a, const N: usize>(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help): (&str, &str),
    rows: impl IntoIterator<Item = (Labels<'a, N>, u64)>,
) -> fmt::Result {
    numbers(encoder, (name, help), MetricType::Unknown, rows)
}

fn numbers<'a, V: EncodeGaugeValue, const N: usize>(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help): (&str, &str),
    kind: MetricType,
    rows: impl IntoIterator<Item = (Labels<'a, N>, V)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, kind)?;
    for (labels, value) in rows {
        if N == 0 {
            family.encode_gauge(&value)?;
        } else {
            family.encode_family(&labels)?.encode_gauge(&value)?;
        }
    }
    Ok(())
}

/// Durations by the bounds that the workers count with.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Durations {
    /// Each bucket by itself, the last one above all bounds.
    pub(super) buckets: [u64; 17],
    /// Their sum in seconds.
    pub(super) seconds: f64,
}

/// A histogram of durations.
pub(super) fn histogram<'a, const N: usize>(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help): (&str, &str),
    rows: impl IntoIterator<Item = (Labels<'a, N>, Durations)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
    for (labels, durations) in rows {
        let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(durations.buckets).collect();
        let count = durations.buckets.iter().sum();
        family.encode_family(&labels)?.encode_histogram::<NoLabelSet>(
            durations.seconds,
            count,
            &buckets,
            None,
        )?;
    }
    Ok(())
}
