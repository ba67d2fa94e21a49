//! `Cache-Control` of answers and requests (RFC 9111 §5.2), `Pragma` (§5.4), `CDN-Cache-Control` (RFC 9213).

use super::{Row, run};

const SILENT: &str = "ttl: 0s";

#[test]
fn the_service_forbids_and_permits() {
    let rows: &[Row<'_>] = &[
        ("§5.2.2.5", "no-store", &["-> Cache-Control: no-store", "=> MISS"]),
        ("§5.2.2.5", "no-store in any case", &["-> Cache-Control: No-StOrE, max-age=60", "=> MISS"]),
        (
            "§5.2.2.5",
            "no-store beside times",
            &["-> Cache-Control: max-age=60, no-store | Expires: {60}", "=> MISS"],
        ),
        (
            "§5.2.2.5",
            "no-store on another line",
            &["-> Cache-Control: max-age=60 | Cache-Control: no-store", "=> MISS"],
        ),
        ("§5.2.2.5", "no-store with an argument", &["-> Cache-Control: max-age=60, no-store=x", "=> MISS"]),
        (
            "§5.2.2.5",
            "no-store inside a text is none",
            &["-> Cache-Control: max-age=60, x=\"no-store\"", "=> HIT"],
        ),
        (
            "§5.2.2.5",
            "no-store behind an open text",
            &["-> Cache-Control: max-age=60, x=\"a, no-store", "=> MISS"],
        ),
        (
            "§5.2.2.5",
            "what is stored outlives a no-store that a client forced",
            &[
                "-> Cache-Control: max-age=60",
                "Cache-Control: no-cache -> Cache-Control: no-store => MISS",
                "=> HIT | step=1",
            ],
        ),
        ("§5.2.2.7", "private", &["-> Cache-Control: private, max-age=60", "=> MISS"]),
        ("§5.2.2.7", "private in any case", &["-> Cache-Control: PRIVATE, max-age=60", "=> MISS"]),
        (
            "§5.2.2.7",
            "private with a broken list",
            &["-> Cache-Control: private=\"a b\", max-age=60", "=> MISS"],
        ),
        ("§5.2.2.4", "no-cache without validators", &["-> Cache-Control: no-cache, max-age=60", "=> MISS"]),
        (
            "§5.2.2.4",
            "no-cache in any case",
            &["-> Cache-Control: No-CaChE, max-age=60 | Expires: {60}", "=> MISS"],
        ),
        (
            "§5.2.2.4",
            "no-cache with a validator",
            &[
                "-> Cache-Control: no-cache | ETag: \"a\"",
                "-> 304 | ETag: \"a\" => REVALIDATED | 200 | step=1 | >If-None-Match: \"a\"",
            ],
        ),
        (
            "§5.2.2.2",
            "must-revalidate says nothing of fresh ones",
            &["-> Cache-Control: max-age=60, must-revalidate", "=> HIT"],
        ),
        (
            "§5.2.2.3",
            "must-understand and a status that is understood",
            &["-> Cache-Control: max-age=60, no-store, must-understand", "=> HIT"],
        ),
        (
            "§5.2.2.3",
            "must-understand and one that is not",
            &["-> 599 | Cache-Control: max-age=60, no-store, must-understand", "=> MISS"],
        ),
        ("§5.2.3", "words that nobody knows", &["-> Cache-Control: foobar, max-age=60, x=y", "=> HIT"]),
        ("§5.2", "names in any case", &["-> Cache-Control: MaX-aGe=60", "=> HIT"]),
        ("§5.2", "a time as a text", &["-> Cache-Control: max-age=\"60\"", "=> HIT"]),
        ("§5.2", "a time in marks that are none", &["-> Cache-Control: max-age='60'", "=> MISS"]),
        ("§5.2", "a time inside a text", &["-> Cache-Control: x=\"max-age=60\", max-age=0", "=> MISS"]),
        (
            "§5.2",
            "a time inside a text behind",
            &["-> Cache-Control: max-age=0, x=\"max-age=60\"", "=> MISS"],
        ),
        ("§5.2", "a space before the sign", &["-> Cache-Control: max-age =60", "=> MISS"]),
        ("§5.2", "a space behind it", &["-> Cache-Control: max-age= 60", "=> MISS"]),
        ("§5.2", "empty members", &["-> Cache-Control: , max-age=60 ,,", "=> HIT"]),
        (
            "§5.4",
            "Pragma in an answer means nothing",
            &["-> Cache-Control: max-age=60 | Pragma: no-cache", "=> HIT"],
        ),
    ];
    run(SILENT, rows);
}

#[test]
fn clients_have_a_say() {
    let rows: &[Row<'_>] = &[
        ("§5.2.1.1", "max-age=0", &["-> Cache-Control: max-age=60", "Cache-Control: max-age=0 => MISS"]),
        (
            "§5.2.1.1",
            "younger than it is",
            &["-> Cache-Control: max-age=60 | Age: 30", "Cache-Control: max-age=20 => MISS"],
        ),
        (
            "§5.2.1.1",
            "old enough",
            &["-> Cache-Control: max-age=60 | Age: 30", "Cache-Control: max-age=50 => HIT"],
        ),
        (
            "§5.2.1.2",
            "max-stale",
            &[
                "-> Cache-Control: max-age=9 | Age: 20 | ETag: \"a\"",
                "Cache-Control: max-stale=60 => STALE | step=1",
            ],
        ),
        (
            "§5.2.1.2",
            "max-stale without an end",
            &["-> Cache-Control: max-age=9 | Age: 20 | ETag: \"a\"", "Cache-Control: max-stale => STALE"],
        ),
        (
            "§5.2.1.2",
            "not stale enough",
            &["-> Cache-Control: max-age=9 | Age: 90 | ETag: \"a\"", "Cache-Control: max-stale=5 => MISS"],
        ),
        (
            "§5.2.1.2",
            "not against must-revalidate",
            &[
                "-> Cache-Control: max-age=9, must-revalidate | Age: 20 | ETag: \"a\"",
                "Cache-Control: max-stale => MISS",
            ],
        ),
        ("§5.2.1.3", "min-fresh", &["-> Cache-Control: max-age=60", "Cache-Control: min-fresh=90 => MISS"]),
        (
            "§5.2.1.3",
            "min-fresh and Age",
            &["-> Cache-Control: max-age=60 | Age: 30", "Cache-Control: min-fresh=40 => MISS"],
        ),
        (
            "§5.2.1.3",
            "fresh for long enough",
            &["-> Cache-Control: max-age=60", "Cache-Control: min-fresh=30 => HIT"],
        ),
        (
            "§5.2.1.4",
            "no-cache",
            &[
                "-> Cache-Control: max-age=60",
                "Cache-Control: no-cache -> Cache-Control: max-age=60 => MISS",
                "=> HIT | step=2",
            ],
        ),
        (
            "§5.2.1.4",
            "no-cache validates by tag",
            &[
                "-> Cache-Control: max-age=60 | ETag: \"a\"",
                "Cache-Control: no-cache -> 304 | ETag: \"a\" => REVALIDATED | 200 | step=1",
            ],
        ),
        (
            "§5.2.1.4",
            "no-cache validates by date",
            &[
                "-> Cache-Control: max-age=60 | Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT",
                "Cache-Control: no-cache -> 304 => REVALIDATED | 200 | >If-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT",
            ],
        ),
        (
            "§5.2.1.5",
            "no-store asks nobody to keep it",
            &["Cache-Control: no-store -> Cache-Control: max-age=60", "=> MISS"],
        ),
        ("§5.2.1.7", "only-if-cached, and it is not", &["Cache-Control: only-if-cached => MISS | 504"]),
        (
            "§5.2.1.7",
            "only-if-cached, and it is",
            &["-> Cache-Control: max-age=60", "Cache-Control: only-if-cached => HIT | 200"],
        ),
        ("§5.4", "Pragma stands for no-cache", &["-> Cache-Control: max-age=60", "Pragma: no-cache => MISS"]),
        (
            "§5.4",
            "not beside Cache-Control",
            &["-> Cache-Control: max-age=60", "Pragma: no-cache | Cache-Control: x => HIT"],
        ),
        ("§5.4", "other words mean nothing", &["-> Cache-Control: max-age=60", "Pragma: x => HIT"]),
    ];
    run(SILENT, rows);
    let unheard: &[Row<'_>] = &[
        (
            "operator",
            "no-cache is not heard",
            &["-> Cache-Control: max-age=60", "Cache-Control: no-cache => HIT"],
        ),
        ("operator", "nor is Pragma", &["-> Cache-Control: max-age=60", "Pragma: no-cache => HIT"]),
        ("operator", "nor max-age", &["-> Cache-Control: max-age=60", "Cache-Control: max-age=0 => HIT"]),
        ("operator", "no-store is", &["Cache-Control: no-store -> Cache-Control: max-age=60", "=> MISS"]),
        ("operator", "only-if-cached is", &["Cache-Control: only-if-cached => MISS | 504"]),
    ];
    run("ttl: 0s, client_directives: ignored", unheard);
}

#[test]
fn the_targeted_field_overrules_where_it_can_be_read() {
    let rows: &[Row<'_>] = &[
        ("RFC 9213 §2.2", "by itself", &["-> CDN-Cache-Control: max-age=60", "=> HIT"]),
        (
            "RFC 9213 §2.2",
            "a longer time",
            &["-> CDN-Cache-Control: max-age=60 | Cache-Control: max-age=0", "=> HIT"],
        ),
        (
            "RFC 9213 §2.2",
            "a shorter time",
            &["-> CDN-Cache-Control: max-age=0 | Cache-Control: max-age=60", "=> MISS"],
        ),
        (
            "RFC 9213 §2.2",
            "before a past Expires",
            &["-> CDN-Cache-Control: max-age=60 | Expires: {-60}", "=> HIT"],
        ),
        (
            "RFC 9213 §2.2",
            "before a broken Expires",
            &["-> CDN-Cache-Control: max-age=60 | Expires: 0", "=> HIT"],
        ),
        (
            "RFC 9213 §2.2",
            "before a future Expires",
            &["-> CDN-Cache-Control: max-age=0 | Expires: {60}", "=> MISS"],
        ),
        (
            "RFC 9213 §2.2",
            "against no-store",
            &["-> CDN-Cache-Control: max-age=60 | Cache-Control: no-store", "=> HIT"],
        ),
        (
            "RFC 9213 §2.2",
            "no-store",
            &["-> CDN-Cache-Control: no-store | Cache-Control: max-age=60", "=> MISS"],
        ),
        (
            "RFC 9213 §2.2",
            "private",
            &["-> CDN-Cache-Control: private | Cache-Control: max-age=60", "=> MISS"],
        ),
        (
            "RFC 9213 §2.2",
            "no-cache",
            &["-> CDN-Cache-Control: no-cache | Cache-Control: max-age=60", "=> MISS"],
        ),
        ("RFC 9213 §2.1", "an age", &["-> CDN-Cache-Control: max-age=60 | Age: 90", "=> MISS"]),
        ("RFC 9213 §2.1", "a time beyond 32 bits", &["-> CDN-Cache-Control: max-age=99999999999", "=> HIT"]),
        ("RFC 9213 §2.1", "words that nobody knows", &["-> CDN-Cache-Control: foobar, max-age=60", "=> HIT"]),
        (
            "RFC 9213 §2.1",
            "nonsense: as if it were not there",
            &["-> CDN-Cache-Control: max-age=60, &&& | Cache-Control: no-store", "=> MISS"],
        ),
        (
            "RFC 9213 §2.1",
            "a text for a time",
            &["-> CDN-Cache-Control: max-age=\"60\" | Cache-Control: no-store", "=> MISS"],
        ),
        (
            "RFC 9213 §2.1",
            "a space before the sign",
            &["-> CDN-Cache-Control: max-age =60 | Cache-Control: max-age=0", "=> MISS"],
        ),
        (
            "RFC 9213 §2.1",
            "names in capitals",
            &["-> CDN-Cache-Control: Max-Age=60 | Cache-Control: max-age=0", "=> MISS"],
        ),
        (
            "RFC 9213",
            "the client sees it",
            &[
                "-> CDN-Cache-Control: max-age=60 => CDN-Cache-Control: max-age=60",
                "=> HIT | CDN-Cache-Control | Age",
            ],
        ),
    ];
    run(SILENT, rows);
}

#[test]
fn an_authorised_answer_is_shared_only_with_leave() {
    let rows: &[Row<'_>] = &[
        (
            "§3.5",
            "a time is no leave",
            &["Authorization: x -> Cache-Control: max-age=60 => >Authorization: x", "=> MISS"],
        ),
        (
            "§3.5",
            "nor for the same client",
            &["Authorization: x -> Cache-Control: max-age=60", "Authorization: x => MISS"],
        ),
        ("§3.5", "public", &["Authorization: x -> Cache-Control: max-age=60, public", "=> HIT"]),
        (
            "§3.5",
            "must-revalidate",
            &["Authorization: x -> Cache-Control: max-age=60, must-revalidate", "=> HIT"],
        ),
        ("§3.5", "s-maxage", &["Authorization: x -> Cache-Control: s-maxage=60", "=> HIT"]),
        (
            "§3.5",
            "private takes it back",
            &["Authorization: x -> Cache-Control: s-maxage=60, private", "=> MISS"],
        ),
        (
            "§3.5",
            "what was public before is for all",
            &["-> Cache-Control: max-age=60", "Authorization: x => HIT"],
        ),
    ];
    run(SILENT, rows);
}
