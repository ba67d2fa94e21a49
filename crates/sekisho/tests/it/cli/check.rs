//! `sekisho check`: every problem with its place, and nothing of what is secret.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::Folder;

const GOOD: &str = "\
services:
  orders: { endpoints: ['http://127.0.0.1:4001'] }
routes:
  - path: /orders/*
    methods: [GET]
    service: orders
";

const BAD: &str = "\
listen: http://127.0.0.1:0
serivces: {}
services:
  orders:
    endpoints: [http://127.0.0.1:4001]
    timeouts: { first_bite: 3s, idle: soon }
policies:
  cros: {}
  cors: { origins: \"*\" }
routes:
  - path: orders/*
    service: orders
  - path: /orders/*
    service: order
  - path: /x
    respond: { status: 99 }
";

/// Every problem of `BAD`.
const PROBLEMS: &[&str] = &[
    "bad.yaml:2:1: error: serivces: unknown field `serivces`; did you mean `services`?",
    "bad.yaml:6:17: error: services.orders.timeouts.first_bite: unknown field `first_bite`; did you mean `first_byte`?",
    "bad.yaml:6:39: error: services.orders.timeouts.idle: `soon` is not a duration; write one such as `30s`, `15m` or `1m30s`",
    "bad.yaml:8:3: error: policies.cros: unknown policy `cros`; did you mean `cors`?",
    "bad.yaml:9:20: error: policies.cors.origins: expected a list, found the text `*`; write `[*]`",
    "bad.yaml:11:11: error: routes[0].path: path `orders/*` must begin with `/`; write `/orders/*`",
    "bad.yaml:14:14: error: routes[1].service: unknown service `order`; did you mean `orders`?",
    "bad.yaml:16:24: error: routes[2].respond.status: 99 is no status of an answer; write 200 to 599",
];

const ODD: &str = "\
services:
  orders: { endpoints: ['http://127.0.0.1:4001'] }
  unused: { endpoints: ['http://127.0.0.1:4002'] }
routes:
  - path: /orders/*
    service: orders
";

const WARNINGS: &[&str] = &[
    "odd.yaml:3:3: warning: services.unused: no route leads to this service; name it in a route, or remove it",
    "odd.yaml:5:5: warning: routes[0]: a write route without authentication; add a policy that authenticates, list only \
     `methods` that read, or state `public: true`",
];

fn files() -> Folder {
    Folder::new(&[("good.yaml", GOOD), ("bad.yaml", BAD), ("odd.yaml", ODD)])
}

#[test]
fn a_good_configuration_is_fine() {
    for arguments in [&["check", "-c", "good.yaml"][..], &["check", "--config", "good.yaml", "--strict"]] {
        let said = files().ask(arguments);
        assert_eq!((said.code, said.out, said.err.len()), (Some(0), vec!["good.yaml: fine".to_owned()], 0));
    }
}

#[test]
fn every_error_is_told_at_its_place_with_its_remedy() {
    let said = files().ask(&["check", "-c", "bad.yaml"]);
    assert_eq!(said.code, Some(1));
    let (last, problems) = said.out.split_last().unwrap();
    assert_eq!(problems, PROBLEMS);
    assert_eq!(last, &format!("bad.yaml: {} errors, 0 warnings", PROBLEMS.len()));
}

#[test]
fn warnings_are_told_and_count_only_if_strict() {
    for (arguments, code) in
        [(&["check", "-c", "odd.yaml"][..], 0), (&["check", "-c", "odd.yaml", "--strict"], 1)]
    {
        let said = files().ask(arguments);
        assert_eq!(said.code, Some(code));
        let (last, problems) = said.out.split_last().unwrap();
        assert_eq!(problems, WARNINGS);
        assert_eq!(last, "odd.yaml: 0 errors, 2 warnings");
    }
}

#[test]
fn programs_get_the_same_as_json() {
    let said = files().ask(&["check", "-c", "bad.yaml", "--format", "json"]);
    assert_eq!(said.code, Some(1));
    let document = said.json();
    assert_eq!(document["ok"], false);
    let problems = document["problems"].as_array().unwrap();
    assert_eq!(problems.len(), PROBLEMS.len());
    assert_eq!(
        problems[1],
        json!({"severity": "error", "file": "bad.yaml", "line": 6, "column": 17, "path": "services.orders.timeouts.first_bite",
               "message": "unknown field `first_bite`", "remedy": "did you mean `first_byte`?"})
    );
    for (problem, line) in problems.iter().zip(PROBLEMS) {
        assert!(
            line.starts_with(&format!("bad.yaml:{}:{}: ", problem["line"], problem["column"])),
            "{problem}"
        );
    }
    for (arguments, code, ok) in
        [(&["good.yaml"][..], 0, true), (&["odd.yaml"], 0, true), (&["odd.yaml", "--strict"], 1, false)]
    {
        let said = files().ask(&[&["check", "--format", "json", "-c"], arguments].concat());
        assert_eq!((said.code, &said.json()["ok"]), (Some(code), &ok.into()), "{arguments:?}");
    }
}

#[test]
fn yaml_that_is_none_is_told_at_its_place() {
    for (text, place) in [
        ("services: [\n", "a.yaml:"),
        ("a: b: c\n", "a.yaml:1:"),
        ("services: {}\nservices: {}\n", "a.yaml:2:1: error"),
        ("", "a.yaml:1:1: error: the document is empty"),
        ("- a\n- b\n", "a.yaml:1:1: error"),
    ] {
        let said = Folder::new(&[("a.yaml", text)]).ask(&["check", "-c", "a.yaml"]);
        assert_eq!(said.code, Some(1), "{text:?}: {said:?}");
        assert!(said.out[0].starts_with(place), "{text:?}: {said:?}");
        assert!(said.err.is_empty(), "{text:?}: {said:?}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_2_in_one_line() {
    let folder = Folder::new(&[("locked.yaml", GOOD)]);
    std::fs::write(folder.0.join("binary.yaml"), [0xff, 0xfe, 0x00]).unwrap();
    std::fs::set_permissions(folder.0.join("locked.yaml"), std::fs::Permissions::from_mode(0o000)).unwrap();
    for name in ["missing.yaml", "no/such/folder.yaml", ".", "binary.yaml"] {
        for command in ["check", "run", "plan"] {
            let said = folder.ask(&[command, "-c", name]);
            assert_eq!(
                (said.code, said.out.len(), said.err.len()),
                (Some(2), 0, 1),
                "{command} {name}: {said:?}"
            );
            assert!(said.err[0].contains(name), "{said:?}");
        }
    }
    // Root reads whatever there is.
    if std::fs::read(folder.0.join("locked.yaml")).is_err() {
        let said = folder.ask(&["check", "-c", "locked.yaml"]);
        assert_eq!((said.code, said.err.len()), (Some(2), 1), "{said:?}");
    }
}

#[test]
fn without_a_file_it_says_where_it_looked() {
    let said = Folder::new(&[]).ask(&["check"]);
    // There may be one of the system's.
    if said.code == Some(2) {
        assert!(said.err[0].contains("sekisho.yaml") && said.err[0].contains("--config"), "{said:?}");
    }
}

/// A configuration with a mistake in each value that comes from outside, so that every message has cause to name it.
const WITH_SECRETS: &str = "\
services:
  orders: { endpoints: ['http://a:1'], timeouts: { idle: '${SECRET_SPAN}' } }
  stock: { endpoints: ['http://${SECRET_LOGIN}@stock:80/', 'https://${SECRET_LOGIN}@stock'] }
policies:
  headers: { request: { set: { Authorization: 'file:secret.txt' } } }
routes:
  - { path: '${SECRET_PATH}', service: orders }
  - { path: /b, redirect: { to: '${SECRET_TO}', status: 308 } }
  - { path: /c, respond: { body: '${SECRET_BODY}' } }
  - { path: /d, service: stock }
";

#[test]
fn what_comes_from_outside_is_never_printed() {
    let folder = Folder::new(&[("a.yaml", WITH_SECRETS), ("secret.txt", "hush-file\n")]);
    let values = [
        ("SECRET_SPAN", "hush-span"),
        ("SECRET_LOGIN", "user:hush-login"),
        ("SECRET_PATH", "hush-path"),
        ("SECRET_TO", "hush-{to"),
        ("SECRET_BODY", "hush-{body"),
    ];
    for arguments in [
        &["check", "-c", "a.yaml"][..],
        &["check", "-c", "a.yaml", "--format", "json"],
        &["run", "-c", "a.yaml"],
        &["plan", "-c", "a.yaml"],
    ] {
        let said = folder.ask_with(arguments, &values);
        assert_eq!(said.code, Some(1), "{said:?}");
        let all = [said.out, said.err].concat().join("\n");
        assert!(!all.contains("hush"), "{arguments:?}: {all}");
        assert!(all.contains("a.yaml:2:") || all.contains("\"line\":2"), "{arguments:?}: {all}");
    }
}

#[test]
fn good_secrets_are_not_printed_by_a_plan() {
    let text = "policies:\n  headers: { request: { set: { Authorization: '${SECRET}', X-File: 'file:secret.txt' } } }\nroutes:\n  \
                - { path: /, respond: { body: '${SECRET}' } }\n";
    let folder = Folder::new(&[("a.yaml", text), ("secret.txt", "hush-file")]);
    for arguments in [
        &["check", "-c", "a.yaml"][..],
        &["plan", "-c", "a.yaml"],
        &["plan", "-c", "a.yaml", "--format", "json"],
        &["plan", "-c", "a.yaml", "GET", "/"],
        &["plan", "-c", "a.yaml", "GET", "/", "--format", "json"],
    ] {
        let said = folder.ask_with(arguments, &[("SECRET", "hush-env")]);
        assert_eq!(said.code, Some(0), "{said:?}");
        let all = [said.out, said.err].concat().join("\n");
        assert!(!all.contains("hush"), "{arguments:?}: {all}");
    }
}

#[test]
fn a_variable_that_is_not_set_is_told_by_its_name() {
    let folder = Folder::new(&[("a.yaml", "routes:\n  - { path: /, respond: '${NOT_SET_ANYWHERE}' }\n")]);
    let said = folder.ask(&["check", "-c", "a.yaml"]);
    assert_eq!(said.code, Some(1));
    assert!(said.out[0].starts_with("a.yaml:2:25: error: routes[0].respond: "), "{said:?}");
    assert!(said.out[0].contains("NOT_SET_ANYWHERE"), "{said:?}");
}
