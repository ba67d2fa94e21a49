//! Which fields are stored (RFC 9111 §3.1).

use super::{Row, run};

#[test]
fn fields_of_the_answer_are_stored_and_those_of_one_hop_are_not() {
    let stored = [
        ("Test-Header", "x"),
        ("X-Test-Header", "x"),
        ("Content-Foo", "x"),
        ("X-Content-Foo", "x"),
        ("Cache-Control", "max-age=60"),
        ("Content-Encoding", "x-own"),
        ("Content-Language", "de"),
        ("Content-Location", "/bar"),
        ("Content-MD5", "N7UdGUp1E+RbVvZSTy1R8g=="),
        ("Content-Security-Policy", "default-src 'self' cdn.example.com"),
        ("Content-Type", "text/plain;charset=utf-8"),
        ("Clear-Site-Data", "\"cookies\""),
        ("ETag", "\"ghijkl\""),
        ("Expires", "Mon, 11 Jan 2038 11:11:11 GMT"),
        ("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT"),
        ("Link", "</x>; rel=next"),
        ("Public-Key-Pins", "x"),
        ("Server-Timing", "a;dur=1"),
        ("Strict-Transport-Security", "max-age=1"),
        ("WWW-Authenticate", "Basic"),
        ("X-Frame-Options", "sameorigin"),
        ("X-XSS-Protection", "1; mode=block"),
        ("Access-Control-Allow-Origin", "*"),
    ];
    let gone = [
        ("Connection", "x-one"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Authenticate", "Basic"),
        ("Proxy-Authentication-Info", "x"),
        ("Proxy-Connection", "keep-alive"),
        ("TE", "x"),
        ("Set-Cookie2", "a=b"),
    ];
    let fresh = |name: &str| if name == "Cache-Control" { "" } else { " | Cache-Control: max-age=60" };
    let texts: Vec<[String; 2]> = stored
        .iter()
        .map(|(name, value)| {
            let told = format!("{name}: {value}");
            [format!("-> {told}{} => {told}", fresh(name)), format!("=> HIT | {told}")]
        })
        .chain(gone.iter().map(|(name, value)| {
            [format!("-> {name}: {value} | Cache-Control: max-age=60"), format!("=> HIT | !{name}")]
        }))
        .collect();
    let steps: Vec<[&str; 2]> = texts.iter().map(|[one, two]| [one.as_str(), two.as_str()]).collect();
    let rows: Vec<Row<'_>> = steps.iter().map(|steps| ("§3.1", steps[1], &steps[..])).collect();
    run("ttl: 0s, set_cookie: drop", &rows);
}

#[test]
fn fields_that_are_named_are_not_stored() {
    let rows: &[Row<'_>] = &[
        (
            "§3.1",
            "those that Connection names",
            &[
                "-> Connection: a, b | a: 1 | b: 2 | c: 3 | Cache-Control: max-age=60 => !a | c: 3",
                "=> HIT | !a | !b | c: 3",
            ],
        ),
        (
            "§5.2.2.4",
            "those that no-cache names",
            &[
                "-> Cache-Control: no-cache=\"a\" | a: 1 | b: 2 | Cache-Control: max-age=60 => a: 1 | b: 2",
                "=> HIT | !a | b: 2",
            ],
        ),
        (
            "§5.2.2.4",
            "several",
            &[
                "-> Cache-Control: no-cache=\"a, b\" | a: 1 | b: 2 | c: 3 | Cache-Control: max-age=60",
                "=> HIT | !a | !b | c: 3",
            ],
        ),
        (
            "§5.2.2.7",
            "those that private names",
            &[
                "-> Cache-Control: private=\"X-Id\", max-age=60 | x-id: 7 | b: 2 => x-id: 7",
                "=> HIT | !X-Id | b: 2",
            ],
        ),
        (
            "own",
            "what a service says of a cache of its own",
            &["-> Cache-Control: max-age=60 | X-Cache: HIT | X-Cache-Key: 1 => MISS", "=> HIT"],
        ),
    ];
    run("ttl: 0s", rows);
}

#[test]
fn cookies_of_one_client_are_not_given_to_another() {
    let answer = "-> Cache-Control: max-age=60 | Set-Cookie: session=7 => MISS | Set-Cookie: session=7";
    run("ttl: 0s", &[("§7.3", "refuse", &[answer, "=> MISS"])]);
    run(
        "ttl: 5m",
        &[("§7.3", "refuse, by the operator's ttl too", &["-> Set-Cookie: session=7 => MISS", "=> MISS"])],
    );
    run("ttl: 0s, set_cookie: drop", &[("§7.3", "drop", &[answer, "=> HIT | step=1 | !Set-Cookie"])]);
    run(
        "ttl: 0s, set_cookie: keep",
        &[("§7.3", "keep", &[answer, "=> HIT | step=1 | Set-Cookie: session=7"])],
    );
    run(
        "ttl: 0s",
        &[(
            "§3",
            "cookies of requests do not count",
            &["Cookie: a=b -> Cache-Control: max-age=60", "Cookie: c=d => HIT"],
        )],
    );
}
