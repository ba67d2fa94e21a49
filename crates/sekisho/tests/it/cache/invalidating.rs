//! Invalidation (RFC 9111 §4.4).

use super::{Row, run};

#[test]
fn a_successful_change_makes_what_is_stored_doubtful() {
    let asked = |method: &str, suffix: &str| format!("{method} | {suffix} | Content-Length: 0");
    let methods = ["POST", "PUT", "DELETE", "PATCH", "M-SEARCH"];
    let fresh = "-> Cache-Control: max-age=60";
    let mut texts: Vec<(String, Vec<String>)> = Vec::new();
    for method in methods {
        let own = asked(method, "");
        texts.push((
            format!("{method} that succeeds"),
            vec![fresh.into(), format!("{own} => BYPASS"), "=> MISS".into()],
        ));
        for status in [400, 404, 500] {
            let failed = format!("{own} -> {status} => BYPASS | {status}");
            texts.push((
                format!("{method} that fails with {status}"),
                vec![fresh.into(), failed, "=> HIT | step=1".into()],
            ));
        }
        let other = format!("/t {fresh}");
        for field in ["Location", "Content-Location"] {
            // Beside the request's own target, which ends in `/x`.
            let named = format!("{} -> 201 | {field}: t => BYPASS", asked(method, "/x"));
            texts.push((format!("{method} and {field}"), vec![other.clone(), named, "/t => MISS".into()]));
            let foreign = format!("{} -> 201 | {field}: http://other.test/t => BYPASS", asked(method, "/x"));
            texts.push((
                format!("{method} and {field} of another"),
                vec![other.clone(), foreign, "/t => HIT".into()],
            ));
        }
    }
    let steps: Vec<(&str, Vec<&str>)> = texts
        .iter()
        .map(|(shows, steps)| (shows.as_str(), steps.iter().map(String::as_str).collect()))
        .collect();
    let rows: Vec<Row<'_>> = steps.iter().map(|(shows, steps)| ("§4.4", *shows, &steps[..])).collect();
    run("ttl: 0s", &rows);
}

#[test]
fn a_change_concerns_all_variants_and_no_other_target() {
    let rows: &[Row<'_>] = &[
        (
            "§4.4",
            "all variants",
            &[
                "Foo: 1 -> Cache-Control: max-age=60 | Vary: Foo",
                "Foo: 2 -> Cache-Control: max-age=60 | Vary: Foo",
                "PUT | Content-Length: 0 => BYPASS",
                "Foo: 1 -> Vary: Foo => MISS",
                "Foo: 2 -> Vary: Foo => MISS",
            ],
        ),
        (
            "§4.4",
            "not another path",
            &["/a -> Cache-Control: max-age=60", "PUT | /b | Content-Length: 0 => BYPASS", "/a => HIT"],
        ),
        (
            "§4.4",
            "a client's no-cache does not bring it back",
            &[
                "-> Cache-Control: max-age=60",
                "PUT | Content-Length: 0 => BYPASS",
                "Cache-Control: max-stale => MISS",
            ],
        ),
    ];
    run("ttl: 0s", rows);
}
