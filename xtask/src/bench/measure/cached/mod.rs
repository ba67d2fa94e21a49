//! What a cache costs and spares beside what it does for one answer: requests to the service, and memory.

mod cold;
mod keys;

use super::super::http;
use super::super::report::Section;
use super::super::scenarios::{Kind, Scenario};
use super::super::targets::Stage;

/// Measures one of them.
pub(super) fn measure(stage: &Stage, scenario: &'static Scenario) -> Result<Section, String> {
    match scenario.kind {
        Kind::Cold => cold::measure(stage, scenario),
        _ => keys::measure(stage, scenario),
    }
}

/// Requests that the service behind all has seen, this question among them.
pub(super) fn asked(stage: &Stage) -> Result<u64, String> {
    let answer = http::get(stage.upstream_port, "/status", &[])?;
    let text = String::from_utf8_lossy(&answer.body);
    requests_in(&text).ok_or_else(|| format!("the service does not say how often it was asked but: {text}"))
}

/// The third number of nginx's status: connections taken, connections served, requests.
fn requests_in(status: &str) -> Option<u64> {
    let behind = status.split_once("requests")?.1;
    behind.split_whitespace().nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::requests_in;

    #[test]
    fn the_service_says_how_often_it_was_asked() {
        let text = "Active connections: 2 \nserver accepts handled requests\n 16 17 48 \nReading: 0 Writing: 1 Waiting: 1 \n";
        assert_eq!(requests_in(text), Some(48));
        assert_eq!(requests_in("404"), None);
    }
}
