//! What holds for all heads, however strange.

use proptest::prelude::*;
use sekisho_caching::{
    Asked, Choice, NotStored, Policy, Served, Sharing, Stored, Times, admit, freshen, invalidated, kept,
    may_stand_in, shape, validate,
};
use sekisho_caching::{Failure, Shape};
use sekisho_units::Wall;
use sekisho_wire::{Edits, HeadBuf, PathRules};

use crate::heads::{SILENT, at, request, store};

/// Values made of what caches look for, so that some of them are nearly right.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(
        &[
            "max-age",
            "s-maxage",
            "no-store",
            "no-cache",
            "private",
            "public",
            "must-understand",
            "only-if-cached",
            "stale-while-revalidate",
            "max-stale",
            "=",
            "=\"",
            "\"",
            ",",
            ", ",
            "60",
            "0",
            "99999999999",
            "*",
            "W/",
            "\"a\"",
            "bytes=",
            "-",
            "0-1",
            "Foo",
            "gzip",
            ";q=0.5",
            "\\",
            "(",
            ")",
            "?0",
            ":",
            "/",
            "//host",
            "é",
            "Thu, 01 Jan 2026 00:00:00 GMT",
            "Thu, 01 Jan 2026 00:00:09 GMT",
            " ",
        ][..],
    );
    prop_oneof![
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat().trim().as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..20),
    ]
}

fn head(
    names: &'static [&'static str],
    start: impl Fn(&mut HeadBuf) + Clone,
) -> impl Strategy<Value = HeadBuf> {
    let line = (prop::sample::select(names), value());
    prop::collection::vec(line, 0..8).prop_map(move |lines| {
        let mut head = HeadBuf::default();
        start(&mut head);
        for (name, value) in lines {
            // Values that are no field values do not get as far as this.
            let _refused = head.push(name, &value);
        }
        head
    })
}

fn requests() -> impl Strategy<Value = HeadBuf> {
    const NAMES: &[&str] = &[
        "Cache-Control",
        "Cache-Control",
        "Pragma",
        "Authorization",
        "Range",
        "If-Range",
        "If-None-Match",
        "If-Modified-Since",
        "Accept-Encoding",
        "Foo",
        "Cookie",
        "X-Original-URL",
    ];
    head(NAMES, |head| head.request(b"GET", b"/a?b").unwrap())
}

fn responses() -> impl Strategy<Value = HeadBuf> {
    const NAMES: &[&str] = &[
        "Cache-Control",
        "Cache-Control",
        "CDN-Cache-Control",
        "Expires",
        "Date",
        "Age",
        "Vary",
        "ETag",
        "Last-Modified",
        "Set-Cookie",
        "Foo",
        "Connection",
        "Location",
        "Content-Location",
    ];
    (prop::sample::select(&[200_u16, 204, 206, 302, 304, 404, 503][..]), head(NAMES, |_| {})).prop_map(
        |(status, lines)| {
            let mut head = HeadBuf::default();
            head.response(status);
            for (name, value, _) in lines.view().lines() {
                head.push(std::str::from_utf8(name).unwrap(), value).unwrap();
            }
            head
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nothing_is_stored_against_a_plain_word(asked in requests(), answer in responses()) {
        let times = Times { asked: at(0), received: at(0) };
        let stored = admit(asked.view(), &Edits::default(), answer.view(), times, Sharing::Everyone, &Policy::default());
        let says = |name: &str, word: &str| {
            answer.view().find_all(name).any(|line| sekisho_wire::list_items(line).any(|item| item == word.as_bytes()))
        };
        // A plain word is one outside of any quotation, where no targeted field overrules and none is hidden by another.
        let plain = !answer.view().find_all("Cache-Control").any(|line| line.contains(&b'"'))
            && answer.view().find("CDN-Cache-Control").is_none();
        if plain && (says("Cache-Control", "private") || (says("Cache-Control", "no-store") && !says("Cache-Control", "must-understand"))) {
            // `must-understand` in whatever form takes the force of `no-store`.
            let understood = answer.view().find_all("Cache-Control").any(|line| line.windows(15).any(|w| w == b"must-understand"));
            prop_assert!(stored.is_err() || (understood && !says("Cache-Control", "private")), "{stored:?}");
        }
        if answer.view().find_all("Vary").any(|line| line == b"*") {
            prop_assert!(stored.is_err());
        }
        if answer.view().find("Set-Cookie").is_some() || matches!(answer.view().status(), 206 | 304) {
            prop_assert!(stored.is_err());
        }
    }

    #[test]
    fn what_is_served_fresh_is_fresh_and_matches(
        asked in requests(), answer in responses(), later in requests(), seconds in -100_i64..200, delay in 0_i64..9,
    ) {
        let times = Times { asked: at(-delay), received: at(0) };
        let stored = admit(asked.view(), &Edits::default(), answer.view(), times, Sharing::Everyone, &Policy::default());
        let Ok(stored) = stored else { return Ok(()) };
        prop_assert!(i64::from(stored.age(at(seconds))) >= delay);
        prop_assert!(stored.age(at(seconds)) <= stored.age(at(seconds + 1)));
        prop_assert!(stored.vary().matches(asked.view()), "an answer serves the request it was made for");
        let Ok(again) = Asked::read(later.view(), &SILENT) else { return Ok(()) };
        if let Choice::Serve { age, why, .. } = again.choose([&stored], at(seconds)) {
            prop_assert!(stored.vary().matches(later.view()));
            prop_assert_eq!(age, stored.age(at(seconds)));
            prop_assert_eq!(why == Served::Fresh, stored.remaining(at(seconds)) > 0);
        }
        let _may = may_stand_in(&stored, Failure::Unreachable, at(seconds));
        let mut edits = Edits::default();
        validate(&stored, &mut edits);
    }

    #[test]
    fn facts_read_back_and_nothing_else_does(asked in requests(), answer in responses(), cut in 0_usize..200, noise in any::<[u8; 3]>()) {
        let times = Times { asked: at(0), received: at(3) };
        let stored = admit(asked.view(), &Edits::default(), answer.view(), times, Sharing::Everyone, &Policy::default());
        let Ok(stored) = stored else { return Ok(()) };
        let mut bytes = Vec::new();
        stored.write(&mut bytes);
        let again = Stored::read(&bytes);
        prop_assert_eq!(again.as_ref(), Some(&stored));
        prop_assert_eq!(Stored::read(&bytes[..cut.min(bytes.len() - 1)]), None);
        bytes.push(0);
        prop_assert_eq!(Stored::read(&bytes), None);
        for (place, byte) in [cut, cut * 7, cut * 31].into_iter().zip(noise) {
            let place = place % bytes.len();
            bytes[place] = byte;
        }
        if let Some(other) = Stored::read(&bytes) {
            let _numbers = (other.age(at(0)), other.remaining(at(0)), other.vary().matches(asked.view()));
        }
    }

    #[test]
    fn parts_lie_within_the_body_and_apart(asked in requests(), length in 0_u64..20) {
        let stored = store("", "Cache-Control: max-age=9\nETag: \"a\"", &SILENT).unwrap();
        let parts = match shape(asked.view(), &stored, length) {
            Shape::Part(part) => vec![part],
            Shape::Parts(parts) => parts,
            _ => return Ok(()),
        };
        prop_assert!(parts.iter().all(|part| part.first <= part.last && part.last < length));
        prop_assert!(parts.iter().map(|part| part.length()).sum::<u64>() <= length);
    }

    #[test]
    fn an_update_never_loses_the_stored_length(old in responses(), news in responses()) {
        let mut out = HeadBuf::default();
        freshen(old.view(), news.view(), &mut out).unwrap();
        prop_assert_eq!(out.view().status(), old.view().status());
        prop_assert_eq!(out.view().find("Set-Cookie"), old.view().find("Set-Cookie"));
        let _kept = kept(out.view(), &SILENT);
    }

    #[test]
    fn targets_of_references_stay_on_the_host(answer in responses(), reference in value()) {
        let mut answer = answer;
        let _refused = answer.push("Location", &reference);
        let post = request("POST /a/b?c");
        let found = invalidated(post.view(), b"host", b"/a/b?c", PathRules::default(), answer.view());
        for target in found.into_iter().flatten() {
            prop_assert!(target.starts_with('/') && target.is_ascii(), "{}", target);
        }
    }

    #[test]
    fn no_time_overflows(asked in any::<u64>(), received in any::<u64>(), now in any::<u64>(), answer in responses()) {
        let times = Times { asked: Wall::from_millis(asked), received: Wall::from_millis(received) };
        let head = request("");
        let stored = admit(head.view(), &Edits::default(), answer.view(), times, Sharing::Everyone, &Policy::default());
        match stored {
            Ok(stored) => {
                let now = Wall::from_millis(now);
                let _numbers = (stored.age(now), stored.remaining(now), stored.useful_for(now));
            }
            Err(why) => prop_assert!(why != NotStored::Method),
        }
    }
}
