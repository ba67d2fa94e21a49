//! Everything that can go wrong behind the gateway at once, and every request accounted for.
//!
//! Clients ask four services without a pause: one whose processes misbehave in every way, one whose processes are killed, held and
//! started again, one found in a DNS that fails and changes, one in an etcd that is killed and comes back. What happens to which
//! request is told by a seed, and so is the order of what befalls the services; a failure prints the seed, and
//! `SEKISHO_TEST_SEED` repeats it. Each request has a number. At the end the clients' books, the services' and the gateway's own are
//! compared.

mod accounts;
mod clock;
mod herd;
mod load;
mod plan;
mod process;
mod serve;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use self::load::Load;
use self::process::Process;
use self::serve::Order;
use crate::discover::dns_server::{A, DnsServer, SERVFAIL, Says};
use crate::discover::etcd_server::EtcdServer;
use crate::harness::{Ends, Gateway, temp_dir, until};

/// The services, by the names of their routes.
const SERVICES: [&str; 4] = ["flaky", "mortal", "named", "keyed"];
const FLAKY: usize = 0;
const MORTAL: usize = 1;
const NAMED: usize = 2;
const KEYED: usize = 3;

const CLIENTS: usize = 8;
/// Most tries of a request.
const TRIES: u64 = 3;
/// How long the gateway waits for a head, and for more of a body, of services that misbehave.
const PATIENCE: Duration = Duration::from_millis(400);

/// Tells the seed of a run that failed.
struct Seed(u64);

impl Seed {
    fn new() -> Self {
        let told = std::env::var("SEKISHO_TEST_SEED").ok();
        Self(told.map_or_else(|| fastrand::u64(..), |seed| seed.parse().expect("a seed is a number")))
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("SEKISHO_TEST_SEED={} repeats this", self.0);
        }
    }
}

/// All that is behind the gateway.
struct Behind {
    dir: PathBuf,
    flaky: Process,
    mortal: Vec<Process>,
    found: Process,
    dns: DnsServer,
    etcd: EtcdServer,
}

impl Behind {
    fn start(seed: u64) -> Self {
        let dir = temp_dir();
        let start = |name: &str, first: u64, hosts: &[u8], port: u16| {
            let addrs = hosts.iter().map(|host| ([127, 77, 0, *host], port).into()).collect();
            let (ledger, faulty) = (dir.join(name), name == "flaky");
            Process::start(Order { seed, faulty, first, addrs, ledger })
        };
        let flaky = start("flaky", 0, &[1, 2, 3], 0);
        let mortal = (4..7).map(|host| start("mortal", host.into(), &[host], 0)).collect();
        // Those of one name have one port: any, but the same.
        let port = start("port", 0, &[7], 0).addrs()[0].port();
        let found = start("found", 7, &[7, 8, 9, 10], port);
        let (dns, etcd) = (DnsServer::start(), EtcdServer::start());
        dns.addresses("named.test", 0, &["127.77.0.7"]);
        etcd.put("/keyed/1", &format!("http://{}", found.addrs()[2]));
        Self { dir, flaky, mortal, found, dns, etcd }
    }

    fn config(&self, generation: u64) -> String {
        let urls = |addrs: &mut dyn Iterator<Item = &std::net::SocketAddr>| {
            addrs.map(|addr| format!("'http://{addr}'")).collect::<Vec<_>>().join(", ")
        };
        let flaky = urls(&mut self.flaky.addrs().iter());
        let mortal = urls(&mut self.mortal.iter().map(|process| &process.addrs()[0]));
        let patience = PATIENCE.as_millis();
        let (port, resolver, etcd) = (self.found.addrs()[0].port(), self.dns.addr, self.etcd.url());
        format!(
            "workers: 2\nreload: {{ watch: off }}\n\
             service_defaults:\n  \
               retry: {{ attempts: {}, on: [connect, reset, timeout, 503], idempotency_key: Idempotency-Key, budget: 50%,\n    \
                 backoff: {{ base: 1ms, max: 10ms }} }}\n  \
               breaker: {{ timeout: 10s, reset: 200ms, window: 2s, buckets: 4, volume: 20 }}\n  \
               health: {{ interval: 100ms, timeout: 300ms, healthy: 1, unhealthy: 2 }}\n  \
               outlier: {{ base_ejection: 200ms, max_ejection: 1s, success_rate: {{ below: 40%, window: 1s }} }}\n  \
               slow_start: 500ms\n\
             services:\n  \
               flaky: {{ endpoints: [{flaky}], timeouts: {{ first_byte: {patience}ms, idle: {patience}ms }} }}\n  \
               mortal: {{ endpoints: [{mortal}], balance: least_requests,\n    \
                 timeouts: {{ first_byte: {patience}ms, idle: {patience}ms }} }}\n  \
               named: {{ discover: {{ dns: {{ name: named.test, port: {port}, type: a, min_refresh: 100ms, timeout: 300ms,\n    \
                 resolver: ['{resolver}'] }} }} }}\n  \
               keyed: {{ discover: {{ etcd: {{ endpoints: ['{etcd}'], prefix: /keyed/ }} }} }}\n\
             routes:\n  - {{ path: /generation, respond: '{generation}' }}\n{}",
            TRIES - 1,
            SERVICES
                .map(|name| format!("  - {{ path: /{name}/*, service: {name}, public: true }}\n"))
                .concat()
        )
    }

    fn ledgers(&self) -> Vec<PathBuf> {
        ["flaky", "mortal", "found"].map(|name| self.dir.join(name)).into()
    }
}

/// What befalls those behind the gateway.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Event {
    OneIsKilled,
    OneIsHeld,
    AllAreKilled,
    DnsFails,
    DnsIsSilent,
    DnsChanges,
    EtcdIsKilled,
    Reload,
}

const EVENTS: [Event; 8] = [
    Event::OneIsKilled,
    Event::OneIsHeld,
    Event::AllAreKilled,
    Event::DnsFails,
    Event::DnsIsSilent,
    Event::DnsChanges,
    Event::EtcdIsKilled,
    Event::Reload,
];

/// Does to those behind the gateway what the seed says.
struct Fate<'a> {
    behind: &'a mut Behind,
    load: &'a Load<'a>,
    generation: u64,
    /// When processes were killed or held, until they were all well again.
    turbulent: Vec<(Instant, Instant)>,
}

impl Fate<'_> {
    fn befall(&mut self, event: Event, lot: u64) {
        let one = lot as usize % self.behind.mortal.len();
        let began = Instant::now();
        match event {
            Event::OneIsKilled => {
                self.behind.mortal[one].kill();
                self.load.wait_answered(MORTAL, 60);
                self.behind.mortal[one].restart();
            }
            Event::OneIsHeld => {
                self.behind.mortal[one].hold();
                self.load.wait_answered(MORTAL, 60);
                self.behind.mortal[one].go_on();
            }
            Event::AllAreKilled => {
                self.behind.mortal.iter_mut().for_each(Process::kill);
                let labels = [("service", "mortal"), ("state", "open")];
                self.load.gateway.wait_metric("gateway_circuit_breaker_state", &labels, 1.0);
                self.load.wait_answered(MORTAL, 100);
                self.reload();
                self.behind.mortal.iter_mut().for_each(Process::restart);
            }
            Event::DnsFails => self.dns(SERVFAIL),
            Event::DnsIsSilent => self.dns(Says::Nothing),
            Event::DnsChanges => {
                for addresses in [&["127.77.0.8"][..], &["127.77.0.7", "127.77.0.8"], &["127.77.0.7"]] {
                    self.behind.dns.addresses("named.test", 0, addresses);
                    let port = self.behind.found.addrs()[0].port();
                    let addrs: Vec<_> = addresses.iter().map(|ip| format!("{ip}:{port}")).collect();
                    wait_endpoints(self.load.gateway, "named", &addrs);
                    self.load.wait_whole(NAMED, 20);
                }
            }
            Event::EtcdIsKilled => {
                self.behind.etcd.kill();
                self.load.wait_whole(KEYED, 30);
                self.behind.etcd.restart();
                let addrs = &self.behind.found.addrs()[2..];
                self.behind.etcd.put("/keyed/2", &format!("http://{}", addrs[1]));
                wait_endpoints(self.load.gateway, "keyed", addrs);
            }
            Event::Reload => self.reload(),
        }
        if [Event::OneIsKilled, Event::OneIsHeld, Event::AllAreKilled].contains(&event) {
            self.turbulent.push((began, Instant::now()));
        }
        for (service, _) in SERVICES.iter().enumerate() {
            self.load.wait_whole(service, 15);
        }
    }

    fn dns(&self, says: Says) {
        self.behind.dns.says("named.test", A, says);
        let asked = self.behind.dns.asked("named.test", A);
        until("the DNS to be asked", || (self.behind.dns.asked("named.test", A) > asked + 1).then_some(()));
        self.load.wait_whole(NAMED, 20);
        self.behind.dns.addresses("named.test", 0, &["127.77.0.7"]);
    }

    fn reload(&mut self) {
        self.generation += 1;
        self.load.gateway.reconfigure(&self.behind.config(self.generation));
        assert_eq!(self.load.gateway.get("/generation").text(), self.generation.to_string());
    }
}

/// Waits until these are a service's endpoints.
#[track_caller]
fn wait_endpoints(gateway: &Gateway, service: &str, want: &[impl ToString]) {
    let mut want: Vec<_> = want.iter().map(ToString::to_string).collect();
    want.sort_unstable();
    until(&format!("endpoints {want:?} of {service}"), || {
        let services = gateway.admin_get("/api/services").json();
        let service = services.as_array()?.iter().find(|one| one["service"] == service)?.clone();
        let mut found: Vec<_> =
            service["endpoints"].as_array()?.iter().filter_map(|one| one["endpoint"].as_str()).collect();
        found.sort_unstable();
        want.iter().map(String::as_str).eq(found).then_some(())
    });
}

#[test]
fn whatever_befalls_services_every_request_is_accounted_for() {
    let seed = Seed::new();
    let mut behind = Behind::start(seed.0);
    let gateway = Gateway::start(&behind.config(0));
    for (service, first) in [("named", 0), ("keyed", 2)] {
        wait_endpoints(&gateway, service, &behind.found.addrs()[first..=first]);
    }
    let load = Load::new(&gateway, seed.0);
    let mut fastrand = fastrand::Rng::with_seed(seed.0);
    let mut events = EVENTS;
    fastrand.shuffle(&mut events);
    let (asked, turbulent) = std::thread::scope(|scope| {
        let ends = Ends(&load.over);
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(|| load.client())).collect();
        let mut fate = Fate { behind: &mut behind, load: &load, generation: 0, turbulent: Vec::new() };
        for event in events {
            fate.befall(event, fastrand.u64(..));
        }
        let turbulent = fate.turbulent;
        drop(ends);
        let asked: Vec<_> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
        (asked, turbulent)
    });
    accounts::settle(&gateway, &asked, &behind.ledgers(), &turbulent);
    noticed(&gateway);
    std::fs::remove_dir_all(&behind.dir).unwrap();
}

/// Whoever watches was told of what happened.
fn noticed(gateway: &Gateway) {
    for what in [
        "endpoint_down: ",
        "endpoint_up: ",
        "circuit_breaker_opened: `mortal`",
        "circuit_breaker_closed: `mortal`",
        "discovery_failed: `named`",
        "discovery_recovered: `named`",
        "discovery_failed: `keyed`",
        "discovery_recovered: `keyed`",
    ] {
        let found = gateway.stderr.find(|line| line.contains(what).then_some(()));
        assert!(found.is_some(), "nobody was told of `{what}`");
    }
    assert_eq!(gateway.metric("http_server_active_requests "), 0.0);
}
