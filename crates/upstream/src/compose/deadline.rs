//! The time by which a request must be over: what trusted proxies say of it, and what services are told, for whoever knows that
//! nobody waits any more need not go on.

use std::time::Duration;

use sekisho_exchange::Exchange;
use sekisho_units::{Tick, Wall};
use sekisho_wire::Known;

/// The longest time that `grpc-timeout` can hold in milliseconds (eight digits, by gRPC over HTTP/2).
const MOST: u128 = 99_999_999;

/// How a service is told.
#[derive(Clone, Debug)]
pub(crate) struct Telling {
    /// The header that holds the time of day.
    header: Box<str>,
    known: Known,
}

impl Telling {
    pub(crate) fn by(header: &str) -> Self {
        Self { header: header.into(), known: Known::of(header.as_bytes()) }
    }

    /// The header that holds the time of day.
    pub(crate) fn header(&self) -> &str {
        &self.header
    }

    /// Goes by what is said of the time under these names, if a trusted proxy says it: it can only be shortened. Nobody's word passes
    /// as it is. `now` is when the service is to be asked.
    #[inline]
    pub(crate) fn heed(&self, exchange: &mut Exchange<'_>, now: Tick) {
        let present = exchange.head.present();
        let said = match self.known {
            Known::Unknown => exchange.head.find(&self.header).is_some(),
            known => present.contains(known),
        };
        if said || present.contains(Known::GrpcTimeout) {
            self.take(exchange, now);
        }
    }

    #[cold]
    fn take(&self, exchange: &mut Exchange<'_>, now: Tick) {
        let head = exchange.head;
        let grpc = speaks_grpc(exchange);
        if exchange.client.trusted {
            let of_day = only(head.find_all(&self.header)).and_then(Wall::parse_rfc3339);
            let of_day = of_day.map(|wall| now + wall.since(exchange.local.wall(now)));
            let left = only(head.all(Known::GrpcTimeout).filter(|_| grpc)).and_then(timeout);
            let left = left.map(|left| exchange.started + left);
            exchange.deadline = exchange.deadline.into_iter().chain(of_day).chain(left).min();
        }
        // What a policy set under these names is the operator's word.
        if !exchange.to_service.touches(&*self.header) {
            exchange.to_service.remove_name(&self.header);
        }
        if grpc && !exchange.to_service.touches(Known::GrpcTimeout) {
            exchange.to_service.remove(Known::GrpcTimeout);
        }
    }

    /// Tells of the exchange's deadline, as it stands now: the time of day (RFC 3339) and, to whoever speaks gRPC, what is left.
    #[cold]
    pub(crate) fn tell(&self, exchange: &mut Exchange<'_>) {
        let Some(deadline) = exchange.deadline else { return };
        let local = exchange.local;
        let text = local.wall(deadline).rfc3339();
        let mut ok = exchange.to_service.set(&*self.header, &text).is_ok();
        if speaks_grpc(exchange) {
            let left = deadline.since(local.clock.now()).as_millis().clamp(1, MOST);
            ok &= exchange.to_service.set(Known::GrpcTimeout, format!("{left}m").as_bytes()).is_ok();
        }
        debug_assert!(ok, "times are valid values, and the name was checked");
    }
}

fn speaks_grpc(exchange: &Exchange<'_>) -> bool {
    exchange.head.get(Known::ContentType).is_some_and(|kind| {
        kind.get(..16).is_some_and(|start| start.eq_ignore_ascii_case(b"application/grpc"))
    })
}

/// The only one; of several nobody can tell which is meant.
fn only<T>(mut all: impl Iterator<Item = T>) -> Option<T> {
    all.next().filter(|_| all.next().is_none())
}

/// The time that a `grpc-timeout` tells: up to eight digits and a unit.
fn timeout(text: &[u8]) -> Option<Duration> {
    let (unit, digits) = text.split_last()?;
    if !(1..=8).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let count = digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    Some(match unit {
        b'H' => Duration::from_secs(count * 3_600),
        b'M' => Duration::from_secs(count * 60),
        b'S' => Duration::from_secs(count),
        b'm' => Duration::from_millis(count),
        b'u' => Duration::from_micros(count),
        b'n' => Duration::from_nanos(count),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_timeout_is_digits_and_a_unit() {
        for (text, want) in [
            ("5H", Some(Duration::from_secs(18_000))),
            ("1M", Some(Duration::from_secs(60))),
            ("0S", Some(Duration::ZERO)),
            ("250m", Some(Duration::from_millis(250))),
            ("99999999u", Some(Duration::from_micros(99_999_999))),
            ("7n", Some(Duration::from_nanos(7))),
            ("123456789m", None),
            ("5", None),
            ("m", None),
            ("-5m", None),
            ("5s", None),
            ("5 m", None),
            ("", None),
        ] {
            assert_eq!(timeout(text.as_bytes()), want, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_a_time_only_if_it_is_written_as_one(text in "[0-9]{0,10}[HMSmunh ]{0,2}|\\PC*") {
            let good = text.as_bytes().split_last().is_some_and(|(unit, digits)| {
                b"HMSmun".contains(unit) && (1..=8).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
            });
            prop_assert_eq!(timeout(text.as_bytes()).is_some(), good, "{}", text);
        }
    }
}
