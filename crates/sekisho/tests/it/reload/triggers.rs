//! HUP, a file that changes, and the admin port.

use super::{said, saying};
use crate::harness::{Client, Gateway, until};

const UNWATCHED: &str = "reload: { watch: off }\n";

#[test]
fn hup_puts_the_file_into_force_as_it_stands_now() {
    let gateway = Gateway::start(&format!("{UNWATCHED}{}", saying("one")));
    assert_eq!(said(&gateway), "one");
    gateway.configure(&format!("{UNWATCHED}{}", saying("two")));
    gateway.signal("HUP");
    let line = gateway.stderr.find(|line| line.contains("reloaded (HUP)").then(|| line.to_owned())).unwrap();
    assert!(line.contains("routes: / changed"), "{line}");
    assert_eq!(said(&gateway), "two");
}

#[test]
fn the_admin_port_reloads_and_says_what_changed() {
    let base = "services:\n  a: { endpoints: ['http://127.0.0.1:1'] }\n";
    let routes = "routes:\n  - { path: /a, service: a }\n  - { path: /b, respond: b }\n";
    let gateway = Gateway::start(&format!("{UNWATCHED}{base}{routes}"));
    assert_eq!(gateway.admin_get("/api/reload").json(), serde_json::Value::Null);
    let services =
        "services:\n  a: { endpoints: ['http://127.0.0.1:2'] }\n  c: { endpoints: ['http://127.0.0.1:3'] }\n";
    let routes =
        "routes:\n  - { path: /a, service: a }\n  - { path: /c, service: c }\nlimits: { head: 8KiB }\n";
    let report = gateway.reconfigure(&format!("{UNWATCHED}{services}{routes}"));
    let changes = &report["changes"];
    for (part, added, removed, changed) in [
        ("settings", vec!["limits"], vec![], vec![]),
        ("services", vec!["c"], vec![], vec!["a"]),
        ("routes", vec!["/c"], vec!["/b"], vec![]),
    ] {
        let want = serde_json::json!({ "added": added, "removed": removed, "changed": changed });
        assert_eq!(changes[part], want, "{part} in {report:#}");
    }
    assert!(report["took"].as_f64().unwrap() > 0.0);
    assert_eq!(gateway.admin_get("/api/reload").json(), report);
    assert_eq!((gateway.get("/b").status, gateway.get("/c").status), (404, 503));
}

#[test]
fn a_file_that_says_the_same_changes_nothing() {
    let gateway = Gateway::start(&saying("one"));
    let (status, report) = gateway.reload();
    assert_eq!((status, report["outcome"].as_str()), (200, Some("unchanged")));
    assert_eq!(gateway.metric("gateway_reloads_total{result=\"applied\"}"), 0.0);
}

#[test]
fn a_file_that_is_replaced_by_renaming_is_noticed() {
    let gateway = Gateway::start(&format!("reload: {{ watch: 100ms }}\n{}", saying("one")));
    gateway.configure(&format!("reload: {{ watch: 100ms }}\n{}", saying("two")));
    until("the change to be in force", || (said(&gateway) == "two").then_some(()));
    assert!(gateway.stderr.find(|line| line.contains("reloaded (a file changed)").then_some(())).is_some());
}

#[test]
fn a_file_that_is_written_in_place_is_noticed() {
    let gateway = Gateway::start(&format!("reload: {{ watch: 100ms }}\n{}", saying("one")));
    let text = std::fs::read_to_string(gateway.config()).unwrap().replace("one", "two");
    std::fs::write(gateway.config(), text).unwrap();
    until("the change to be in force", || (said(&gateway) == "two").then_some(()));
}

#[test]
fn a_link_that_is_turned_to_another_folder_is_noticed() {
    // As Kubernetes does with a mounted ConfigMap: `sekisho.yaml` -> `..data/sekisho.yaml`, and `..data` is replaced.
    let gateway = Gateway::start(&format!("reload: {{ watch: 100ms }}\n{}", saying("one")));
    let dir = &gateway.dir;
    let text = std::fs::read_to_string(gateway.config()).unwrap();
    let folder = |name: &str, word: &str| {
        std::fs::create_dir(dir.join(name)).unwrap();
        std::fs::write(dir.join(name).join("sekisho.yaml"), text.replace("one", word)).unwrap();
    };
    folder("first", "two");
    std::os::unix::fs::symlink("first", dir.join("..data")).unwrap();
    std::os::unix::fs::symlink("..data/sekisho.yaml", dir.join("link")).unwrap();
    std::fs::rename(dir.join("link"), gateway.config()).unwrap();
    until("the first folder to be in force", || (said(&gateway) == "two").then_some(()));
    folder("second", "three");
    std::os::unix::fs::symlink("second", dir.join("..next")).unwrap();
    std::fs::rename(dir.join("..next"), dir.join("..data")).unwrap();
    until("the second folder to be in force", || (said(&gateway) == "three").then_some(()));
}

#[test]
fn a_file_that_the_configuration_names_is_watched_too() {
    let config = "reload: { watch: 100ms }\nroutes: [{ path: /, respond: file:word.txt }]\n";
    let gateway = Gateway::start_with(config, &[], &[("word.txt", "one")]);
    assert_eq!(said(&gateway), "one");
    std::fs::write(gateway.dir.join("word.txt"), "two").unwrap();
    until("the change to be in force", || (said(&gateway) == "two").then_some(()));
    let report = gateway.admin_get("/api/reload").json();
    assert_eq!(report["changes"]["files"]["changed"], serde_json::json!(["word.txt"]), "{report:#}");
}

#[test]
fn several_that_ask_at_once_all_get_an_answer() {
    let gateway = Gateway::start(&format!("{UNWATCHED}{}", saying("one")));
    gateway.configure(&format!("{UNWATCHED}{}", saying("two")));
    let reports: Vec<_> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..20).map(|_| scope.spawn(|| gateway.reload())).collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    for (status, report) in &reports {
        assert_eq!(*status, 200);
        assert!(["applied", "unchanged"].contains(&report["outcome"].as_str().unwrap()), "{report:#}");
    }
    assert!(reports.iter().any(|(_, report)| report["outcome"] == "applied"));
    assert_eq!(gateway.metric("gateway_reloads_total{result=\"applied\"}"), 1.0);
    assert_eq!(said(&gateway), "two");
}

#[test]
fn a_page_of_another_site_cannot_reload() {
    let gateway = Gateway::start(&saying("one"));
    gateway.configure(&saying("two"));
    let mut browser = Client::connect(gateway.admin);
    browser.send("POST /api/reload HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://evil.example\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(browser.answer().status, 403);
    assert_eq!(gateway.admin_get("/api/reload").json(), serde_json::Value::Null);
}
