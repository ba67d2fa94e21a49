//! What `check` says of TLS settings, with real files.

use crate::harness::certificates::Authority;
use crate::harness::{Lines, binary, temp_dir, until};

/// What `sekisho check` says of a service, in a folder with files.
#[track_caller]
fn check(service: &str, env: &[(&str, &str)], files: &[(&str, &str)]) -> (Option<i32>, String) {
    let folder = temp_dir();
    for (name, text) in files {
        std::fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
        std::fs::write(folder.join(name), text).unwrap();
    }
    let text =
        format!("services:\n  s: {{ {service} }}\nroutes:\n  - {{ path: '/*', service: s, public: true }}\n");
    std::fs::write(folder.join("sekisho.yaml"), text).unwrap();
    let mut child = binary()
        .args(["check", "-c"])
        .arg(folder.join("sekisho.yaml"))
        .envs(env.iter().copied())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let (out, err) =
        (Lines::collect(child.stdout.take().unwrap()), Lines::collect(child.stderr.take().unwrap()));
    let status = until("the program to end", || child.try_wait().unwrap());
    let mut said = out.to_end();
    said.extend(err.to_end());
    std::fs::remove_dir_all(folder).unwrap();
    (status.code(), said.join("\n"))
}

#[test]
fn files_are_looked_for_beside_the_configuration() {
    let authority = Authority::new("a");
    let ours = authority.certify(&["gateway"]);
    let files = [
        ("tls/ca.pem", &*authority.pem()),
        ("tls/gateway.pem", &*ours.certificate),
        ("tls/gateway.key", &*ours.key),
    ];
    let words = "endpoints: ['https://orders.internal'], \
                 tls: { ca: tls/ca.pem, certificate: tls/gateway.pem, key: tls/gateway.key }";
    let (code, said) = check(words, &[], &files);
    assert_eq!((code, said.contains("warning")), (Some(0), false), "{said}");
    let (code, said) = check(words, &[], &files[1..]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("services.s.tls.ca: `tls/ca.pem` cannot be read: there is no such file"), "{said}");
    let other = Authority::new("b").certify(&["gateway"]);
    let (code, said) = check(words, &[], &[files[0], files[1], ("tls/gateway.key", &other.key)]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("`tls/gateway.key` is not that of the certificate in `tls/gateway.pem`"), "{said}");
    let material = other.key.lines().nth(1).unwrap();
    assert!(!said.contains(&material[..16]), "{said}");
}

#[test]
fn a_system_without_authorities_is_told() {
    let nowhere = [("SSL_CERT_FILE", "/nowhere/ca.pem"), ("SSL_CERT_DIR", "/nowhere")];
    let (code, said) = check("endpoints: ['https://orders.internal']", &nowhere, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains(
            "services.s.endpoints: the system has no certificate authorities to check `https://orders.internal` by; \
             install them (`ca-certificates`), or name a file in `tls.ca`"
        ),
        "{said}"
    );
    // Where nobody needs them, they are not missed.
    for words in [
        "endpoints: ['http://orders.internal']",
        "endpoints: ['https://orders.internal'], tls: { verify: false }",
    ] {
        let (code, said) = check(words, &nowhere, &[]);
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(
            said.contains("services.s.tls.verify: certificates are not checked"),
            words.contains("verify")
        );
    }
}
