//! Both sides' books and the gateway's own, laid side by side: every request, and every try of it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::Value;

use super::load::{Asked, Outcome, Way};
use super::plan::Fault;
use super::{FLAKY, MORTAL, PATIENCE, SERVICES, TRIES};
use crate::harness::{DEADLINE, Gateway, until};

/// What services wrote down.
#[derive(Default)]
struct Ledger {
    tries: HashMap<u64, Vec<(String, Fault)>>,
    strange: Vec<String>,
    /// Connections that were closed after a whole answer, without a word.
    hung_up: u64,
    /// Those and the ones that ended before a byte of an answer.
    silent: u64,
    checks: u64,
}

impl Ledger {
    fn read(files: &[PathBuf]) -> Self {
        let mut ledger = Self::default();
        let text: String = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
        for line in text.lines() {
            let words: Vec<_> = line.split(' ').collect();
            match words[..] {
                ["asked", number, method, fault] => {
                    let (number, fault) = (number.parse().unwrap(), Fault::named(fault).unwrap());
                    ledger.hung_up += u64::from(fault == Fault::HangUp);
                    ledger.silent += u64::from(fault == Fault::HangUp || fault.is_silent());
                    ledger.tries.entry(number).or_default().push((method.to_owned(), fault));
                }
                ["check", ..] => ledger.checks += 1,
                ["answered" | "broken", ..] => {}
                _ => ledger.strange.push(line.to_owned()),
            }
        }
        ledger
    }
}

/// What the gateway's log says of a request.
struct Logged {
    status: u64,
    attempts: u64,
    reason: String,
    /// In milliseconds.
    duration: f64,
}

/// Lines about requests with numbers; each must have one.
fn logged(gateway: &Gateway, asked: &[Asked]) -> HashMap<u64, Logged> {
    let is_numbered = |line: &Value| {
        let path = line["path"].as_str().unwrap();
        path.rsplit_once('/').and_then(|(_, number)| number.parse::<u64>().ok())
    };
    // Lines are written a little after their requests.
    until("a line for each request", || {
        let lines = gateway.stdout.all();
        let about_numbers = lines.iter().filter(|line| !line.contains(r#""path":"/generation""#));
        (about_numbers.count() >= asked.len()).then_some(())
    });
    let mut all = HashMap::new();
    for line in gateway.log_lines() {
        let Some(number) = is_numbered(&line) else { continue };
        let logged = Logged {
            status: line["statusCode"].as_u64().unwrap(),
            attempts: line["attempts"].as_u64().unwrap_or(0),
            reason: line["reason"].as_str().unwrap_or_default().to_owned(),
            duration: line["duration"].as_f64().unwrap(),
        };
        assert!(all.insert(number, logged).is_none(), "{number} was logged twice");
    }
    assert_eq!(all.len(), asked.len());
    all
}

/// Compares all of it, once everything has come to rest. `turbulent` are the times in which processes were killed or held.
pub(super) fn settle(
    gateway: &Gateway,
    asked: &[Asked],
    files: &[PathBuf],
    turbulent: &[(Instant, Instant)],
) {
    let log = logged(gateway, asked);
    let began = Instant::now();
    // A service that was slow may find a request only now that the gateway gave up long ago.
    let (ledger, wrong) = loop {
        let ledger = Ledger::read(files);
        let row = |asked: &Asked| {
            let calm = !turbulent.iter().any(|(from, to)| asked.began <= *to && asked.ended >= *from);
            let tries = ledger.tries.get(&asked.number).map_or(&[][..], Vec::as_slice);
            let logged = &log[&asked.number];
            let row = Row { asked, logged, tries, calm: calm || asked.service != MORTAL };
            row.wrong().map(|what| {
                format!(
                    "{what}: {asked:?} {} after {} attempts, seen {tries:?}",
                    logged.reason, logged.attempts
                )
            })
        };
        let wrong: Vec<_> = asked.iter().filter_map(row).collect();
        if wrong.is_empty() || began.elapsed() > DEADLINE {
            break (ledger, wrong);
        }
        std::thread::park_timeout(std::time::Duration::from_millis(200));
    };
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), asked.len(), wrong.join("\n"));
    assert!(ledger.strange.is_empty(), "{:?}", ledger.strange);
    assert!(
        ledger.tries.keys().all(|number| log.contains_key(number)),
        "services were asked what nobody asked"
    );
    assert!(ledger.checks > 0);
    for (service, name) in SERVICES.iter().enumerate() {
        totals(gateway, name, asked.iter().filter(|one| one.service == service), &log, &ledger);
    }
}

/// The sums of one service, beside what the metrics say.
fn totals<'a>(
    gateway: &Gateway,
    name: &str,
    asked: impl Iterator<Item = &'a Asked>,
    log: &HashMap<u64, Logged>,
    ledger: &Ledger,
) {
    let (mut requests, mut attempts, mut extra, mut seen) = (0, 0, 0, 0);
    for asked in asked {
        let logged = &log[&asked.number];
        requests += 1;
        attempts += logged.attempts;
        extra += logged.attempts.saturating_sub(1);
        seen += ledger.tries.get(&asked.number).map_or(0, Vec::len) as u64;
    }
    gateway.wait_metric("gateway_requests_total", &[("service", name)], requests as f64);
    let retries = gateway
        .metric_where("gateway_upstream_retries_total", &[("service", name), ("result", "made")])
        as u64;
    eprintln!(
        "{name}: {requests} requests, {attempts} attempts, {retries} of them retries, {seen} seen by it"
    );
    assert!(
        retries <= requests / 2 + 200,
        "{name}: {retries} retries of {requests} requests are over the budget"
    );
    if name != SERVICES[MORTAL] {
        // A further attempt is a retry, or a repetition since a kept connection ended without a word. If that was closed before, the
        // first of both was not seen.
        assert!(retries <= extra, "{name}: {retries} retries, but {extra} further attempts");
        let of_flaky = |count| if name == SERVICES[FLAKY] { count } else { 0 };
        let (silent, hung_up) = (of_flaky(ledger.silent), of_flaky(ledger.hung_up));
        assert!(extra - retries <= silent, "{name}: {extra} further attempts, but {retries} retries");
        assert!(attempts - seen <= hung_up, "{name}: {attempts} attempts, of which it saw {seen}");
    }
}

/// A request in all three books.
struct Row<'a> {
    asked: &'a Asked,
    logged: &'a Logged,
    /// As the service saw them.
    tries: &'a [(String, Fault)],
    /// Whether nobody was killed or held meanwhile.
    calm: bool,
}

impl Row<'_> {
    /// What cannot be, if there is anything.
    fn wrong(&self) -> Option<&'static str> {
        let Self { asked, logged, tries, calm } = self;
        let seen = tries.len() as u64;
        let method = if asked.way == Way::Get { "GET" } else { "POST" };
        if tries.iter().any(|(seen, _)| seen != method) {
            return Some("another method");
        }
        if seen > logged.attempts {
            return Some("seen more often than sent");
        }
        if seen < logged.attempts && *calm && asked.service != FLAKY {
            return Some("sent more often than seen");
        }
        if seen > 1 && matches!(asked.way, Way::Post | Way::PostInChunks) {
            return Some("repeated, though it must not be");
        }
        // Each try of a safe one is made once more if a kept connection ends without a word.
        if seen > TRIES * if asked.way == Way::Get { 2 } else { 1 } {
            return Some("repeated too often");
        }
        self.explained()
    }

    /// Whether what the client got is what came of one of the tries.
    fn explained(&self) -> Option<&'static str> {
        let Self { asked, logged, tries, calm } = self;
        let any = |is: fn(Fault) -> bool| tries.iter().any(|(_, fault)| is(*fault));
        // Without faults nothing but answers: not even when endpoints change and registries are away.
        let faulty = [FLAKY, MORTAL].contains(&asked.service);
        if !faulty && asked.outcome != Outcome::Whole {
            return Some("not answered");
        }
        // A machine that is busy makes anybody slow, and a connection may have been closed before anything was seen.
        let slow = logged.duration >= PATIENCE.as_millis() as f64 * 0.9;
        let lost = !calm || (tries.len() as u64) < logged.attempts;
        let (status, possible) = match &asked.outcome {
            Outcome::Whole => (200, any(Fault::is_well)),
            Outcome::Busy => (503, any(|fault| fault == Fault::Busy)),
            Outcome::Own(502, code) => (502, code == "BAD_GATEWAY" && (any(Fault::is_before_head) || lost)),
            Outcome::Own(504, code) => {
                (504, code == "UPSTREAM_TIMEOUT" && (any(|fault| fault == Fault::StallBeforeHead) || slow))
            }
            Outcome::Own(503, code) if code == "CIRCUIT_OPEN" => (503, logged.attempts == 0),
            Outcome::Own(503, code) => (503, code == "UPSTREAM_UNAVAILABLE" && !calm),
            Outcome::Own(..) => return Some("an answer that nothing here leads to"),
            Outcome::Cut => (200, any(Fault::is_in_body) || lost || slow),
            Outcome::Ended => {
                let broken = any(|fault| fault.is_in_body() || fault.is_before_head());
                return (!(broken || lost || slow)).then_some("ended without a reason");
            }
        };
        if logged.status != status {
            return Some("logged as something else");
        }
        (!possible).then_some("nothing that was seen leads to it")
    }
}
