//! From answers to endpoints, without I/O.

use std::net::IpAddr;

use crate::fleet::{Alias, Authority, EndpointConfig, Scheme};

/// What came of a question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Got<T> {
    /// These, for so many seconds.
    There(Vec<T>, u32),
    /// There is nothing, for so many seconds.
    Nothing(u32, String),
    /// Nobody knows.
    Failed(String),
}

/// A service as an SRV record tells of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Service {
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) port: u16,
    /// The name whose addresses are meant, without the last dot; empty if the service is expressly nowhere.
    pub(super) target: String,
}

/// The addresses of a name, by several questions.
#[derive(Default, Debug)]
pub(super) struct Found {
    pub(super) addresses: Vec<IpAddr>,
    /// Why one of the questions was not answered.
    pub(super) failed: Option<String>,
    /// What there was to say where there is nothing.
    nothing: Option<String>,
    answered: bool,
    ttl: Option<u32>,
}

/// In how many seconds a question that failed is asked again beside others that did not.
const AGAIN: u32 = 30;

impl Found {
    /// Adds what came of a question whose last good answer was `known`.
    pub(super) fn add(&mut self, got: Got<IpAddr>, known: Option<Vec<IpAddr>>) {
        let ttl = match got {
            Got::There(addresses, ttl) => {
                self.answered = true;
                self.addresses.extend(addresses);
                ttl
            }
            Got::Nothing(ttl, why) => {
                self.answered = true;
                self.nothing = Some(why);
                ttl
            }
            Got::Failed(why) => {
                self.addresses.extend(known.unwrap_or_default());
                self.failed = Some(why);
                AGAIN
            }
        };
        self.ttl = Some(self.ttl.map_or(ttl, |other| other.min(ttl)));
    }

    /// For how many seconds all of it holds.
    pub(super) fn ttl(&self) -> u32 {
        self.ttl.unwrap_or(0)
    }

    /// The addresses, in an order that does not change with each answer, and what was odd about them.
    ///
    /// # Errors
    /// Nobody answered, or what was not answered might have been all there is.
    pub(super) fn judged(mut self) -> Result<(Vec<IpAddr>, Vec<String>), String> {
        self.addresses.sort_unstable();
        self.addresses.dedup();
        match self.failed {
            Some(why) if !self.answered || self.addresses.is_empty() => Err(why),
            Some(why) => Ok((self.addresses, vec![why])),
            None if self.addresses.is_empty() => Ok((Vec::new(), self.nothing.into_iter().collect())),
            None => Ok((self.addresses, Vec::new())),
        }
    }
}

/// The endpoint at an address that was found by a name.
pub(super) fn endpoint(scheme: Scheme, name: &str, ip: IpAddr, port: u16) -> EndpointConfig {
    let shown = |host: &str| {
        let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        if port == scheme.port() { bracketed } else { format!("{bracketed}:{port}") }
    };
    let ip = ip.to_canonical().to_string();
    let name = name.strip_suffix('.').unwrap_or(name);
    let text = shown(&ip);
    EndpointConfig {
        url: format!("{}://{text}", scheme.as_str()),
        authority: Authority { scheme, host: ip, port, text },
        weight: 1,
        priority: 0,
        zone: None,
        alias: Some(Alias { host: name.to_owned(), text: shown(name) }),
    }
}

/// The endpoints of services whose names have these addresses: each with the priority and the weight of its record.
pub(super) fn located<'a>(
    scheme: Scheme,
    services: &[Service],
    addresses: impl Fn(&str) -> &'a [IpAddr],
) -> Vec<EndpointConfig> {
    let mut found: Vec<EndpointConfig> = Vec::new();
    for service in services.iter().filter(|service| service.port > 0 && !service.target.is_empty()) {
        let mut ips = addresses(&service.target).to_vec();
        ips.sort_unstable();
        found.extend(ips.into_iter().map(|ip| EndpointConfig {
            // "A very small chance" (RFC 2782), where 0 would be none.
            weight: u32::from(service.weight.max(1)),
            priority: u32::from(service.priority),
            ..endpoint(scheme, &service.target, ip, service.port)
        }));
    }
    found.sort_by(|a, b| (a.priority, &a.url).cmp(&(b.priority, &b.url)));
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn there(text: &str, ttl: u32) -> Got<IpAddr> {
        Got::There(vec![ip(text)], ttl)
    }

    fn failed() -> Got<IpAddr> {
        Got::Failed("server failure".into())
    }

    /// What is made of two answers, the last good ones of which were these.
    fn of(a: (Got<IpAddr>, Option<&str>), b: (Got<IpAddr>, Option<&str>)) -> Result<Vec<IpAddr>, String> {
        let mut found = Found::default();
        for (got, known) in [a, b] {
            found.add(got, known.map(|known| vec![ip(known)]));
        }
        found.judged().map(|(addresses, _)| addresses)
    }

    #[test]
    fn one_family_that_fails_takes_nobody_away() {
        let nothing = || Got::Nothing(5, "it has no such addresses".into());
        let (v4, v6) = ("10.0.0.1", "fd00::1");
        assert_eq!(of((there(v4, 9), None), (nothing(), None)), Ok(vec![ip(v4)]));
        assert_eq!(
            of((there(v4, 9), None), (failed(), Some(v6))),
            Ok(vec![ip(v4), ip(v6)]),
            "the last good one"
        );
        assert_eq!(of((there(v4, 9), None), (failed(), None)), Ok(vec![ip(v4)]));
        assert_eq!(of((nothing(), None), (nothing(), None)), Ok(vec![]));
        assert!(of((failed(), Some(v4)), (failed(), Some(v6))).is_err(), "nobody has answered");
        assert!(of((failed(), None), (nothing(), None)).is_err(), "what failed may be all there is");
        assert_eq!(of((failed(), Some(v4)), (nothing(), None)), Ok(vec![ip(v4)]));
    }

    #[test]
    fn the_shortest_time_to_live_holds() {
        let mut found = Found::default();
        found.add(there("10.0.0.1", 60), None);
        found.add(there("10.0.0.2", 7), None);
        assert_eq!(found.ttl(), 7);
        found.add(there("10.0.0.3", 0), None);
        assert_eq!(found.ttl(), 0);
    }

    #[test]
    fn an_address_is_asked_by_the_name_that_led_to_it() {
        let found = endpoint(Scheme::Http, "orders.internal.", ip("fd00::1"), 8080);
        assert_eq!(
            (found.url.as_str(), found.authority.text.as_str()),
            ("http://[fd00::1]:8080", "[fd00::1]:8080")
        );
        assert_eq!(found.alias.unwrap().text, "orders.internal:8080");
        let found = endpoint(Scheme::Https, "orders.internal", ip("10.0.0.1"), 443);
        assert_eq!(found.url, "https://10.0.0.1");
        assert_eq!(EndpointConfig::at(found.url.clone()).unwrap().authority, found.authority);
        assert_eq!(endpoint(Scheme::Http, "a", ip("::ffff:10.0.0.1"), 80).url, "http://10.0.0.1");
    }

    #[test]
    fn services_keep_priority_weight_and_port() {
        let service =
            |priority, weight, port, target: &str| Service { priority, weight, port, target: target.into() };
        let (a, b) = ([ip("10.0.0.1"), ip("10.0.0.2")], [ip("10.0.0.3")]);
        let services = [
            service(2, 0, 81, "b"),
            service(1, 60, 80, "a"),
            service(1, 5, 80, "unknown"),
            service(0, 1, 80, ""),
        ];
        let found = located(Scheme::Http, &services, |target| match target {
            "a" => &a,
            "b" => &b,
            _ => &[],
        });
        let found: Vec<_> = found.iter().map(|one| (one.url.as_str(), one.priority, one.weight)).collect();
        let want = [("http://10.0.0.1", 1, 60), ("http://10.0.0.2", 1, 60), ("http://10.0.0.3:81", 2, 1)];
        assert_eq!(found, want);
    }

    proptest! {
        #[test]
        fn every_endpoint_has_a_url_that_reads_back(ip: IpAddr, port in 1_u16.., https: bool) {
            let scheme = if https { Scheme::Https } else { Scheme::Http };
            let found = endpoint(scheme, "a.example", ip, port);
            prop_assert_eq!(EndpointConfig::at(found.url.clone()).unwrap().authority, found.authority);
        }

        #[test]
        fn the_order_of_answers_changes_nothing(ips: Vec<IpAddr>, turn: prop::sample::Index) {
            let mut turned = ips.clone();
            if !ips.is_empty() {
                turned.rotate_left(turn.index(ips.len()));
            }
            let judged = |ips| {
                let mut found = Found::default();
                found.add(Got::There(ips, 1), None);
                found.judged()
            };
            prop_assert_eq!(judged(ips), judged(turned));
        }
    }
}
