//! Trees to serde types: every error at once, each line as people read it.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sekisho_units::{At, Pattern, Problems, Rate, Size, Span};
use sekisho_yaml::{join, parse, read};
use serde::Deserialize;
use serde::de::DeserializeOwned;

fn value<T: DeserializeOwned>(text: &str) -> T {
    let node = parse("f.yaml", text).expect("the case is YAML");
    let mut problems = Problems::new();
    read(&node, "", &mut problems).unwrap_or_else(|| panic!("{text}: {problems}"))
}

fn lines<T: DeserializeOwned>(text: &str) -> Vec<String> {
    let node = parse("f.yaml", text).expect("the case is YAML");
    let mut problems = Problems::new();
    assert!(read::<T>(&node, "", &mut problems).is_none(), "{text} was read");
    problems.sort();
    problems.iter().map(ToString::to_string).collect()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "many are read for their errors only")]
struct Site {
    workers: Option<u16>,
    #[serde(default)]
    verbose: bool,
    max: Option<Size>,
    routes: Vec<Route>,
    #[serde(default)]
    services: BTreeMap<String, Service>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "many are read for their errors only")]
struct Route {
    path: Pattern,
    #[serde(default)]
    methods: Vec<String>,
    rate: Option<Rate>,
    timeout: Option<At<Span>>,
    balance: Option<Balance>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "many are read for their errors only")]
struct Service {
    url: String,
    weight: Option<u8>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Balance {
    Random,
    WeightedRoundRobin,
    RingHash {
        #[serde(default)]
        header: Option<String>,
    },
    Sticky(u16),
}

#[test]
fn a_document_with_seven_errors_yields_the_seven() {
    let text = "\
workers: many
verbos: true
routes:
  - pth: /a
    methods: GET
  - path: /b//c
    rate: 5/min
    balance: rond_robin
  - path: /ok
";
    assert_eq!(
        lines::<Site>(text),
        [
            "f.yaml:1:10: error: workers: expected a whole number from 0 to 65535, found the text `many`",
            "f.yaml:2:1: error: verbos: unknown field `verbos`; did you mean `verbose`?",
            "f.yaml:4:5: error: routes[0].pth: unknown field `pth`; did you mean `path`?",
            "f.yaml:5:14: error: routes[0].methods: expected a list, found the text `GET`; write `[GET]`",
            "f.yaml:6:11: error: routes[1].path: path `/b//c` has an empty segment; write `/b/c`",
            "f.yaml:7:11: error: routes[1].rate: rate `5/min` has a bad period; use s, m, h, d or a duration, as in `100/m` or `1000/15m`",
            "f.yaml:8:14: error: routes[1].balance: unknown word `rond_robin`; use one of `random`, `weighted_round_robin`, `ring_hash`, `sticky`",
        ]
    );
}

#[test]
fn one_error_has_one_line() {
    for (text, want) in [
        (
            "routes: []\nworkers: \"4\"",
            "f.yaml:2:10: error: workers: expected a whole number from 0 to 65535, found the quoted text `4`; remove the quotes",
        ),
        (
            "routes: []\nworkers: 70000",
            "f.yaml:2:10: error: workers: expected a whole number from 0 to 65535, found the number `70000`",
        ),
        (
            "routes: []\nworkers: -1",
            "f.yaml:2:10: error: workers: expected a whole number from 0 to 65535, found the number `-1`",
        ),
        (
            "routes: []\nworkers: 1.5",
            "f.yaml:2:10: error: workers: expected a whole number from 0 to 65535, found the number `1.5`",
        ),
        (
            "routes: []\nworkers: {}",
            "f.yaml:2:10: error: workers: expected a whole number from 0 to 65535, found a map",
        ),
        (
            "routes: []\nverbose: yes",
            "f.yaml:2:10: error: verbose: expected `true` or `false`, found the text `yes`; write `true`",
        ),
        (
            "routes: []\nverbose: \"true\"",
            "f.yaml:2:10: error: verbose: expected `true` or `false`, found the quoted text `true`; remove the quotes",
        ),
        (
            "routes: []\nverbose: 1",
            "f.yaml:2:10: error: verbose: expected `true` or `false`, found the number `1`",
        ),
        (
            "routes: []\nmax: 10M",
            "f.yaml:2:6: error: max: size `10M` has the unknown unit `M`; use KB, MB, GB, TB (1000s) or KiB, MiB, GiB, TiB (1024s)",
        ),
        (
            "routes:",
            "f.yaml:1:1: error: routes: expected a list, found nothing; write `[]` for an empty list",
        ),
        ("workers: 1", "f.yaml:1:1: error: missing field `routes`; add `routes: …`"),
        ("[]", "f.yaml:1:1: error: expected a map, found a list"),
        ("", "f.yaml:1:1: error: expected a map, found nothing; write `{}` for an empty map"),
        ("routes: [{}]", "f.yaml:1:10: error: routes[0]: missing field `path`; add `path: …`"),
        ("routes: [5]", "f.yaml:1:10: error: routes[0]: expected a map, found the number `5`"),
        (
            "routes: [{path: /a, timeout: 30}]",
            "f.yaml:1:30: error: routes[0].timeout: duration `30` has no unit; write `30s` for seconds (units: ms, s, m, h, d)",
        ),
        (
            "routes: [{path: /a, methods: [GET, {}]}]",
            "f.yaml:1:36: error: routes[0].methods[1]: expected a text, found a map",
        ),
        (
            "routes: [{path: /a, methods: [GET, ~]}]",
            "f.yaml:1:36: error: routes[0].methods[1]: expected a text, found nothing; write `\"\"` for an empty text",
        ),
        (
            "routes: []\nservices: {\"a b\": {url: x, weight: 300}}",
            "f.yaml:2:36: error: services[\"a b\"].weight: expected a whole number from 0 to 255, found the number `300`",
        ),
        (
            "routes: []\nservices: {a: {}}",
            "f.yaml:2:15: error: services.a: missing field `url`; add `url: …`",
        ),
        (
            "routes: []\nservices: {a: {url: x, zzz: 1}}",
            "f.yaml:2:24: error: services.a.zzz: unknown field `zzz`; known fields are `url`, `weight`",
        ),
        (
            "routes: [{path: /a, balance: {sticky: x}}]",
            "f.yaml:1:39: error: routes[0].balance.sticky: expected a whole number from 0 to 65535, found the text `x`",
        ),
        (
            "routes: [{path: /a, balance: {stikcy: 1}}]",
            "f.yaml:1:31: error: routes[0].balance: unknown word `stikcy`; did you mean `sticky`?",
        ),
        (
            "routes: [{path: /a, balance: sticky}]",
            "f.yaml:1:30: error: routes[0].balance: `sticky` needs a value; write `sticky: …`",
        ),
        (
            "routes: [{path: /a, balance: {random: 1}}]",
            "f.yaml:1:39: error: routes[0].balance.random: expected nothing, found the number `1`",
        ),
        (
            "routes: [{path: /a, balance: []}]",
            "f.yaml:1:30: error: routes[0].balance: expected a word, or a map with one key, found a list",
        ),
        (
            "routes: [{path: /a, balance: {}}]",
            "f.yaml:1:30: error: routes[0].balance: expected one key of `random`, `weighted_round_robin`, `ring_hash`, `sticky`, found 0 keys",
        ),
    ] {
        assert_eq!(lines::<Site>(text), [want], "{text}");
    }
}

#[test]
fn a_cut_makes_no_error_of_its_own() {
    // The bad path is cut, then the route that lacks it, then nothing more is said.
    assert_eq!(
        lines::<Site>("routes: [{path: a}]"),
        ["f.yaml:1:17: error: routes[0].path: path `a` must begin with `/`; write `/a`"]
    );
    // A missing field beside a bad one is still said.
    assert_eq!(
        lines::<BTreeMap<String, Service>>("a: {weight: x}"),
        [
            "f.yaml:1:4: error: a: missing field `url`; add `url: …`",
            "f.yaml:1:13: error: a.weight: expected a whole number from 0 to 255, found the text `x`",
        ]
    );
    // The items keep their numbers after an earlier one was cut.
    assert_eq!(
        lines::<Vec<u8>>("[x, 1, y]"),
        [
            "f.yaml:1:2: error: [0]: expected a whole number from 0 to 255, found the text `x`",
            "f.yaml:1:8: error: [2]: expected a whole number from 0 to 255, found the text `y`",
        ]
    );
    assert_eq!(
        lines::<(u8, u8)>("[x, 1]"),
        ["f.yaml:1:2: error: [0]: expected a whole number from 0 to 255, found the text `x`"]
    );
    assert_eq!(lines::<(u8, u8)>("[1]"), ["f.yaml:1:1: error: expected a list of 2, found 1"]);
    assert_eq!(lines::<(u8, u8)>("[1, 2, 3]"), ["f.yaml:1:1: error: expected a list of 2, found 3"]);
}

#[test]
fn the_path_of_the_node_begins_every_path() {
    let node = parse("f.yaml", "url: []").unwrap();
    let mut problems = Problems::new();
    assert!(read::<Service>(&node, "services.a", &mut problems).is_none());
    assert_eq!(problems.to_string(), "f.yaml:1:6: error: services.a.url: expected a text, found a list");
    for (path, key, want) in
        [("", "a", "a"), ("a", "b_c-1", "a.b_c-1"), ("a", "b.c", "a[\"b.c\"]"), ("", "", "[\"\"]")]
    {
        assert_eq!(join(path, key), want);
    }
}

#[test]
fn no_more_than_a_hundred_problems_are_listed() {
    let text = format!("[{}]", vec!["x"; 5_000].join(", "));
    let lines = lines::<Vec<u8>>(&text);
    assert_eq!(lines.len(), 101);
    assert!(lines.contains(&"f.yaml:1:1: error: more than 100 problems; the rest are not listed".to_owned()));
}

#[test]
fn places_are_captured_and_values_deref() {
    let site: Site = value(
        "routes:\n  - path: /a\n    timeout: 1m30s\n    balance: {ring_hash: {header: x}}\n  - {path: /b, balance: ring_hash}\n",
    );
    let timeout = site.routes[0].timeout.as_ref().unwrap();
    assert_eq!((timeout.as_millis(), timeout.place.to_string().as_str()), (90_000, "f.yaml:3:14"));
    assert_eq!(site.routes[0].balance, Some(Balance::RingHash { header: Some("x".to_owned()) }));
    assert_eq!(site.routes[1].balance, Some(Balance::RingHash { header: None }));
    let list: Vec<At<String>> = value("[a, b]");
    assert_eq!(list[1].place.to_string(), "f.yaml:1:5");
}

#[test]
fn an_error_within_an_at_has_the_values_place() {
    assert_eq!(
        lines::<Vec<At<Vec<u8>>>>("[[1], [2, x]]"),
        ["f.yaml:1:11: error: [1][1]: expected a whole number from 0 to 255, found the text `x`"]
    );
}

#[test]
fn strings_take_any_scalar_and_options_take_nothing() {
    let texts: Vec<String> = value("[5, 1.10, true, off, \"x\", 0x1F]");
    assert_eq!(texts, ["5", "1.10", "true", "off", "x", "0x1F"]);
    let options: Vec<Option<String>> = value("[~, null, \"\", x]");
    assert_eq!(options, [None, None, Some(String::new()), Some("x".to_owned())]);
    let sizes: Vec<Size> = value("[512, 1KiB, \"2MB\"]");
    assert_eq!(sizes.iter().map(|size| size.bytes()).collect::<Vec<_>>(), [512, 1_024, 2_000_000]);
    let numbers: Vec<f64> = value("[1, 1.5, 1e3, .5, 0x10]");
    assert_eq!(numbers, [1.0, 1.5, 1000.0, 0.5, 16.0]);
    let keys: BTreeMap<u16, char> = value("{200: a, 404: b}");
    assert_eq!(keys, BTreeMap::from([(200, 'a'), (404, 'b')]));
}

#[test]
fn keys_are_read_and_refused_at_their_place() {
    assert_eq!(
        lines::<BTreeMap<u16, u8>>("{200: 1, x: 2}"),
        ["f.yaml:1:10: error: x: expected a whole number from 0 to 65535, found the key `x`"]
    );
    #[derive(Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
    struct Name(Word);
    #[derive(Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
    #[serde(rename_all = "lowercase")]
    enum Word {
        Red,
        Blue,
    }
    assert_eq!(value::<BTreeMap<Name, u8>>("red: 1"), BTreeMap::from([(Name(Word::Red), 1)]));
    assert_eq!(
        lines::<BTreeMap<Word, u8>>("rde: 1\nblue: 2"),
        ["f.yaml:1:1: error: rde: unknown word `rde`; did you mean `red`?"]
    );
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(untagged)]
enum Endpoint {
    Url(String),
    Full { url: String, weight: u8 },
}

#[derive(Debug, Deserialize, PartialEq)]
struct Flat {
    name: String,
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

#[test]
fn untagged_and_flattened_types_are_read() {
    assert_eq!(
        value::<Vec<Endpoint>>("[http://a, {url: http://b, weight: 3}]"),
        [Endpoint::Url("http://a".to_owned()), Endpoint::Full { url: "http://b".to_owned(), weight: 3 }]
    );
    let flat: Flat = value("name: x\nport: 80\non: yes\noff: false\nlist: [1, -2, 1.5, ~]\n");
    let want = serde_json::json!({"port": 80, "on": "yes", "off": false, "list": [1, -2, 1.5, null]});
    assert_eq!(serde_json::to_value(flat.rest).unwrap(), want);
    assert_eq!(
        lines::<Vec<Endpoint>>("[[], http://a]"),
        ["f.yaml:1:2: error: [0]: data did not match any variant of untagged enum Endpoint"]
    );
}

#[test]
fn a_refusal_of_the_whole_is_said_unless_a_part_was_bad() {
    #[derive(Debug, Deserialize)]
    #[serde(try_from = "Raw")]
    struct Range;
    #[derive(Deserialize)]
    struct Raw {
        #[serde(default)]
        low: u8,
        #[serde(default)]
        high: u8,
    }
    impl TryFrom<Raw> for Range {
        type Error = &'static str;
        fn try_from(raw: Raw) -> Result<Self, &'static str> {
            if raw.low < raw.high { Ok(Self) } else { Err("`low` must be below `high`") }
        }
    }
    value::<Range>("{low: 1, high: 2}");
    assert_eq!(
        lines::<Vec<Range>>("[{low: 2, high: 1}]"),
        ["f.yaml:1:2: error: [0]: `low` must be below `high`"]
    );
    assert_eq!(
        lines::<Vec<Range>>("[{low: 2, high: x}]"),
        ["f.yaml:1:17: error: [0].high: expected a whole number from 0 to 255, found the text `x`"]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_tree_is_read_or_refused_with_a_reason(text in "(routes|workers|services|[a-c]): [a-c0-9:,\\[\\]{} ~\"'/\n-]{0,48}") {
        if let Ok(node) = parse("f.yaml", &text) {
            let mut problems = Problems::new();
            let site: Option<Site> = read(&node, "", &mut problems);
            prop_assert_eq!(site.is_none(), problems.has_errors());
        }
    }
}
