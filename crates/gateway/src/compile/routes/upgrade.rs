//! The protocols that a route's connections may switch to.

use sekisho_units::{At, Place, Problem, Problems};
use sekisho_wire::is_field_name;

use crate::document::UpgradeConfig;

/// Protocols that carry HTTP again, in which requests would pass the policies by.
const CARRY_HTTP: [&str; 4] = ["h2c", "h2", "http", "tls"];

/// What may be switched to where nothing is said.
pub(crate) fn usual() -> Box<[Box<str>]> {
    Box::new(["websocket".into()])
}

/// The names in lower case; none for `off`.
pub(super) fn compile(written: &At<UpgradeConfig>, path: &str, problems: &mut Problems) -> Box<[Box<str>]> {
    let UpgradeConfig::Protocols(protocols) = &written.value else { return Box::default() };
    let mut report = |place: &Place, path: String, message: String, remedy: &str| {
        let place = if place.is_none() { &written.place } else { place };
        problems.push(Problem::error(place.clone(), path, message).remedy(remedy));
    };
    if protocols.is_empty() {
        let remedy = "write `off` for none, or leave it out for `[websocket]`";
        report(&written.place, path.to_owned(), "there is no protocol".to_owned(), remedy);
    }
    for (index, at) in protocols.iter().enumerate() {
        let at_path = format!("{path}[{index}]");
        if CARRY_HTTP.iter().any(|name| at.value.eq_ignore_ascii_case(name)) {
            let message = format!("requests in a tunnel of `{}` would pass the policies by", at.value);
            report(&at.place, at_path, message, "take it out");
        } else if !is_field_name(at.value.as_bytes()) {
            let message = format!("`{}` is no name of a protocol", at.value);
            report(&at.place, at_path, message, "write a name such as `websocket`, without a version");
        }
    }
    protocols.iter().map(|at| at.value.to_ascii_lowercase().into()).collect()
}
