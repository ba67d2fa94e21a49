//! Freshness (§4.2), age (§4.2.3), and the fields they are worked out from (§5.1, §5.2.2, §5.3).

use sekisho_caching::{HEURISTIC_MOST, Policy, Sharing, Times, TtlOf, admit};
use sekisho_units::Wall;
use sekisho_wire::Edits;

use crate::heads::{NOW, SILENT, at, request, response, store};

#[test]
fn lifetimes_are_what_the_origin_said_first_for_shared_caches() {
    const LONG: i64 = 1 << 31;
    // The validator lets an answer be stored that is never fresh.
    for (paragraph, answer, want) in [
        ("§4.2.1 s-maxage", "Cache-Control: s-maxage=9, max-age=60\nExpires: {99}", 9),
        ("§4.2.1 s-maxage", "Cache-Control: max-age=9, s-maxage=0", 0),
        ("§4.2.1 max-age", "Cache-Control: max-age=60\nExpires: {-99}\nDate: {0}", 60),
        ("§4.2.1 max-age", "Cache-Control: max-age=0\nExpires: {99}\nDate: {0}", 0),
        ("§4.2.1 case", "Cache-Control: MaX-aGe=60", 60),
        ("§4.2.1 Expires", "Expires: {60}\nDate: {0}", 60),
        ("§4.2.1 Expires", "Expires: {60}\nDate: {-30}", 60),
        ("§4.2.1 Expires", "Expires: {60}", 60),
        ("§4.2.1 Expires", "Expires: {-60}\nDate: {0}", 0),
        ("§4.2.1 Expires", "Expires: {60}\nDate: {60}", 0),
        ("§5.3 invalid", "Expires: 0\nDate: {0}", 0),
        ("§5.3 invalid", "Expires: -1", 0),
        ("§5.3 invalid", "Expires: Thu 01 Jan 2037 00:00:00 GMT", 0),
        ("§5.3 invalid", "Expires:", 0),
        ("§4.2.1 twice", "Expires: {60}\nExpires: {60}\nDate: {0}", 60),
        ("§4.2.1 twice", "Expires: {60}\nExpires: {99}\nDate: {0}", 0),
        ("§4.2.1 twice", "Cache-Control: max-age=1800, max-age=1", 1),
        ("§4.2.1 twice", "Cache-Control: max-age=1800\nCache-Control: max-age=1", 1),
        ("§4.2.1 twice", "Cache-Control: max-age=1, max-age=1800", 1),
        ("§4.2.1 twice", "Cache-Control: max-age=60, max-age=x", 0),
        ("§5.2 quoted", "Cache-Control: max-age=\"60\"", 60),
        ("§5.2 quoted", "Cache-Control: extension=\"max-age=3600\", max-age=1", 1),
        ("§5.2 quoted", "Cache-Control: max-age=1, extension=\"max-age=3600\"", 1),
        ("§5.2 quoted", "Cache-Control: extension=\"x, max-age=3600", 0),
        ("§5.2 quoted", "Cache-Control: max-age='60'", 0),
        ("§5.2 spaces", "Cache-Control: max-age =60", 0),
        ("§5.2 spaces", "Cache-Control: max-age= 60", 0),
        ("§5.2 spaces", "Cache-Control:  ,\tmax-age=60 , ,", 60),
        ("§5.2.3 unknown", "Cache-Control: foobar, max-age=60, x=y", 60),
        ("§5.2.3 unknown", "Cache-Control: x-max-age=60", 0),
        ("§1.2.2", "Cache-Control: max-age=0060", 60),
        ("§1.2.2", "Cache-Control: max-age=2147483648", LONG),
        ("§1.2.2", "Cache-Control: max-age=99999999999999999999", LONG),
        ("§1.2.2", "Cache-Control: max-age=60.5", 0),
        ("§1.2.2", "Cache-Control: max-age=-1", 0),
        ("§1.2.2", "Cache-Control: max-age=6x", 0),
        ("§1.2.2", "Cache-Control: max-age", 0),
        ("§1.2.2", "Cache-Control: max-age=", 0),
        ("§5.4", "Pragma: no-cache\nCache-Control: max-age=60", 60),
        ("§4.2.2 off", "Last-Modified: {-99999}\nDate: {0}", 0),
        ("§5.2.2.4 list", "Cache-Control: no-cache=\"a\", max-age=60", 60),
    ] {
        let stored = store("", &format!("{answer}\nETag: \"a\""), &SILENT).unwrap();
        assert_eq!(stored.remaining(at(0)), want, "{paragraph}: {answer}");
    }
}

#[test]
fn the_operators_time_counts_only_where_the_origin_is_silent() {
    let policy = Policy { ttl: Some(300), ..SILENT };
    for (answer, want) in [
        ("Server: x", 300),
        ("Last-Modified: {-5}\nDate: {0}", 300),
        ("Cache-Control: public", 300),
        ("Cache-Control: max-age=60", 60),
        ("Cache-Control: max-age=oops\nETag: \"a\"", 0),
        ("Expires: 0\nETag: \"a\"", 0),
        ("301\nServer: x", 300),
        ("404\nETag: \"a\"", 0),
        ("404\nCache-Control: public", 300),
        ("302\nCache-Control: public", 300),
    ] {
        let stored = store("", answer, &policy).unwrap();
        assert_eq!(stored.remaining(at(0)), want, "§4.2.2: {answer}");
        assert_eq!(
            stored.is_explicit(),
            answer.contains("max-age") || answer.contains("Expires"),
            "{answer}"
        );
    }
}

#[test]
fn the_operator_may_give_times_by_status() {
    let mut ttl_of = TtlOf::NONE;
    for (first, last, seconds) in [(400, 499, 10), (404, 404, 60), (302, 302, 5), (200, 299, 7)] {
        assert!(ttl_of.push(first, last, seconds));
    }
    let policy = Policy { ttl: Some(300), ttl_of, heuristic: 1_000, ..SILENT };
    for (answer, want) in [
        ("404\nServer: x", Some(60)),
        ("403\nServer: x", Some(10)),
        ("400\nServer: x", Some(10)),
        ("302\nServer: x", Some(5)),
        ("Last-Modified: {-9999}\nDate: {0}", Some(7)),
        ("301\nServer: x", Some(300)),
        ("500\nServer: x", None),
        ("307\nServer: x", None),
        // The origin's word comes first.
        ("404\nCache-Control: max-age=9", Some(9)),
        ("404\nCache-Control: no-store", None),
        ("404\nExpires: 0", None),
    ] {
        let stored = store("", answer, &policy).ok().map(|stored| stored.remaining(at(0)));
        assert_eq!(stored, want, "§4.2.2: {answer}");
    }
    let mut full = TtlOf::NONE;
    let taken = (0..99).filter(|row| full.push(*row, *row, 1)).count();
    assert_eq!(taken, TtlOf::MOST);
}

#[test]
fn what_has_not_changed_for_long_may_be_guessed_to_stay() {
    let policy = Policy { ttl: Some(300), heuristic: 1_000, ..SILENT };
    for (answer, want) in [
        ("Last-Modified: {-1000}\nDate: {0}", Some(100)),
        ("Last-Modified: {-1000}\nDate: {-500}", Some(50 - 500)),
        ("Last-Modified: {-1000}", Some(100)),
        ("Last-Modified: {-9}\nDate: {0}", Some(0)),
        ("Last-Modified: {9}\nDate: {0}", Some(0)),
        ("Last-Modified: {-99999999}\nDate: {0}", Some(HEURISTIC_MOST.into())),
        ("404\nLast-Modified: {-1000}\nDate: {0}", Some(100)),
        ("599\nLast-Modified: {-1000}\nDate: {0}", None),
        ("599\nLast-Modified: {-1000}\nDate: {0}\nCache-Control: public", Some(100)),
        ("Last-Modified: {-1000}\nCache-Control: max-age=1", Some(1)),
        ("Last-Modified: {-1000}\nExpires: 0", Some(0)),
        ("CDN-Cache-Control: foo\nCache-Control: no-store\nLast-Modified: {-1000}", Some(0)),
        ("Server: x", Some(300)),
        ("Last-Modified: long ago", Some(300)),
    ] {
        let stored = store("", answer, &policy).ok().map(|stored| stored.remaining(at(0)));
        assert_eq!(stored, want, "§4.2.2: {answer}");
    }
}

#[test]
fn ages_are_never_less_than_what_anybody_knows() {
    let age = |answer: &str, asked: Wall, received: Wall, now: Wall| {
        let (head, answer) = (request(""), response(&format!("{answer}\nETag: \"a\"")));
        let times = Times { asked, received };
        admit(head.view(), &Edits::default(), answer.view(), times, Sharing::Everyone, &SILENT)
            .unwrap()
            .age(now)
    };
    for (paragraph, answer, asked, received, now, want) in [
        ("§4.2.3 none", "Server: x", 0, 0, 0, 0),
        ("§4.2.3 resident", "Date: {0}", 0, 0, 7, 7),
        ("§4.2.3 Age", "Date: {0}\nAge: 30", 0, 0, 7, 37),
        ("§4.2.3 apparent", "Date: {-50}\nAge: 30", 0, 0, 7, 57),
        ("§4.2.3 delay", "Date: {0}\nAge: 30", -4, 0, 7, 41),
        ("§4.2.3 delay", "Server: x", -4, 0, 0, 4),
        ("§4.2.3 future", "Date: {500}", 0, 0, 7, 7),
        ("§4.2.3 clock back", "Date: {0}\nAge: 30", 0, 0, -99, 30),
        ("§4.2.3 clock back", "Date: {0}", 5, 0, 0, 0),
        ("§5.1 list", "Age: 30,0", 0, 0, 0, 30),
        ("§5.1 list", "Age: 0, 7200", 0, 0, 0, 0),
        ("§5.1 lines", "Age: 30\nAge: 0", 0, 0, 0, 30),
        ("§5.1 invalid", "Age: abc", 0, 0, 0, 0),
        ("§5.1 invalid", "Age: -30", 0, 0, 0, 0),
        ("§5.1 invalid", "Age: 30.0", 0, 0, 0, 0),
        ("§5.1 invalid", "Age: \"30\"", 0, 0, 0, 0),
        ("§1.2.2", "Age: 99999999999", 0, 0, 0, 1 << 31),
        ("§5.6.7", "Date: yesterday\nAge: 3", 0, 0, 0, 3),
    ] {
        assert_eq!(age(answer, at(asked), at(received), at(now)), want, "{paragraph}: {answer}");
    }
    let far = Wall::from_millis(u64::MAX);
    assert_eq!(age("Age: 3", at(0), at(0), far), u32::MAX);
    // Seconds are whole ones: a part of one is none.
    let part = Wall::from_millis(NOW * 1_000 + 1_999);
    assert_eq!(age("Date: {0}", at(0), at(0), part), 1);
}

#[test]
fn stores_are_told_how_long_an_answer_is_of_use() {
    for (answer, want) in [
        ("Cache-Control: max-age=60", 60),
        ("Cache-Control: max-age=60\nAge: 20", 40),
        ("Cache-Control: max-age=60, stale-while-revalidate=5, stale-if-error=30", 90),
        ("Cache-Control: max-age=60, must-revalidate, stale-if-error=30", 60),
    ] {
        assert_eq!(store("", answer, &SILENT).unwrap().useful_for(at(0)), want, "{answer}");
    }
}
