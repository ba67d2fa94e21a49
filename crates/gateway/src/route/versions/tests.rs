//! Which version requests mean, as a table.

use proptest::prelude::*;
use sekisho_wire::HeadBuf;

use super::*;

/// v1 is plan 1, v2 plan 2, v2.1 plan 3.
fn versions(order: &[Source]) -> Versions {
    let served = ["v1", "2", "v2.1"].iter().enumerate().map(|(index, name)| Served {
        name: (*name).into(),
        version: ApiVersion::read(name.as_bytes()).unwrap(),
        way: index + 1,
    });
    Versions {
        order: order.into(),
        header: "api-version".into(),
        accept: MediaTypes::Any,
        served: served.collect(),
        others: None,
        unsaid: Some(1),
        keep_segment: false,
        tell: None,
        vary: Box::default(),
    }
}

fn head(lines: &[(&str, &[u8])]) -> HeadBuf {
    let mut head = HeadBuf::default();
    head.request(b"GET", b"/").unwrap();
    lines.iter().for_each(|(name, value)| head.push(name, value).unwrap());
    head
}

const ALL: &[Source] = &[Source::Header, Source::Path, Source::Accept];

#[test]
fn the_first_place_in_the_order_that_says_anything_decides() {
    use Source::{Accept, Header, Path};
    type Lines = &'static [(&'static str, &'static [u8])];
    let h1: Lines = &[("API-Version", b"1"), ("Accept", b"a/b;version=2")];
    let h2: Lines = &[("api-version", b"v2.0")];
    let a2: Lines = &[("Accept", b"a/b;version=2")];
    for (order, lines, segment, want, by, looked) in [
        (ALL, h1, Some("v2"), Ok(1), Some(Header), 1),
        (ALL, h2, None, Ok(2), Some(Header), 1),
        (ALL, a2, Some("v2.1"), Ok(3), Some(Path), 2),
        (ALL, a2, None, Ok(2), Some(Accept), 3),
        (ALL, &[], None, Ok(1), None, 3),
        (&[Accept, Header], h1, Some("v2"), Ok(2), Some(Accept), 1),
        (&[Path, Header], h1, Some("v2"), Ok(2), Some(Path), 1),
        (&[Path], h1, None, Ok(1), None, 1),
        (ALL, &[("API-Version", b"9")], Some("v2"), Err(Unmet::Unknown), Some(Header), 1),
        (ALL, &[("API-Version", b"banana")], Some("v2"), Err(Unmet::Malformed), Some(Header), 1),
        (ALL, &[("API-Version", b"")], None, Err(Unmet::Malformed), Some(Header), 1),
        (ALL, &[("API-Version", b"1, 2")], None, Err(Unmet::Malformed), Some(Header), 1),
        (ALL, &[("API-Version", b"1"), ("API-Version", b"2")], None, Err(Unmet::Malformed), Some(Header), 1),
        (ALL, &[("API-Version", b"2"), ("API-Version", b"v2")], None, Ok(2), Some(Header), 1),
        (ALL, &[("API_Version", b"2"), ("API.Version", b"2")], None, Ok(1), None, 3),
    ] {
        let head = head(lines);
        let choice = versions(order).choose(head.view(), segment);
        assert_eq!((choice.way, choice.by, choice.looked), (want, by, looked), "{lines:?} {segment:?}");
    }
}

#[test]
fn others_and_the_default_are_plans_of_their_own() {
    let mut versions = versions(ALL);
    versions.others = Some(7);
    versions.unsaid = None;
    for (lines, want) in [
        (&[("API-Version", &b"9"[..])][..], Ok(7)),
        (&[("API-Version", b"1")], Ok(1)),
        (&[("API-Version", b"x")], Err(Unmet::Malformed)),
        (&[], Err(Unmet::Unsaid)),
    ] {
        assert_eq!(versions.choose(head(lines).view(), None).way, want, "{lines:?}");
    }
}

#[test]
fn a_preflight_goes_by_the_path_alone() {
    let mut versions = versions(ALL);
    for (segment, want) in [(Some("v2"), Ok(2)), (Some("v9"), Err(Unmet::Unknown)), (None, Ok(1))] {
        assert_eq!(versions.announced(segment).way, want, "{segment:?}");
    }
    versions.unsaid = None;
    assert_eq!(versions.announced(None).way, Ok(1), "the first version, rather than none");
    versions.others = Some(7);
    assert_eq!(versions.announced(None).way, Ok(7));
    versions.order = [Source::Header].into();
    assert_eq!(versions.announced(Some("v2")).way, Ok(7), "the path is not looked at");
}

#[test]
fn the_service_is_told_the_version_in_one_spelling() {
    let mut versions = versions(ALL);
    versions.others = Some(7);
    for (said, want) in [("2", "v2"), ("v2.0", "v2"), ("9.0", "v9"), ("V2.1", "v2.1")] {
        let head = head(&[("API-Version", said.as_bytes())]);
        assert_eq!(versions.told(&versions.choose(head.view(), None)).as_deref(), Some(want), "{said}");
    }
    let head = head(&[]);
    assert_eq!(versions.told(&versions.choose(head.view(), None)).as_deref(), Some("v1"));
}

#[test]
fn a_path_begins_with_a_version_or_not() {
    for (path, want) in [
        ("/v2/users", Some("v2")),
        ("/v2", Some("v2")),
        ("/v2/", Some("v2")),
        ("/v2.0/x", Some("v2.0")),
        ("/users/v2", None),
        ("/2/users", None),
        ("/", None),
        ("*", None),
        ("", None),
    ] {
        assert_eq!(segment(path), want, "{path}");
    }
}

proptest! {
    #[test]
    fn whatever_a_request_says_it_has_one_meaning(
        header in prop::collection::vec("[v0-9.]{0,6}|[ -~]{0,12}", 0..3),
        accept in prop::collection::vec("[a-z/;=, version0-9.\"]{0,40}", 0..3),
        segment in prop::option::of("v[0-9.]{1,5}"),
        others in any::<bool>(),
    ) {
        let mut versions = versions(ALL);
        versions.others = others.then_some(4);
        let mut head = head(&[]);
        for value in &header {
            let _ = head.push("API-Version", value.trim().as_bytes());
        }
        for value in &accept {
            let _ = head.push("Accept", value.trim().as_bytes());
        }
        let choice = versions.choose(head.view(), segment.as_deref());
        prop_assert!(choice.way.is_ok_and(|way| (1..=4).contains(&way)) || choice.way.is_err());
        prop_assert!(choice.looked <= 3 && choice.by.is_none() == choice.said.is_empty() || choice.way.is_err());
        // What is said first decides alone.
        if !header.is_empty() && choice.by == Some(Source::Header) {
            let again = versions.choose(head.view(), None);
            prop_assert_eq!(again, choice);
        }
        prop_assert!(choice.way != Err(Unmet::Unknown) || !others);
    }
}
