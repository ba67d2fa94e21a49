//! Requests that belong together go to one endpoint.

use super::{config, gateway, numbered, reached};
use crate::harness::Client;

#[test]
fn requests_of_one_key_reach_one_endpoint_over_reloads_and_losses() {
    let mut services = numbered(4);
    for algorithm in ["ring_hash", "maglev"] {
        let words = format!("balance: {{ algorithm: {algorithm}, key: header.X-Session }}");
        let gateway = gateway(&services, &words);
        let mut client = gateway.connect();
        let all = |client: &mut Client| -> Vec<usize> {
            (0..400).map(|key| reached(client, &format!("X-Session: {key}\r\n"))).collect()
        };
        let before = all(&mut client);
        let mut others = Client::connect_from("127.0.0.7", gateway.addr);
        assert_eq!(all(&mut others), before, "by the key alone");
        for number in 0..4 {
            let got = before.iter().filter(|reached| **reached == number).count();
            // Ports differ from run to run, and so does the ring: five standard deviations.
            assert!((40..=160).contains(&got), "{algorithm}: {got} of 400 for one of 4");
        }
        // Without the last one its keys move, and as good as no others.
        let last = services.pop().unwrap();
        gateway.reconfigure(&config(&services, &words, |_| "weight: 1".to_owned()));
        let after = all(&mut client);
        let moved =
            before.iter().zip(&after).filter(|(before, after)| before != after && **before != 3).count();
        assert!(after.iter().all(|reached| *reached < 3) && moved <= 6, "{algorithm}: {moved} moved");
        services.push(last);
    }
}

#[test]
fn cookies_and_addresses_are_keys_too() {
    let services = numbered(4);
    let by_cookie = gateway(&services, "balance: { algorithm: maglev, key: cookie.who }");
    let mut client = by_cookie.connect();
    let mut of = |line: &str| reached(&mut client, line);
    let first = of("Cookie: a=b; who=ann\r\n");
    assert!((0..20).all(|_| of("Cookie: who=ann; c=d\r\n") == first));
    let all: std::collections::HashSet<_> =
        (0..60).map(|who| of(&format!("Cookie: who={who}\r\n"))).collect();
    assert_eq!(all.len(), 4);
    let none: std::collections::HashSet<_> = (0..100).map(|_| of("")).collect();
    assert_eq!(none.len(), 4, "without a key anybody is asked");

    let by_address = gateway(&services, "balance: { algorithm: ring_hash, key: ip }");
    let mut reached_by = std::collections::HashSet::new();
    for last in 1..100 {
        let mut client = Client::connect_from(&format!("127.0.0.{last}"), by_address.addr);
        let first = reached(&mut client, "");
        assert!((0..3).all(|_| reached(&mut client, "") == first));
        reached_by.insert(first);
    }
    assert_eq!(reached_by.len(), 4);
}
