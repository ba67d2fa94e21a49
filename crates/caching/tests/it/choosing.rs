//! Constructing responses from caches (§4), serving stale ones (§4.2.4, RFC 5861), request directives (§5.2.1, §5.4).

use sekisho_caching::{
    Asked, Bypass, Choice, Clients, Failure, Needed, Policy, Served, Stored, may_stand_in,
};

use crate::heads::{SILENT, at, choose, request, store};

/// A choice without its numbers: the word, and whether it is to be sent, asked or refused.
fn word(choice: Choice) -> String {
    match choice {
        Choice::Serve { why, .. } => format!("serve {why}"),
        Choice::Ask { why, index } => {
            format!("ask {why}{}", if index.is_some() { "" } else { ", nothing stored" })
        }
        Choice::Refuse { why } => format!("refuse {why}"),
    }
}

#[test]
fn a_stored_answer_serves_as_section_4_says() {
    for (paragraph, answer, asked, seconds, want) in [
        ("§4.2 fresh", "Cache-Control: max-age=60", "", 0, "serve fresh"),
        ("§4.2 fresh", "Cache-Control: max-age=60", "", 59, "serve fresh"),
        ("§4.2 stale", "Cache-Control: max-age=60", "", 60, "ask stale"),
        ("§4.2 stale", "Cache-Control: max-age=60\nAge: 30", "", 30, "ask stale"),
        ("§4.2 clock back", "Cache-Control: max-age=60", "", -500, "serve fresh"),
        ("§4 HEAD", "Cache-Control: max-age=60", "HEAD /", 0, "serve fresh"),
        ("§5.2.2.4", "Cache-Control: max-age=60, no-cache\nETag: \"a\"", "", 0, "ask no-cache"),
        ("§5.2.2.4", "Cache-Control: max-age=60, No-CaChE\nETag: \"a\"", "", 0, "ask no-cache"),
        ("§5.2.2.4", "Cache-Control: max-age=60, no-cache=\"\"\nETag: \"a\"", "", 0, "ask no-cache"),
        ("§5.2.2.4", "Cache-Control: max-age=60, no-cache=\"x\"", "", 0, "serve fresh"),
        (
            "§5.2.2.4",
            "Cache-Control: max-age=60, no-cache\nETag: \"a\"",
            "Cache-Control: max-stale",
            0,
            "ask no-cache",
        ),
        ("§5.2.2.2", "Cache-Control: max-age=60, must-revalidate", "", 59, "serve fresh"),
        (
            "§5.2.2.2",
            "Cache-Control: max-age=60, must-revalidate",
            "Cache-Control: max-stale",
            60,
            "ask stale",
        ),
        (
            "§5.2.2.8",
            "Cache-Control: max-age=60, proxy-revalidate",
            "Cache-Control: max-stale",
            60,
            "ask stale",
        ),
        ("§5.2.2.10", "Cache-Control: s-maxage=60", "Cache-Control: max-stale", 60, "ask stale"),
        ("§5.2.1.1", "Cache-Control: max-age=60", "Cache-Control: max-age=0", 0, "ask client-max-age"),
        ("§5.2.1.1", "Cache-Control: max-age=60", "Cache-Control: max-age=10", 10, "serve fresh"),
        ("§5.2.1.1", "Cache-Control: max-age=60", "Cache-Control: max-age=10", 11, "ask client-max-age"),
        (
            "§5.2.1.1",
            "Cache-Control: max-age=60\nAge: 30",
            "Cache-Control: max-age=10",
            0,
            "ask client-max-age",
        ),
        ("§5.2.1.1", "Cache-Control: max-age=60", "Cache-Control: max-age=oops", 0, "ask client-max-age"),
        (
            "§5.2.1.1",
            "Cache-Control: max-age=60",
            "Cache-Control: max-age=99, max-age=5",
            6,
            "ask client-max-age",
        ),
        ("§5.2.1.2", "Cache-Control: max-age=60", "Cache-Control: max-stale", 9999, "serve max-stale"),
        ("§5.2.1.2", "Cache-Control: max-age=60", "Cache-Control: max-stale=10", 70, "serve max-stale"),
        ("§5.2.1.2", "Cache-Control: max-age=60", "Cache-Control: max-stale=10", 71, "ask stale"),
        ("§5.2.1.2", "Cache-Control: max-age=60", "Cache-Control: max-stale=oops", 61, "ask stale"),
        ("§5.2.1.3", "Cache-Control: max-age=60", "Cache-Control: min-fresh=60", 0, "serve fresh"),
        ("§5.2.1.3", "Cache-Control: max-age=60", "Cache-Control: min-fresh=60", 1, "ask client-min-fresh"),
        (
            "§5.2.1.3",
            "Cache-Control: max-age=60\nAge: 30",
            "Cache-Control: min-fresh=31",
            0,
            "ask client-min-fresh",
        ),
        (
            "§5.2.1.3",
            "Cache-Control: max-age=60, stale-while-revalidate=9",
            "Cache-Control: min-fresh=5",
            61,
            "ask stale",
        ),
        ("§5.2.1.4", "Cache-Control: max-age=60", "Cache-Control: no-cache", 0, "ask client-no-cache"),
        (
            "§5.2.1.4",
            "Cache-Control: max-age=60, stale-while-revalidate=9",
            "Cache-Control: no-cache",
            61,
            "ask client-no-cache",
        ),
        ("§5.2.1.5", "Cache-Control: max-age=60", "Cache-Control: no-store", 0, "serve fresh"),
        ("§5.2.1.7", "Cache-Control: max-age=60", "Cache-Control: only-if-cached", 0, "serve fresh"),
        ("§5.2.1.7", "Cache-Control: max-age=60", "Cache-Control: only-if-cached", 60, "refuse stale"),
        (
            "§5.2.1.7",
            "Cache-Control: max-age=60",
            "Cache-Control: only-if-cached, max-stale",
            60,
            "serve max-stale",
        ),
        (
            "§5.2.1.7",
            "Cache-Control: max-age=60",
            "Cache-Control: only-if-cached, no-cache",
            0,
            "refuse client-no-cache",
        ),
        ("§5.4", "Cache-Control: max-age=60", "Pragma: no-cache", 0, "ask client-no-cache"),
        ("§5.4", "Cache-Control: max-age=60", "Pragma: x, No-Cache", 0, "ask client-no-cache"),
        ("§5.4", "Cache-Control: max-age=60", "Pragma: foo", 0, "serve fresh"),
        ("§5.4", "Cache-Control: max-age=60", "Pragma: no-cache\nCache-Control: x", 0, "serve fresh"),
        (
            "RFC 5861 §3",
            "Cache-Control: max-age=60, stale-while-revalidate=10",
            "",
            60,
            "serve stale-while-revalidate",
        ),
        (
            "RFC 5861 §3",
            "Cache-Control: max-age=60, stale-while-revalidate=10",
            "",
            69,
            "serve stale-while-revalidate",
        ),
        ("RFC 5861 §3", "Cache-Control: max-age=60, stale-while-revalidate=10", "", 70, "ask stale"),
        ("RFC 5861 §3", "Cache-Control: max-age=60, stale-while-revalidate=oops", "", 60, "ask stale"),
        (
            "RFC 5861 §3",
            "Cache-Control: max-age=60, stale-while-revalidate=10, must-revalidate",
            "",
            60,
            "ask stale",
        ),
        (
            "RFC 5861 §3",
            "Cache-Control: max-age=60, stale-while-revalidate=10, proxy-revalidate",
            "",
            60,
            "ask stale",
        ),
        (
            "RFC 5861 §3",
            "Cache-Control: s-maxage=60, stale-while-revalidate=10",
            "",
            60,
            "serve stale-while-revalidate",
        ),
        (
            "RFC 5861 §3",
            "Cache-Control: max-age=60, stale-while-revalidate=10",
            "Cache-Control: max-age=61",
            62,
            "ask client-max-age",
        ),
        (
            "§6 other",
            "Cache-Control: max-age=60, immutable",
            "Cache-Control: no-cache",
            0,
            "ask client-no-cache",
        ),
    ] {
        let stored = store("", answer, &SILENT).unwrap();
        assert_eq!(
            word(choose(asked, &[stored], seconds)),
            want,
            "{paragraph}: {answer} <- {asked} at {seconds}"
        );
    }
}

#[test]
fn where_nothing_is_stored_the_origin_is_asked() {
    assert_eq!(word(choose("", &[], 0)), "ask empty, nothing stored");
    assert_eq!(word(choose("Cache-Control: only-if-cached", &[], 0)), "refuse empty");
}

#[test]
fn the_most_recent_of_several_answers_is_taken() {
    let of = |date: &str| store("", &format!("Cache-Control: max-age=600\nDate: {date}"), &SILENT).unwrap();
    for (dates, want) in [
        (vec!["{-9}", "{-5}", "{-7}"], 1),
        (vec!["{-5}", "{-5}"], 1),
        (vec!["{-5}", "{-500}"], 0),
        // What has no date has that of its arrival.
        (vec!["{-5}", "never"], 1),
    ] {
        let stored: Vec<Stored> = dates.iter().map(|date| of(date)).collect();
        let Choice::Serve { index, .. } = choose("", &stored, 0) else { panic!("{dates:?}") };
        assert_eq!(index, want, "§4: {dates:?}");
    }
}

#[test]
fn the_age_of_what_is_served_is_told() {
    let stored = store("", "Cache-Control: max-age=60\nAge: 5", &SILENT).unwrap();
    assert_eq!(choose("", &[stored], 7), Choice::Serve { index: 0, age: 12, why: Served::Fresh });
}

#[test]
fn the_operator_may_leave_clients_unheard() {
    let stored = store("", "Cache-Control: max-age=60", &SILENT).unwrap();
    let policy = Policy { clients: Clients::Ignored, ..SILENT };
    for (asked, seconds, want) in [
        ("Cache-Control: no-cache", 0, "serve fresh"),
        ("Pragma: no-cache", 0, "serve fresh"),
        ("Cache-Control: max-age=0, min-fresh=99", 0, "serve fresh"),
        ("Cache-Control: max-stale", 60, "ask stale"),
        ("Cache-Control: only-if-cached", 60, "refuse stale"),
    ] {
        let head = request(asked);
        let asked_of = Asked::read(head.view(), &policy).unwrap();
        assert_eq!(word(asked_of.choose([&stored], at(seconds))), want, "{asked}");
        let later = asked_of.told().of(head.view());
        assert_eq!(word(later.choose([&stored], at(seconds))), want, "{asked}, from what was kept of it");
    }
    let no_store = request("Cache-Control: no-store");
    let asked = Asked::read(no_store.view(), &policy).unwrap();
    assert!(!asked.may_fill() && !asked.told().of(no_store.view()).may_fill());
}

#[test]
fn some_requests_have_nothing_to_do_with_the_cache() {
    for (asked, want) in [
        ("GET /", None),
        ("HEAD /", None),
        ("POST /", Some(Bypass::Method)),
        ("OPTIONS /", Some(Bypass::Method)),
        ("get /", Some(Bypass::Method)),
        ("Content-Length: 5", Some(Bypass::Body)),
        ("Content-Length: 0", None),
        ("Transfer-Encoding: chunked", Some(Bypass::Body)),
        ("If-Match: \"a\"", Some(Bypass::Precondition)),
        ("If-Unmodified-Since: {0}", Some(Bypass::Precondition)),
        ("If-None-Match: \"a\"", None),
        ("Range: bytes=0-1", None),
        ("Upgrade: websocket\nConnection: upgrade", Some(Bypass::Upgrade)),
        ("x-http-method-override: DELETE", Some(Bypass::Override)),
        ("X-Method-Override: POST", Some(Bypass::Override)),
        ("X-HTTP-Method: POST", Some(Bypass::Override)),
        ("X-Original-URL: /admin", Some(Bypass::Override)),
        ("x-rewrite-url: /admin", Some(Bypass::Override)),
        ("X-Original: /admin", None),
    ] {
        assert_eq!(Asked::read(request(asked).view(), &SILENT).err(), want, "{asked}");
    }
}

#[test]
fn only_a_get_fills_the_store() {
    for (asked, want) in [("GET /", true), ("HEAD /", false), ("Cache-Control: no-store", false)] {
        assert_eq!(Asked::read(request(asked).view(), &SILENT).unwrap().may_fill(), want, "{asked}");
    }
}

#[test]
fn a_stale_answer_stands_in_for_a_failure_within_its_time() {
    let wished = Policy { stale_if_error: 20, stale_while_revalidate: 5, ..SILENT };
    for (answer, policy, failure, seconds, want) in [
        ("Cache-Control: max-age=60, stale-if-error=10", SILENT, Failure::Unreachable, 69, true),
        ("Cache-Control: max-age=60, stale-if-error=10", SILENT, Failure::Unreachable, 70, false),
        ("Cache-Control: max-age=60, stale-if-error=10", SILENT, Failure::Status(503), 69, true),
        ("Cache-Control: max-age=60, stale-if-error=10", SILENT, Failure::Status(500), 69, true),
        ("Cache-Control: max-age=60, stale-if-error=10", SILENT, Failure::Status(501), 69, false),
        ("Cache-Control: max-age=60, stale-if-error=10", SILENT, Failure::Status(404), 69, false),
        ("Cache-Control: max-age=60", SILENT, Failure::Unreachable, 60, false),
        ("Cache-Control: max-age=60", SILENT, Failure::Unreachable, 59, true),
        ("Cache-Control: max-age=60", wished, Failure::Unreachable, 79, true),
        ("Cache-Control: max-age=60", wished, Failure::Unreachable, 80, false),
        ("Cache-Control: max-age=60, stale-if-error=0", wished, Failure::Unreachable, 60, false),
        ("Cache-Control: max-age=60, must-revalidate", wished, Failure::Unreachable, 60, false),
        (
            "Cache-Control: max-age=60, proxy-revalidate, stale-if-error=9",
            wished,
            Failure::Unreachable,
            60,
            false,
        ),
        (
            "Cache-Control: max-age=60, no-cache, stale-if-error=9\nETag: \"a\"",
            wished,
            Failure::Unreachable,
            1,
            false,
        ),
        ("Cache-Control: s-maxage=60", wished, Failure::Unreachable, 60, false),
        ("Cache-Control: s-maxage=60, stale-if-error=9", wished, Failure::Unreachable, 60, true),
    ] {
        let stored = store("", answer, &policy).unwrap();
        let found = may_stand_in(&stored, failure, at(seconds));
        assert_eq!(found, want, "RFC 5861 §4, §4.2.4: {answer}, {failure:?} at {seconds}");
    }
}

#[test]
fn an_invalidated_answer_is_validated_before_it_is_used() {
    let mut stored = store("", "Cache-Control: max-age=60, stale-if-error=9\nETag: \"a\"", &SILENT).unwrap();
    stored.invalidate();
    assert!(!may_stand_in(&stored, Failure::Unreachable, at(0)));
    let choice = choose("Cache-Control: max-stale", &[stored], 0);
    assert_eq!(choice, Choice::Ask { index: Some(0), why: Needed::NoCache }, "§4.4");
}
