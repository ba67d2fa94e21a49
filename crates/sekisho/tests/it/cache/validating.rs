//! Validation (RFC 9111 §4.3): what is sent to the service, what clients are told, what 304 and HEAD change.

use super::{Row, run};

const SILENT: &str = "ttl: 0s";
const DAY: &str = "Thu, 01 Jan 2026 00:00:00 GMT";

#[test]
fn stale_answers_are_validated() {
    let dated = format!("-> Cache-Control: max-age=9 | Age: 20 | Last-Modified: {DAY}");
    let by_date = format!(
        "-> 304 | Cache-Control: max-age=60 => REVALIDATED | 200 | step=1 | >If-Modified-Since: {DAY}"
    );
    let clients = format!("If-Modified-Since: {DAY} -> 304 | Cache-Control: max-age=60 => REVALIDATED | 304");
    let rows: &[Row<'_>] = &[
        (
            "§4.3.1",
            "by a strong tag",
            &[
                "-> Cache-Control: max-age=9 | Age: 20 | ETag: \"a\"",
                "-> 304 | ETag: \"a\" | Cache-Control: max-age=60 => REVALIDATED | 200 | step=1 | >If-None-Match: \"a\"",
                "=> HIT | step=1",
            ],
        ),
        (
            "§4.3.1",
            "by a weak tag",
            &[
                "-> Cache-Control: max-age=9 | Age: 20 | ETag: W/\"a\"",
                "-> 304 | ETag: W/\"a\" => REVALIDATED | 200 | step=1 | >If-None-Match: W/\"a\"",
            ],
        ),
        ("§4.3.1", "by a date", &[&dated, &by_date, "=> HIT | step=1"]),
        ("§4.3.1", "a client with the same date", &[&dated, &clients]),
        (
            "§4.3.1",
            "not by what is no tag",
            &["-> Cache-Control: max-age=9 | Age: 20 | ETag: a", "=> MISS | >!If-None-Match"],
        ),
        (
            "§4.3.1",
            "not by the client's tag",
            &[
                "-> Cache-Control: max-age=9 | Age: 20 | ETag: \"a\"",
                "If-None-Match: \"b\" -> 304 | ETag: \"a\" => REVALIDATED | 200 | step=1 | >If-None-Match: \"a\"",
            ],
        ),
        (
            "§4.3.1",
            "with the fields it varies by",
            &[
                "Abc: 1 -> Cache-Control: max-age=9 | Age: 20 | ETag: \"a\" | Vary: Abc",
                "Abc: 1 -> 304 | ETag: \"a\" => REVALIDATED | >Abc: 1 | >If-None-Match: \"a\"",
            ],
        ),
        (
            "§4.3.1",
            "not for another variant",
            &[
                "Abc: 1 -> Cache-Control: max-age=60 | ETag: \"a\" | Vary: Abc",
                "Abc: 2 => MISS | >!If-None-Match",
            ],
        ),
        (
            "§4.3.3",
            "a new answer takes the old one's place",
            &[
                "-> Cache-Control: max-age=9 | Age: 20 | ETag: \"a\"",
                "-> Cache-Control: max-age=60 | ETag: \"b\" => MISS",
                "=> HIT | step=2 | ETag: \"b\"",
            ],
        ),
        (
            "§4.3.3",
            "an error goes to the client, and the old one stays",
            &[
                "-> Cache-Control: max-age=9 | Age: 20 | ETag: \"a\"",
                "-> 500 => MISS | 500",
                "-> 304 | ETag: \"a\" => REVALIDATED | step=1",
            ],
        ),
        (
            "§4.3.4",
            "a 304 for another answer: it is asked for as a whole",
            &[
                "-> Cache-Control: max-age=9 | Age: 20 | ETag: \"a\"",
                "-> 200 | ETag: \"b\" | Cache-Control: max-age=60 => MISS | 200",
            ],
        ),
        (
            "RFC 9110 §13",
            "If-Match is the service's to answer",
            &[
                "-> Cache-Control: max-age=60 | ETag: \"a\"",
                "If-Match: \"a\" => BYPASS | >If-Match: \"a\"",
                "=> HIT | step=1",
            ],
        ),
        (
            "RFC 9110 §13",
            "so is If-Unmodified-Since",
            &[
                "-> Cache-Control: max-age=60",
                "If-Unmodified-Since: {0} => BYPASS | >If-Unmodified-Since",
                "=> HIT | step=1",
            ],
        ),
    ];
    run(SILENT, rows);
}

#[test]
fn clients_learn_that_they_have_it_already() {
    let rfc850 = "If-Modified-Since: Thursday, 01-Jan-26 00:00:00 GMT => HIT | 304";
    let (dated, same) = (
        format!("-> Cache-Control: max-age=60 | Last-Modified: {DAY}"),
        format!("If-Modified-Since: {DAY} => HIT | 304"),
    );
    let both = format!("-> Cache-Control: max-age=60 | ETag: \"a\" | Last-Modified: {DAY}");
    let rows: &[Row<'_>] = &[
        (
            "§4.3.2",
            "a strong tag",
            &[
                "-> Cache-Control: max-age=60 | ETag: \"a\"",
                "If-None-Match: \"a\" => HIT | 304 | ETag: \"a\" | body=",
            ],
        ),
        (
            "§4.3.2",
            "a weak tag",
            &["-> Cache-Control: max-age=60 | ETag: W/\"a\"", "If-None-Match: W/\"a\" => HIT | 304"],
        ),
        (
            "§4.3.2",
            "a weak tag for a strong one",
            &["-> Cache-Control: max-age=60 | ETag: \"a\"", "If-None-Match: W/\"a\" => HIT | 304"],
        ),
        (
            "§4.3.2",
            "another tag",
            &["-> Cache-Control: max-age=60 | ETag: \"a\"", "If-None-Match: \"b\" => HIT | 200 | step=1"],
        ),
        (
            "§4.3.2",
            "first of several",
            &[
                "-> Cache-Control: max-age=60 | ETag: \"a\"",
                "If-None-Match: \"a\", \"b\", \"c\" => HIT | 304",
            ],
        ),
        (
            "§4.3.2",
            "in the middle",
            &[
                "-> Cache-Control: max-age=60 | ETag: \"a\"",
                "If-None-Match: \"b\", \"a\", \"c\" => HIT | 304",
            ],
        ),
        (
            "§4.3.2",
            "last of several",
            &[
                "-> Cache-Control: max-age=60 | ETag: \"a\"",
                "If-None-Match: \"b\", \"c\", \"a\" => HIT | 304",
            ],
        ),
        (
            "§4.3.2",
            "on another line",
            &[
                "-> Cache-Control: max-age=60 | ETag: \"a\"",
                "If-None-Match: \"b\" | If-None-Match: \"a\" => HIT | 304",
            ],
        ),
        ("§4.3.2", "any tag", &["-> Cache-Control: max-age=60", "If-None-Match: * => HIT | 304"]),
        (
            "§4.3.2",
            "no tag",
            &["-> Cache-Control: max-age=60 | ETag: \"a\"", "If-None-Match: a => HIT | 200"],
        ),
        ("§4.3.2", "a date", &[&dated, &same]),
        ("§4.3.2", "a later date", &[&dated, "If-Modified-Since: {0} => HIT | 304"]),
        (
            "§4.3.2",
            "an earlier date",
            &[&dated, "If-Modified-Since: Wed, 31 Dec 2025 23:59:59 GMT => HIT | 200"],
        ),
        ("§4.3.2", "a date in its old form", &[&dated, rfc850]),
        (
            "§4.3.2",
            "a date for an answer that has none",
            &["-> Cache-Control: max-age=900 | Date: {-60}", "If-Modified-Since: {0} => HIT | 304"],
        ),
        (
            "§4.3.2",
            "an earlier date for such a one",
            &["-> Cache-Control: max-age=60 | Date: {0}", "If-Modified-Since: {-3000} => HIT | 200"],
        ),
        (
            "§4.3.2",
            "tags come before dates",
            &[&both, "If-None-Match: \"b\" | If-Modified-Since: {0} => HIT | 200"],
        ),
        (
            "§4.3.2",
            "tags come before dates, and match",
            &[&both, "If-None-Match: \"a\" | If-Modified-Since: {-90000000} => HIT | 304"],
        ),
        (
            "RFC 9110 §15.4.5",
            "what a 304 says",
            &[
                "-> Cache-Control: max-age=60 | ETag: \"a\" | Vary: X | Content-Type: a/b | X-A: 1",
                "If-None-Match: \"a\" => HIT | 304 | Vary: X | Cache-Control: max-age=60 | Date | !Content-Type | !Content-Length",
            ],
        ),
        (
            "§4.3.2",
            "only for what would be 200",
            &["-> 404 | Cache-Control: max-age=60 | ETag: \"a\"", "If-None-Match: \"a\" => HIT | 404"],
        ),
        (
            "§4.3.2",
            "on the first request too",
            &[
                "If-None-Match: \"a\" -> Cache-Control: max-age=60 | ETag: \"a\" => MISS | 304 | >!If-None-Match",
                "=> HIT | 200 | step=1",
            ],
        ),
    ];
    run(SILENT, rows);
}

#[test]
fn a_304_updates_what_is_stored() {
    let old = "-> Cache-Control: max-age=9 | Age: 20 | ETag: \"a\" | X-A: 1 | X-B: 1 | Content-Type: a/b";
    let rows: &[Row<'_>] = &[
        (
            "§3.2",
            "a field is replaced",
            &[
                old,
                "-> 304 | ETag: \"a\" | X-A: 2 | Cache-Control: max-age=60 => REVALIDATED | X-A: 2 | X-B: 1",
                "=> HIT | step=1 | X-A: 2 | X-B: 1",
            ],
        ),
        (
            "§3.2",
            "a field is added",
            &[
                old,
                "-> 304 | ETag: \"a\" | X-C: 3 | Cache-Control: max-age=60 => REVALIDATED | X-C: 3",
                "=> HIT | X-C: 3",
            ],
        ),
        (
            "§3.2",
            "the type may be",
            &[
                old,
                "-> 304 | ETag: \"a\" | Content-Type: c/d | Cache-Control: max-age=60 => REVALIDATED",
                "=> HIT | Content-Type: c/d",
            ],
        ),
        (
            "§3.2",
            "freshness is",
            &[
                old,
                "-> 304 | ETag: \"a\" | Cache-Control: max-age=90 => REVALIDATED | Cache-Control: max-age=90",
                "=> HIT | Cache-Control: max-age=90",
            ],
        ),
        (
            "§3.2",
            "fields of one hop are not",
            &[
                old,
                "-> 304 | ETag: \"a\" | Connection: x-a | X-A: 2 | Cache-Control: max-age=60 => REVALIDATED | X-A: 1",
            ],
        ),
        (
            "§3.2",
            "cookies are not",
            &[
                old,
                "-> 304 | ETag: \"a\" | Set-Cookie: a=b | Cache-Control: max-age=60 => REVALIDATED | !Set-Cookie",
                "=> HIT | !Set-Cookie",
            ],
        ),
        (
            "§3.2",
            "the coding is not",
            &[
                old,
                "-> 304 | ETag: \"a\" | Content-Encoding: br | Cache-Control: max-age=60 => REVALIDATED | !Content-Encoding",
            ],
        ),
        (
            "§3.2",
            "no-store ends it",
            &[
                old,
                "-> 304 | ETag: \"a\" | Cache-Control: no-store => REVALIDATED | step=1",
                "=> MISS | >!If-None-Match",
            ],
        ),
        (
            "§4.3.4",
            "without a word it stays as stale as it was",
            &[old, "-> 304 | ETag: \"a\" | Age: 90 => REVALIDATED", "-> 304 => REVALIDATED"],
        ),
        (
            "§4.3.4",
            "the weakness of a tag stays",
            &[
                "-> Cache-Control: max-age=9 | Age: 20 | ETag: W/\"a\"",
                "-> 304 | ETag: \"a\" | Cache-Control: max-age=60 => REVALIDATED | ETag: W/\"a\"",
                "=> HIT | ETag: W/\"a\"",
            ],
        ),
        (
            "§4.1",
            "what it varies by stays",
            &[
                "-> Cache-Control: max-age=9 | Age: 20 | ETag: \"a\" | Vary: Abc",
                "-> 304 | ETag: \"a\" | Vary: Def | Cache-Control: max-age=60 => REVALIDATED",
                "Abc: 1 => MISS",
            ],
        ),
    ];
    run(SILENT, rows);
}

#[test]
fn head_is_served_from_get_and_tells_of_it() {
    let old = "-> Cache-Control: max-age=9 | Age: 20 | ETag: \"a\" | X-A: 1";
    let rows: &[Row<'_>] = &[
        (
            "§4",
            "served from GET",
            &["-> Cache-Control: max-age=60 | X-A: 1", "HEAD => HIT | 200 | X-A: 1 | Age"],
        ),
        (
            "§4",
            "conditions too",
            &["-> Cache-Control: max-age=60 | ETag: \"a\"", "HEAD | If-None-Match: \"a\" => HIT | 304"],
        ),
        ("§3", "stores nothing", &["HEAD -> Cache-Control: max-age=60 => MISS", "=> MISS"]),
        ("§4.3.5", "goes on as HEAD", &[old, "HEAD => MISS"]),
        (
            "§4.3.5",
            "freshens",
            &[
                old,
                "HEAD -> Cache-Control: max-age=60 | ETag: \"a\" | X-A: 2 => MISS",
                "=> HIT | step=1 | X-A: 2",
            ],
        ),
        (
            "§4.3.5",
            "invalidates by another tag",
            &[old, "HEAD -> Cache-Control: max-age=60 | ETag: \"b\" => MISS", "=> MISS | >!If-None-Match"],
        ),
        (
            "§4.3.5",
            "an error says nothing",
            &[
                old,
                "HEAD -> 410 | Cache-Control: max-age=60 => MISS | 410",
                "-> 304 | ETag: \"a\" => REVALIDATED",
            ],
        ),
    ];
    run(SILENT, rows);
}
