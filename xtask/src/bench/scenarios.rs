//! What is measured and what it should come to.

use super::load::Resumption;
use super::targets::{Remember, Site, Subject};
use super::wrk::{Asks, Scheme};
use crate::failure::Failure;

/// One question to be answered by measuring.
#[derive(Debug)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    pub(super) kind: Kind,
}

/// How a question is answered.
#[derive(Debug)]
pub(super) enum Kind {
    /// CPU time a request, as a ratio to a reference, in interleaved rounds.
    Ratio(Plan),
    /// Memory after load and with idle connections.
    Idle,
    /// Time from start to readiness.
    Start,
    /// Two workers beside one.
    Workers,
    /// Reloads under load, and what one costs.
    Reload,
    /// Endpoints that get into trouble under load.
    Trouble(Trouble),
    /// What looking after endpoints costs.
    Care,
    /// Many who ask for the same at once, before it is kept.
    Cold,
    /// Memory with more keys than can be kept.
    Keys,
    /// Everything at once, accounted for.
    Soak,
}

/// What happens to endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// One of three is killed.
    Killed,
    /// One of three hangs.
    Hanging,
    /// One of three fails every other request.
    Failing,
    /// All are down, or answer 503.
    Storm,
}

/// Who makes the load, and of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drive {
    Wrk(Scheme, Asks),
    Handshakes(Resumption),
    /// WebSocket messages of so many bytes.
    Messages(usize),
}

/// A comparison under load.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) drive: Drive,
    pub(super) connections: u32,
    /// What the others are divided by.
    pub(super) reference: Subject,
    /// What Sekisho is set up to do.
    pub(super) site: Site,
    /// Sekisho's ratio should not be above this.
    pub(super) target: f64,
    pub(super) origin: Origin,
}

/// Whether requests say which page they come from, as CORS needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Sent,
    Left,
}

/// Bytes of the JSON that the upstream answers with.
pub(super) const BODY: usize = 1024;
/// Bytes of the file at `/1m`.
pub(super) const FILE: usize = 1 << 20;

/// Sekisho's memory at 64 connections should not be above this, in MB.
pub(super) const IDLE_MEGABYTES: f64 = 20.0;
/// An idle connection more should not cost more than this, in KB.
pub(super) const IDLE_KILOBYTES: f64 = 12.0;
/// A start with 1,000 routes should not take longer than this, in milliseconds.
pub(super) const START_MILLISECONDS: f64 = 100.0;

/// Two workers where cores are free should carry at least so many times what one carries.
pub(super) const WORKERS_CARRY: f64 = 1.8;
/// So where none is free, what two workers do should not cost more than so many times what one worker takes for it.
pub(super) const WORKERS_COST: f64 = 2.0 / WORKERS_CARRY;
/// Nor should anybody wait so many times longer.
pub(super) const WORKERS_WAIT: f64 = 1.05;
/// The busier of two workers should not do more of the work than this.
pub(super) const WORKERS_SHARE: f64 = 0.55;

/// Memory after a thousand reloads should not be above so many times that after the first fifty.
pub(super) const RELOAD_MEMORY: f64 = 1.10;
/// A reload of 10,000 routes should not take longer than this, in milliseconds.
pub(super) const RELOAD_MILLISECONDS: f64 = 500.0;
/// Nor should it hold a worker for longer than this by the worker's own processor time, in milliseconds.
pub(super) const RELOAD_HELD: f64 = 1.0;
/// Nor should any request wait longer than this meanwhile, in milliseconds, on a core shared with the reload itself.
pub(super) const RELOAD_STALL: f64 = 50.0;

/// After one of three hangs the p99 should be back to normal within so many seconds.
pub(super) const HANGING_SECONDS: f64 = 2.0;
/// Once an endpoint that fails half of its requests was noticed, so many percent should succeed.
pub(super) const FAILING_SUCCESS: f64 = 99.9;
/// With everything down services should not be asked more than so many times what clients ask.
pub(super) const STORM_ATTEMPTS: f64 = 1.2;
/// Breaker, balancing and health together should not add more to a request than this.
pub(super) const CARE_NANOSECONDS: f64 = 150.0;

/// Many clients who ask for one cold key at once should make so many requests to the service.
pub(super) const COLD_REQUESTS: f64 = 1.0;
/// A cache should not take more memory than so many times what it may hold.
pub(super) const KEYS_MEMORY: f64 = 1.10;

/// Attackers should not make the p99 of others more than so many times what it is without them.
pub(super) const SOAK_WAIT: f64 = 1.10;

/// Everything that can be measured, in the order of a full run.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "get1k",
        what: "GET, answers of 1 KB, 64 connections",
        kind: Kind::Ratio(plain(Asks::Get { path: "/" }, 64)),
    },
    Scenario {
        name: "post10k",
        what: "POST of 10 KB, answers of 1 KB, 64 connections",
        kind: Kind::Ratio(plain(Asks::Post { bytes: 10_240 }, 64)),
    },
    Scenario {
        name: "resp1m",
        what: "GET, answers of 1 MB, 16 connections",
        kind: Kind::Ratio(plain(Asks::Get { path: "/1m" }, 16)),
    },
    Scenario {
        name: "policies",
        what: "GET of 1 KB with ids, JSON access log, security headers, CORS and metrics, against plain nginx",
        kind: Kind::Ratio(Plan {
            drive: Drive::Wrk(Scheme::Http, Asks::Get { path: "/" }),
            connections: 64,
            reference: Subject::Nginx,
            site: Site::Policies,
            target: 1.00,
            origin: Origin::Sent,
        }),
    },
    Scenario {
        name: "full1k",
        what: "GET of 1 KB with the whole chain (JWT HS256 verified each time, permission, limit per address, breaker, ids, \
               identity, security headers, JSON access log, metrics), against plain nginx",
        kind: Kind::Ratio(full(Remember::Never, 1.00)),
    },
    Scenario {
        name: "remembered",
        what: "as full1k, with verified tokens remembered",
        kind: Kind::Ratio(full(Remember::Always, 0.97)),
    },
    Scenario {
        name: "routes",
        what: "GET of 1 KB through 10,000 routes, against 10 routes",
        kind: Kind::Ratio(Plan {
            drive: Drive::Wrk(Scheme::Http, Asks::Spread { routes: 10_000 }),
            connections: 64,
            reference: Subject::Sekisho(Site::Routes(10)),
            site: Site::Routes(10_000),
            target: 1.05,
            origin: Origin::Left,
        }),
    },
    Scenario {
        name: "tls1k",
        what: "GET of 1 KB over TLS 1.3, 64 kept connections",
        kind: Kind::Ratio(beside(Drive::Wrk(Scheme::Https, Asks::Get { path: "/" }), 64, Site::Tls(1), 1.00)),
    },
    Scenario {
        name: "handshakes",
        what: "full TLS 1.3 handshakes, ECDSA P-256 and X25519, each with one GET and its end",
        kind: Kind::Ratio(beside(Drive::Handshakes(Resumption::Never), 32, Site::Tls(1), HANDSHAKES)),
    },
    Scenario {
        name: "resumptions",
        what: "as handshakes, each resumed by the ticket of the one before",
        kind: Kind::Ratio(beside(Drive::Handshakes(Resumption::Always), 32, Site::Tls(1), HANDSHAKES)),
    },
    Scenario {
        name: "websocket",
        what: "WebSocket messages of 1 KB and their echoes, 64 tunnels",
        kind: Kind::Ratio(beside(Drive::Messages(1024), 64, Site::Tunnels, 1.00)),
    },
    Scenario {
        name: "cache1k",
        what: "GET of a kept answer of 1 KB, 64 connections",
        kind: Kind::Ratio(kept("/kept/1k", 64, 0.80)),
    },
    Scenario {
        name: "cache1m",
        what: "GET of a kept answer of 1 MB, 16 connections",
        kind: Kind::Ratio(kept("/kept/1m", 16, 1.00)),
    },
    Scenario { name: "cold", what: "1,000 clients ask for one cold key at once", kind: Kind::Cold },
    Scenario {
        name: "keys",
        what: "memory of a cache of 64 MiB through which 1,000,000 keys were pushed",
        kind: Kind::Keys,
    },
    Scenario {
        name: "idle",
        what: "memory after load, and of each further idle connection",
        kind: Kind::Idle,
    },
    Scenario { name: "start", what: "from exec until /readyz answers 200, 1,000 routes", kind: Kind::Start },
    Scenario {
        name: "workers",
        what: "TLS handshakes and requests by two workers, against one",
        kind: Kind::Workers,
    },
    Scenario {
        name: "reload",
        what: "1,000 reloads under load with 1,000 routes, and one with 10,000",
        kind: Kind::Reload,
    },
    Scenario {
        name: "killed",
        what: "one of three endpoints killed, under 2,000 GETs a second",
        kind: Kind::Trouble(Trouble::Killed),
    },
    Scenario {
        name: "hanging",
        what: "one of three endpoints held, under 2,000 GETs a second",
        kind: Kind::Trouble(Trouble::Hanging),
    },
    Scenario {
        name: "failing",
        what: "one of three endpoints answers every other request by 500, under 2,000 GETs a second",
        kind: Kind::Trouble(Trouble::Failing),
    },
    Scenario {
        name: "storm",
        what: "all endpoints down, or busy, under 2,000 GETs a second",
        kind: Kind::Trouble(Trouble::Storm),
    },
    Scenario {
        name: "care",
        what: "the whole chain with breaker, balancing, health, outlier detection and retries, against the same with none",
        kind: Kind::Care,
    },
    Scenario {
        name: "soak",
        what: "HTTP, HTTPS and WebSocket at once, reloads and attackers beside them",
        kind: Kind::Soak,
    },
];

/// Nine tenths of nginx's handshakes a second of CPU.
const HANDSHAKES: f64 = 1.0 / 0.9;

/// A plain proxy against a plain nginx.
const fn plain(asks: Asks, connections: u32) -> Plan {
    beside(Drive::Wrk(Scheme::Http, asks), connections, Site::Plain, 0.95)
}

/// The whole chain against a plain nginx, both with a token.
const fn full(remember: Remember, target: f64) -> Plan {
    beside(Drive::Wrk(Scheme::Http, Asks::Get { path: "/" }), 64, Site::Full(remember), target)
}

/// A cache against nginx's.
const fn kept(path: &'static str, connections: u32, target: f64) -> Plan {
    Plan {
        drive: Drive::Wrk(Scheme::Http, Asks::Get { path }),
        connections,
        reference: Subject::NginxCache,
        site: Site::Cache,
        target,
        origin: Origin::Left,
    }
}

/// A site against nginx.
const fn beside(drive: Drive, connections: u32, site: Site, target: f64) -> Plan {
    Plan { drive, connections, reference: Subject::Nginx, site, target, origin: Origin::Left }
}

impl Drive {
    /// Whether it loads the port of TLS.
    pub(super) fn speaks_tls(self) -> bool {
        matches!(self, Drive::Wrk(Scheme::Https, _) | Drive::Handshakes(_))
    }

    /// What it sends, in the singular.
    pub(super) fn unit(self) -> &'static str {
        match self {
            Drive::Wrk(..) => "request",
            Drive::Handshakes(_) => "handshake",
            Drive::Messages(_) => "message",
        }
    }
}

impl Scenario {
    /// Whether the question makes no sense about peers alone.
    pub(super) fn needs_sekisho(&self) -> bool {
        match &self.kind {
            Kind::Ratio(plan) => {
                !matches!(plan.reference, Subject::Nginx | Subject::NginxCache)
                    || matches!(plan.site, Site::Policies | Site::Full(_))
            }
            Kind::Idle | Kind::Cold => false,
            Kind::Start | Kind::Workers | Kind::Reload | Kind::Soak => true,
            Kind::Trouble(_) | Kind::Care | Kind::Keys => true,
        }
    }

    /// Whether it puts a load on one gateway after the other.
    pub(super) fn is_ratio(&self) -> bool {
        matches!(self.kind, Kind::Ratio(_))
    }

    /// Whether this program itself, built for release, makes the load.
    pub(super) fn needs_loader(&self) -> bool {
        match &self.kind {
            Kind::Ratio(plan) => !matches!(plan.drive, Drive::Wrk(..)),
            Kind::Idle | Kind::Start | Kind::Care => false,
            Kind::Trouble(_) | Kind::Workers | Kind::Reload | Kind::Soak | Kind::Cold | Kind::Keys => true,
        }
    }
}

/// The scenario of that name.
pub(super) fn named(name: &str) -> Result<&'static Scenario, Failure> {
    SCENARIOS.iter().find(|scenario| scenario.name == name).ok_or_else(|| {
        let names: Vec<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        Failure::Usage(format!(
            "`{name}` is neither an option nor a scenario; there are: {}",
            names.join(", ")
        ))
    })
}

/// What a browser adds to a call of a page's script; the values are made up.
pub(super) const BROWSER: &[(&str, &str)] = &[
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("Accept", "application/json, text/plain;q=0.9, */*;q=0.8"),
    ("Accept-Language", "de-DE,de;q=0.9,en-GB;q=0.7,en;q=0.6"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Referer", "https://shop.example/orders?page=3"),
    ("Origin", ORIGIN),
    ("Sec-Fetch-Dest", "empty"),
    ("Sec-Fetch-Mode", "cors"),
    ("Sec-Fetch-Site", "same-site"),
    ("Priority", "u=4"),
    ("Cache-Control", "no-cache"),
    ("Cookie", "session=q8Zr1mV0nT4kYw7bXc2d; consent=all; ab=17; _visit=1893456000.42.7"),
    (
        "Authorization",
        "Bearer aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.ccccccccccccccccccccccccccccccccccccccccccc",
    ),
];

/// The page that the load of `policies` claims to come from.
pub(super) const ORIGIN: &str = "https://shop.example";

#[cfg(test)]
mod tests {
    use super::{SCENARIOS, named};

    #[test]
    fn scenarios_are_found_by_name() {
        for scenario in SCENARIOS {
            assert_eq!(named(scenario.name).unwrap().what, scenario.what);
        }
        assert!(named("everything").is_err());
    }

    #[test]
    fn some_scenarios_are_about_sekisho_alone() {
        let alone: Vec<_> = SCENARIOS.iter().filter(|one| one.needs_sekisho()).map(|one| one.name).collect();
        assert_eq!(
            alone,
            [
                "policies",
                "full1k",
                "remembered",
                "routes",
                "keys",
                "start",
                "workers",
                "reload",
                "killed",
                "hanging",
                "failing",
                "storm",
                "care",
                "soak"
            ]
        );
    }
}
