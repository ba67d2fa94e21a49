//! What services are told of the time by which a request must be over: whoever knows that nobody waits any more need not go on.

use sekisho_exchange::Exchange;
use sekisho_wire::Known;

/// The longest time that `grpc-timeout` can hold in milliseconds (eight digits, by gRPC over HTTP/2).
const MOST: u128 = 99_999_999;

/// How a service is told.
#[derive(Clone, Debug)]
pub(crate) struct Telling {
    /// The header that holds the time of day.
    header: Box<str>,
}

impl Telling {
    pub(crate) fn by(header: &str) -> Self {
        Self { header: header.into() }
    }

    /// Tells of the exchange's deadline, as it stands now: the time of day (RFC 3339) and, to whoever speaks gRPC, what is left.
    /// What the client itself says under these names does not pass then.
    #[cold]
    pub(crate) fn tell(&self, exchange: &mut Exchange<'_>) {
        let Some(deadline) = exchange.deadline else { return };
        let local = exchange.local;
        let text = local.wall(deadline).rfc3339();
        let mut ok = exchange.to_service.set(&*self.header, &text).is_ok();
        let speaks_grpc = exchange.head.get(Known::ContentType).is_some_and(|kind| {
            kind.get(..16).is_some_and(|start| start.eq_ignore_ascii_case(b"application/grpc"))
        });
        if speaks_grpc {
            let left = deadline.since(local.clock.now()).as_millis().clamp(1, MOST);
            ok &= exchange.to_service.set("grpc-timeout", format!("{left}m").as_bytes()).is_ok();
        }
        debug_assert!(ok, "times are valid values, and the name was checked");
    }
}
