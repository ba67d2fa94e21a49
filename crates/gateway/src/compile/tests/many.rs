//! Large documents.

use sekisho_units::Clock;

use super::*;

#[test]
fn ten_thousand_routes_compile_in_a_time_that_grows_with_their_number() {
    let document = |count: usize| {
        let mut text =
            "services: { a: { endpoints: [http://127.0.0.1:1] } }\nworkers: 2\nroutes:\n".to_owned();
        for index in 0..count {
            text += &format!("  - {{ path: '/r{index}/{{id}}', methods: [GET], service: a }}\n");
        }
        // Many of one pattern, told apart by host and method.
        for index in 0..count {
            text +=
                &format!("  - {{ path: /, hosts: [h{}.t], methods: [M{index}], service: a }}\n", index / 4);
        }
        text
    };
    let clock = Clock::system();
    let took = |count: usize| {
        let text = document(count);
        let before = clock.now();
        let site = site(&text);
        assert_eq!(site.plans.len(), 2 * count);
        clock.now().since(before)
    };
    let (some, many) = (took(500), took(5_000));
    // Ten times the routes: quadratic work would take a hundred times as long.
    assert!(many < some * 40, "{some:?} for 1000 routes, {many:?} for 10000");
}

#[test]
fn a_path_of_too_many_segments_is_refused() {
    let route = |segments: usize| format!("routes: [{{ path: '{}', respond: x }}]", "/a".repeat(segments));
    assert_eq!(problems(&route(256)), [""; 0]);
    let want = "t:1:18: error: routes[0].path: the path has more than 256 segments; end it in `/*` earlier";
    assert_eq!(problems(&route(257)), [want]);
}
