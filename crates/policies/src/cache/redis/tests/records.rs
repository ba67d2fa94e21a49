//! Any record reads back; anything else is nothing.

use proptest::prelude::*;

use super::super::record::{read, write};
use super::*;

const TICKET: Ticket = Ticket { moment: 1_764_335_000_123_456, life: *b"lifelife" };

fn entries() -> impl Strategy<Value = Entry> {
    let line = ("[a-z][a-z0-9-]{0,12}", "[!-~]{0,20}");
    let lines = prop::collection::vec(line, 0..6);
    let body = prop::collection::vec(any::<u8>(), 0..300);
    let tags = prop::collection::vec("\\PC{0,9}", 0..4);
    (lines, body, tags, "[a-z]{0,3}", "/\\PC{0,9}", "[a-z.:]{0,9}").prop_map(
        |(lines, body, tags, language, path, host)| {
            let mut entry = entry("/", &language, body, &[]);
            for (name, value) in lines {
                entry.head.push(&name, value.as_bytes()).unwrap();
            }
            entry.tags = tags.into_iter().map(Into::into).collect();
            entry.target = Target { host: host.into(), path: path.into() };
            entry
        },
    )
}

fn same(one: &Entry, two: &Entry) -> bool {
    one.head.bytes() == two.head.bytes()
        && one.head.lines() == two.head.lines()
        && one.facts == two.facts
        && one.body == two.body
        && one.target == two.target
        && one.tags == two.tags
}

proptest! {
    #[test]
    fn every_record_reads_back_and_no_mutilated_one_does(
        entry in entries(), at in any::<prop::sample::Index>(), flip in 1_u8..,
        cut in any::<prop::sample::Index>(), more in prop::collection::vec(any::<u8>(), 1..9), start in any::<bool>(),
    ) {
        let key = key("/", Some("u"));
        let (variant, record) = write(&key, &entry, &TICKET, usize::MAX).unwrap();
        let (read_back, ticket) = read(&key, &variant, &record.clone().into()).unwrap();
        prop_assert!(same(&entry, &read_back));
        prop_assert_eq!(ticket, TICKET);

        let mut flipped = record.clone();
        flipped[at.index(record.len())] ^= flip;
        prop_assert!(read(&key, &variant, &flipped.into()).is_none());
        prop_assert!(read(&key, &variant, &record[..cut.index(record.len())].to_vec().into()).is_none());
        let longer = if start { [more, record.clone()].concat() } else { [record.clone(), more].concat() };
        prop_assert!(read(&key, &variant, &longer.into()).is_none());
        prop_assert!(read(&super::key("/", None), &variant, &record.clone().into()).is_none(), "another key's");
        let mut other = variant;
        other[0] ^= flip;
        prop_assert!(read(&key, &other, &record.into()).is_none(), "another variant's");
    }

    #[test]
    fn bytes_of_others_are_no_record(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let key = key("/", None);
        prop_assert!(read(&key, &[0; 16], &bytes.clone().into()).is_none());
        let ours = [&b"SKC\x01"[..], &bytes].concat();
        prop_assert!(read(&key, &[0; 16], &ours.into()).is_none());
        let _no_panic = super::super::record::means(&Purge::Tag("a".into()), &key, &bytes);
    }
}

#[test]
fn a_record_that_is_whole_but_says_nonsense_is_none() {
    // Checked by whoever can write a check: lengths that lead out of it, lines that are two.
    let key = key("/", None);
    let (variant, record) = write(&key, &entry("/", "en", "body", &["t"]), &TICKET, usize::MAX).unwrap();
    let mut seen = 0;
    for at in 28..record.len() {
        for byte in [0, 1, b'\n', 0x7f, 0xff] {
            let mut other = record.clone();
            if std::mem::replace(&mut other[at], byte) == byte {
                continue;
            }
            super::super::record::sign(&key, &variant, &mut other);
            if let Some((read_back, _)) = read(&key, &variant, &other.into()) {
                assert_eq!(read_back.head.view().status(), read_back.facts.status());
                assert!(!read_back.head.view().lines().any(|(_, value, _)| value.contains(&b'\n')));
                seen += 1;
            }
        }
    }
    assert!(seen > 0, "another body is another answer");
}

#[test]
fn what_is_too_large_is_not_written() {
    let key = key("/", None);
    let entry = entry("/", "en", vec![0; 1_000], &[]);
    let (_, record) = write(&key, &entry, &TICKET, usize::MAX).unwrap();
    assert!(write(&key, &entry, &TICKET, record.len()).is_some());
    assert!(write(&key, &entry, &TICKET, record.len() - 1).is_none());
    assert!(write(&key, &entry, &TICKET, 1_000).is_none());
}
