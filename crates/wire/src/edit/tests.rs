//! What edits do to a head, and that they can be undone.

use super::*;
use crate::{Head, Limits, Parsed, parse_request};
use proptest::prelude::*;

const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nCookie: 1\r\nX-Other: o\r\nConnection: close, x-hop, content-length\r\n\
    cookie: 2\r\nX-Hop: h\r\nContent-Length: 0\r\nTE: trailers\r\nX_User_ID: evil\r\nx.user.id: evil\r\nx_fine: f\r\nX-User-Id: id\r\n\r\n";

fn head(bytes: &[u8]) -> Head {
    let mut head = Head::default();
    assert_eq!(parse_request(bytes, &mut head, &Limits::default()), Ok(Parsed::Complete(bytes.len())));
    head
}

fn written(edits: &Edits, skip: impl Fn(HeadView<'_>) -> Skip) -> Vec<String> {
    let head = head(HEAD);
    let view = head.view(HEAD);
    let mut out = Vec::new();
    edits.write(view, skip(view), &mut out);
    let text = String::from_utf8(out).unwrap();
    text.split_terminator("\r\n").map(str::to_owned).collect()
}

fn nothing(_: HeadView<'_>) -> Skip {
    Skip::default()
}

fn without(names: &[&str]) -> Vec<String> {
    let text = std::str::from_utf8(HEAD).unwrap();
    let lines = text.split_terminator("\r\n").skip(1).filter(|line| !line.is_empty());
    let name = |line: &str| line.split(':').next().unwrap().to_ascii_lowercase();
    lines.filter(|line| !names.contains(&&name(line)[..])).map(str::to_owned).collect()
}

#[test]
fn without_edits_the_lines_are_copied_byte_for_byte() {
    let edits = Edits::default();
    assert!(edits.is_empty());
    assert_eq!(written(&edits, nothing), without(&[]));
}

#[test]
fn set_replaces_received_and_added_lines() {
    let mut edits = Edits::default();
    edits.add("Cookie", b"3").unwrap();
    edits.set(Known::Cookie, b"4").unwrap();
    edits.set("x-OTHER", b"5").unwrap();
    edits.add("x-other", b"6").unwrap();
    let mut want = without(&["cookie", "x-other"]);
    want.extend(["Cookie: 4", "x-OTHER: 5", "x-other: 6"].map(str::to_owned));
    assert_eq!(written(&edits, nothing), want);
    assert_eq!(edits.get(Known::Cookie), Some(&b"4"[..]));
    assert_eq!(edits.get("X-Other"), Some(&b"6"[..]));
    assert_eq!(edits.get("host"), None);
    assert_eq!(edits.added().count(), 3);
}

#[test]
fn set_fixed_refuses_a_name_that_is_none() {
    let mut edits = Edits::default();
    assert_eq!(edits.set_fixed(Known::Unknown, b"a"), Err(BadField::Name));
    assert!(edits.is_empty());
}

proptest! {
    #[test]
    fn set_fixed_does_what_set_does(value in prop::array::uniform4(any::<u8>()), before in 0..3) {
        let (mut fixed, mut set) = (Edits::default(), Edits::default());
        for edits in [&mut fixed, &mut set] {
            for _ in 0..before {
                edits.add(Known::Cookie, b"3").unwrap();
            }
        }
        prop_assert_eq!(fixed.set_fixed(Known::Cookie, &value), set.set(Known::Cookie, &value));
        prop_assert!(fixed.added().eq(set.added()));
        prop_assert_eq!(fixed.removes(Known::Cookie), set.removes(Known::Cookie));
        prop_assert_eq!(fixed.touches(Known::Cookie), set.touches(Known::Cookie));
    }
}

#[test]
fn remove_takes_added_lines_too() {
    let mut edits = Edits::default();
    edits.set("X-Other", b"1").unwrap();
    edits.set_number(Known::ContentLength, 7);
    edits.remove_name("x-other");
    edits.remove(Known::ContentLength);
    edits.remove(Known::Unknown);
    assert_eq!(written(&edits, nothing), without(&["x-other", "content-length"]));
    assert_eq!((edits.get("x-other"), edits.get(Known::ContentLength)), (None, None));
    assert!(edits.touches("X-OTHER") && edits.touches(Known::ContentLength) && !edits.touches("Host"));
    assert!(edits.touches_any(KnownSet::of(&[Known::Host, Known::ContentLength])));
    assert!(!edits.touches_any(KnownSet::of(&[Known::Host, Known::Via])));
    assert!(edits.removes("X-Other") && !edits.removes("X-Hop"));
    edits.clear();
    assert!(edits.is_empty());
    assert_eq!(written(&edits, nothing), without(&[]));
}

#[test]
fn every_known_name_is_written_in_its_usual_spelling_and_text_in_its_own() {
    for known in Known::all() {
        let (mut edits, mut out) = (Edits::default(), Vec::new());
        let lower = known.name().to_ascii_lowercase();
        edits.add(known, b"v").unwrap();
        edits.add(&lower, b"w").unwrap();
        edits.write_added(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("{}: v\r\n{lower}: w\r\n", known.name()));
    }
}

#[test]
fn a_blob_replaces_its_names_and_can_be_replaced_line_by_line() {
    let blob = Blob::new(&[("Cookie", "b"), ("X-Other", "b"), ("X-Frame-Options", "DENY")]).unwrap();
    let mut edits = Edits::default();
    edits.set(Known::Cookie, b"1").unwrap();
    edits.set("x-other", b"1").unwrap();
    edits.apply(&blob);
    edits.set(Known::XFrameOptions, b"SAMEORIGIN").unwrap();
    let mut want = without(&["cookie", "x-other"]);
    want.extend(["Cookie: b", "X-Other: b", "X-Frame-Options: SAMEORIGIN"].map(str::to_owned));
    assert_eq!(written(&edits, nothing), want);
    edits.apply(&blob);
    assert_eq!(edits.get("x-frame-options"), Some(&b"DENY"[..]));
    assert_eq!(edits.added().count(), 3);
    assert_eq!(Blob::new(&[("a", "b\r\nc: d")]), Err(BadField::Value));
    assert_eq!(Blob::new(&[("a b", "")]), Err(BadField::Name));
    assert!(Blob::default().is_empty());
}

#[test]
fn refuses_values_that_would_split_the_head() {
    let mut edits = Edits::default();
    for value in [&b"a\r\nb: c"[..], b"a\nb", b"a\rb", b"a\0", b"\x1b", b" a"] {
        assert_eq!(edits.set(Known::Host, value), Err(BadField::Value), "{value:?}");
        assert_eq!(edits.add("x", value), Err(BadField::Value), "{value:?}");
    }
    for name in ["", "a b", "a:", "a\r\n", "é"] {
        assert_eq!(edits.set(name, b""), Err(BadField::Name), "{name}");
        assert_eq!(edits.add(name, b""), Err(BadField::Name), "{name}");
        edits.remove_name(name);
    }
    assert_eq!(edits.set(Known::Unknown, b""), Err(BadField::Name));
    edits.set_number(Known::Unknown, 1);
    assert!(edits.is_empty(), "{edits:?}");
}

#[test]
fn hop_by_hop_lines_and_nominated_ones_stay_but_for_the_length() {
    assert_eq!(written(&Edits::default(), hop_by_hop), without(&["connection", "x-hop", "te"]));
}

#[test]
fn disguised_names_are_found_in_every_spelling() {
    let protected = KnownSet::of(&[Known::XUserId]);
    let got = written(&Edits::default(), |view| odd_spellings(view, protected, &[]));
    assert_eq!(got, without(&["x_user_id", "x.user.id"]));
    let got =
        written(&Edits::default(), |view| odd_spellings(view, KnownSet::empty(), &["X-Fine", "x_user.id"]));
    assert_eq!(got, without(&["x_user_id", "x.user.id", "x_fine"]));
    let got = written(&Edits::default(), |view| odd_spellings(view, KnownSet::empty(), &["x_fine"]));
    assert_eq!(got, without(&[]), "rightly spelled");
}

#[test]
fn skips_count_as_removals() {
    let mut edits = Edits::default();
    edits.remove(Known::Host);
    let skip_second = |_: HeadView<'_>| {
        let mut skip = Skip::default();
        skip.insert(1);
        skip.insert(5_000);
        skip
    };
    let mut want = without(&["host"]);
    want.remove(0);
    assert_eq!(written(&edits, skip_second), want);
}

#[test]
fn a_head_without_lines_gets_only_the_added_ones() {
    let bytes = b"GET / HTTP/1.0\r\n\r\n";
    let head = head(bytes);
    let mut edits = Edits::default();
    edits.set("A", b"b").unwrap();
    let mut out = Vec::new();
    edits.write(head.view(bytes), Skip::default(), &mut out);
    assert_eq!(out, b"A: b\r\n");
}

#[derive(Clone, Debug)]
enum Op {
    Remove(usize),
    Set(usize, u8),
    Add(usize, u8),
    Apply,
}

const NAMES: [&str; 6] = ["host", "Cookie", "x-other", "X-Hop", "Vary", "x-new"];

fn op() -> impl Strategy<Value = Op> {
    let name = 0..NAMES.len();
    prop_oneof![
        name.clone().prop_map(Op::Remove),
        (name.clone(), b'a'..=b'z').prop_map(|(n, v)| Op::Set(n, v)),
        (name, b'a'..=b'z').prop_map(|(n, v)| Op::Add(n, v)),
        Just(Op::Apply),
    ]
}

fn run(edits: &mut Edits, op: &Op) {
    match *op {
        Op::Remove(name) => edits.remove_name(NAMES[name]),
        Op::Set(name, value) => edits.set(NAMES[name], &[value]).unwrap(),
        Op::Add(name, value) => edits.add(NAMES[name], &[value]).unwrap(),
        Op::Apply => edits.apply(&Blob::new(&[("X-New", "blob"), ("vary", "blob")]).unwrap()),
    }
}

/// The same operations on a plain list of lines.
fn model(lines: &mut Vec<(String, String)>, op: &Op) {
    let drop =
        |lines: &mut Vec<(String, String)>, name: &str| lines.retain(|l| !l.0.eq_ignore_ascii_case(name));
    match *op {
        Op::Remove(name) => drop(lines, NAMES[name]),
        Op::Set(name, value) => {
            drop(lines, NAMES[name]);
            lines.push((NAMES[name].to_owned(), char::from(value).to_string()));
        }
        Op::Add(name, value) => lines.push((NAMES[name].to_owned(), char::from(value).to_string())),
        Op::Apply => {
            for name in ["X-New", "vary"] {
                drop(lines, name);
            }
            lines.extend(["X-New", "vary"].map(|name| (name.to_owned(), "blob".to_owned())));
        }
    }
}

proptest! {
    #[test]
    fn edits_do_what_a_list_of_lines_would(ops in prop::collection::vec(op(), 0..20)) {
        let mut edits = Edits::default();
        let mut lines: Vec<(String, String)> = without(&[])
            .iter()
            .map(|line| line.split_once(": ").map(|(n, v)| (n.to_owned(), v.to_owned())).unwrap())
            .collect();
        for op in &ops {
            run(&mut edits, op);
            model(&mut lines, op);
        }
        let want: Vec<String> = lines.iter().map(|(n, v)| format!("{n}: {v}")).collect();
        prop_assert_eq!(written(&edits, nothing), want);
    }

    #[test]
    fn rollback_restores_exactly(
        before in prop::collection::vec(op(), 0..10),
        after in prop::collection::vec(op(), 0..10),
    ) {
        let mut edits = Edits::default();
        before.iter().for_each(|op| run(&mut edits, op));
        let (mark, copy) = (edits.mark(), edits.clone());
        after.iter().for_each(|op| run(&mut edits, op));
        edits.rollback(&mark);
        prop_assert_eq!(format!("{edits:?}"), format!("{copy:?}"));
        prop_assert_eq!(written(&edits, nothing), written(&copy, nothing));
    }
}
