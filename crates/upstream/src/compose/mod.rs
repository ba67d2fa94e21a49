//! The request's head as the service sees it.

mod deadline;

use std::sync::Arc;

use sekisho_exchange::Exchange;
use sekisho_wire::{
    Framing, HeadView, Known, KnownSet, Skip, Version, hop_by_hop, odd_spellings, write_request_line,
};

pub(crate) use self::deadline::Telling;
use crate::fleet::Endpoint;
use crate::service::Service;

/// Identity headers: only the gateway may send them, so a client's own never pass.
const IDENTITY: KnownSet =
    KnownSet::of(&[Known::XUserId, Known::XUserEmail, Known::XUserRoles, Known::XUserPermissions]);

/// Names whose lines of the client never pass: the gateway's own `Host` is there already.
const REPLACED: KnownSet = IDENTITY.with(Known::Host);

/// Names that a service trusts because the gateway sets or checks them: another spelling of one must not pass either.
const PROTECTED: KnownSet = IDENTITY.union(KnownSet::of(&[
    Known::Host,
    Known::ContentLength,
    Known::ContentEncoding,
    Known::TransferEncoding,
    Known::Connection,
    Known::Authorization,
    Known::Cookie,
    Known::XRequestId,
    Known::XCorrelationId,
    Known::XClientIp,
    Known::XRealIp,
    Known::XForwardedFor,
    Known::XForwardedProto,
    Known::XForwardedHost,
    Known::XForwardedPort,
    Known::XGatewayTimestamp,
    Known::XRequestDeadline,
    Known::Forwarded,
    Known::Via,
]));

/// Writes the whole head for `endpoint` to `out`.
pub(crate) fn compose(
    exchange: &Exchange<'_>,
    service: &Service,
    endpoint: &Arc<Endpoint>,
    out: &mut Vec<u8>,
) {
    let view = exchange.head;
    let ask = &exchange.to_ask;
    write_request_line(
        out,
        view.method_bytes(),
        ask.path.as_bytes(),
        ask.query.as_deref().map(str::as_bytes),
    );
    let host =
        if service.preserve_host && !exchange.host.is_empty() { exchange.host } else { &endpoint.host };
    out.extend_from_slice(b"Host: ");
    out.extend_from_slice(host.as_bytes());
    out.extend_from_slice(b"\r\n");
    let protected = service.deadline.as_ref().map_or("", Telling::header);
    exchange.to_service.write(view, left_behind(view, &[protected]), out);
    if exchange.body == Framing::Chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    if !exchange.to_offer.is_empty() {
        out.extend_from_slice(b"Connection: upgrade\r\nUpgrade: ");
        out.extend_from_slice(&exchange.to_offer);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// Whether it is a header that tells services who the user is.
pub(crate) fn is_identity(name: &str) -> bool {
    IDENTITY.contains(Known::of(name.as_bytes()))
}

/// The header lines that a service sees, but those that name it or delimit the body.
pub(crate) fn lines(exchange: &Exchange<'_>) -> Vec<(String, Vec<u8>)> {
    let mut out = Vec::new();
    exchange.to_service.write(exchange.head, left_behind(exchange.head, &[]), &mut out);
    let lines = out.split(|byte| *byte == b'\n').filter_map(|line| {
        let line = line.strip_suffix(b"\r")?;
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = std::str::from_utf8(&line[..colon]).ok()?;
        Some((name.to_owned(), line[colon + 1..].trim_ascii().to_vec()))
    });
    let delimits = |name: &str| matches!(Known::of(name.as_bytes()), Known::ContentLength | Known::Expect);
    lines.filter(|(name, _)| !delimits(name)).collect()
}

/// The client's lines that the service does not see; `protected` are further names of which no other spelling passes.
fn left_behind(view: HeadView<'_>, protected: &[&str]) -> Skip {
    let mut skip = hop_by_hop(view).union(odd_spellings(view, PROTECTED, protected));
    for name in view.present().intersection(REPLACED).iter() {
        skip.insert_name(view, name);
    }
    if view.version() == Version::Http10 {
        // An HTTP/1.0 client cannot mean it (RFC 9110 §10.1.1).
        skip.insert_name(view, Known::Expect);
    }
    skip
}
