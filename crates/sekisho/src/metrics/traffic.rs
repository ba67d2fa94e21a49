//! Requests and connections.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use prometheus_client::encoding::DescriptorEncoder;
use sekisho_gateway::{Cell, Handshake, Site, WorkerMeter};

use super::family::{self, Durations, Labels};
use super::plans;
use crate::server::{Outcome, State};

/// What stands for methods that are not standard, and for the answers beyond those that a route counts apart.
const OTHER: &str = "OTHER";

/// Counts of one kind of answer of one route. Routes of one pattern (they differ by host, method or header) are one here.
struct Row<'a> {
    service: &'a str,
    route: &'a str,
    method: &'static str,
    status: String,
    scheme: &'static str,
    counted: Durations,
}

/// Writes the families.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, site: &Site, state: &State) -> fmt::Result {
    let rows = rows(site);
    requests(encoder, &rows)?;
    versions(encoder, site)?;
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
    let mut merged: BTreeMap<(&str, &str, &str, u16, &str), Durations> = BTreeMap::new();
    for plan in plans(site) {
        for cell in plan.meter.read() {
            let method = cell.method.map_or(OTHER, sekisho_wire::Method::as_str);
            let key = (plan.service_name(), &*plan.route, method, cell.status, cell.scheme.as_str());
            merged.entry(key).or_default().add(&cell);
        }
    }
    let row = |((service, route, method, status, scheme), counted)| {
        let status = if status == 0 { OTHER.to_owned() } else { u16::to_string(&status) };
        Row { service, route, method, status, scheme, counted }
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
    let mut all: BTreeMap<(&str, &str, &str, &str), u64> = BTreeMap::new();
    for row in rows {
        *all.entry((row.service, row.route, row.method, &row.status)).or_default() += row.counted.count();
    }
    let all = all.into_iter().map(|((service, route, method, status), count)| {
        ([("service", service), ("route", route), ("method", method), ("status", status)], count)
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

/// Of routes with versions. The labels are those of the configuration, whatever clients ask for.
fn versions(encoder: &mut DescriptorEncoder<'_>, site: &Site) -> fmt::Result {
    let mut all: BTreeMap<(&str, &str, String), u64> = BTreeMap::new();
    for plan in plans(site) {
        let Some(edition) = &plan.edition else { continue };
        let version = if edition.name.is_empty() { "unsupported" } else { &*edition.name };
        for cell in plan.meter.read() {
            let status = if cell.status == 0 { OTHER.to_owned() } else { cell.status.to_string() };
            *all.entry((&plan.route, version, status)).or_default() += cell.count();
        }
    }
    let all = all.iter().map(|((route, version, status), count)| {
        ([("route", *route), ("version", *version), ("status", status)], *count)
    });
    let about = "Requests answered on routes with versions, by the version that they meant.";
    family::counter(encoder, ("gateway_version_requests", about), all)
}

fn durations(encoder: &mut DescriptorEncoder<'_>, rows: &[Row<'_>]) -> fmt::Result {
    let mut by_route: BTreeMap<(&str, &str), Durations> = BTreeMap::new();
    let mut by_answer: BTreeMap<(&str, &str, &str, &str), Durations> = BTreeMap::new();
    for row in rows {
        by_route.entry((row.service, row.route)).or_default().merge(&row.counted);
        by_answer.entry((row.method, &row.status, row.route, row.scheme)).or_default().merge(&row.counted);
    }
    let by_route = by_route
        .into_iter()
        .map(|((service, route), counted)| ([("service", service), ("route", route)], counted));
    let about = "From a request's first byte to its answer's last, in seconds.";
    family::histogram(encoder, ("gateway_request_duration_seconds", about), by_route)?;
    let by_answer = by_answer.into_iter().map(|((method, status, route, scheme), counted)| {
        let labels: Labels<'_, 4> = [
            ("http_request_method", if method == OTHER { "_OTHER" } else { method }),
            ("http_response_status_code", status),
            ("http_route", route),
            ("url_scheme", scheme),
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
    let unproxied = sum(|meter| &meter.proxy_refused);
    let about = "Client connections: taken, turned away because too many were open, and, of those taken, refused for their PROXY header.";
    let results = [("accepted", accepted), ("refused", refused), ("proxy_header_refused", unproxied)];
    let rows = results.map(|(result, count)| ([("result", result)], count));
    family::untyped_total(encoder, ("gateway_connections_total", about), rows)?;
    handshakes(encoder, state)
}

fn handshakes(encoder: &mut DescriptorEncoder<'_>, state: &State) -> fmt::Result {
    let count = |index: usize| state.workers.iter().map(|meter| meter.handshakes[index].load(Relaxed)).sum();
    let rows = Handshake::ALL.map(|ended| ([("result", ended.as_str())], count(ended as usize)));
    family::counter::<u64, 1>(
        encoder,
        ("gateway_tls_handshakes", "TLS handshakes with clients, by how they ended."),
        rows,
    )
}

/// Of each certificate, by the first of its names, when it expires; and what came of reloads.
pub(super) fn configuration(encoder: &mut DescriptorEncoder<'_>, site: &Site, state: &State) -> fmt::Result {
    let mut expiries: BTreeMap<&str, u64> = BTreeMap::new();
    for certificate in
        site.settings.listen.iter().filter_map(|one| one.tls.as_ref()).flat_map(|tls| &tls.certificates)
    {
        let name = certificate.names.first().map_or("", |name| name);
        let expiry = certificate.not_after.as_millis() / 1000;
        // Of several for one name, the one that expires first.
        expiries.entry(name).and_modify(|known| *known = expiry.min(*known)).or_insert(expiry);
    }
    let about = "When a certificate expires, in seconds since 1970.";
    let rows = expiries.into_iter().map(|(name, expiry)| ([("name", name)], expiry));
    family::gauge(encoder, ("gateway_certificate_expiry_seconds", about), rows)?;
    let reloads = &state.reloads;
    let results = [("applied", reloads.applied.load(Relaxed)), ("refused", reloads.refused.load(Relaxed))];
    let rows = results.map(|(result, count)| ([("result", result)], count));
    family::counter(encoder, ("gateway_reloads", "Reloads of the configuration."), rows)?;
    let about = "Configurations in memory: the one in force, and those before it that requests still go by.";
    family::gauge(encoder, ("gateway_configurations", about), [([], state.configurations() as u64)])?;
    let good = state.reloads.last().is_none_or(|last| !matches!(last.outcome, Outcome::Refused(_)));
    let about = "Whether the configuration as it stands in its file is in force.";
    family::gauge(encoder, ("gateway_configuration_in_force", about), [([], u64::from(good))])
}
