//! Paths and their one spelling.

use super::*;
use proptest::prelude::*;

const MERGE: PathRules = PathRules { merge_slashes: true };
const KEEP: PathRules = PathRules { merge_slashes: false };

fn normal(target: &str, rules: PathRules) -> Result<(String, Option<String>, bool), Refusal> {
    let mut scratch = String::from("left over");
    let normal = normalise(target.as_bytes(), rules, &mut scratch)?;
    Ok((normal.path.to_owned(), normal.query.map(str::to_owned), normal.risky))
}

#[test]
fn writes_each_path_in_one_way() {
    for (target, path) in [
        ("/", "/"),
        ("/a/b", "/a/b"),
        ("/a/b/", "/a/b/"),
        ("/%61%2D%7e", "/a-~"),
        ("/%c3%a9", "/%C3%A9"),
        ("/%2541", "/%2541"),
        ("/%20%3f%23", "/%20%3F%23"),
        ("/.", "/"),
        ("/./a", "/a"),
        ("/a/.", "/a/"),
        ("/a/./b", "/a/b"),
        ("/a/..", "/"),
        ("/a/b/..", "/a/"),
        ("/a/b/../..", "/"),
        ("/a/../b", "/b"),
        ("/a/%2e%2E/b", "/b"),
        ("/a/%2e/b", "/a/b"),
        ("/a/...", "/a/..."),
        ("/.a/..b", "/.a/..b"),
        ("//a///b//", "/a/b/"),
        ("//", "/"),
        ("/a//../b", "/b"),
        ("/a/.//b", "/a/b"),
        ("/a;p=1/b", "/a;p=1/b"),
        ("/a:b@c", "/a:b@c"),
    ] {
        assert_eq!(normal(target, MERGE), Ok((path.to_owned(), None, false)), "{target}");
    }
}

#[test]
fn keeps_double_slashes_if_told() {
    for (target, path) in
        [("//a//b/", "//a//b/"), ("/a//../b", "/a/b"), ("/a//.", "/a//"), ("//..", "/"), ("/a/..//b", "//b")]
    {
        assert_eq!(normal(target, KEEP), Ok((path.to_owned(), None, false)), "{target}");
    }
}

#[test]
fn leaves_the_query_as_it_is() {
    for (target, path, query) in [
        ("/a?%41=//../%zz", "/a", "%41=//../%zz"),
        ("/%61?", "/a", ""),
        ("/?a?b", "/", "a?b"),
        ("?a", "/", "a"),
    ] {
        assert_eq!(normal(target, MERGE), Ok((path.to_owned(), Some(query.to_owned()), false)), "{target}");
    }
}

#[test]
fn marks_paths_that_servers_read_differently() {
    for target in ["/a%2fb", "/a%5Cb", "/a\\b", "/%00", "/%1f", "/%7F", "/..%2F..%2Fetc"] {
        assert!(normal(target, MERGE).is_ok_and(|n| n.2), "{target}");
    }
    for target in ["/a?b%2fc", "/%20", "/%25", "/a?\\"] {
        assert!(normal(target, MERGE).is_ok_and(|n| !n.2), "{target}");
    }
}

#[test]
fn refuses_what_has_no_normal_form() {
    for (target, why) in [
        ("/%", Refusal::BadEscape),
        ("/%4", Refusal::BadEscape),
        ("/%4g", Refusal::BadEscape),
        ("/%%41", Refusal::BadEscape),
        ("/a%/b", Refusal::BadEscape),
        ("/..", Refusal::AboveRoot),
        ("/a/../..", Refusal::AboveRoot),
        ("/%2e%2e/a", Refusal::AboveRoot),
        ("//../a", Refusal::AboveRoot),
        ("", Refusal::BadTarget),
        ("a", Refusal::BadTarget),
        ("/a b", Refusal::BadTarget),
        ("/a#b", Refusal::BadTarget),
        ("/a?b#c", Refusal::BadTarget),
        ("/é", Refusal::BadTarget),
        ("/\r\n", Refusal::BadTarget),
    ] {
        assert_eq!(normal(target, MERGE), Err(why), "{target}");
    }
}

#[test]
fn borrows_where_nothing_is_to_be_done() {
    let mut scratch = String::new();
    let target = b"/api/orders?x".to_vec();
    let normal = normalise(&target, MERGE, &mut scratch).unwrap();
    assert_eq!(normal.path.as_ptr(), target.as_ptr());
}

fn target() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("/".to_owned()),
        Just(".".to_owned()),
        Just("..".to_owned()),
        Just("%2e".to_owned()),
        Just("%2F".to_owned()),
        Just("%25".to_owned()),
        "[a-z%?\\\\]",
        "%[0-9a-fA-F]{2}",
    ];
    prop::collection::vec(piece, 0..14).prop_map(|pieces| format!("/{}", pieces.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn normalising_twice_changes_nothing(target in target(), merge in any::<bool>()) {
        let rules = PathRules { merge_slashes: merge };
        if let Ok((path, query, risky)) = normal(&target, rules) {
            let again = path.clone() + &query.as_ref().map(|q| format!("?{q}")).unwrap_or_default();
            let (path_again, query_again, risky_again) = normal(&again, rules).unwrap();
            prop_assert_eq!((&path_again, query_again), (&path, query));
            // What was risky may have gone with a dot segment, but nothing becomes risky.
            prop_assert!(risky || !risky_again);
            prop_assert!(path.starts_with('/'));
            for dots in ["/../", "/./"] {
                prop_assert!(!path.contains(dots) && !path.ends_with(&dots[..dots.len() - 1]), "{}", path);
            }
            prop_assert!(!merge || !path.contains("//"), "{}", path);
            prop_assert!(path.bytes().all(|b| (0x21..0x7f).contains(&b)));
        }
    }

    #[test]
    fn never_panics(target in prop::collection::vec(any::<u8>(), 0..40)) {
        let _ = normalise(&target, MERGE, &mut String::new());
        let _ = split_target(&target);
    }
}
