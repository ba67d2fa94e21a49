//! Whatever this crate accepts, hyper reads alike: method, target, fields, body, and where the next request
//! begins. Requests are made nearly valid and then damaged a little, so that both ways out are taken often.

mod oracle;

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

fn framed_body() -> impl Strategy<Value = (String, Vec<u8>)> {
    let data = || prop::collection::vec(any::<u8>(), 0..40);
    let chunk =
        (data(), prop::option::weighted(0.2, ";[a-z]{1,4}(=[a-z\"]{0,5})?")).prop_map(|(data, extension)| {
            if data.is_empty() {
                return Vec::new();
            }
            let mut bytes = format!("{:x}{}\r\n", data.len(), extension.unwrap_or_default()).into_bytes();
            bytes.extend_from_slice(&data);
            bytes.extend_from_slice(b"\r\n");
            bytes
        });
    let trailers = prop_oneof![4 => Just(String::new()), 1 => "([a-z]{1,5}: [a-z]{0,5}\r\n){1,2}"];
    let chunked = (
        prop::collection::vec(chunk, 0..4),
        trailers,
        prop_oneof![8 => Just("chunked"), 1 => Just("Chunked")],
    )
        .prop_map(|(chunks, trailers, coding)| {
            let mut bytes = chunks.concat();
            bytes.extend_from_slice(format!("0\r\n{trailers}\r\n").as_bytes());
            (format!("Transfer-Encoding: {coding}\r\n"), bytes)
        });
    prop_oneof![
        3 => Just((String::new(), Vec::new())),
        3 => data().prop_map(|data| (format!("Content-Length: {}\r\n", data.len()), data)),
        4 => chunked,
    ]
}

fn request() -> impl Strategy<Value = Vec<u8>> {
    let start = "(GET|POST|PUT|OPTIONS|PURGE) (/|/[a-zA-Z0-9/._~%-]{1,9}|/a\\?[a-z=&%]{0,6}|http://a/[a-z]{0,3}|http://a\\?b) HTTP/1\\.1\r\n";
    let field = prop_oneof![
        8 => "(Accept|Cookie|X-A|x_b|VIA):[ \t]{0,2}[!-~]([ -~]{0,12}[!-~])?[ \t]{0,1}\r\n",
        1 => "X-Empty:[ \t]{0,1}\r\n",
        1 => "Connection: (keep-alive|close|x-a|close, x-b)\r\n",
        1 => "Expect: 100-continue\r\n",
        1 => "X-High: [é-ü]{1,4}\r\n",
    ];
    (start, prop::collection::vec(field, 0..5), framed_body()).prop_map(|(start, fields, (framing, body))| {
        let mut bytes = (start + "Host: a\r\n" + &fields.concat() + &framing + "\r\n").into_bytes();
        bytes.extend_from_slice(&body);
        bytes
    })
}

#[derive(Clone, Debug)]
enum Damage {
    Replace(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = || any::<prop::sample::Index>();
    let nasty = prop_oneof![
        3 => prop::sample::select(vec![
            "\r\n", "\n", "\r", " ", "\t", "\0", ":", ",", ";", "0", "1", "a", "\r\n ", "\r\n\r\n", "\u{b}",
            "Transfer-Encoding: chunked\r\n", "Content-Length: 3\r\n", "\r\nContent-Length: 0",
            "\r\nTransfer-Encoding: x", "Host: b\r\n", "0\r\n\r\n", "GET / HTTP/1.1\r\nHost: b\r\n\r\n",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..3),
    ];
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, b)| Damage::Replace(at, b)),
        at().prop_map(Damage::Remove),
        (at(), nasty).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
    ]
}

fn connection() -> impl Strategy<Value = Vec<u8>> {
    let damages =
        prop_oneof![2 => prop::collection::vec(damage(), 0..1), 3 => prop::collection::vec(damage(), 1..3)];
    (prop::collection::vec(request(), 1..4), damages).prop_map(|(requests, damages)| {
        let mut bytes = requests.concat();
        for damage in damages {
            if bytes.is_empty() {
                break;
            }
            match damage {
                Damage::Replace(at, b) => {
                    let at = at.index(bytes.len());
                    bytes[at] = b;
                }
                Damage::Remove(at) => {
                    bytes.remove(at.index(bytes.len()));
                }
                Damage::Insert(at, more) => {
                    let at = at.index(bytes.len());
                    bytes.splice(at..at, more);
                }
            }
        }
        bytes
    })
}

#[test]
fn what_is_accepted_hyper_reads_alike() {
    let cases = 1_500;
    let (accepted, refused) = (Cell::new(0), Cell::new(0));
    let mut runner =
        TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() });
    let outcome = runner.run(&connection(), |bytes| {
        match oracle::difference(&bytes) {
            Ok(0) => refused.set(refused.get() + 1),
            Ok(_) => accepted.set(accepted.get() + 1),
            Err(difference) => {
                return Err(TestCaseError::fail(format!("{difference}\nin {}", bytes.escape_ascii())));
            }
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    // Were most requests refused, or none, the comparison would show little.
    let (accepted, refused) = (accepted.get(), refused.get());
    assert!(accepted > cases / 2 && refused > cases / 20, "{accepted} accepted, {refused} refused");
}

#[test]
fn the_oracle_sees_a_difference_where_there_is_one() {
    let request = b"POST /a?b HTTP/1.1\r\nHost: a\r\nX: 2\r\nx: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let twice = request.repeat(2);
    let (ours, hypers) = (oracle::ours(&twice).seen, oracle::hypers(&twice));
    assert_eq!((ours.len(), &ours), (2, &hypers));
    assert_eq!((&ours[0].body[..], &ours[0].target[..]), (&b"abc"[..], "/a?b"));
    // hyper takes what we refuse: a bare line feed, equal lengths, a length beside a coding.
    for lenient in [
        "GET / HTTP/1.1\nHost: a\n\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        assert_eq!(
            (oracle::ours(lenient.as_bytes()).seen.len(), oracle::hypers(lenient.as_bytes()).len()),
            (0, 1),
            "{lenient}"
        );
    }
}
