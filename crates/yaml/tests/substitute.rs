//! `${NAME}` and `file:`, and that what they bring in is never printed.

use std::io;

use sekisho_units::{Pattern, Problems, Rate, Secret};
use sekisho_yaml::{Node, files_in, parse, read, substitute};
use serde::Deserialize;

fn env(name: &str) -> Option<String> {
    let value = match name {
        "NAME" => "shop",
        "PORT" => "8080",
        "EMPTY" => "",
        "TREE" => "{a: [1, 2]}\nb: 3",
        "AS_FILE" => "file:secret",
        "WORD" => "off",
        "TOKEN" => "hunter2-hunter2",
        _ => return None,
    };
    Some(value.to_owned())
}

fn file(path: &str) -> io::Result<String> {
    match path {
        "secret" => Ok("s3cret\n".to_owned()),
        "two" => Ok("s3cret\n\n".to_owned()),
        "dir/shop" => Ok("from dir".to_owned()),
        "nul" => Ok("a\0b".to_owned()),
        "large" => Ok("a".repeat((1 << 20) + 1)),
        _ => Err(io::Error::new(io::ErrorKind::NotFound, "the full path of the file")),
    }
}

fn filled(text: &str) -> (Node, Problems) {
    let mut node = parse("f.yaml", text).expect("the case is YAML");
    let mut problems = Problems::new();
    substitute(&mut node, &env, &file, &mut problems);
    (node, problems)
}

#[test]
fn fills_in_variables_and_files() {
    for (text, want, secret) in [
        ("${NAME}", "shop", true),
        ("\"${NAME}\"", "shop", true),
        ("'${NAME}'", "shop", true),
        ("x-${NAME}-${PORT}-y", "x-shop-8080-y", true),
        ("${NONE:-fallback}", "fallback", false),
        ("${EMPTY:-fallback}", "fallback", false),
        ("${NAME:-fallback}", "shop", true),
        ("${NONE:-}", "", false),
        ("${NONE:-a:-b}", "a:-b", false),
        ("x${EMPTY}", "x", true),
        ("$${NAME}", "${NAME}", false),
        ("a$${b ${NAME}", "a${b shop", true),
        ("$NAME costs $5", "$NAME costs $5", false),
        ("\"${TREE}\"", "{a: [1, 2]}\nb: 3", true),
        ("\"${AS_FILE}\"", "file:secret", true),
        ("file:secret", "s3cret", true),
        ("\"file:two\"", "s3cret\n", true),
        ("file:dir/${NAME}", "from dir", true),
        ("plain", "plain", false),
    ] {
        let (node, problems) = filled(&format!("k: {text}"));
        assert!(problems.is_empty(), "{text}: {problems}");
        let value = node.get("k").unwrap();
        assert_eq!(value.as_str(), Some(want), "{text}");
        assert_eq!(value.scalar().unwrap().is_secret(), secret, "{text}");
    }
}

#[test]
fn keys_are_left_alone_and_a_substituted_word_is_a_word() {
    let (node, problems) = filled("${NAME}: ${WORD}\nlist: [a, \"${WORD}\"]\n");
    assert!(problems.is_empty());
    assert!(node.get("${NAME}").unwrap().is_off());
    assert!(node.get("list").unwrap().items()[1].is_off());
}

#[test]
fn reports_every_bad_reference_at_its_place() {
    let (_, problems) = filled(
        "a: ${NONE}\nb:\n  - x\n  - ${NAME\nc: ${1X}\nd: ${}\ne: ${A:-${B}}\nf: file:nowhere\ng: file:nul\nh: file:large\ni: file:${TOKEN}\n",
    );
    let write =
        "write `${NAME}` or `${NAME:-default}` with letters, digits and `_`, and `$${` for a literal `${`";
    let readable = "name a readable text file, relative to the configuration's folder";
    let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "f.yaml:1:4: error: a: the environment variable `NONE` is not set; set it, or write `${NONE:-default}`".to_owned(),
            "f.yaml:4:5: error: b[1]: `${` has no `}`; write `${NAME}` or `${NAME:-default}`, and `$${` for a literal `${`".to_owned(),
            format!("f.yaml:5:4: error: c: `${{1X}}` names no variable; {write}"),
            format!("f.yaml:6:4: error: d: `${{}}` names no variable; {write}"),
            "f.yaml:7:4: error: e: the default of `${A}` holds another `${`; write a plain text as the default".to_owned(),
            format!("f.yaml:8:4: error: f: `file:nowhere` cannot be read: there is no such file; {readable}"),
            "f.yaml:9:4: error: g: `file:nul` holds a NUL character; name a text file".to_owned(),
            "f.yaml:10:4: error: h: `file:large` is larger than 1048576 bytes; name a smaller file".to_owned(),
            format!("f.yaml:11:4: error: i: `file:${{TOKEN}}` cannot be read: there is no such file; {readable}"),
        ]
    );
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Ports {
    plain: u16,
    quoted: u16,
    fallback: u16,
    text: String,
    secret: Secret,
}

#[test]
fn substituted_numbers_are_read_even_in_quotes() {
    let (node, _) = filled(
        "plain: ${PORT}\nquoted: \"${PORT}\"\nfallback: \"${NONE:-9}\"\ntext: ${PORT}\nsecret: ${TOKEN}\n",
    );
    let ports: Ports = read(&node, "", &mut Problems::new()).unwrap();
    assert_eq!((ports.plain, ports.quoted, ports.fallback, &*ports.text), (8080, 8080, 9, "8080"));
    assert_eq!(ports.secret.expose(), "hunter2-hunter2");
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(dead_code, reason = "only its errors are wanted")]
struct Hidden {
    number: u16,
    flag: bool,
    list: Vec<String>,
    word: Word,
    rate: Rate,
    path: Pattern,
    whole: Whole,
    tagged: Tagged,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Tagged {
    First,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Enforce,
    Shadow,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "Parts")]
struct Whole;

#[derive(Deserialize)]
struct Parts {
    a: String,
}

impl TryFrom<Parts> for Whole {
    type Error = String;
    fn try_from(parts: Parts) -> Result<Self, String> {
        Err(format!("do not like {} at all", parts.a))
    }
}

#[test]
fn no_message_prints_what_came_from_outside() {
    let (node, _) = filled(
        "number: ${TOKEN}\nflag: ${TOKEN}\nlist: ${TOKEN}\nword: ${TOKEN}\nrate: ${TOKEN}\npath: ${TOKEN}\nwhole: {a: \"${TOKEN}\"}\ntagged: {kind: \"${TOKEN}\"}\n",
    );
    let mut problems = Problems::new();
    assert!(read::<Hidden>(&node, "", &mut problems).is_none());
    problems.sort();
    let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "f.yaml:1:9: error: number: expected a whole number from 0 to 65535, found (value hidden)",
            "f.yaml:2:7: error: flag: expected `true` or `false`, found (value hidden)",
            "f.yaml:3:7: error: list: expected a list, found (value hidden)",
            "f.yaml:4:7: error: word: unknown word (value hidden); use one of `enforce`, `shadow`",
            "f.yaml:5:7: error: rate: rate (value hidden) has no period; write a count and a period such as `100/m` or `1000/15m`",
            "f.yaml:6:7: error: path: the value is refused (value hidden)",
            "f.yaml:7:8: error: whole: the value is refused (value hidden)",
            "f.yaml:8:16: error: tagged.kind: unknown word (value hidden); use one of `first`",
        ]
    );
    assert!(!format!("{node:?}").contains("hunter2"));
}

#[test]
fn reads_real_files_beneath_a_folder_and_no_more_than_allowed() {
    let folder = std::env::temp_dir().join(format!("sekisho-yaml-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("token"), "abc\n").unwrap();
    std::fs::write(folder.join("large"), vec![b'a'; (1 << 20) + 5]).unwrap();
    let read = files_in(&folder);
    assert_eq!(read("token").unwrap(), "abc\n");
    assert_eq!(read("large").unwrap().len(), (1 << 20) + 1);
    assert_eq!(read("none").unwrap_err().kind(), io::ErrorKind::NotFound);
    std::fs::remove_dir_all(&folder).unwrap();
}
