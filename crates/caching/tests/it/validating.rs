//! Validation (§4.3): conditions sent (§4.3.1), conditions received (§4.3.2), what 304 and HEAD say (§4.3.4, §4.3.5).

use sekisho_caching::{
    Confirmed, NOT_MODIFIED_LEAVES_OUT, Shape, answers_for, confirms, shape, validate, whole,
};
use sekisho_wire::{Edits, Known};

use crate::heads::{SILENT, at, request, response, store};

#[test]
fn the_stored_validators_take_the_place_of_the_clients() {
    for (answer, tag, date) in [
        ("ETag: \"a\"", Some("\"a\""), None),
        ("ETag: W/\"a\"", Some("W/\"a\""), None),
        ("Last-Modified: {-60}", None, Some(-60)),
        ("ETag: \"a\"\nLast-Modified: {-60}", Some("\"a\""), Some(-60)),
        ("ETag: a\nLast-Modified: {-60}", None, Some(-60)),
        ("ETag: \"a\"\nLast-Modified: sometime", Some("\"a\""), None),
        ("Last-Modified: Wednesday, 31-Dec-25 23:59:00 GMT", None, Some(-60)),
        ("Server: x", None, None),
    ] {
        let stored = store("", &format!("Cache-Control: max-age=60\n{answer}"), &SILENT).unwrap();
        assert_eq!(stored.has_validator(), tag.is_some() || date.is_some(), "{answer}");
        let mut edits = Edits::default();
        validate(&stored, &mut edits);
        assert_eq!(edits.get(Known::IfNoneMatch), tag.map(str::as_bytes), "§4.3.1: {answer}");
        let date = date.map(|seconds| at(seconds).http_date());
        assert_eq!(
            edits.get(Known::IfModifiedSince),
            date.as_ref().map(|date| &date[..]),
            "§4.3.1: {answer}"
        );
        for name in [Known::IfNoneMatch, Known::IfModifiedSince, Known::Range, Known::IfRange] {
            assert!(edits.removes(name), "{answer}: {name:?}");
        }
    }
    let mut edits = Edits::default();
    whole(&mut edits);
    assert!(edits.removes(Known::Range) && edits.get(Known::IfNoneMatch).is_none());
}

#[test]
fn who_has_the_answer_is_told_so() {
    let tagged = "ETag: \"a\"\nLast-Modified: {-60}";
    for (paragraph, answer, asked, want) in [
        ("§4.3.2 tag", tagged, "If-None-Match: \"a\"", true),
        ("§4.3.2 tag", tagged, "If-None-Match: W/\"a\"", true),
        ("§4.3.2 tag", "ETag: W/\"a\"", "If-None-Match: W/\"a\"", true),
        ("§4.3.2 tag", "ETag: W/\"a\"", "If-None-Match: \"a\"", true),
        ("§4.3.2 tag", tagged, "If-None-Match: \"b\"", false),
        ("§4.3.2 tag", tagged, "If-None-Match: a", false),
        ("§4.3.2 list", tagged, "If-None-Match: \"x\", \"a\" ,\"y\"", true),
        ("§4.3.2 list", tagged, "If-None-Match: \"x\"\nIf-None-Match: \"a\"", true),
        ("§4.3.2 list", tagged, "If-None-Match: \"x,\", \"a\"", true),
        ("§4.3.2 any", "Server: x", "If-None-Match: *", true),
        ("§4.3.2 none", "Server: x", "If-None-Match: \"a\"", false),
        ("§4.3.2 first", tagged, "If-None-Match: \"b\"\nIf-Modified-Since: {0}", false),
        ("§4.3.2 first", tagged, "If-None-Match: \"a\"\nIf-Modified-Since: {-99}", true),
        ("§4.3.2 first", tagged, "If-None-Match: oops\nIf-Modified-Since: {0}", false),
        ("§4.3.2 date", tagged, "If-Modified-Since: {-60}", true),
        ("§4.3.2 date", tagged, "If-Modified-Since: {-30}", true),
        ("§4.3.2 date", tagged, "If-Modified-Since: {-61}", false),
        ("§4.3.2 date", tagged, "If-Modified-Since: Wednesday, 31-Dec-25 23:59:00 GMT", true),
        ("§4.3.2 date", tagged, "If-Modified-Since: oops", false),
        ("§4.3.2 date", tagged, "If-Modified-Since: {0}\nIf-Modified-Since: {0}", false),
        ("§4.3.2 Date", "Date: {-60}", "If-Modified-Since: {-60}", true),
        ("§4.3.2 Date", "Date: {-60}", "If-Modified-Since: {-61}", false),
        ("§4.3.2 received", "Server: x", "If-Modified-Since: {0}", true),
        ("§4.3.2 HEAD", tagged, "HEAD /\nIf-None-Match: \"a\"", true),
        ("§4.3.2 200", "404\nETag: \"a\"", "If-None-Match: \"a\"", false),
        ("§4.3.2 no condition", tagged, "Accept: */*", false),
    ] {
        let (status, fields) =
            answer.split_once('\n').filter(|(first, _)| *first == "404").unwrap_or(("200", answer));
        let stored = store("", &format!("{status}\nCache-Control: max-age=999\n{fields}"), &SILENT).unwrap();
        let found = shape(request(asked).view(), &stored, 10);
        let want = if want { Shape::NotModified } else { Shape::Whole };
        assert_eq!(found, want, "{paragraph}: {answer} <- {asked}");
    }
    assert!(
        !NOT_MODIFIED_LEAVES_OUT.contains(Known::Etag)
            && NOT_MODIFIED_LEAVES_OUT.contains(Known::ContentLength)
    );
}

#[test]
fn a_304_confirms_only_the_answer_it_speaks_of() {
    for (paragraph, answer, news, want) in [
        ("§4.3.4 strong", "ETag: \"a\"", "ETag: \"a\"", true),
        ("§4.3.4 strong", "ETag: \"a\"", "ETag: \"b\"", false),
        ("§4.3.4 strong", "ETag: \"a\"\nLast-Modified: {-60}", "ETag: \"b\"\nLast-Modified: {-60}", false),
        ("§4.3.4 weak", "ETag: W/\"a\"", "ETag: W/\"a\"", true),
        ("§4.3.4 weak", "ETag: \"a\"", "ETag: W/\"a\"", true),
        ("§4.3.4 weak", "ETag: \"a\"", "ETag: W/\"b\"", false),
        ("§4.3.4 date", "Last-Modified: {-60}", "Last-Modified: {-60}", true),
        ("§4.3.4 date", "Last-Modified: {-60}", "Last-Modified: {-50}", false),
        ("§4.3.4 silent", "ETag: \"a\"", "Server: x", true),
        ("§4.3.4 silent", "Last-Modified: {-60}", "Server: x", true),
    ] {
        let stored = store("", &format!("Cache-Control: max-age=9\n{answer}"), &SILENT).unwrap();
        let found = confirms(&stored, response(&format!("304\n{news}")).view());
        assert_eq!(found == Confirmed::Yes, want, "{paragraph}: {answer} <- {news}");
    }
}

#[test]
fn an_answer_to_head_freshens_or_invalidates_what_get_stored() {
    let answer = "Cache-Control: max-age=9\nETag: \"a\"\nLast-Modified: {-60}\nContent-Length: 5";
    for (paragraph, head, want) in [
        ("§4.3.5 same", "ETag: \"a\"\nLast-Modified: {-60}\nContent-Length: 5", Some(Confirmed::Yes)),
        ("§4.3.5 silent", "X-A: 1", Some(Confirmed::Yes)),
        ("§4.3.5 length", "ETag: \"a\"\nContent-Length: 6", Some(Confirmed::No)),
        ("§4.3.5 tag", "ETag: \"b\"", Some(Confirmed::No)),
        ("§4.3.5 date", "Last-Modified: {-59}", Some(Confirmed::No)),
        ("§4.3.5 other", "404\nETag: \"a\"", None),
        ("§4.3.5 other", "500\nETag: \"a\"", None),
    ] {
        let (stored, kept) = (store("", answer, &SILENT).unwrap(), response(answer));
        assert_eq!(answers_for(&stored, kept.view(), response(head).view()), want, "{paragraph}: {head}");
    }
}
