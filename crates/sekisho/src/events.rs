//! What happens to services while the gateway runs, told to operators.

use sekisho_upstream::{Change, Events};

use crate::output::note;

/// Tells on standard error, by the names that alerts have.
pub(crate) struct Told;

impl Events for Told {
    fn circuit(&self, service: &str, change: Change) {
        note(&line(service, change));
    }
}

fn line(service: &str, change: Change) -> String {
    let (event, meaning) = match change {
        Change::Opened => ("circuit_breaker_opened", "is not asked any more"),
        Change::HalfOpened => ("circuit_breaker_half_opened", "is tried again"),
        Change::Closed => ("circuit_breaker_closed", "is asked again"),
    };
    format!("{event}: `{service}` {meaning}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_begins_with_the_event() {
        assert_eq!(line("orders", Change::Opened), "circuit_breaker_opened: `orders` is not asked any more");
    }
}
