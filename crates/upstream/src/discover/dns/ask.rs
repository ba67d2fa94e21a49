//! Questions to the resolver, and what its answers mean.

use std::net::IpAddr;

use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{RData, Record, RecordType};
use hickory_resolver::{Resolver, TokioResolver};
use tokio::task::JoinSet;

use super::answers::{Got, Service};
use super::{DnsConfig, Family};
use crate::discover::MOST;

/// A resolver by the settings, or by those of the system.
pub(super) fn resolver(settings: &DnsConfig) -> Result<TokioResolver, String> {
    let unusable = |error: NetError| format!("the system's resolver settings cannot be used: {error}");
    let mut builder = if settings.resolver.is_empty() {
        Resolver::builder_tokio().map_err(unusable)?
    } else {
        let servers = settings.resolver.iter().map(|server| {
            // A long answer comes by TCP.
            let mut config = NameServerConfig::udp_and_tcp(server.ip());
            config.connections.iter_mut().for_each(|connection| connection.port = server.port());
            config
        });
        let config = ResolverConfig::from_name_servers(servers.collect());
        let mut builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
        builder.options_mut().use_hosts_file = ResolveHosts::Never;
        builder
    };
    let options = builder.options_mut();
    options.timeout = settings.timeout.as_duration();
    options.attempts = 1;
    // Without names in between their time to live would not count.
    options.preserve_intermediates = true;
    builder.build().map_err(unusable)
}

/// Asks several questions at once.
pub(super) async fn addresses(
    resolver: &TokioResolver,
    questions: &[(String, Family)],
) -> Vec<((String, Family), Got<IpAddr>)> {
    let mut asking = JoinSet::new();
    for question in questions.iter().cloned() {
        let resolver = resolver.clone();
        asking.spawn(async move {
            let kind = match question.1 {
                Family::V4 => RecordType::A,
                Family::V6 => RecordType::AAAA,
            };
            let got = ask(&resolver, &question.0, kind, |data| match data {
                RData::A(a) => Some(a.0.into()),
                RData::AAAA(aaaa) => Some(aaaa.0.into()),
                _ => None,
            });
            let got = got.await;
            (question, got)
        });
    }
    asking.join_all().await
}

/// The services that SRV records of a name tell of.
pub(super) async fn services(resolver: &TokioResolver, name: &str) -> Got<Service> {
    ask(resolver, name, RecordType::SRV, |data| match data {
        RData::SRV(srv) => {
            let target = srv.target.to_ascii();
            let target = target.strip_suffix('.').unwrap_or(&target).to_owned();
            Some(Service { priority: srv.priority, weight: srv.weight, port: srv.port, target })
        }
        _ => None,
    })
    .await
}

async fn ask<T>(
    resolver: &TokioResolver,
    name: &str,
    kind: RecordType,
    what: impl Fn(&RData) -> Option<T>,
) -> Got<T> {
    match resolver.lookup(name, kind).await {
        Ok(lookup) => understood(lookup.answers(), name, kind, what),
        Err(error) => failure(&error, name, kind),
    }
}

fn understood<T>(
    records: &[Record],
    name: &str,
    kind: RecordType,
    what: impl Fn(&RData) -> Option<T>,
) -> Got<T> {
    let ttl = records.iter().map(|record| record.ttl).min().unwrap_or(0);
    let found: Vec<_> = records.iter().filter_map(|record| what(&record.data)).take(MOST + 1).collect();
    if found.is_empty() {
        return Got::Nothing(ttl, format!("`{name}` has no {kind} records"));
    }
    Got::There(found, ttl)
}

/// Whether somebody has said that there is nothing, or nobody has said anything.
fn failure<T>(error: &NetError, name: &str, kind: RecordType) -> Got<T> {
    let NetError::Dns(DnsError::NoRecordsFound(nothing)) = error else {
        return Got::Failed(format!("{kind} of `{name}`: {error}"));
    };
    let ttl = nothing.negative_ttl.unwrap_or(0);
    match nothing.response_code {
        ResponseCode::NoError => Got::Nothing(ttl, format!("`{name}` has no {kind} records")),
        ResponseCode::NXDomain => Got::Nothing(ttl, format!("`{name}` does not exist")),
        code => Got::Failed(format!("{kind} of `{name}`: {code}")),
    }
}
