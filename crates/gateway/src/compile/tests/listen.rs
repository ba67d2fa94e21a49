//! Ports as written: what is wrong with them, and what becomes of them.

use std::collections::HashMap;

use rcgen::{CertificateParams, KeyPair};

use super::*;

/// A certificate for these names and its key, as PEM.
fn pair(names: &[&str]) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

fn compiled(text: &str, files: &HashMap<&str, String>) -> (Option<Site>, Vec<String>) {
    let read_file =
        |path: &str| files.get(path).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound));
    let text = format!("{text}\nroutes: [{{ path: /, respond: x }}]\n");
    let (site, problems) = compile(
        &Source { name: "t", text: &text, env: &|_| None, read_file: &read_file, folder: Path::new("") },
        &Carry::default(),
    );
    (site, problems.iter().map(ToString::to_string).collect())
}

#[test]
fn what_is_wrong_is_told_at_its_place() {
    let (certificate, key) = pair(&["a.test"]);
    let (_, other) = pair(&["b.test"]);
    let files = HashMap::from([
        ("a.pem", certificate),
        ("a.key", key),
        ("b.key", other),
        ("no.pem", "text".to_owned()),
    ]);
    let good = "{ certificates: [{ certificate: a.pem, key: a.key }] }";
    for (text, want) in [
        ("listen: https://127.0.0.1:1", "t:1:9: error: listen: there is no certificate for TLS; add"),
        (
            "listen: { url: http://127.0.0.1:1, tls: TLS }",
            "t:1:41: error: listen.tls: this address is plain HTTP; write",
        ),
        (
            "listen: [{ url: ftp://127.0.0.1:1 }]",
            "t:1:17: error: listen[0].url: `ftp://127.0.0.1:1` has no scheme",
        ),
        ("listen: [{ tls: TLS }]", "t:1:10: error: listen[0]: missing field `url`; add"),
        (
            "listen: https://127.0.0.1:1\ntls: { certificates: [] }",
            "t:2:6: error: tls.certificates: there is no certificate; write",
        ),
        (
            "listen: https://127.0.0.1:1\ntls: { certificates: [{ certificate: none.pem }] }",
            "t:2:38: error: tls.certificates[0].certificate: the file `none.pem` cannot be read: there is no such file; name",
        ),
        (
            "listen: https://127.0.0.1:1\ntls: { certificates: [{ certificate: no.pem, key: a.key }] }",
            "t:2:38: error: tls.certificates[0].certificate: there is no certificate in `no.pem`; name a file",
        ),
        (
            "listen: https://127.0.0.1:1\ntls: { certificates: [{ certificate: a.pem, key: no.pem }] }",
            "t:2:50: error: tls.certificates[0].key: there is no private key in `no.pem`; name a file",
        ),
        (
            "listen: https://127.0.0.1:1\ntls: { certificates: [{ certificate: a.pem }] }",
            "t:2:38: error: tls.certificates[0].certificate: there is no private key in `a.pem`; name a file",
        ),
        (
            "listen: https://127.0.0.1:1\ntls: { certificates: [{ certificate: a.pem, key: b.key }] }",
            "t:2:50: error: tls.certificates[0].key: the key in `b.key` is not that of the certificate in `a.pem`; name two",
        ),
        (
            "listen: { url: http://127.0.0.1:1, redirect: https }",
            "t:1:46: error: listen.redirect: there is no `https` address to send clients to; add",
        ),
        ("listen: { url: http://127.0.0.1:1, redirect: http }", "t:1:46: error: listen.redirect: "),
        (
            "listen: { url: http://127.0.0.1:1, redirect: { port: 0 } }",
            "t:1:54: error: listen.redirect.port: no client can connect to port 0; write",
        ),
        (
            "listen: { url: https://127.0.0.1:1, redirect: https, tls: TLS }",
            "t:1:47: error: listen.redirect: this address speaks TLS already; take",
        ),
        (
            "listen: { url: http://127.0.0.1:1, proxy_protocol: true }",
            "t:1:52: error: listen.proxy_protocol: nobody may send the header; write",
        ),
        (
            "listen: { url: http://127.0.0.1:1, proxy_protocol: yes please }",
            "t:1:52: error: listen.proxy_protocol: ",
        ),
        (
            "admin: https://127.0.0.1:1",
            "t:1:8: error: admin: the operators' port speaks plain HTTP only; write",
        ),
        (
            "listen: [http://127.0.0.1:1, https://127.0.0.1:1]\ntls: TLS",
            "t:1:30: error: listen[1]: `http://127.0.0.1:1` and `https://127.0.0.1:1` cannot both be listened to; keep",
        ),
        ("tls: TLS", "t:1:6: warning: tls: no address in `listen` uses it; write"),
        (
            "limits: { connections_per_address: 0 }",
            "t:1:36: error: limits.connections_per_address: no client could ever connect; write",
        ),
        ("client: { handshake: 0s }", "t:1:22: error: client.handshake: no request would be in time; write"),
        (
            "reload: { watch: 1ms }",
            "t:1:18: error: reload.watch: looking every 1ms would keep a processor busy; write",
        ),
    ] {
        let (site, problems) = compiled(&text.replace("TLS", good), &files);
        assert!(problems.iter().any(|problem| problem.starts_with(want)), "{text}\n{problems:#?}");
        assert_eq!(site.is_some(), want.contains("warning"), "{text}");
        assert!(!problems.concat().contains("PRIVATE KEY-----\n"), "{problems:?}");
    }
}

#[test]
fn what_is_right_is_as_written() {
    let (certificate, key) = pair(&["a.test", "*.b.test"]);
    let files = HashMap::from([("a.pem", certificate + &key)]);
    let (site, problems) = compiled(
        "trusted_proxies: [10.0.0.0/8]
listen:
  - https://127.0.0.1:8443
  - { url: http://127.0.0.1:8080, redirect: https, proxy_protocol: true }
  - { url: http://127.0.0.1:8081, redirect: { port: 443, except: [/x/*] }, proxy_protocol: { from: [192.0.2.1] } }
  - { url: http://127.0.0.1:8082, proxy_protocol: false }
tls: { certificates: [{ certificate: a.pem }] }",
        &files,
    );
    assert_eq!(problems, [] as [String; 0]);
    let listen = &site.unwrap().settings.listen;
    let tls = listen[0].tls.as_ref().unwrap();
    assert_eq!(*tls.certificates[0].names, ["a.test", "*.b.test"].map(Box::<str>::from));
    let redirect = |index: usize| listen[index].redirect.as_ref().map(|to| (to.port, to.except.len()));
    assert_eq!([0, 1, 2, 3].map(redirect), [None, Some((8443, 0)), Some((443, 1)), None]);
    let proxies = |index: usize| {
        listen[index]
            .proxy_protocol
            .as_ref()
            .map(|from| from.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!([0, 3].map(proxies), [None, None]);
    assert_eq!(
        (proxies(1), proxies(2)),
        (Some(vec!["10.0.0.0/8".to_owned()]), Some(vec!["192.0.2.1".to_owned()]))
    );
}
