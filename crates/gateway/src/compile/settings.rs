//! The words at the top that hold for every request.

use std::net::{Ipv4Addr, SocketAddr};

use sekisho_units::{Place, Problem, Problems};
use sekisho_wire::{Limits, MAX_HEAD, MAX_LINES, PathRules, is_field_name};

use crate::document::{Address, LimitsConfig, OrOff, TopConfig};
use crate::forward::Via;
use crate::site::{ClientTimeouts, Settings};

const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 8080);
const ADMIN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9901);
const VIA: &str = "sekisho";
/// More would only take memory from each other.
const MOST_WORKERS: u32 = 1024;
/// A head must have room for a request line and a few fields.
const SMALLEST_HEAD: usize = 1024;

pub(super) fn compile(top: &TopConfig, problems: &mut Problems) -> Settings {
    let (listen, admin) = listeners(top, problems);
    let client = &top.client;
    for (name, span) in [("head", &client.head), ("idle", &client.idle)] {
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
        paths: PathRules { merge_slashes: top.merge_slashes.unwrap_or(true) },
        head_limits: limits(&top.limits, problems),
        connections: top.limits.connections.value as usize,
        client: ClientTimeouts {
            head: client.head.as_duration(),
            idle: client.idle.as_duration(),
            body_grace: client.body_grace.as_duration(),
            body_rate: client.body_rate.bytes(),
        },
        grace: top.drain.grace.as_duration(),
    }
}

fn listeners(top: &TopConfig, problems: &mut Problems) -> (Vec<SocketAddr>, Option<SocketAddr>) {
    // Places are those of the single addresses where there is a list.
    let written: Vec<(SocketAddr, Place)> = top.listen.as_ref().map_or_else(Vec::new, |listen| {
        let place = |at: &Place| if at.is_none() { listen.place.clone() } else { at.clone() };
        listen.value.0.iter().map(|at| (at.value.0, place(&at.place))).collect()
    });
    if let Some(listen) = top.listen.as_ref().filter(|listen| listen.value.0.is_empty()) {
        let problem = Problem::error(listen.place.clone(), "listen", "there is no address");
        problems.push(
            problem.remedy("write one such as `http://0.0.0.0:8080`, or leave `listen` out for that one"),
        );
    }
    for (index, (address, place)) in written.iter().enumerate() {
        if let Some((other, _)) = written[..index].iter().find(|(other, _)| clash(*address, *other)) {
            let message =
                format!("`{}` and `{}` cannot both be listened to", Address(*other), Address(*address));
            problems.push(
                Problem::error(place.clone(), format!("listen[{index}]"), message).remedy("keep one of them"),
            );
        }
    }
    let listen: Vec<_> =
        if top.listen.is_none() { vec![LISTEN] } else { written.iter().map(|(at, _)| *at).collect() };
    let (admin, place) = match &top.admin {
        None => (Some(ADMIN), written.first().map_or_else(Place::none, |(_, place)| place.clone())),
        Some(at) => match at.value {
            OrOff::Off => (None, at.place.clone()),
            OrOff::On(address) => (Some(address.0), at.place.clone()),
        },
    };
    if let Some(address) = admin
        && let Some(other) = listen.iter().find(|other| clash(address, **other))
    {
        let message =
            format!("`{}` is listened to for clients as well (`{}`)", Address(address), Address(*other));
        problems.push(
            Problem::error(place, "admin", message)
                .remedy("give it a port of its own, or write `admin: off`"),
        );
    }
    (listen, admin)
}

/// Whether one address takes what the other is to take. Port 0 is a free port, another one each time.
fn clash(a: SocketAddr, b: SocketAddr) -> bool {
    let all = a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() == b.port() && a.port() != 0 && (a.ip() == b.ip() || (all && a.is_ipv4() == b.is_ipv4()))
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
