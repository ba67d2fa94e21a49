//! `sekisho key`: what it prints opens a gateway.

use std::io::Write as _;
use std::process::Stdio;

use sha2::{Digest, Sha256};

use super::Folder;
use crate::harness::{Gateway, binary};

#[test]
fn a_key_and_its_line_belong_together_and_no_two_are_the_same() {
    let folder = Folder::new(&[]);
    let made = |arguments: &[&str]| {
        let said = folder.ask(&[&["key"], arguments].concat());
        assert_eq!((said.code, said.out.len(), said.err.len()), (Some(0), 2, 0), "{said:?}");
        (said.out[0].clone(), said.out[1].clone())
    };
    let (key, line) = made(&[]);
    let hex: String = Sha256::digest(&key).iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(key.starts_with("sk_") && key.len() == 46, "{key}");
    assert_eq!(line, format!("- {{ id: \"key-1\", hash: \"sha256:{hex}\" }}"));
    assert_ne!(made(&[]).0, key);
    let more =
        ["--prefix", "shop_", "--id", "a \"b\"", "--roles", "x", "--permissions", "order:read,order:write"];
    let (key, line) = made(&more);
    assert!(key.starts_with("shop_"), "{key}");
    let gateway = Gateway::start(&format!(
        "routes:\n- path: /\n  respond: 'hello {{identity.id}} {{identity.roles}} {{identity.permissions}}'\n  policies:\n    api_key:\n      keys:\n      {line}\n"
    ));
    let answer = gateway.request(format!("GET / HTTP/1.1\r\nHost: a\r\nX-API-Key: {key}\r\n\r\n"));
    assert_eq!((answer.status, answer.text().as_str()), (200, "hello a \"b\" x order:read,order:write"));
}

/// Standard output and code of `sekisho key --password` with this input.
fn hashed(input: &[u8]) -> (Option<i32>, String) {
    let mut child = binary()
        .args(["key", "--password"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_password_becomes_a_hash_that_lets_its_user_in() {
    let (code, hash) = hashed("p\u{e4}ss word\r\nmore\n".as_bytes());
    assert_eq!(code, Some(0));
    let hash = hash.trim_end();
    assert!(hash.starts_with("$argon2id$v=19$"), "{hash}");
    let gateway = Gateway::start(&format!(
        "routes:\n- path: /\n  respond: hello\n  policies:\n    basic_auth:\n      users:\n      - {{ name: ada, hash: '{hash}' }}\n"
    ));
    for (credentials, status) in
        [("YWRhOnDDpHNzIHdvcmQ=", 200), ("YWRhOnDDpHNzIHdvcmQNCg==", 401), ("YWRhOnBhc3M=", 401)]
    {
        let answer = gateway
            .request(format!("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic {credentials}\r\n\r\n"));
        assert_eq!(answer.status, status, "{credentials}");
    }
    for bad in [&b""[..], b"\n", b"a\x01b\n", &[b'x'; 2000]] {
        assert_eq!(hashed(bad), (Some(2), String::new()));
    }
}
