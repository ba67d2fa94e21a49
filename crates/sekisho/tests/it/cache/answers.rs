//! Which answers are stored (RFC 9111 §3), which requests they serve (§4.1), and what parts of them (RFC 9110 §14).

use super::{Row, run};

const SILENT: &str = "ttl: 0s";

#[test]
fn every_final_status_may_be_stored_by_its_services_word() {
    let codes = [
        200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 414, 429, 499, 500, 501, 502, 503, 504,
        599,
    ];
    let texts: Vec<[String; 2]> = codes
        .iter()
        .map(|code| [format!("-> {code} | Cache-Control: max-age=60 => {code}"), format!("=> HIT | {code}")])
        .collect();
    let stale: Vec<[String; 2]> = codes
        .iter()
        .map(|code| {
            [format!("-> {code} | Expires: {{-60}} | Last-Modified: {{-99}} => {code}"), "=> MISS".to_owned()]
        })
        .collect();
    let steps: Vec<[&str; 2]> =
        texts.iter().chain(&stale).map(|[one, two]| [one.as_str(), two.as_str()]).collect();
    let rows: Vec<Row<'_>> = steps.iter().map(|steps| ("§3", steps[0], &steps[..])).collect();
    run(SILENT, &rows);
    let parts = [
        "Range: bytes=0-4 -> 206 | Cache-Control: max-age=60 | Content-Range: bytes 0-4/10 | body=01234 => 206",
        "=> MISS",
    ];
    run(SILENT, &[("§3.4", "parts are not stored by themselves", &parts)]);
}

#[test]
fn methods_other_than_get_store_nothing() {
    let rows: &[Row<'_>] = &[
        ("§3", "POST", &["POST | Content-Length: 0 -> Cache-Control: max-age=60 => BYPASS", "=> MISS"]),
        (
            "§3",
            "POST is not answered from GET",
            &["-> Cache-Control: max-age=60", "POST | Content-Length: 0 -> 400 => BYPASS | 400", "=> HIT"],
        ),
        ("§3", "OPTIONS", &["OPTIONS -> Cache-Control: max-age=60 => BYPASS", "=> MISS"]),
        (
            "§3",
            "OPTIONS invalidates nothing",
            &["-> Cache-Control: max-age=60", "OPTIONS => BYPASS", "=> HIT | step=1"],
        ),
    ];
    run(SILENT, rows);
}

#[test]
fn an_answer_serves_the_requests_that_its_vary_says() {
    let rows: &[Row<'_>] = &[
        ("§4.1", "the same", &["Foo: 1 -> Cache-Control: max-age=60 | Vary: Foo", "Foo: 1 => HIT"]),
        (
            "§4.1",
            "the name in any case",
            &["Foo: 1 -> Cache-Control: max-age=60 | Vary: fOO", "foo: 1 => HIT"],
        ),
        ("§4.1", "another", &["Foo: 1 -> Cache-Control: max-age=60 | Vary: Foo", "Foo: 2 => MISS"]),
        ("§4.1", "left out before", &["-> Cache-Control: max-age=60 | Vary: Foo", "Foo: 1 => MISS"]),
        ("§4.1", "left out now", &["Foo: 1 -> Cache-Control: max-age=60 | Vary: Foo", "=> MISS"]),
        ("§4.1", "left out both times", &["-> Cache-Control: max-age=60 | Vary: Foo", "=> HIT"]),
        (
            "§4.1",
            "two side by side",
            &[
                "Foo: 1 -> Cache-Control: max-age=60 | Vary: Foo",
                "Foo: 2 -> Cache-Control: max-age=60 | Vary: Foo => MISS",
                "Foo: 1 => HIT | step=1",
                "Foo: 2 => HIT | step=2",
            ],
        ),
        (
            "§4.1",
            "other fields do not count",
            &["Foo: 1 | Bar: 2 -> Cache-Control: max-age=60 | Vary: Foo", "Foo: 1 | Bar: 3 => HIT"],
        ),
        (
            "§4.1",
            "two fields",
            &["Foo: 1 | Bar: a -> Cache-Control: max-age=60 | Vary: Foo, Bar", "Bar: a | Foo: 1 => HIT"],
        ),
        (
            "§4.1",
            "two fields, one differs",
            &["Foo: 1 | Bar: a -> Cache-Control: max-age=60 | Vary: Foo, Bar", "Foo: 1 | Bar: b => MISS"],
        ),
        (
            "§4.1",
            "two fields, both left out",
            &["Foo: 1 | Bar: a -> Cache-Control: max-age=60 | Vary: Foo, Bar", "=> MISS"],
        ),
        (
            "§4.1",
            "three fields",
            &[
                "Foo: 1 | Bar: a | Baz: 3 -> Cache-Control: max-age=60 | Vary: Foo, Bar, Baz",
                "Foo: 1 | Bar: a | Baz: 3 => HIT",
            ],
        ),
        (
            "§4.1",
            "three fields, one longer",
            &[
                "Foo: 1 | Bar: a | Baz: 3 -> Cache-Control: max-age=60 | Vary: Foo, Bar, Baz",
                "Foo: 1 | Bar: ab | Baz: 3 => MISS",
            ],
        ),
        (
            "§4.1",
            "three fields, one always left out",
            &["Foo: 1 | Baz: 3 -> Cache-Control: max-age=60 | Vary: Foo, Bar, Baz", "Foo: 1 | Baz: 3 => HIT"],
        ),
        (
            "§4.1",
            "on two lines",
            &[
                "Foo: 1 | Bar: a -> Cache-Control: max-age=60 | Vary: Foo | Vary: Bar",
                "Foo: 1 | Bar: b => MISS",
            ],
        ),
        ("§4.1", "anything", &["Foo: 1 -> Cache-Control: max-age=60 | Vary: *", "Foo: 1 => MISS"]),
        ("§4.1", "anything twice", &["-> Cache-Control: max-age=60 | Vary: *, *", "=> MISS"]),
        ("§4.1", "anything on two lines", &["-> Cache-Control: max-age=60 | Vary: * | Vary: *", "=> MISS"]),
        ("§4.1", "anything behind nothing", &["-> Cache-Control: max-age=60 | Vary: , *", "=> MISS"]),
        (
            "§4.1",
            "anything behind an empty line",
            &["-> Cache-Control: max-age=60 | Vary: | Vary: *", "=> MISS"],
        ),
        (
            "§4.1",
            "anything before a field",
            &["Foo: 1 -> Cache-Control: max-age=60 | Vary: *, Foo", "Foo: 1 => MISS"],
        ),
        (
            "§4.1",
            "anything behind a field",
            &["Foo: 1 -> Cache-Control: max-age=60 | Vary: Foo, *", "Foo: 1 => MISS"],
        ),
        (
            "§4.1",
            "spaces are no difference",
            &["Foo: 1,2 -> Cache-Control: max-age=60 | Vary: Foo", "Foo:  1, 2  => HIT"],
        ),
        (
            "§4.1",
            "nor is the division into lines",
            &["Foo: 1, 2 -> Cache-Control: max-age=60 | Vary: Foo", "Foo: 1 | Foo: 2 => HIT"],
        ),
        (
            "§4.1",
            "languages in any case",
            &[
                "Accept-Language: en, de -> Cache-Control: max-age=60 | Vary: Accept-Language",
                "Accept-Language: eN, De => HIT",
            ],
        ),
        (
            "§4.1",
            "languages with spaces",
            &[
                "Accept-Language: en, de -> Cache-Control: max-age=60 | Vary: Accept-Language",
                "Accept-Language:  en ,   de => HIT",
            ],
        ),
        // Most services take the order for a preference.
        (
            "§4.1",
            "languages in another order",
            &[
                "Accept-Language: en, de -> Cache-Control: max-age=60 | Vary: Accept-Language",
                "Accept-Language: de, en => MISS",
            ],
        ),
        (
            "§4.1",
            "codings in any order",
            &[
                "Accept-Encoding: gzip, br -> Cache-Control: max-age=60 | Vary: Accept-Encoding",
                "Accept-Encoding: br,gzip => HIT",
            ],
        ),
    ];
    run(SILENT, rows);
}

#[test]
fn parts_are_cut_from_what_is_stored() {
    let whole = "-> Cache-Control: max-age=60 | ETag: \"a\" | X-A: 1 | body=01234567890";
    let rows: &[Row<'_>] = &[
        (
            "RFC 9110 §14.1.2",
            "from the beginning",
            &[whole, "Range: bytes=0-1 => HIT | 206 | body=01 | Content-Range: bytes 0-1/11 | X-A: 1"],
        ),
        ("RFC 9110 §14.1.2", "to the end", &[whole, "Range: bytes=1- => HIT | 206 | body=1234567890"]),
        ("RFC 9110 §14.1.2", "from the end", &[whole, "Range: bytes=-1 => HIT | 206 | body=0"]),
        ("RFC 9110 §14.1.2", "beyond the end", &[whole, "Range: bytes=9-99 => HIT | 206 | body=90"]),
        (
            "RFC 9110 §15.5.17",
            "nothing of it",
            &[whole, "Range: bytes=11- => HIT | 416 | Content-Range: bytes */11"],
        ),
        ("RFC 9110 §14.2", "another unit", &[whole, "Range: lines=0-1 => HIT | 200 | body=01234567890"]),
        ("RFC 9110 §14.2", "no range", &[whole, "Range: bytes=5-1 => HIT | 200 | body=01234567890"]),
        (
            "RFC 9110 §14.2",
            "two fields",
            &[whole, "Range: bytes=0-1 | Range: bytes=2-3 => HIT | 200 | body=01234567890"],
        ),
        (
            "RFC 9110 §13.1.5",
            "if it is still that",
            &[whole, "Range: bytes=0-1 | If-Range: \"a\" => HIT | 206 | body=01"],
        ),
        (
            "RFC 9110 §13.1.5",
            "if it were another",
            &[whole, "Range: bytes=0-1 | If-Range: \"b\" => HIT | 200 | body=01234567890"],
        ),
        (
            "RFC 9110 §13.2.2",
            "the client has it already",
            &[whole, "Range: bytes=0-1 | If-None-Match: \"a\" => HIT | 304"],
        ),
        (
            "§3.4",
            "who asks for a part first lets the whole be fetched",
            &[
                "Range: bytes=2-3 -> Cache-Control: max-age=60 | body=01234567890 => MISS | 206 | body=23 | >!Range",
                "=> HIT | 200 | body=01234567890",
            ],
        ),
        (
            "§3.4",
            "a service that sends a part unasked",
            &["-> 206 | Cache-Control: max-age=60 | Content-Range: bytes 0-1/11 | body=01", "=> MISS"],
        ),
    ];
    run(SILENT, rows);
    let many: &[Row<'_>] = &[(
        "RFC 9110 §14.6",
        "several parts",
        &[whole, "Range: bytes=0-1,4-5 => HIT | 206 | !Content-Range | Content-Type"],
    )];
    // The body has a boundary that is made up each time.
    let many: Vec<Row<'_>> = many.to_vec();
    run(SILENT, &many);
}

#[test]
fn what_is_sent_before_the_answer_is_not_stored() {
    use crate::harness::Service;
    let service = Service::raw(|mut conn| {
        while conn.next_head().is_some() {
            conn.write(
                "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nX-Early: 1\r\n\r\n\
                 HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\nok",
            );
        }
    });
    let gateway = super::gateway(&service, SILENT, "");
    let first = super::get(&gateway, "/", "");
    let early: Vec<u16> = first.interim.iter().map(|(status, _)| *status).collect();
    assert_eq!((first.status, first.header("x-early"), early), (200, None, vec![103]));
    let second = super::get(&gateway, "/", "");
    assert_eq!((super::did(&second), second.header("x-early"), second.interim.len()), ("HIT", None, 0));
    assert_eq!((second.text().as_str(), service.requests()), ("ok", 1));
}
