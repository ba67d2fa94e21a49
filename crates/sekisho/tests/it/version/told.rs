//! What `plan` and `check` say of versions.

use crate::harness::{binary, temp_dir};

/// What a command says of a configuration with these lines beneath its services.
fn said_of(lines: &str, words: &[&str]) -> String {
    let config = format!(
        "services: {{ old: {{ endpoints: ['http://127.0.0.1:1'] }}, new: {{ endpoints: ['http://127.0.0.1:2'] }} }}\n{lines}"
    );
    let dir = temp_dir();
    let path = dir.join("sekisho.yaml");
    std::fs::write(&path, config).unwrap();
    let output = binary().args(words).arg("--config").arg(&path).output().unwrap();
    std::fs::remove_dir_all(&dir).unwrap();
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

const ROUTES: &str = "routes: [{ path: /x/*, public: true, versions: { v1: { service: old, sunset: 2027-01-01 }, \
                      v2: { policies: { cors: { origins: ['*'] } }, split: [{ service: old }, { service: new }] } } }]";

#[test]
fn plan_lists_versions_and_tells_which_one_a_request_means_and_why() {
    for (words, want) in [
        (&[][..], &["version by API-Version, then the path, then Accept; default v1"][..]),
        (&[], &["v1: request_id", "→ service old, Sunset: Fri, 01 Jan 2027 00:00:00 GMT"]),
        (&[], &["v2: request_id", "cors", "→ service old 50%, service new 50%"]),
        (
            &["GET", "/v2/x"],
            &["taken by /x/*", "version v2: the path says v2", "→ service old 50%, service new 50%"],
        ),
        (&["GET", "/v2/x", "-H", "API-Version: 1"], &["version v1: API-Version says 1", "→ service old\n"]),
        (&["GET", "/x"], &["version v1: the default, as nothing says one: API-Version, the path, Accept"]),
        (&["GET", "/v9/x"], &["refused with 400: /x/*", "serves v1, v2; the path says v9"]),
        (
            &["GET", "/x", "-H", "API-Version: ?"],
            &["refused with 400", "API-Version says something that is no version"],
        ),
    ] {
        let said = said_of(ROUTES, &[&["plan"], words].concat()) + "\n";
        assert!(want.iter().all(|want| said.contains(want)), "{words:?}: {want:?}\nin\n{said}");
    }
}

#[test]
fn plan_tells_programs_the_same() {
    let said = said_of(ROUTES, &["plan", "GET", "/v2/x", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!(
        json["outcome"]["version"],
        serde_json::json!({"version": "v2", "reason": "the path says v2"})
    );
    let said = said_of(ROUTES, &["plan", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    let routes = json["routes"].as_array().unwrap();
    assert_eq!(routes.len(), 1, "paths with a version are no routes of their own");
    assert_eq!(routes[0]["versions"]["list"][1]["version"], "v2");
}

#[test]
fn what_cannot_be_is_reported_at_its_place_with_a_remedy() {
    let route = |rest: &str| format!("routes: [{{ path: /x/*, public: true, {rest} }}]");
    let two = "versions: { v1: { service: old }, v2: { service: new } }";
    for (lines, want) in [
        (
            route("versions: { v1: { service: old }, '1.0': { service: new } }"),
            "2:72: error: routes[0].versions[\"1.0\"]: `v1` and `1.0` are one version; keep one of them",
        ),
        (
            route("versions: { latest: { service: old } }"),
            "2:50: error: routes[0].versions.latest: `latest` is no version; write one such as `v2`",
        ),
        (route("versions: { v1: {} }"), "routes[0]: nothing answers on this route; add `service`"),
        (
            route("versions: { v1: { service: old }, v2: }"),
            "routes[0].versions.v2: nothing answers in version `v2`",
        ),
        (route("versions: {}"), "expected a map of versions, found an empty one"),
        (route("versions: [v1]"), "expected a map of versions, found a list"),
        (
            route("versions: { v1: { service: olt } }"),
            "routes[0].versions.v1.service: unknown service `olt`; did you mean `old`?",
        ),
        (
            route("versions: { v1: { service: old, split: [] } }"),
            "the version has both `service` and `split`",
        ),
        (route("versions: { v1: { servise: old } }"), "did you mean `service`?"),
        (
            route("versions: { v1: { service: old, policies: { crs: on } } }"),
            "routes[0].versions.v1.policies.crs: unknown policy `crs`; did you mean `cors`?",
        ),
        (
            route(&format!("version: {{ default: v3 }}, {two}")),
            "routes[0].version.default: `v3` is no version of `/x/*`, which has `v1`, `v2`; name one of those, or write `off`",
        ),
        (
            route(&format!("version: {{ default: newest }}, {two}")),
            "routes[0].version.default: `newest` is no version",
        ),
        (
            route("versions: { v2: { service: old }, v3: { service: new } }"),
            "requests of `/x/*` that say no version go nowhere; write `version: { default: v3 }`",
        ),
        (
            format!("version: {{ default: 4 }}\n{}", route(two)),
            "sekisho.yaml:2:21: error: version.default: `v4` is no version of `/x/*`",
        ),
        (
            route(&format!("version: {{ order: [] }}, {two}")),
            "version.order: no request could say its version",
        ),
        (
            route(&format!("version: {{ order: [path, path] }}, {two}")),
            "version.order: `path` stands in it twice; keep one of them",
        ),
        (
            route(&format!("version: {{ order: [query] }}, {two}")),
            "unknown word `query`; use one of `header`, `path`, `accept`",
        ),
        (
            route(&format!("version: {{ header: 'a b' }}, {two}")),
            "version.header: `a b` is no name of a header field",
        ),
        (
            route(&format!("version: {{ header: Host }}, {two}")),
            "version.header: `Host` belongs to the gateway",
        ),
        (
            route(&format!("version: {{ header: Accept }}, {two}")),
            "version.header: `Accept` means something else; write one such as `API-Version`",
        ),
        (
            route(&format!("version: {{ tell: X-User-ID }}, {two}")),
            "version.tell: `X-User-ID` belongs to the gateway",
        ),
        (
            route(&format!("version: {{ tell: X_Forwarded_For }}, {two}")),
            "version.tell: `X_Forwarded_For` belongs to the gateway",
        ),
        (route(&format!("version: {{ accept: json }}, {two}")), "version.accept: `json` is no media type"),
        (route(&format!("version: {{ accept: [] }}, {two}")), "version.accept: there is no media type"),
        (
            route(&format!("version: off, {two}")),
            "routes[0].version: the route has versions, and `version` is off",
        ),
        (route("versions: { v1: { service: old, deprecation: soon } }"), "`soon` is no date"),
        (
            route("versions: { v1: { service: old, deprecation: 2027-01-02, sunset: 2027-01-01 } }"),
            "versions.v1.sunset: the version would be gone before it is deprecated",
        ),
        (
            route("versions: { v1: { service: old, successor: v2 } }"),
            "versions.v1.successor: `v2` is no URL or path",
        ),
        (
            route("versions: { v1: { service: old, documentation: '/a>b' } }"),
            "versions.v1.documentation: `/a>b` is no URL or path",
        ),
        (
            format!("routes: [{{ path: /v1/x, public: true, {two} }}]"),
            "routes[0].path: `/v1/x` begins with a version, and the route takes versions before its path; write `/x`, or leave `path` out",
        ),
        (
            format!("routes: [{{ path: /x/*, public: true, {two} }}, {{ path: /v2/x/*, respond: a }}]"),
            "routes[1]: `/v2/x/*` is taken by routes[0] as well",
        ),
        (
            route(&format!("service: old, {two}")),
            "warning: routes[0].service: every version names what answers, so this answers nobody",
        ),
    ] {
        let said = said_of(&lines, &["check"]);
        assert!(said.contains(want) && said.contains("sekisho.yaml:2:"), "{lines}\n{want}\nin\n{said}");
    }
}

#[test]
fn a_path_may_begin_with_a_version_where_paths_say_none() {
    let said = said_of(
        "routes: [{ path: /v1/x, public: true, version: { order: [header] }, versions: { v1: { service: old }, v2: { service: new } } }]",
        &["check"],
    );
    assert!(!said.contains("error"), "{said}");
}

#[test]
fn a_version_that_lets_anybody_write_is_warned_of() {
    let lines = "routes: [{ path: /x, service: new, policies: { jwt: { secret: 0123456789abcdef0123456789abcdef, algorithms: [HS256] } }, \
                 versions: { v1: { service: old, policies: { jwt: off } }, v2: } }]";
    assert!(said_of(lines, &["check"]).contains("a write route without authentication"));
}
