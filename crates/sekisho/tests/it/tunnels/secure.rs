//! Tunnels whose client and service speak TLS.

use rustls::ALL_VERSIONS;

use super::{ASK, SWITCHED, collect};
use crate::harness::certificates::Authority;
use crate::harness::{Gateway, TlsService, pattern, secure, tls_config, trusting};

/// Pieces below, at and above a record of TLS (16 KiB), and more than the sockets hold.
const SIZES: [usize; 9] = [1, 1_000, 16_383, 16_384, 16_385, 1, 70_000, 3_000_000, 1_000];

#[test]
fn pieces_of_any_size_pass_whole_both_ways() {
    let authority = Authority::new("the authority of both sides");
    let (services, own) = (authority.certify(&["127.0.0.1"]), authority.certify(&["gateway.test"]));
    let service = TlsService::with(tls_config(&services, ALL_VERSIONS, None), |mut conn| {
        if conn.next_head().is_none() {
            return;
        }
        conn.write(SWITCHED);
        for size in SIZES {
            let piece = collect(size, || conn.read_some());
            conn.write(&piece);
        }
        while !conn.read_some().is_empty() {}
    });
    let config = format!(
        "listen: ['https://127.0.0.1:0']\ntls: {{ certificates: [{{ certificate: own.pem, key: own.key }}] }}\nworkers: 1\n\
         services:\n  s: {{ endpoints: ['https://{}'], tls: {{ ca: ca.pem }} }}\nroutes:\n  - {{ path: '/*', service: s, public: true }}\n",
        service.addr
    );
    let files = [("own.pem", &*own.certificate), ("own.key", &*own.key), ("ca.pem", &*authority.pem())];
    let gateway = Gateway::start_with(&config, &[], &files);
    let mut client = secure(gateway.addr, "gateway.test", &trusting(&authority, ALL_VERSIONS)).unwrap();
    client.send(ASK);
    let answer = client.head_only();
    assert_eq!(answer.status, 101, "{answer:?}");
    for size in SIZES {
        let piece = pattern(size);
        client.send(&piece);
        assert!(collect(size, || client.read_some()) == piece, "{size} bytes came back changed");
    }
    drop(client);
    let line = gateway.wait_log_of(&answer);
    let all = SIZES.iter().sum::<usize>();
    assert_eq!((&line["requestSize"], &line["responseSize"]), (&all.into(), &all.into()), "{line}");
}
