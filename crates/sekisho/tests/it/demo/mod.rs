//! `sekisho demo`: what it prints can be done, and does what it says.

mod curl;

use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use self::curl::Curl;
use crate::harness::{Answer, Client, Lines, binary, until};

/// A running demo.
struct Demo {
    child: Child,
    stdout: Lines,
    addr: SocketAddr,
    admin: SocketAddr,
}

impl Demo {
    fn start() -> Self {
        let mut child = binary()
            .args(["demo", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stdout = Lines::collect(child.stdout.take().unwrap());
        let stderr = Lines::collect(child.stderr.take().unwrap());
        let address = |line: &str, word: &str| {
            let rest = line.split_once(&format!("{word} on http://"))?.1;
            rest.split([',', ' ']).next()?.parse().ok()
        };
        let Some((addr, admin)) =
            stderr.find(|line| Some((address(line, "listening")?, address(line, "admin")?)))
        else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("the demo did not start:\n{}", stderr.all().join("\n"));
        };
        Self { child, stdout, addr, admin }
    }

    fn request(&self, method: &str, path: &str, headers: &[(String, String)], body: &[u8]) -> Answer {
        let to = if ["/metrics", "/api/plan", "/api/users/u-1/forget"].iter().any(|own| path.starts_with(own))
        {
            self.admin
        } else {
            self.addr
        };
        let mut client = Client::connect(to);
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {to}\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            request.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        request.push_str("\r\n");
        client.send(request);
        client.send(body);
        client.answer()
    }

    /// As Aiko, who may do everything.
    fn get(&self, path: &str) -> Answer {
        let token =
            self.variables().into_iter().find(|(name, _)| name == "AIKO").expect("a token is printed").1;
        self.request("GET", path, &[("Authorization".to_owned(), format!("Bearer {token}"))], b"")
    }

    /// The variables for the shell that it printed.
    fn variables(&self) -> Vec<(String, String)> {
        self.stdout.find(|line| line.contains("Ctrl-C").then_some(())).expect("the tour ends");
        let lines = self.stdout.all();
        let pairs = lines.iter().filter_map(|line| line.strip_prefix("  ")?.split_once('='));
        let named = pairs.filter(|(name, _)| name.bytes().all(|byte| byte.is_ascii_uppercase()));
        named.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// The commands that it printed, with what each is said to show.
    fn tour(&self) -> Vec<(String, String)> {
        self.stdout.find(|line| line.contains("Ctrl-C").then_some(())).expect("the tour ends");
        let lines = self.stdout.all();
        let pairs = lines.windows(2).filter_map(|pair| {
            let purpose = pair[0].strip_prefix("  # ").filter(|purpose| *purpose != "who buys here")?;
            Some((purpose.to_owned(), pair[1].trim().to_owned()))
        });
        pairs.collect()
    }

    /// The log's line about a path; the tour before it is not of the log.
    fn logged(&self, path: &str, status: u16) -> Value {
        let found = self.stdout.find(|line| {
            let line: Value = serde_json::from_str(line).ok()?;
            (line["path"] == path && line["statusCode"] == status).then_some(line)
        });
        found.unwrap_or_else(|| panic!("{path} {status} is not in the log"))
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_command_of_the_tour_does_what_it_says() {
    let demo = Demo::start();
    let (tour, variables) = (demo.tour(), demo.variables());
    assert!(tour.len() >= 10, "{tour:?}");
    for (purpose, command) in tour {
        // What surrounds a `curl` in the shell is left away: a loop, a pipe into it or out of it.
        let (before, curl) = command.split_at(command.find("curl").unwrap());
        let curl = curl.split(" | ").next().unwrap();
        let mut curl = Curl::parse(curl, &variables);
        if let Some(count) = before.strip_prefix("head -c ").and_then(|rest| rest.split(' ').next()) {
            curl.body = vec![0; count.parse().unwrap()];
        }
        let rounds = if before.starts_with("for ") { 4 } else { 1 };
        let answers: Vec<_> = (0..rounds).flat_map(|_| curl.ask(&demo)).collect();
        let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
        let first = &answers[0];
        assert!(answers.iter().all(|answer| answer.complete), "{purpose}");
        match purpose.as_str() {
            "nobody passes without a token" => {
                assert_eq!((statuses, first.code().as_str()), (vec![401], "AUTH_MISSING_TOKEN"));
            }
            "Jonas may look at orders, but not write them" => {
                assert_eq!((statuses, first.code().as_str()), (vec![403], "AUTH_FORBIDDEN"));
            }
            "Adaeze was switched off, however good her token" => {
                assert_eq!((statuses, first.code().as_str()), (vec![401], "AUTH_INVALID_TOKEN"));
            }
            "a user of whom everything is asked anew" => assert_eq!(statuses, [200]),
            "a service's answer, with ids, limits and security headers" => {
                assert_eq!((statuses, first.json()["id"].as_str()), (vec![200], Some("u-1")));
                for name in
                    ["x-request-id", "x-correlation-id", "content-security-policy", "x-content-type-options"]
                {
                    assert!(first.header(name).is_some(), "{name}");
                }
                let limits = ["\"rate_limit\";q=1000;w=900", "\"quota\";q=10000;w=900"];
                assert_eq!(first.headers_all("ratelimit-policy"), limits, "of a premium user");
            }
            "the same again, from memory (X-Cache: HIT)" => {
                assert_eq!((statuses, first.header("x-cache")), (vec![200], Some("HIT")));
            }
            "your own correlation id, carried through" => {
                assert_eq!((statuses, first.header("x-correlation-id")), (vec![200], Some("my-order")));
            }
            "one of four from the first endpoint, three from the second" => {
                let mut by: Vec<_> = answers
                    .iter()
                    .map(|answer| answer.json()["served_by"].as_str().unwrap().to_owned())
                    .collect();
                by.sort();
                assert_eq!(by, ["order-service-1", "order-service-2", "order-service-2", "order-service-2"]);
            }
            "a preflight, answered before any service hears of it" => {
                assert!(matches!(first.status, 200 | 204), "{}", first.status);
                assert_eq!(first.header("access-control-allow-origin"), Some("*"));
                assert!(first.header("access-control-allow-methods").unwrap().contains("POST"));
            }
            "a payment" => {
                assert_eq!((statuses, first.json()["received"]["amount"].as_u64()), (vec![201], Some(4_800)));
            }
            "a body that is too large for a payment" => {
                assert_eq!((statuses, first.code().as_str()), (vec![413], "BODY_TOO_LARGE"));
            }
            "a fixed answer" => {
                assert_eq!((statuses, first.json()["shop"].as_str()), (vec![200], Some("open")));
                assert_eq!(first.json()["request_id"].as_str(), first.header("x-request-id"));
            }
            "a redirect" => {
                assert_eq!((statuses, first.header("location")), (vec![308], Some("/api/orders?page=2")));
            }
            "a method that the route does not take" => {
                assert_eq!((statuses, first.code().as_str()), (vec![405], "METHOD_NOT_ALLOWED"));
            }
            "a service that takes its time, and one that takes too much" => {
                assert_eq!((statuses, answers[1].code().as_str()), (vec![200, 504], "UPSTREAM_TIMEOUT"));
            }
            "a service that fails, and one that hangs up" => {
                assert_eq!((statuses, answers[1].code().as_str()), (vec![500, 502], "BAD_GATEWAY"));
            }
            "what each route does" => {
                assert!(first.json()["routes"].as_array().is_some_and(|routes| routes.len() >= 6));
            }
            "what was counted" => {
                assert!(first.text().lines().any(|line| line.starts_with("gateway_requests_total")));
            }
            other => panic!("the tour has a stop that is not tried here: {other}: {command}"),
        }
    }
}

#[test]
fn every_service_is_there() {
    let demo = Demo::start();
    for (path, served_by) in [
        ("/api/users", "user-service"),
        ("/api/users/u-2", "user-service"),
        ("/api/inventory/cup-blue", "inventory-service"),
        ("/api/payments/p-1", "payment-service"),
    ] {
        let answer = demo.get(path);
        assert_eq!((answer.status, answer.json()["served_by"].as_str()), (200, Some(served_by)), "{path}");
        assert_eq!(answer.json()["request_id"].as_str(), answer.header("x-request-id"), "{path}");
    }
    assert_eq!(demo.get("/api/users/u-9").status, 404);
}

#[test]
fn a_service_is_slow_and_fails_on_request() {
    let demo = Demo::start();
    let began = Instant::now();
    assert_eq!(demo.get("/api/inventory?slow=300ms").status, 200);
    assert!(began.elapsed().as_millis() >= 300, "{:?}", began.elapsed());
    for status in [404, 500, 503] {
        let answer = demo.get(&format!("/api/users?fail={status}"));
        assert_eq!((answer.status, answer.json()["served_by"].as_str()), (status, Some("user-service")));
    }
    assert_eq!(demo.get("/api/users?fail=reset").code(), "BAD_GATEWAY");
    assert_eq!(demo.logged("/api/users", 502)["reason"], "closed_before_head");
    assert_eq!(demo.logged("/api/inventory", 200)["service"], "inventory-service");
}

#[test]
fn orders_come_from_the_instances_in_turn() {
    let demo = Demo::start();
    let mut by = Vec::new();
    for _ in 0..40 {
        by.push(demo.get("/api/orders/o-1").json()["served_by"].as_str().unwrap().to_owned());
    }
    assert_eq!(by.iter().filter(|name| *name == "order-service-1").count(), 10);
    for four in by.chunks(4) {
        assert_eq!(four.iter().filter(|name| *name == "order-service-1").count(), 1, "{by:?}");
    }
}

#[test]
fn term_int_and_the_end_of_the_terminal_are_a_good_end() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let mut demo = Demo::start();
        assert_eq!(demo.get("/").status, 200);
        demo.signal(signal);
        let status = until("the demo to end", || demo.child.try_wait().unwrap());
        assert_eq!(status.code(), Some(0), "{signal:?}");
        let lines = demo.stdout.to_end();
        assert!(lines.iter().any(|line| line.contains("\"path\":\"/\"")), "{lines:?}");
    }
}

#[test]
fn two_of_them_live_side_by_side() {
    let demos = [Demo::start(), Demo::start()];
    for demo in &demos {
        assert_eq!(demo.get("/api/users/u-1").status, 200);
    }
}
