//! What a pattern may be, what it matches and what it covers.

use proptest::prelude::*;

use super::*;

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).unwrap()
}

#[test]
fn matches_what_it_says() {
    for (text, path, want) in [
        ("/", "/", true),
        ("/", "/a", false),
        ("/a", "/a", true),
        ("/a", "/a/", false),
        ("/a/", "/a/", true),
        ("/a/", "/a", false),
        ("/a/*", "/a", true),
        ("/a/*", "/a/", true),
        ("/a/*", "/a/b", true),
        ("/a/*", "/a/b/c/", true),
        ("/a/*", "/ab", false),
        ("/*", "/", true),
        ("/*", "/x/y", true),
        ("/*", "*", false),
        ("/*", "", false),
        ("/a/{id}", "/a/7", true),
        ("/a/{id}", "/a/", false),
        ("/a/{id}", "/a", false),
        ("/a/{id}", "/a/7/", false),
        ("/a/{id}/b", "/a/7/b", true),
        ("/a/{id}/*", "/a/7", true),
        ("/k%C3%A4se", "/k%C3%A4se", true),
    ] {
        assert_eq!(pattern(text).matches(path), want, "{text} {path}");
    }
}

#[test]
fn covers_only_what_it_wholly_contains() {
    for (a, b, want) in [
        ("/*", "/", true),
        ("/*", "/a/{b}/*", true),
        ("/a/*", "/a", true),
        ("/a/*", "/a/", true),
        ("/a/*", "/a/{b}", true),
        ("/a/*", "/a/*", true),
        ("/a/*", "/*", false),
        ("/a/*", "/ab", false),
        ("/a", "/a/*", false),
        ("/a/{b}", "/a/c", true),
        ("/a/{b}", "/a/{c}", true),
        ("/a/{b}", "/a/", false),
        ("/a/{b}", "/a/*", false),
        ("/a/c", "/a/{b}", false),
        ("/{b}/*", "/", false),
    ] {
        assert_eq!(pattern(a).covers(&pattern(b)), want, "{a} {b}");
    }
}

#[test]
fn orders_by_specificity() {
    let mut patterns = ["/*", "/a/*", "/a/{b}", "/a/{b}/*", "/a/c", "/a", "/{b}"].map(pattern);
    patterns.sort_by(|a, b| b.cmp(a));
    let texts: Vec<_> = patterns.iter().map(Pattern::as_str).collect();
    assert_eq!(texts, ["/a/c", "/a/{b}", "/a/{b}/*", "/a", "/a/*", "/{b}", "/*"]);
}

#[test]
fn exposes_segments_and_params() {
    let pattern = pattern("/a/{id}/*");
    assert_eq!(
        pattern.segments(),
        [Segment::Literal("a".into()), Segment::Param("id".into()), Segment::Rest]
    );
    assert_eq!(pattern.params().collect::<Vec<_>>(), ["id"]);
    assert_eq!(Pattern::parse("/").unwrap().segments(), [Segment::Literal("".into())]);
}

#[test]
fn refuses_the_rest_with_a_remedy() {
    let star =
        "has `*` elsewhere than as its last segment; write `/…/*` for all beneath, `{name}` for one segment";
    let param = "a whole segment must be `{name}`, its name of letters, digits, `_` and `-`";
    for (text, want) in [
        ("a", "path `a` must begin with `/`; write `/a`".to_owned()),
        ("/a?b=c", "path `/a?b=c` must have no query or fragment; write `/a`".to_owned()),
        ("/a//b", "path `/a//b` has an empty segment; write `/a/b`".to_owned()),
        (
            "/a/../b",
            "path `/a/../b` has a dot segment, which no normalised path has; write the path that it means"
                .to_owned(),
        ),
        ("/*/a", format!("path `/*/a` {star}")),
        ("/a*", format!("path `/a*` {star}")),
        ("/**", format!("path `/**` {star}")),
        ("/{id}.json", format!("path `/{{id}}.json` has the bad parameter `{{id}}.json`; {param}")),
        ("/{}", format!("path `/{{}}` has the bad parameter `{{}}`; {param}")),
        ("/{a}/{a}", "path `/{a}/{a}` names the parameter `a` twice; give each its own name".to_owned()),
        (
            "/100%",
            "path `/100%` has a `%` without two hexadecimal digits; write `%25` for a percent sign"
                .to_owned(),
        ),
        ("/%41", "path `/%41` has `%41`, which normalised paths write as `A`".to_owned()),
        ("/%c3%A4", "path `/%c3%A4` has `%c3`, which normalised paths write as `%C3`".to_owned()),
        ("/ä", "path `/ä` has `ä`, which normalised paths write as `%C3%A4`".to_owned()),
        ("/a b", "path `/a b` has ` `, which normalised paths write as `%20`".to_owned()),
        ("/a\\b", "path `/a\\b` has `\\`, which normalised paths write as `%5C`".to_owned()),
    ] {
        assert_eq!(Pattern::parse(text).map_err(|e| e.to_string()), Err(want), "{text}");
    }
}

fn some_pattern() -> impl Strategy<Value = Pattern> {
    let part = prop_oneof![Just("a"), Just("b"), Just("{x}"), Just("{y}")];
    (prop::collection::vec(part, 0..4), prop_oneof![Just(""), Just("/"), Just("/*")]).prop_filter_map(
        "names must differ",
        |(parts, end)| {
            let body: String = parts.iter().map(|part| format!("/{part}")).collect();
            Pattern::parse(&if body.is_empty() && end.is_empty() { "/".to_owned() } else { body + end }).ok()
        },
    )
}

fn some_path() -> impl Strategy<Value = String> {
    "/([abc]/){0,4}[abc]?"
}

proptest! {
    #[test]
    fn reads_back_what_it_prints(pattern in some_pattern()) {
        prop_assert_eq!(Pattern::parse(&pattern.to_string()).map(|p| p.segments().to_vec()), Ok(pattern.segments().to_vec()));
    }

    #[test]
    fn what_a_covered_pattern_matches_the_cover_matches(a in some_pattern(), b in some_pattern(), path in some_path()) {
        if a.covers(&b) && b.matches(&path) {
            prop_assert!(a.matches(&path), "{} covers {} but not {}", a, b, path);
        }
    }

    #[test]
    fn a_cover_is_never_more_specific(a in some_pattern(), b in some_pattern()) {
        if a.covers(&b) && !b.covers(&a) {
            prop_assert!(a.specificity() < b.specificity(), "{} {}", a, b);
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in "/[/{}*%.a-c?é]{0,16}|.{0,16}") {
        let _ = Pattern::parse(&text);
    }
}
