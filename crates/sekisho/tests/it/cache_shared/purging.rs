//! Purges by operators and invalidation by unsafe methods, at whichever gateway.

use super::{World, ask, counting, hit, purge, stored, word};
use crate::harness::{Gateway, Service, until};

#[test]
fn a_purge_at_one_gateway_holds_at_all_of_them_at_once() {
    let world = World::start();
    for round in ["key", "path", "host", "tag", "all"] {
        // Paths of its own, since what others have asked for may still come to be stored.
        let paths = [format!("/{round}/b"), format!("/{round}/c"), format!("/x-{round}")];
        let bodies = paths.each_ref().map(|path| world.fill(path));
        for (path, body) in paths.iter().zip(&bodies) {
            assert_eq!(ask(&world.two, path), hit(body));
        }
        let key = world.two.get(&paths[0]).header("x-cache-key").unwrap().to_owned();
        let (what, count, left) = match round {
            "key" => (format!(r#"{{"key": "{key}"}}"#), 1, [false, true, true]),
            "path" => (r#"{"path": "/path/*"}"#.to_owned(), 2, [false, false, true]),
            "host" => (r#"{"path": "/*", "host": "other.test"}"#.to_owned(), 0, [true, true, true]),
            "tag" => (r#"{"tag": "x-tag"}"#.to_owned(), 1, [true, true, false]),
            _ => (r#"{"all": true}"#.to_owned(), 3, [false, false, false]),
        };
        let (status, document) = purge(&world.two, &what);
        let purged = document["purged"].as_u64().unwrap();
        assert!(purged == count || (round == "all" && purged > count), "{what}: {document}");
        assert_eq!(status, 200);
        for ((path, body), left) in paths.iter().zip(bodies).zip(left) {
            for gateway in [&world.one, &world.two] {
                assert_eq!(ask(gateway, path).1 == body, left, "{what} {path}");
            }
        }
    }
}

#[test]
fn an_answer_that_comes_in_during_a_purge_elsewhere_is_sent_and_not_stored() {
    let (began, go) = (std::sync::mpsc::sync_channel(9), std::sync::mpsc::sync_channel::<()>(9));
    let (began, seen) = began;
    let (go, wait) = go;
    let wait = std::sync::Mutex::new(wait);
    let service = Service::raw(move |mut conn| {
        while conn.next_head().is_some() {
            conn.write("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 6\r\n\r\nold");
            let _ = began.send(());
            let _ = wait.lock().unwrap().recv();
            conn.write("old");
        }
    });
    let world = World::start_with(service, "5s", "");
    let mut client = world.one.connect();
    client.send("GET /a HTTP/1.1\r\nHost: gateway.test\r\n\r\n");
    seen.recv().unwrap();
    assert_eq!(purge(&world.two, r#"{"path": "/a"}"#).0, 200);
    // Whoever asks now, does not get the one that is under way either.
    let mut later = world.one.connect();
    later.send("GET /a HTTP/1.1\r\nHost: gateway.test\r\n\r\n");
    seen.recv().unwrap();
    go.send(()).unwrap();
    assert_eq!(client.answer().text(), "oldold");
    world.one.wait_metric("gateway_cache_fills_total", &[("result", "dropped")], 1.0);
    assert_eq!(stored(&world.one), 0.0);
    go.send(()).unwrap();
    assert_eq!(later.answer().text(), "oldold");
    world.one.wait_metric("gateway_cache_fills_total", &[("result", "stored")], 1.0);
    assert_eq!(ask(&world.two, "/a"), hit("oldold"));
}

#[test]
fn what_an_unsafe_request_changes_is_asked_for_anew_at_its_gateway_at_once_and_soon_at_the_others() {
    let world = World::start();
    let (a, b) = (world.fill("/a?q=1"), world.fill("/b"));
    assert_eq!(ask(&world.two, "/a?q=1"), hit(&a));
    let post = "PUT /a?q=1 HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(world.one.request(post).status, 200);
    assert_ne!(ask(&world.one, "/a?q=1").1, a, "at once, where it passed");
    until("the other gateway to ask anew", || (ask(&world.two, "/a?q=1").1 != a).then_some(()));
    assert_eq!(ask(&world.two, "/b"), hit(&b));
}

#[test]
fn in_memory_a_purge_is_this_gateways_own() {
    let service = counting("Cache-Control: max-age=60\r\n");
    let gateway = Gateway::start(&format!(
        "services: {{ a: {{ endpoints: [{}] }} }}\nroutes: [{{ path: /*, service: a, public: true, policies: {{ cache: {{}} }} }}]\n",
        service.url()
    ));
    for (what, count) in [
        (r#"{"path": "/a/*", "host": "GATEWAY.test"}"#, 1),
        (r#"{"tag": "a"}"#, 1),
        (r#"{"tag": "none"}"#, 0),
        (r#"{"all": true}"#, 1),
    ] {
        until("the answer to be stored", || (word(&gateway.get("/a")) == "HIT").then_some(()));
        let (status, document) = purge(&gateway, what);
        assert_eq!((status, &document["purged"]), (200, &count.into()), "{what}");
    }
}

#[test]
fn a_purge_that_names_nothing_or_cannot_reach_the_others_is_a_problem_with_a_remedy() {
    let mut world = World::start();
    let body = world.fill("/a");
    for (what, said) in [
        ("", "send one of"),
        (r#"{"path": "a"}"#, "write `/a`"),
        (r#"{"key": "17"}"#, "64 hexadecimal digits"),
    ] {
        let (status, document) = purge(&world.one, what);
        assert_eq!((status, &document["code"]), (400, &"BAD_REQUEST".into()), "{what}");
        assert!(document["detail"].as_str().unwrap().contains(said), "{what}: {document}");
    }
    let long = purge(&world.one, &format!(r#"{{"tag": "{}"}}"#, "x".repeat(70_000)));
    assert_eq!(long.0, 400, "{}", long.1);
    assert_eq!(ask(&world.two, "/a"), hit(&body), "nothing was purged");
    world.server.kill();
    let (status, document) = purge(&world.one, r#"{"all": true}"#);
    assert_eq!((status, &document["code"]), (503, &"DEPENDENCY_UNAVAILABLE".into()), "{document}");
    assert!(!document.to_string().contains(&world.server.port.to_string()), "{document}");
    world.server.restart();
    until("the purge to be done", || (purge(&world.one, r#"{"all": true}"#).0 == 200).then_some(()));
}
