//! What a token costs on a request: verified in whole, and claims read from it.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use hmac::{Hmac, KeyInit, Mac};
use sekisho_jose::{Algorithm, Algorithms, Key, KeySet, Rules, Token, Verifier};
use sekisho_units::Wall;
use sha2::Sha256;

const SECRET: &[u8] = b"sekisho-bench-secret-sekisho-bench-secret";
const NOW: Wall = Wall::from_secs(1_767_225_600);

/// As Python's json module writes it, with a space behind each colon and comma.
const HEADER: &[u8] = br#"{"alg": "HS256", "typ": "JWT"}"#;
const PAYLOAD: &[u8] = br#"{"sub": "u-1", "permissions": ["user:read"], "exp": 1767312000}"#;

/// What a large identity provider signs, with a dozen claims.
const LARGE: &[u8] = br#"{"iss":"https://id.example/realms/shop","sub":"8a7d1c52-3b1f-4a53-9d0c-5f6f0d3c2b1a","aud":["shop","account"],
"exp":1767312000,"nbf":1767225000,"iat":1767225000,"jti":"5e0b3b0e-7a5f-4f0e-8f39-0d5e5d1b7a11","azp":"web","scope":"openid profile email",
"realm_access":{"roles":["user","offline_access","uma_authorization"]},"email":"someone@shop.example","email_verified":true}"#;

fn verifier(algorithm: Algorithm) -> Verifier {
    let mut keys = KeySet::new();
    keys.push(Key::secret(SECRET).expect("a secret"));
    Verifier::new(Rules { algorithms: Algorithms::only(algorithm), ..Rules::default() }, keys)
}

fn hs(c: &mut Criterion) {
    let key = Key::secret(SECRET).expect("a secret");
    let mut group = c.benchmark_group("jwt");
    for (name, payload) in [("small", PAYLOAD), ("large", LARGE)] {
        let token = key.sign(Algorithm::Hs256, HEADER, payload).expect("a secret signs");
        let verifier = verifier(Algorithm::Hs256);
        assert!(verifier.verify(token.as_bytes(), NOW).is_ok());
        group.bench_function(format!("HS256 {name}"), |b| {
            b.iter(|| verifier.verify(black_box(token.as_bytes()), black_box(NOW)));
        });
        group.bench_function(format!("HS256 {name}, read first"), |b| {
            b.iter(|| {
                Token::parse(black_box(token.as_bytes())).map(|token| token.verify(&verifier, black_box(NOW)))
            });
        });
    }
    let state = <Hmac<Sha256> as KeyInit>::new_from_slice(SECRET).expect("a secret");
    group.bench_function("of it, the hash of small", |b| {
        b.iter(|| state.clone().chain_update(black_box(&[b'x'; 127])).verify_slice(&[0; 32]).is_ok());
    });
    let token = key.sign(Algorithm::Hs256, HEADER, LARGE).expect("a secret signs");
    let claims = verifier(Algorithm::Hs256).verify(token.as_bytes(), NOW).expect("a good token");
    group.bench_function("claims, a list within an object", |b| {
        b.iter(|| black_box(&claims).list("realm_access.roles").map(|roles| roles.len()));
    });
    group.finish();
}

criterion_group!(benches, hs);
criterion_main!(benches);
