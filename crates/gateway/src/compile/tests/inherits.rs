//! What routes hand down.

use std::time::Duration;

use super::*;
use crate::forward::Via;
use crate::plan::PlanStep;

fn steps(steps: &[PlanStep]) -> Vec<&'static str> {
    steps.iter().map(|step| step.step.name()).collect()
}

fn plan<'s>(site: &'s Site, route: &str) -> &'s Plan {
    site.plans.iter().find(|plan| *plan.route == *route).unwrap_or_else(|| panic!("no route {route}"))
}

#[test]
fn policies_are_inherited_replaced_and_taken_away_in_walking_order() {
    let site = site(
        "services: { a: { endpoints: [http://127.0.0.1:1] } }
policies: { security_headers: on }
routes:
  - path: /x/*
    public: true
    service: a
    policies: { rewrite: { strip_prefix: /x }, cors: { origins: ['*'] } }
    routes:
      - { path: /x/y, service: a }
      - { path: /x/z, service: a, policies: { cors: off, access_log: off, body_limit: { max: 1KiB, mode: shadow } } }
      - { path: /x/w, service: a, policies: { cors: { origins: ['*'], mode: off }, body_limit: } }
  - { path: /v, methods: [GET], service: a }
",
    );
    let all = ["request_id", "access_log", "security_headers", "cors", "body_limit", "rewrite"];
    assert_eq!(steps(&plan(&site, "/x/*").steps), all);
    assert_eq!(steps(&plan(&site, "/x/y").steps), all);
    assert_eq!(
        steps(&plan(&site, "/x/z").steps),
        ["request_id", "security_headers", "body_limit", "rewrite"]
    );
    assert_eq!(plan(&site, "/x/z").steps[2].mode, sekisho_exchange::Mode::Shadow);
    assert_eq!(
        steps(&plan(&site, "/x/w").steps),
        ["request_id", "access_log", "security_headers", "body_limit", "rewrite"]
    );
    let top = ["request_id", "access_log", "security_headers", "body_limit"];
    assert_eq!(steps(&plan(&site, "/v").steps), top);
    assert_eq!(steps(&site.fallback.steps), top);
    let shared = |route: &str| Arc::as_ptr(&plan(&site, route).steps[3].step);
    assert_eq!(shared("/x/*"), shared("/x/y"), "an inherited policy is one policy, with one state");
    let meter = |route: &str| &plan(&site, route).steps[3].meter;
    meter("/x/*").proceeded(0);
    let counted = ["/x/*", "/x/y"].map(|route| meter(route).read().proceeded);
    assert_eq!(counted, [1, 0], "but each route counts for itself");
}

#[test]
fn what_is_asked_narrows_and_the_nearest_word_counts() {
    let site = site(
        "services: { a: { endpoints: [http://127.0.0.1:1] } }
routes:
  - path: /x/*
    hosts: ['*.t', u.t]
    methods: [GET, PUT]
    headers: { X-A: '1' }
    timeout: 5s
    risky_paths: true
    trailers: [T-One]
    public: true
    routes:
      - { path: '/x/{id}', hosts: [a.t, '*.u.t'], methods: [PUT, POST, HEAD], headers: { x-b: { present: true } }, service: a }
      - { path: /x/y, timeout: 1s, risky_paths: false, trailers: [], service: a }
",
    );
    let entry = &site.router.entries()[0];
    let hosts: Vec<_> = entry.hosts.iter().map(ToString::to_string).collect();
    assert_eq!(hosts, ["a.t", "*.u.t"]);
    assert_eq!(entry.methods.to_string(), "HEAD, PUT");
    let headers: Vec<_> = entry.headers.iter().map(ToString::to_string).collect();
    assert_eq!(headers, ["x-a is `1`", "x-b is present"]);
    let (first, second) = (&site.plans[0], &site.plans[1]);
    assert_eq!(&*first.params, [Box::from("id")]);
    assert_eq!(
        (first.handed.total, first.handed.risky_paths, first.handed.trailers.len()),
        (Some(Duration::from_secs(5)), true, 1)
    );
    assert_eq!(
        (second.handed.total, second.handed.risky_paths, second.handed.trailers.len()),
        (Some(Duration::from_secs(1)), false, 0)
    );
    assert_eq!(first.about.place.to_string(), "t:12:9");
}

#[test]
fn defaults_lie_beneath_services_map_by_map() {
    let site = site(
        "service_defaults: { timeouts: { connect: 1s, idle: 2s }, preserve_host: true }
services:
  a: { endpoints: ['http://127.0.0.1:${PORT}'] }
  b: { endpoints: [http://127.0.0.1:2], timeouts: { connect: 9s }, preserve_host: false }
routes:
  - { path: /a, methods: [GET], service: a }
  - { path: /b, methods: [GET], service: b }
",
    );
    let of = |index: usize| {
        let service = &site.services[index];
        (service.timeouts.connect.as_secs(), service.timeouts.idle.as_secs(), service.preserve_host)
    };
    assert_eq!(of(0), (1, 2, true));
    assert_eq!(of(1), (9, 2, false));
    assert_eq!(site.services[0].fleet.endpoints()[0].authority.as_ref(), "127.0.0.1:4001");
}

#[test]
fn what_is_not_said_has_the_default_of_the_contract() {
    let site = site("routes: [{ path: /, respond: hello }]");
    let settings = &site.settings;
    assert_eq!(settings.listen.len(), 1);
    assert_eq!(settings.listen[0].address, "0.0.0.0:8080".parse().unwrap());
    assert_eq!((settings.connections, settings.connections_per_address), (10_000, 5_000));
    assert_eq!(settings.admin, Some("127.0.0.1:9901".parse().unwrap()));
    assert_eq!(
        (settings.head_limits.head, settings.head_limits.fields, settings.head_limits.target),
        (32_768, 100, 8_192)
    );
    assert_eq!(
        (settings.connections, settings.via.as_ref().map(Via::line)),
        (10_000, Some(&b"Via: 1.1 sekisho\r\n"[..]))
    );
    let client = settings.client;
    assert_eq!((client.head.as_secs(), client.idle.as_secs(), client.body_grace.as_secs()), (10, 75, 10));
    assert_eq!((client.body_rate, settings.grace.as_secs(), settings.paths.merge_slashes), (1024, 30, true));
    assert_eq!(settings.tunnels.as_secs(), 10);
    assert!(settings.workers >= 1);
    let Target::Respond(respond) = &site.plans[0].target else { panic!("no fixed answer") };
    assert_eq!((respond.status, &*respond.content_type), (200, "text/plain; charset=utf-8"));
    assert_eq!(respond.body.constant(), Some("hello"));
}

#[test]
fn every_word_at_the_top_is_taken() {
    let site = site(
        "listen: [http://127.0.0.1:1, 'http://[::1]:1']
admin: off
workers: 3
trusted_proxies: [10.0.0.0/8]
store: memory
limits: { head: 8KiB, fields: 128, target: 4KiB, connections: 5 }
client: { head: 1s, idle: 2s, body_grace: 3s, body_rate: 4KiB }
merge_slashes: false
via: off
drain: { grace: 6s, tunnels: 9s }
routes:
  - { path: /a, redirect: { to: '{request.path}' } }
",
    );
    let settings = &site.settings;
    assert_eq!((settings.listen.len(), settings.admin, settings.workers), (2, None, 3));
    assert_eq!((settings.trusted_proxies.len(), settings.connections, settings.via.is_none()), (1, 5, true));
    assert_eq!(
        (settings.head_limits.fields, settings.client.body_rate, settings.grace.as_secs()),
        (128, 4096, 6)
    );
    assert_eq!((settings.grace.as_secs(), settings.tunnels.as_secs()), (6, 9), "each is a time of its own");
    assert!(!settings.paths.merge_slashes);
    assert!(matches!(&site.plans[0].target, Target::Redirect(redirect) if redirect.status == 308));
}

#[test]
fn protocols_to_switch_to_are_handed_down() {
    let site = site(
        "services: { a: { endpoints: [http://127.0.0.1:1] } }
routes:
  - { path: /usual, methods: [GET], service: a }
  - path: /none/*
    upgrade: off
    routes:
      - { path: /none/a, methods: [GET], service: a }
      - { path: /none/b, methods: [GET], service: a, upgrade: [Chat, websocket] }
",
    );
    for (route, want) in
        [("/usual", &["websocket"][..]), ("/none/a", &[]), ("/none/b", &["chat", "websocket"])]
    {
        let allowed: Vec<&str> = plan(&site, route).handed.upgrade.iter().map(AsRef::as_ref).collect();
        assert_eq!(allowed, want, "{route}");
    }
}
