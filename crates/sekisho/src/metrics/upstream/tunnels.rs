//! Connections that have changed protocols, by service; services without any have no row.

use std::fmt;

use prometheus_client::encoding::DescriptorEncoder;
use sekisho_gateway::Site;

use super::family;

/// Writes the families.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, site: &Site) -> fmt::Result {
    let had = site.services.iter().map(|service| (&*service.name, &service.tunnels.meter));
    let had: Vec<_> =
        had.filter(|(_, meter)| meter.open() > 0 || meter.ended().any(|(_, count)| count > 0)).collect();
    let open = had.iter().map(|(service, meter)| ([("service", *service)], meter.open()));
    family::gauge(encoder, ("gateway_tunnels", "Tunnels open, such as WebSockets."), open)?;
    let ended = had.iter().flat_map(|(service, meter)| {
        meter.ended().map(|(ending, count)| ([("service", *service), ("ending", ending)], count))
    });
    family::untyped_total(encoder, ("gateway_tunnels_total", "Tunnels that have ended, by how."), ended)?;
    let bytes = had.iter().flat_map(|(service, meter)| {
        let (to_service, to_client) = meter.bytes();
        [("to_service", to_service), ("to_client", to_client)]
            .map(|(direction, bytes)| ([("service", *service), ("direction", direction)], bytes))
    });
    family::counter(encoder, ("gateway_tunnel_bytes", "Bytes through tunnels."), bytes)
}
