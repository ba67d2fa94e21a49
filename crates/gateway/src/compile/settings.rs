//! The words at the top that hold for every request.

use std::time::Duration;

use sekisho_units::{OrOff, Place, Problem, Problems};
use sekisho_wire::{Limits, MAX_HEAD, MAX_LINES, PathRules, is_field_name};

use super::files::Files;
use super::listen;
use crate::document::{Detail, LimitsConfig, TopConfig};
use crate::forward::{Introduction, Via};
use crate::listener::Tickets;
use crate::site::{ClientTimeouts, Settings};

/// Files are not looked at oftener than this.
const SHORTEST_WATCH: Duration = Duration::from_millis(100);
const VIA: &str = "sekisho";
/// More would only take memory from each other.
const MOST_WORKERS: u32 = 1024;
/// A head must have room for a request line and a few fields.
const SMALLEST_HEAD: usize = 1024;

pub(super) fn compile(
    top: &TopConfig,
    files: &Files<'_>,
    tickets: &Tickets,
    problems: &mut Problems,
) -> Settings {
    let (listen, admin) = listen::compile(top, files, tickets, problems);
    let client = &top.client;
    for (name, span) in [("handshake", &client.handshake), ("head", &client.head), ("idle", &client.idle)] {
        if span.is_zero() {
            let problem =
                Problem::error(span.place.clone(), format!("client.{name}"), "no request would be in time");
            problems.push(problem.remedy("write a time such as `10s`"));
        }
    }
    Settings {
        listen,
        admin,
        workers: workers(top, problems),
        trusted_proxies: top.trusted_proxies.clone(),
        via: via(top, problems),
        identity: introduction(top, problems),
        paths: PathRules { merge_slashes: top.merge_slashes.unwrap_or(true) },
        head_limits: limits(&top.limits, problems),
        connections: top.limits.connections.value as usize,
        connections_per_address: per_address(&top.limits, problems),
        client: ClientTimeouts {
            handshake: client.handshake.as_duration(),
            head: client.head.as_duration(),
            idle: client.idle.as_duration(),
            body_grace: client.body_grace.as_duration(),
            body_rate: client.body_rate.bytes(),
        },
        grace: top.drain.grace.as_duration(),
        watch: watch(top, problems),
        tunnels: top.drain.tunnels.as_duration(),
    }
}

/// Half of all connections, unless the document says otherwise.
fn per_address(config: &LimitsConfig, problems: &mut Problems) -> usize {
    let Some(at) = &config.connections_per_address else {
        return (config.connections.value as usize).div_ceil(2);
    };
    if at.value == 0 {
        let message = "no client could ever connect";
        let problem = Problem::error(at.place.clone(), "limits.connections_per_address", message);
        problems.push(problem.remedy("write 1 or more"));
    }
    at.value as usize
}

fn watch(top: &TopConfig, problems: &mut Problems) -> Option<Duration> {
    let at = &top.reload.watch;
    let OrOff::On(span) = at.value else { return None };
    if span.as_duration() < SHORTEST_WATCH {
        let message = format!("looking every {span} would keep a processor busy");
        let remedy = format!("write {SHORTEST_WATCH:?} or more, or `off`");
        problems.push(Problem::error(at.place.clone(), "reload.watch", message).remedy(remedy));
    }
    Some(span.as_duration())
}

fn workers(top: &TopConfig, problems: &mut Problems) -> usize {
    let Some(at) = &top.workers else {
        return std::thread::available_parallelism().map_or(1, usize::from).min(MOST_WORKERS as usize);
    };
    if !(1..=MOST_WORKERS).contains(&at.value) {
        let message = format!("{} workers cannot be run", at.value);
        let remedy = format!("write 1 to {MOST_WORKERS}, or leave it out for as many as there are cores");
        problems.push(Problem::error(at.place.clone(), "workers", message).remedy(remedy));
    }
    at.value.clamp(1, MOST_WORKERS) as usize
}

fn via(top: &TopConfig, problems: &mut Problems) -> Option<Via> {
    let Some(at) = &top.via else { return Via::new(VIA).ok() };
    match &at.value {
        OrOff::Off => None,
        OrOff::On(name) if is_field_name(name.as_bytes()) => Via::new(name).ok(),
        OrOff::On(name) => {
            let message = format!("`{name}` is no pseudonym for `Via`");
            let remedy = "write letters, digits and `-`, or `off`";
            problems.push(Problem::error(at.place.clone(), "via", message).remedy(remedy));
            None
        }
    }
}

/// The id goes to services whether it is written or not.
fn introduction(top: &TopConfig, problems: &mut Problems) -> Introduction {
    let told = &top.identity.forward;
    let tells = |detail| told.iter().any(|at| at.value == detail);
    for (index, at) in told.iter().enumerate() {
        if told[..index].iter().any(|before| before.value == at.value) {
            let path = format!("identity.forward[{index}]");
            let problem = Problem::warning(at.place.clone(), path, "it is there twice");
            problems.push(problem.remedy("remove one"));
        }
    }
    Introduction {
        email: tells(Detail::Email),
        roles: tells(Detail::Roles),
        permissions: tells(Detail::Permissions),
    }
}

fn limits(config: &LimitsConfig, problems: &mut Problems) -> Limits {
    let mut refuse = |place: &Place, field: &str, message: String, remedy: String| {
        problems.push(Problem::error(place.clone(), format!("limits.{field}"), message).remedy(remedy));
    };
    let (head, target) = (config.head.as_usize(), config.target.as_usize());
    if !(SMALLEST_HEAD..=MAX_HEAD).contains(&head) {
        let message = format!("{head} bytes are no limit that heads can have");
        refuse(
            &config.head.place,
            "head",
            message,
            format!("write a size from {SMALLEST_HEAD} to {MAX_HEAD} bytes"),
        );
    }
    let fields = config.fields.value as usize;
    if !(1..=MAX_LINES).contains(&fields) {
        let message = format!("{fields} is no limit that fields can have");
        refuse(&config.fields.place, "fields", message, format!("write a number from 1 to {MAX_LINES}"));
    }
    if target == 0 || target > head {
        // The default target limit may be what does not fit into a written head limit.
        let place = if config.target.place.is_none() { &config.head.place } else { &config.target.place };
        let message = format!("a target of {target} bytes does not fit into a head of {head} bytes");
        refuse(place, "target", message, "write a size from 1 byte to that of `head`".to_owned());
    }
    if config.connections.value == 0 {
        let message = "no client could ever connect".to_owned();
        refuse(&config.connections.place, "connections", message, "write 1 or more".to_owned());
    }
    Limits { head, fields, target }
}
