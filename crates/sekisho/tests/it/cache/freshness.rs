//! Freshness and age (RFC 9111 §4.2, §5.1, §5.3), stale answers (§4.2.4, RFC 5861), and what is assumed where nobody says
//! anything (§4.2.2).

use super::{Row, run};

const SILENT: &str = "ttl: 0s";

#[test]
fn an_answer_is_fresh_for_as_long_as_its_service_says() {
    let rows: &[Row<'_>] = &[
        ("§4.2.1", "max-age", &["-> Cache-Control: max-age=60", "=> HIT | step=1"]),
        ("§4.2.1", "max-age of nothing", &["-> Cache-Control: max-age=0", "=> MISS"]),
        (
            "§4.2.1",
            "s-maxage is for us, and comes first",
            &["-> Cache-Control: max-age=0, s-maxage=60", "=> HIT"],
        ),
        ("§4.2.1", "s-maxage may shorten", &["-> Cache-Control: s-maxage=0, max-age=60", "=> MISS"]),
        (
            "§4.2.1",
            "s-maxage on another line",
            &["-> Cache-Control: max-age=60 | Cache-Control: s-maxage=0", "=> MISS"],
        ),
        (
            "§4.2.1",
            "max-age before a past Expires",
            &["-> Cache-Control: max-age=60 | Expires: {-60}", "=> HIT"],
        ),
        (
            "§4.2.1",
            "max-age before a future Expires",
            &["-> Cache-Control: max-age=0 | Expires: {60}", "=> MISS"],
        ),
        (
            "§4.2.1",
            "s-maxage before both",
            &["-> Cache-Control: max-age=0, s-maxage=60 | Expires: {-9}", "=> HIT"],
        ),
        ("§4.2.1", "Expires", &["-> Expires: {60} | Date: {0}", "=> HIT"]),
        ("§4.2.1", "Expires without Date", &["-> Expires: {60}", "=> HIT"]),
        ("§4.2.1", "Expires beside a Date that is none", &["-> Expires: {60} | Date: foo", "=> HIT"]),
        ("§4.2.1", "Expires in the past", &["-> Expires: {-60} | Date: {0}", "=> MISS"]),
        ("§4.2.1", "Expires that is now", &["-> Expires: {0} | Date: {0}", "=> MISS"]),
        ("§4.2.1", "Expires before Date, both ahead of us", &["-> Expires: {300} | Date: {400}", "=> MISS"]),
        ("§4.2.1", "nothing said", &["-> ", "=> MISS"]),
        (
            "§4.2.1",
            "times that disagree: the shorter",
            &["-> Cache-Control: max-age=60, max-age=0", "=> MISS"],
        ),
        ("§4.2.1", "times that agree", &["-> Cache-Control: max-age=60, max-age=60", "=> HIT"]),
        ("§1.2.2", "a time of 2^31 seconds", &["-> Cache-Control: max-age=2147483648", "=> HIT"]),
        ("§1.2.2", "a time beyond 32 bits", &["-> Cache-Control: max-age=99999999999", "=> HIT"]),
        ("§1.2.2", "leading zeros", &["-> Cache-Control: max-age=0060", "=> HIT"]),
        ("§1.2.2", "less than nothing", &["-> Cache-Control: max-age=-60", "=> MISS"]),
        ("§1.2.2", "a number with letters", &["-> Cache-Control: max-age=60a", "=> MISS"]),
        ("§1.2.2", "letters before a number", &["-> Cache-Control: max-age=a60", "=> MISS"]),
        ("§1.2.2", "a fraction", &["-> Cache-Control: max-age=60.5", "=> MISS"]),
        ("§1.2.2", "no number at all", &["-> Cache-Control: max-age", "=> MISS"]),
    ];
    run(SILENT, rows);
}

#[test]
fn dates_are_read_in_three_forms_and_no_fourth() {
    let (good, bad) = (
        [
            "Tue, 19 Jan 2038 14:14:08 GMT",
            "Sun, 21 Nov 2286 04:46:39 GMT",
            "Thursday, 18-Aug-50 02:01:18 GMT",
            "Thu Aug  8 02:01:18 2050",
            "THU, 18 Aug 2050 02:01:18 GMT",
            "Thu, 18 AUG 2050 02:01:18 GMT",
            "Thu, 18 Aug 2050 02:01:18 gMT",
        ],
        [
            "0",
            "-1",
            "soon",
            "Thu, 18 Aug 2050 02:01:18 UTC",
            "Thu, 18 Aug 2050 02:01:18 AEST",
            "Thu, 18 Aug 50 02:01:18 GMT",
            "Thu 18 Aug 2050 02:01:18 GMT",
            "Thu, 18  Aug  2050 02:01:18 GMT",
            "Thu, 18-Aug-2050 02:01:18 GMT",
            "Thu, 18 Aug 2050 02.01.18 GMT",
            "Thu, 18 Aug 2050 2:01:18 GMT",
        ],
    );
    let steps: Vec<([String; 1], &str)> = good
        .iter()
        .map(|date| ([format!("-> Expires: {date} | Date: {{0}}")], "=> HIT"))
        .chain(bad.iter().map(|date| ([format!("-> Expires: {date} | Date: {{0}}")], "=> MISS")))
        .collect();
    let steps: Vec<[&str; 2]> = steps.iter().map(|([first], then)| [first.as_str(), *then]).collect();
    let rows: Vec<Row<'_>> = steps.iter().map(|steps| ("§5.3", steps[0], &steps[..])).collect();
    run(SILENT, &rows);
    let twice = ["-> Expires: {60} | Expires: {90} | Date: {0}", "=> MISS"];
    run(SILENT, &[("§4.2.1", "two that disagree", &twice)]);
}

#[test]
fn an_answer_is_as_old_as_anybody_knows() {
    let rows: &[Row<'_>] = &[
        ("§5.1", "Age is told", &["-> Cache-Control: max-age=60", "=> HIT | Age"]),
        (
            "§5.1",
            "Age goes on from where it was",
            &["-> Cache-Control: max-age=900 | Age: 30 => Age: 30", "=> HIT | Age"],
        ),
        ("§5.1", "older than it may be", &["-> Cache-Control: max-age=60 | Age: 90", "=> MISS"]),
        ("§5.1", "Age and Expires", &["-> Date: {-10} | Expires: {10} | Age: 25", "=> MISS"]),
        ("§5.1", "Age and a clock ahead", &["-> Date: {10} | Expires: {20} | Age: 15", "=> MISS"]),
        ("§4.2.3", "the date tells an age too", &["-> Date: {-90} | Cache-Control: max-age=60", "=> MISS"]),
        ("§5.1", "no number", &["-> Cache-Control: max-age=60 | Age: abc", "=> HIT"]),
        ("§5.1", "less than nothing", &["-> Cache-Control: max-age=60 | Age: -90", "=> HIT"]),
        ("§5.1", "a fraction", &["-> Cache-Control: max-age=60 | Age: 90.0", "=> HIT"]),
        ("§5.1", "with a parameter", &["-> Cache-Control: max-age=60 | Age: 90;a=b", "=> HIT"]),
        ("§1.2.2", "2^31 - 1", &["-> Cache-Control: max-age=60 | Age: 2147483647", "=> MISS"]),
        ("§1.2.2", "2^31", &["-> Cache-Control: max-age=60 | Age: 2147483648", "=> MISS"]),
        ("§1.2.2", "beyond 32 bits", &["-> Cache-Control: max-age=60 | Age: 99999999999", "=> MISS"]),
        ("§5.1", "a list: the first", &["-> Cache-Control: max-age=60 | Age: 90, 0", "=> MISS"]),
        ("§5.1", "a list: only the first", &["-> Cache-Control: max-age=60 | Age: 0, 90", "=> HIT"]),
        ("§5.1", "lines: the first", &["-> Cache-Control: max-age=60 | Age: 90 | Age: 0", "=> MISS"]),
        ("§5.1", "lines: only the first", &["-> Cache-Control: max-age=60 | Age: 0 | Age: 90", "=> HIT"]),
        ("§5.1", "twice the same", &["-> Cache-Control: max-age=60 | Age: 30 | Age: 30", "=> HIT"]),
        (
            "RFC 9110 §6.6.1",
            "Date stays",
            &["-> Cache-Control: max-age=60 | Date: {-9}", "=> HIT | Date: {-9}"],
        ),
        ("RFC 9110 §6.6.1", "Date is there", &["-> Cache-Control: max-age=60", "=> HIT | Date"]),
        (
            "§5.3",
            "Expires stays",
            &["-> Expires: Thu, 18 Aug 2050 02:01:18 GMT", "=> HIT | Expires: Thu, 18 Aug 2050 02:01:18 GMT"],
        ),
    ];
    // A second may pass between what was sent and what is compared.
    let rows: Vec<Row<'_>> = rows.iter().copied().filter(|row| row.1 != "Date stays").collect();
    run(SILENT, &rows);
}

#[test]
fn stale_answers_are_sent_only_where_somebody_allows_it() {
    let rows: &[Row<'_>] = &[
        (
            "RFC 5861 §3",
            "sent while it is renewed",
            &[
                "-> Cache-Control: max-age=9, stale-while-revalidate=60 | Age: 20",
                "-> Cache-Control: max-age=60 => STALE | step=1",
                "=> later HIT | step=2",
            ],
        ),
        (
            "RFC 5861 §3",
            "not beyond its time",
            &["-> Cache-Control: max-age=9, stale-while-revalidate=9 | Age: 20", "=> MISS"],
        ),
        (
            "RFC 5861 §4",
            "sent for an error",
            &["-> Cache-Control: max-age=9, stale-if-error=60 | Age: 20", "-> 503 => STALE | 200 | step=1"],
        ),
        (
            "RFC 5861 §4",
            "sent for a broken connection",
            &[
                "-> Cache-Control: max-age=9, stale-if-error=60 | Age: 20",
                "-> breaks off => STALE | 200 | step=1",
            ],
        ),
        (
            "RFC 5861 §4",
            "not for a 404",
            &["-> Cache-Control: max-age=9, stale-if-error=60 | Age: 20", "-> 404 => MISS | 404"],
        ),
        (
            "RFC 5861 §4",
            "not beyond its time",
            &["-> Cache-Control: max-age=9, stale-if-error=9 | Age: 20", "-> 503 => MISS | 503"],
        ),
        (
            "§4.2.4",
            "not for an error without leave",
            &["-> Cache-Control: max-age=9 | Age: 20 | ETag: \"a\"", "-> 503 => MISS | 503"],
        ),
        (
            "§5.2.2.2",
            "must-revalidate forbids",
            &[
                "-> Cache-Control: max-age=9, stale-if-error=60, must-revalidate | Age: 20 | ETag: \"a\"",
                "-> breaks off => MISS | 502",
            ],
        ),
        (
            "§5.2.2.8",
            "proxy-revalidate forbids",
            &[
                "-> Cache-Control: max-age=9, stale-while-revalidate=60, proxy-revalidate | Age: 20 | ETag: \"a\"",
                "-> 503 => MISS | 503",
            ],
        ),
        (
            "§5.2.2.4",
            "no-cache forbids",
            &[
                "-> Cache-Control: max-age=9, stale-if-error=60, no-cache | Age: 20 | ETag: \"a\"",
                "-> 503 => MISS | 503",
            ],
        ),
    ];
    run(SILENT, rows);
    let wished: &[Row<'_>] = &[
        (
            "§4.2.4",
            "the operator may allow it",
            &["-> Cache-Control: max-age=9 | Age: 20 | ETag: \"a\"", "-> 503 => STALE | 200 | step=1"],
        ),
        (
            "§4.2.4",
            "for broken connections too",
            &["-> Cache-Control: max-age=9 | Age: 20 | ETag: \"a\"", "-> breaks off => STALE | 200"],
        ),
        (
            "§5.2.2.10",
            "s-maxage forbids it",
            &["-> Cache-Control: s-maxage=9 | Age: 20 | ETag: \"a\"", "-> 503 => MISS | 503"],
        ),
        (
            "§5.2.2.2",
            "must-revalidate forbids it",
            &[
                "-> Cache-Control: max-age=9, must-revalidate | Age: 20 | ETag: \"a\"",
                "-> breaks off => MISS | 502",
            ],
        ),
        (
            "§5.2.2.8",
            "proxy-revalidate forbids it",
            &["-> Cache-Control: max-age=9, proxy-revalidate | Age: 20 | ETag: \"a\"", "-> 503 => MISS"],
        ),
        (
            "§5.2.2.4",
            "no-cache forbids it",
            &["-> Cache-Control: max-age=9, no-cache | Age: 20 | ETag: \"a\"", "-> 503 => MISS | 503"],
        ),
        (
            "RFC 5861 §4",
            "the service's word comes first",
            &["-> Cache-Control: max-age=9, stale-if-error=0 | Age: 20 | ETag: \"a\"", "-> 503 => MISS"],
        ),
    ];
    run("ttl: 0s, stale_if_error: 1m", wished);
}

#[test]
fn what_is_assumed_is_the_operators_to_say() {
    let rows: &[Row<'_>] = &[
        ("§4.2.2", "where nothing is said", &["-> ", "=> HIT | step=1"]),
        ("§4.2.2", "the service's word comes first", &["-> Cache-Control: max-age=0", "=> MISS"]),
        ("§4.2.2", "so does a broken one", &["-> Expires: 0", "=> MISS"]),
        ("§4.2.2", "redirections for good", &["-> 301 | Location: /x", "=> HIT | 301 | Location: /x"]),
        ("§4.2.2", "redirections for now", &["-> 302 | Location: /x", "=> MISS"]),
        (
            "§4.2.2",
            "public makes it cacheable",
            &["-> 302 | Location: /x | Cache-Control: public", "=> HIT | 302"],
        ),
        ("§4.2.2", "errors not on a guess", &["-> 405", "=> MISS"]),
        ("§4.2.2", "errors by their own row", &["-> 404", "=> HIT | 404 | step=1"]),
        ("§4.2.2", "errors by the row of their class", &["-> 403", "=> HIT | 403"]),
        ("§4.2.2", "errors without a row", &["-> 500", "=> MISS"]),
        ("§5.2.2.5", "no-store is heard", &["-> 404 | Cache-Control: no-store", "=> MISS"]),
    ];
    run("ttl_of: { 404: 1m, 402-403: 1m }", rows);
    let guessed: &[Row<'_>] = &[
        ("§4.2.2", "what has not changed for long", &["-> Last-Modified: {-86400} | Date: {0}", "=> HIT"]),
        ("§4.2.2", "what has just changed", &["-> Last-Modified: {-5} | Date: {0}", "=> MISS"]),
        ("§4.2.2", "nothing to guess by", &["-> Date: {0}", "=> MISS"]),
        (
            "§4.2.2",
            "Pragma in an answer means nothing",
            &["-> Last-Modified: {-86400} | Pragma: no-cache", "=> HIT"],
        ),
        (
            "§4.2.2",
            "downloads are no exception",
            &["-> Last-Modified: {-86400} | Content-Disposition: attachment", "=> HIT"],
        ),
    ];
    run("ttl: 0s, heuristic: 10%", guessed);
}

#[test]
fn a_guess_is_made_only_for_status_codes_that_may_be_cached_without_a_word() {
    let codes = [
        200, 201, 202, 203, 204, 300, 301, 302, 308, 400, 403, 404, 405, 410, 414, 500, 501, 502, 503, 504,
        599,
    ];
    let by_default = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501];
    let first: Vec<String> =
        codes.iter().map(|code| format!("-> {code} | Last-Modified: {{-86400}} | Date: {{0}}")).collect();
    let steps: Vec<[&str; 2]> = first
        .iter()
        .zip(codes)
        .map(|(first, code)| [first.as_str(), if by_default.contains(&code) { "=> HIT" } else { "=> MISS" }])
        .collect();
    let rows: Vec<Row<'_>> = steps.iter().map(|steps| ("RFC 9110 §15.1", steps[0], &steps[..])).collect();
    run("ttl: 0s, heuristic: 10%", &rows);
}
