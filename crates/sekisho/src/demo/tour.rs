//! What to try once the demo runs.

use std::fmt::Write as _;

use crate::server::Addresses;

/// What each command shows, and the command; `{base}` and `{admin}` become addresses.
const STOPS: &[(&str, &str)] = &[
    ("a service's answer, with ids and security headers", "curl -i {base}/api/users/u-1"),
    (
        "your own correlation id, carried through",
        "curl -i {base}/api/inventory/tea-green -H 'X-Correlation-ID: my-order'",
    ),
    (
        "one of four from the first endpoint, three from the second",
        "for i in 1 2 3 4; do curl -s {base}/api/orders/o-1 | grep -o 'order-service-.'; done",
    ),
    (
        "a preflight, answered before any service hears of it",
        "curl -i -X OPTIONS {base}/api/orders -H 'Origin: https://app.example' -H 'Access-Control-Request-Method: POST'",
    ),
    (
        "a payment",
        "curl -i {base}/api/payments -H 'Content-Type: application/json' -d '{\"order\": \"o-2\", \"amount\": 4800}'",
    ),
    (
        "a body that is too large for a payment",
        "head -c 100000 /dev/zero | curl -i {base}/api/payments --data-binary @-",
    ),
    ("a fixed answer", "curl -i {base}/"),
    ("a redirect", "curl -i '{base}/shop/orders?page=2'"),
    ("a method that the route does not take", "curl -i -X DELETE {base}/api/inventory/tea-green"),
    (
        "a service that takes its time, and one that takes too much",
        "curl -i '{base}/api/orders?slow=1s' '{base}/api/orders?slow=5s'",
    ),
    (
        "a service that fails, and one that hangs up",
        "curl -i '{base}/api/users?fail=500' '{base}/api/users?fail=reset'",
    ),
    ("what each route does", "curl {admin}/api/plan"),
    ("what was counted", "curl -s {admin}/metrics | grep ^gateway_requests_total"),
];

/// The commands for a gateway at these addresses.
pub(super) fn text(addresses: &Addresses) -> String {
    let base = addresses
        .traffic
        .first()
        .map(|(scheme, address)| format!("{scheme}://{address}"))
        .unwrap_or_default();
    let admin = addresses.admin.map(|address| format!("http://{address}")).unwrap_or_default();
    let mut text = "\nThe shop is open. Try, in another terminal:\n".to_owned();
    for (purpose, command) in STOPS {
        let command = command.replace("{base}", &base).replace("{admin}", &admin);
        // Writing to a String cannot fail.
        let _ = write!(text, "\n  # {purpose}\n  {command}\n");
    }
    text.push_str("\nEvery request is logged below. Ctrl-C ends the demo.\n\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_name_the_addresses_as_they_are() {
        let addresses = Addresses {
            traffic: vec![("http", "127.0.0.1:8083".parse().unwrap())],
            admin: Some("127.0.0.1:9902".parse().unwrap()),
        };
        let text = text(&addresses);
        assert!(text.contains("curl -i http://127.0.0.1:8083/api/users/u-1\n"), "{text}");
        assert!(text.contains("curl http://127.0.0.1:9902/api/plan\n"), "{text}");
        assert!(!text.contains("{base}") && !text.contains("{admin}"), "{text}");
    }
}
