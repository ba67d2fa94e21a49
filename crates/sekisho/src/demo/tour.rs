//! What to try once the demo runs.

use std::fmt::Write as _;

use crate::server::Addresses;

/// What each command shows, and the command; `{base}` and `{admin}` become addresses, and `{as AIKO}` Aiko's token.
const STOPS: &[(&str, &str)] = &[
    ("nobody passes without a token", "curl -i {base}/api/users/u-1"),
    ("a service's answer, with ids, limits and security headers", "curl -i {base}/api/users/u-1 {as AIKO}"),
    (
        "Jonas may look at orders, but not write them",
        "curl -i {base}/api/orders {as JONAS} -d '{\"sku\": \"cup-blue\"}'",
    ),
    ("Adaeze was switched off, however good her token", "curl -i {base}/api/users/u-3 {as ADAEZE}"),
    (
        "your own correlation id, carried through",
        "curl -i {base}/api/inventory/tea-green {as AIKO} -H 'X-Correlation-ID: my-order'",
    ),
    ("the same again, from memory (X-Cache: HIT)", "curl -i {base}/api/inventory/tea-green {as AIKO}"),
    (
        "one of four from the first endpoint, three from the second",
        "for i in 1 2 3 4; do curl -s {base}/api/orders/o-1 {as AIKO} | grep -o 'order-service-.'; done",
    ),
    (
        "a preflight, answered before any service hears of it",
        "curl -i -X OPTIONS {base}/api/orders -H 'Origin: https://app.example' -H 'Access-Control-Request-Method: POST'",
    ),
    (
        "a payment",
        "curl -i {base}/api/payments {as AIKO} -H 'Content-Type: application/json' -d '{\"order\": \"o-2\", \"amount\": 4800}'",
    ),
    (
        "a body that is too large for a payment",
        "head -c 100000 /dev/zero | curl -i {base}/api/payments {as AIKO} --data-binary @-",
    ),
    ("a fixed answer", "curl -i {base}/"),
    ("a redirect", "curl -i '{base}/shop/orders?page=2'"),
    ("a method that the route does not take", "curl -i -X DELETE {base}/api/inventory/tea-green {as AIKO}"),
    (
        "a service that takes its time, and one that takes too much",
        "curl -i '{base}/api/orders?slow=1s' '{base}/api/orders?slow=5s' {as AIKO}",
    ),
    (
        "a service that fails, and one that hangs up",
        "curl -i '{base}/api/users?fail=500' '{base}/api/users?fail=reset' {as AIKO}",
    ),
    ("a user of whom everything is asked anew", "curl -i -X POST {admin}/api/users/u-1/forget"),
    ("what each route does", "curl {admin}/api/plan"),
    ("what was counted", "curl -s {admin}/metrics | grep ^gateway_requests_total"),
];

/// The commands for a gateway at these addresses, where users have these tokens.
pub(super) fn text(addresses: &Addresses, tokens: &[(&str, String)]) -> String {
    let base = addresses
        .traffic
        .first()
        .map(|(scheme, address)| format!("{scheme}://{address}"))
        .unwrap_or_default();
    let admin = addresses.admin.map(|address| format!("http://{address}")).unwrap_or_default();
    let mut text = "\nThe shop is open. Try, in another terminal:\n\n  # who buys here\n".to_owned();
    for (name, token) in tokens {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {name}={token}");
    }
    for (purpose, command) in STOPS {
        let mut command = command.replace("{base}", &base).replace("{admin}", &admin);
        for (name, _) in tokens {
            let header = format!("-H \"Authorization: Bearer ${name}\"");
            command = command.replace(&format!("{{as {name}}}"), &header);
        }
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
        let text = text(
            &addresses,
            &[("AIKO", "a.b.c".to_owned()), ("JONAS", String::new()), ("ADAEZE", String::new())],
        );
        assert!(text.contains("curl -i http://127.0.0.1:8083/api/users/u-1\n"), "{text}");
        assert!(text.contains("  AIKO=a.b.c\n"), "{text}");
        assert!(text.contains("8083/api/users/u-1 -H \"Authorization: Bearer $AIKO\"\n"), "{text}");
        assert!(text.contains("curl http://127.0.0.1:9902/api/plan\n"), "{text}");
        assert!(!text.contains("{base}") && !text.contains("{admin}") && !text.contains("{as"), "{text}");
    }
}
