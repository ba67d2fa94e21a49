//! Connections to services and of clients: kept and used again, bounded, queued for, and given back.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use crate::front::{assert_problem, assert_took, gateway, logged};
use crate::harness::{Client, Gateway, Service, ok, until};

/// Asks `count` times at the same moment, each over a connection of its own; gives statuses in no order.
fn at_once(gateway: &Gateway, count: usize) -> Vec<u16> {
    let start = Barrier::new(count);
    thread::scope(|scope| {
        let clients: Vec<_> = (0..count)
            .map(|index| {
                let start = &start;
                scope.spawn(move || {
                    let mut client = gateway.connect();
                    start.wait();
                    client.send(format!("GET /{index} HTTP/1.1\r\nHost: a\r\n\r\n"));
                    let answer = client.answer();
                    assert!(answer.complete);
                    if answer.status == 200 {
                        assert_eq!(answer.text(), format!("/{index}"), "somebody else's answer");
                    }
                    answer.status
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    })
}

/// Answers with the path, after so long.
fn echoing_after(pause: Duration) -> Service {
    Service::answering(move |request| {
        thread::sleep(pause);
        ok("text/plain", &request.target)
    })
}

/// A service that holds every request until it is told to go on, and counts how many it has at once.
struct Gate {
    service: Service,
    open: Arc<(std::sync::Mutex<bool>, std::sync::Condvar)>,
    most: Arc<AtomicUsize>,
}

impl Gate {
    fn new() -> Self {
        let open: Arc<(std::sync::Mutex<bool>, std::sync::Condvar)> = Arc::default();
        let (most, now) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
        let (gate, peak) = (Arc::clone(&open), Arc::clone(&most));
        let service = Service::answering(move |request| {
            peak.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
            drop(gate.1.wait_while(gate.0.lock().unwrap(), |open| !*open).unwrap());
            now.fetch_sub(1, SeqCst);
            ok("text/plain", &request.target)
        });
        Self { service, open, most }
    }

    fn open(&self) {
        *self.open.0.lock().unwrap() = true;
        self.open.1.notify_all();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
    }
}

fn ask(gateway: &Gateway, path: &str) -> Client {
    let mut client = gateway.connect();
    client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
    client
}

#[test]
fn requests_one_after_another_share_a_connection() {
    let service = Service::echo();
    let gateway = gateway(service.addr, "", "workers: 1");
    for _ in 0..25 {
        assert_eq!(gateway.get("/a").status, 200);
    }
    let mut client = gateway.connect();
    for _ in 0..25 {
        client.send("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n");
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!((service.requests(), service.connections()), (50, 1));
}

#[test]
fn answers_of_every_framing_leave_the_connection_usable() {
    let service = Service::raw(|mut conn| {
        while let Some(request) = conn.next_head() {
            conn.write(match request.target.as_str() {
                "/length" => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                "/zero" => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                "/chunked" => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
                "/trailers" => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n",
                "/none" => "HTTP/1.1 204 No Content\r\n\r\n",
                "/same" => "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n",
                "/interim" => "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                "/head" => "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
                other => panic!("{other}"),
            });
        }
    });
    let gateway = gateway(service.addr, "", "workers: 1");
    for path in ["/length", "/zero", "/chunked", "/trailers", "/none", "/same", "/interim", "/length"] {
        assert!(gateway.get(path).complete, "{path}");
        assert_eq!(gateway.request("HEAD /head HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);
    }
    assert_eq!(service.connections(), 1);
}

#[test]
fn the_connection_used_last_is_used_first() {
    let gate = Gate::new();
    let gateway = gateway(gate.service.addr, "", "workers: 1");
    let mut clients: Vec<_> = (0..4).map(|index| ask(&gateway, &format!("/{index}"))).collect();
    gate.service.wait_seen(4);
    gate.open();
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
    for _ in 0..20 {
        assert_eq!(gateway.get("/again").status, 200);
    }
    let over: Vec<_> = gate.service.seen()[4..].iter().map(|request| request.connection).collect();
    assert!(over.windows(2).all(|pair| pair[0] == pair[1]), "{over:?}");
    assert_eq!(gate.service.connections(), 4);
}

#[test]
fn no_more_unused_connections_are_kept_than_asked_for() {
    let gate = Gate::new();
    let gateway = gateway(gate.service.addr, "connections: { keep: 2 }", "workers: 1");
    let mut clients: Vec<_> = (0..6).map(|index| ask(&gateway, &format!("/{index}"))).collect();
    gate.service.wait_seen(6);
    gate.open();
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
    until("all but two to be closed", || (gate.service.open() == 2).then_some(()));
    assert_eq!(at_once(&gateway, 1), [200]);
    assert_eq!(gate.service.open(), 2);
}

#[test]
fn with_none_to_keep_every_request_gets_a_connection_of_its_own() {
    let service = Service::echo();
    let gateway = gateway(service.addr, "connections: { keep: 0 }", "workers: 1");
    for round in 1..=3 {
        assert_eq!(gateway.get("/a").status, 200);
        assert_eq!(service.connections(), round);
    }
    until("all to be closed", || (service.open() == 0).then_some(()));
    // Each came to its end in the gateway, too.
    gateway.wait_metric("gateway_requests_total", &[], 3.0);
}

#[test]
fn an_unused_connection_is_closed_after_its_time() {
    let service = Service::echo();
    let gateway = gateway(service.addr, "connections: { idle: 300ms }", "workers: 1");
    assert_eq!(gateway.get("/a").status, 200);
    let began = Instant::now();
    until("the connection to be closed", || (service.open() == 0).then_some(()));
    // It is looked for once a second.
    assert_took(began.elapsed(), 250, 4_000);
    assert_eq!(gateway.get("/a").status, 200);
    assert_eq!(service.connections(), 2);
}

#[test]
fn with_one_connection_requests_are_served_one_after_another() {
    let gate = Gate::new();
    let gateway = gateway(gate.service.addr, "connections: { max: 1, wait: 8s }", "workers: 2");
    let mut clients: Vec<_> = (0..10).map(|index| ask(&gateway, &format!("/{index}"))).collect();
    gate.service.wait_seen(1);
    until("all requests to be under way", || (gateway.metric("http_server_active_requests ") == 10.0).then_some(()));
    assert_eq!((gate.service.requests(), gate.service.connections()), (1, 1));
    gate.open();
    for (index, client) in clients.iter_mut().enumerate() {
        let answer = client.answer();
        assert_eq!((answer.status, answer.text()), (200, format!("/{index}")));
    }
    assert_eq!((gate.service.requests(), gate.most.load(SeqCst)), (10, 1));
}

#[test]
fn a_request_beyond_the_queue_is_turned_away_at_once() {
    let gate = Gate::new();
    let gateway = gateway(gate.service.addr, "connections: { max: 1, queue: 2, wait: 8s }", "workers: 2");
    let mut clients: Vec<_> = (0..3).map(|index| ask(&gateway, &format!("/{index}"))).collect();
    until("all requests to be under way", || (gateway.metric("http_server_active_requests ") == 3.0).then_some(()));
    gate.service.wait_seen(1);
    let began = Instant::now();
    let answer = gateway.get("/beyond");
    assert_took(began.elapsed(), 0, 2_000);
    assert_problem(&answer, 503, "OVERLOADED");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(logged(&gateway, "/beyond")["reason"], "connection_queue");
    gate.open();
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!(gateway.get("/after").status, 200);
}

#[test]
fn a_wait_that_is_too_long_ends_with_503() {
    let gate = Gate::new();
    let gateway = gateway(gate.service.addr, "connections: { max: 1, wait: 200ms }", "workers: 2");
    let mut first = ask(&gateway, "/first");
    gate.service.wait_seen(1);
    let began = Instant::now();
    let answer = gateway.get("/second");
    assert_took(began.elapsed(), 200, 2_500);
    assert_problem(&answer, 503, "OVERLOADED");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(logged(&gateway, "/second")["reason"], "connection_wait");
    gate.open();
    assert_eq!(first.answer().status, 200);
    assert_eq!(gateway.get("/third").status, 200);
    assert_eq!(gate.service.requests(), 2);
}

#[test]
fn a_connection_unused_on_one_worker_does_not_starve_another() {
    let service = Service::echo();
    // The wait is far longer than a moment, so that what is measured is not the limit's end.
    let gateway = gateway(service.addr, "connections: { max: 1, wait: 8s }", "workers: 2");
    // Open connections go to the worker with the fewest: these two lie on different ones.
    let mut clients = [gateway.connect(), gateway.connect()];
    let mut longest = Duration::ZERO;
    for round in 0..6 {
        let client = &mut clients[round % 2];
        let began = Instant::now();
        client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.answer().status, 200);
        longest = longest.max(began.elapsed());
    }
    assert!(longest < Duration::from_millis(500), "an idle service was waited for {longest:?}");
}

#[test]
fn turns_follow_the_weights_exactly() {
    let services = [Service::echo(), Service::echo()];
    let gateway = Gateway::start(&format!(
        "workers: 1\nservices:\n  s:\n    endpoints: ['{}', {{ url: '{}', weight: 3 }}]\nroutes:\n  \
         - {{ path: '/*', service: s, public: true }}\n",
        services[0].url(),
        services[1].url(),
    ));
    let mut client = gateway.connect();
    for round in 1..=100 {
        for _ in 0..4 {
            client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(client.answer().status, 200);
        }
        assert_eq!([services[0].requests(), services[1].requests()], [round, 3 * round]);
    }
}

#[test]
fn an_endpoint_of_weight_0_is_never_asked() {
    let services = [Service::echo(), Service::echo()];
    let gateway = Gateway::start(&format!(
        "services:\n  s:\n    endpoints: ['{}', {{ url: '{}', weight: 0 }}]\nroutes:\n  \
         - {{ path: '/*', service: s, public: true }}\n",
        services[0].url(),
        services[1].url(),
    ));
    for _ in 0..20 {
        assert_eq!(gateway.get("/a").status, 200);
    }
    assert_eq!([services[0].requests(), services[1].requests()], [20, 0]);
}

#[test]
fn a_burst_of_clients_all_get_their_own_answers() {
    let service = echoing_after(Duration::from_millis(5));
    let gateway = gateway(service.addr, "connections: { max: 32, wait: 8s }", "workers: 2");
    for _ in 0..2 {
        assert_eq!(at_once(&gateway, 200), [200; 200]);
    }
    assert!(service.open() <= 32, "{}", service.open());
    assert_eq!(gateway.metric("gateway_requests_total{"), 400.0);
}

#[test]
fn clients_beyond_the_limit_are_turned_away_and_room_is_given_back() {
    let service = Service::echo();
    let gateway = gateway(service.addr, "", "limits: { connections: 3 }");
    let mut clients: Vec<_> = (0..3).map(|_| ask(&gateway, "/a")).collect();
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
    for _ in 0..3 {
        let mut beyond = gateway.connect();
        let answer = beyond.answer();
        assert_eq!((answer.status, answer.code().as_str()), (503, "OVERLOADED"));
        assert_eq!((answer.header("retry-after"), answer.header("connection")), (Some("1"), Some("close")));
        assert!(beyond.closed());
    }
    assert_eq!(gateway.metric("gateway_connections_total{result=\"refused\"}"), 3.0);
    // Those who are in notice nothing.
    clients[0].send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(clients[0].answer().status, 200);
    drop(clients.pop());
    gateway.wait_metric("gateway_connections", &[], 2.0);
    let answer = until("room for one more", || {
        let mut client = ask(&gateway, "/a");
        client.try_answer().filter(|answer| answer.status == 200)
    });
    assert!(answer.complete);
}
