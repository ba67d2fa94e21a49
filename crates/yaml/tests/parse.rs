//! What is a document and what is not, with the exact lines that people read.

use proptest::prelude::*;
use sekisho_units::Problems;
use sekisho_yaml::{Kind, Node, Style, parse, parse_on};

fn lines(text: &str) -> Vec<String> {
    match parse("f.yaml", text) {
        Ok(node) => panic!("expected problems in {text:?}, found {node:?}"),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

fn tree(text: &str) -> Node {
    parse("f.yaml", text).unwrap_or_else(|problems| panic!("{text:?}: {problems}"))
}

#[test]
fn every_value_and_key_knows_its_place() {
    let text = "# comment\na: 1\nlist:\n  - x\n  - {k: v}\nempty:\nä: ö\n";
    let node = tree(text);
    let place = |node: &Node| node.place.to_string();
    assert_eq!(place(&node), "f.yaml:2:1");
    assert_eq!(place(node.get("a").unwrap()), "f.yaml:2:4");
    let list = node.get("list").unwrap();
    assert_eq!(place(list), "f.yaml:4:3");
    assert_eq!(place(&list.items()[0]), "f.yaml:4:5");
    assert_eq!(place(list.items()[1].get("k").unwrap()), "f.yaml:5:9");
    assert_eq!(place(node.get("empty").unwrap()), "f.yaml:6:1");
    assert_eq!(place(node.get("ä").unwrap()), "f.yaml:7:4");
    let keys: Vec<_> = node.entries().iter().map(|(key, _)| format!("{} {}", key.text, key.place)).collect();
    assert_eq!(keys, ["a f.yaml:2:1", "list f.yaml:3:1", "empty f.yaml:6:1", "ä f.yaml:7:1"]);
}

#[test]
fn words_stay_words_and_only_null_is_nothing() {
    for (text, null, word) in [
        ("off", false, Some("off")),
        ("on", false, Some("on")),
        ("no", false, Some("no")),
        ("\"off\"", false, None),
        ("'off'", false, None),
        ("|\n  off\n", false, None),
        ("!!str off", false, None),
        ("~", true, None),
        ("null", true, None),
        ("", true, None),
        ("\"\"", false, None),
        ("\"null\"", false, None),
    ] {
        let node = tree(&format!("k: {text}"));
        let value = node.get("k").unwrap();
        assert_eq!((value.is_null(), value.as_word()), (null, word), "{text}");
        assert_eq!(value.is_off(), word == Some("off"), "{text}");
    }
    assert!(tree("").is_null());
    assert!(tree("# only a comment\n").is_null());
}

#[test]
fn quotes_and_escapes_are_undone() {
    let node = tree("a: \"x\\ty\"\nb: 'it''s'\nc: |\n  one\n  two\nd: >-\n  one\n  two\n");
    let texts: Vec<_> = node.entries().iter().map(|(_, value)| value.as_str().unwrap()).collect();
    assert_eq!(texts, ["x\ty", "it's", "one\ntwo\n", "one two"]);
    assert!(node.entries().iter().all(|(_, value)| value.scalar().unwrap().style == Style::Quoted));
}

#[test]
fn aliases_and_merge_keys_are_expanded() {
    let node = tree(
        "base: &b {x: 1, y: 2}\nother: &o {y: 3, z: 4}\nuse: {<<: [*b, *o], x: 9}\none:\n  <<: *b\n  x: 5\nsame: *b\n",
    );
    let text =
        |key: &str, inner: &str| node.get(key).unwrap().get(inner).unwrap().as_str().unwrap().to_owned();
    assert_eq!(["x", "y", "z"].map(|inner| text("use", inner)), ["9", "2", "4"]);
    assert_eq!(["x", "y"].map(|inner| text("one", inner)), ["5", "2"]);
    assert_eq!(node.get("same").unwrap().entries().len(), 2);
    assert!(node.get("use").unwrap().get("<<").is_none());
    assert_eq!(tree("\"<<\": 1").get("<<").and_then(Node::as_str), Some("1"));
}

#[test]
fn takes_entries_out() {
    let mut node = tree("a: 1\nb: 2\n");
    let (key, value) = node.take("a").unwrap();
    assert_eq!((&*key.text, value.as_str()), ("a", Some("1")));
    assert!(node.take("a").is_none() && node.get("a").is_none());
    node.get_mut("b").unwrap().kind = Kind::Null;
    assert!(node.get("b").unwrap().is_null());
}

#[test]
fn refuses_the_rest_at_its_place() {
    for (text, want) in [
        (
            "a: 1\nb: 2\na: 3\n",
            "f.yaml:3:1: error: key `a` stands twice; the first is at f.yaml:1:1; remove one of them",
        ),
        (
            "a: 1\n---\nb: 2\n",
            "f.yaml:2:1: error: a second document begins here; keep one document in a file and remove `---`",
        ),
        (
            "[a]: 1\n",
            "f.yaml:1:1: error: a key must be a text, not a list; write `key: value`, and text with `{` or `[` in quotes",
        ),
        (
            "a: !env HOME\n",
            "f.yaml:1:4: error: the tag `!env` is not supported; remove it, or put the text in quotes if it begins with `!`",
        ),
        ("a: &x [1, *x]\n", "f.yaml:1:11: error: an alias stands inside the value that it names"),
        (
            "<<: 5\n",
            "f.yaml:1:5: error: `<<` merges a map or a list of maps, not the number `5`; write `<<: *anchor`",
        ),
        ("{ : 1}\n", "f.yaml:1:3: error: a key is missing here; write `key: value`"),
    ] {
        assert_eq!(lines(text), [want], "{text}");
    }
}

#[test]
fn a_key_that_stands_twice_does_not_keep_the_rest_from_being_read() {
    let mut problems = Problems::new();
    let node = parse_on("f.yaml", "a: 1\nb: { c: 2, c: 3 }\na: 4\nd: 5\n", &mut problems).unwrap();
    let places: Vec<_> = problems.iter().map(|problem| problem.place.to_string()).collect();
    assert_eq!(places, ["f.yaml:2:12", "f.yaml:3:1"]);
    let text = |node: &Node, key: &str| node.get(key).and_then(Node::as_str).map(str::to_owned);
    assert_eq!([text(&node, "a"), text(&node, "d")], [Some("1".to_owned()), Some("5".to_owned())]);
    assert_eq!(text(node.get("b").unwrap(), "c").as_deref(), Some("2"));
    assert!(parse_on("f.yaml", "a: [", &mut problems).is_none());
}

#[test]
fn syntax_errors_have_a_place_and_a_hint() {
    for (text, at, hint) in [
        ("a:\n\tb: 1\n", "f.yaml:2:", "; indent with spaces, not tabs"),
        (
            "a: { secret: ${X} }\n",
            "f.yaml:1:",
            "; inside `{ }` and `[ ]` put quotes around text with `${NAME}`",
        ),
        ("a: [ ${X} ]\n", "f.yaml:1:", "; inside `{ }` and `[ ]` put quotes around text with `${NAME}`"),
        ("a: \"x\n", "f.yaml:", ""),
        (
            "a: *nobody\n",
            "f.yaml:1:4",
            "; define it above with `&`, or put quotes around a text that begins with `*`",
        ),
        ("a: b: c\n", "f.yaml:1:", ""),
    ] {
        let lines = lines(text);
        assert_eq!(lines.len(), 1, "{text}");
        assert!(
            lines[0].starts_with(at) && lines[0].contains("error: not YAML: ") && lines[0].ends_with(hint),
            "{lines:?}"
        );
    }
}

#[test]
fn every_duplicate_is_reported() {
    let text = "a: 1\na: 2\nb:\n  c: 1\n  c: 2\na: 3\n";
    let places: Vec<_> = lines(text).iter().map(|line| line.split(": ").next().unwrap().to_owned()).collect();
    assert_eq!(places, ["f.yaml:2:1", "f.yaml:5:3", "f.yaml:6:1"]);
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = level - 1;
        let ten = vec![format!("*a{before}"); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{ten}]\n"));
    }
    let lines = lines(&text);
    assert_eq!(lines.len(), 1);
    assert!(
        lines[0].ends_with("error: the document has more than 2000000 values, its aliases expanded"),
        "{lines:?}"
    );
}

#[test]
fn the_copies_that_nested_anchors_keep_are_counted() {
    let open: String = (0..60).map(|level| format!("&a{level} [")).collect();
    let text = format!("{open}{}{}", "x, ".repeat(40_000), "]".repeat(60));
    assert!(lines(&text)[0].contains("more than 2000000 values"));
}

#[test]
fn a_merge_bomb_is_refused() {
    let mut text = "a0: &a0 {x: 1, y: 1}\n".to_owned();
    for level in 1..40 {
        let before = level - 1;
        text.push_str(&format!("a{level}: &a{level} {{l: *a{before}, r: *a{before}, <<: *a{before}}}\n"));
    }
    assert!(lines(&text)[0].contains("more than 2000000 values"));
}

#[test]
fn deep_nesting_is_refused_and_sixty_four_is_not() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(parse("f.yaml", &nested(64)).is_ok());
    assert_eq!(lines(&nested(65)), ["f.yaml:1:65: error: maps and lists are nested more than 64 deep"]);
    assert_eq!(
        lines(&"[".repeat(100_000)),
        ["f.yaml:1:256: error: maps and lists are nested more than 64 deep"]
    );
    assert_eq!(
        lines(&"- ".repeat(100_000)),
        ["f.yaml:1:129: error: maps and lists are nested more than 64 deep"]
    );
    let by_alias = format!("a: &a {}\nb: {}*a{}\n", nested(40), "[".repeat(40), "]".repeat(40));
    assert_eq!(lines(&by_alias), ["f.yaml:2:44: error: maps and lists are nested more than 64 deep"]);
}

#[test]
fn a_huge_document_is_refused_before_it_is_read() {
    let text = " ".repeat((32 << 20) + 1);
    assert_eq!(lines(&text), ["f.yaml:1:1: error: the document has 33554433 bytes, more than 33554432"]);
}

#[test]
fn ten_thousand_routes_fit() {
    let routes: String = (0..10_000)
        .map(|n| format!("  - path: /api/service-{n}/{{id}}/*\n    service: s{n}\n    policies: {{ rate_limit: {{ rate: 1000/15m, key: ip }} }}\n"))
        .collect();
    assert_eq!(tree(&format!("routes:\n{routes}")).get("routes").unwrap().items().len(), 10_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn arbitrary_text_never_panics(text in "[a-c0-9:,\\[\\]{}&*!|>'\"%@`#?\\-~<\\\\ \t\n\r.$]{0,64}|\\PC{0,64}") {
        if let Ok(node) = parse("f.yaml", &text) {
            let _ = node.describe();
        }
    }
}
