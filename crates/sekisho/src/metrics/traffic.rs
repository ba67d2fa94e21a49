//! Requests and connections.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use prometheus_client::encoding::DescriptorEncoder;
use sekisho_gateway::{Cell, Site, WorkerMeter};

use super::family::{self, Durations, Labels};
use super::plans;
use crate::server::State;

/// What stands for methods that are not standard, and for the answers beyond those that a route counts apart.
const OTHER: &str = "OTHER";

/// Counts of one kind of answer of one route. Routes of one pattern (they differ by host, method or header) are one here.
struct Row<'a> {
    service: &'a str,
    route: &'a str,
    method: &'static str,
    status: String,
    counted: Durations,
}

/// Writes the families.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, site: &Site, state: &State) -> fmt::Result {
    let rows = rows(site);
    requests(encoder, &rows)?;
    durations(encoder, &rows)?;
    let last_minute = state.throughput.lock().unwrap_or_else(PoisonError::into_inner).last_minute();
    family::gauge(encoder, ("gateway_throughput", "Requests over the last minute."), [([], last_minute)])?;
    connections(encoder, state)?;
    let dropped = state.sinks.stats();
    let dropped = dropped.iter().map(|sink| ([("to", sink.to.as_str())], sink.dropped));
    let about =
        ("gateway_access_log_dropped", "Lines of the access log that a blocked or failed destination lost.");
    family::counter(encoder, about, dropped)
}

fn rows(site: &Site) -> Vec<Row<'_>> {
    let mut merged: BTreeMap<(&str, &str, &str, u16), Durations> = BTreeMap::new();
    for plan in plans(site) {
        for cell in plan.meter.read() {
            let method = cell.method.map_or(OTHER, sekisho_wire::Method::as_str);
            merged.entry((plan.service_name(), &plan.route, method, cell.status)).or_default().add(&cell);
        }
    }
    let row = |((service, route, method, status), counted)| {
        let status = if status == 0 { OTHER.to_owned() } else { u16::to_string(&status) };
        Row { service, route, method, status, counted }
    };
    merged.into_iter().map(row).collect()
}

impl Durations {
    fn add(&mut self, cell: &Cell) {
        self.merge(&Self { buckets: cell.buckets, seconds: cell.seconds });
    }

    fn merge(&mut self, other: &Self) {
        for (sum, bucket) in self.buckets.iter_mut().zip(other.buckets) {
            *sum += bucket;
        }
        self.seconds += other.seconds;
    }

    fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

impl Row<'_> {
    /// Whose mistake the answer tells of, if of one.
    fn error(&self) -> Option<&'static str> {
        match self.status.as_bytes() {
            [b'4', ..] => Some("client"),
            [b'5', ..] => Some("server"),
            _ => None,
        }
    }
}

fn requests(encoder: &mut DescriptorEncoder<'_>, rows: &[Row<'_>]) -> fmt::Result {
    let all = rows.iter().map(|row| {
        let labels: Labels<'_, 4> =
            [("service", row.service), ("route", row.route), ("method", row.method), ("status", &row.status)];
        (labels, row.counted.count())
    });
    family::counter(encoder, ("gateway_requests", "Requests answered."), all)?;
    let mut errors: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
    for row in rows {
        if let Some(error) = row.error() {
            *errors.entry((row.service, row.route, error)).or_default() += row.counted.count();
        }
    }
    let errors = errors.into_iter().map(|((service, route, error), count)| {
        ([("service", service), ("route", route), ("type", error)], count)
    });
    family::counter(
        encoder,
        ("gateway_errors", "Requests answered with an error, the client's (4xx) or the server's (5xx)."),
        errors,
    )
}

fn durations(encoder: &mut DescriptorEncoder<'_>, rows: &[Row<'_>]) -> fmt::Result {
    let mut by_route: BTreeMap<(&str, &str), Durations> = BTreeMap::new();
    let mut by_answer: BTreeMap<(&str, &str, &str), Durations> = BTreeMap::new();
    for row in rows {
        by_route.entry((row.service, row.route)).or_default().merge(&row.counted);
        by_answer.entry((row.method, &row.status, row.route)).or_default().merge(&row.counted);
    }
    let by_route = by_route
        .into_iter()
        .map(|((service, route), counted)| ([("service", service), ("route", route)], counted));
    let about = "From a request's first byte to its answer's last, in seconds.";
    family::histogram(encoder, ("gateway_request_duration_seconds", about), by_route)?;
    let by_answer = by_answer.into_iter().map(|((method, status, route), counted)| {
        let labels: Labels<'_, 4> = [
            ("http_request_method", if method == OTHER { "_OTHER" } else { method }),
            ("http_response_status_code", status),
            ("http_route", route),
            ("url_scheme", "http"),
        ];
        (labels, counted)
    });
    family::histogram(
        encoder,
        ("http_server_request_duration_seconds", "The same, by OpenTelemetry's names."),
        by_answer,
    )
}

fn connections(encoder: &mut DescriptorEncoder<'_>, state: &State) -> fmt::Result {
    let sum = |of: fn(&WorkerMeter) -> &AtomicU64| {
        state.workers.iter().map(|meter| of(meter).load(Relaxed)).sum::<u64>()
    };
    let active = sum(|meter| &meter.active);
    family::gauge(encoder, ("http_server_active_requests", "Requests under way."), [([], active)])?;
    let open = sum(|meter| &meter.connections);
    family::gauge(encoder, ("gateway_connections", "Client connections open."), [([], open)])?;
    let (accepted, refused) = (sum(|meter| &meter.accepted), state.refused.load(Relaxed));
    family::untyped_total(
        encoder,
        (
            "gateway_connections_total",
            "Client connections taken, and turned away because too many were open.",
        ),
        [([("result", "accepted")], accepted), ([("result", "refused")], refused)],
    )
}
