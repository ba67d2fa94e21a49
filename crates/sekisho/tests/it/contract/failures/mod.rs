//! Rows in which a service fails, or what decides about requests: 502, 503, 504, each by every cause that a test can bring about.

mod ends;
mod rows;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use socket2::Socket;

use super::assert_row;
use crate::access::basic_auth::HASH;
use crate::faults::before_head::nobody;
use crate::harness::certificates::Authority;
use crate::harness::{Client, Gateway, Service, TlsService};
use crate::jwt::HS256;
use crate::pool::Gate;
use crate::timeouts::service::full;

/// Who fails. All of them are there as long as this is.
struct World {
    /// Reads and never answers.
    mute: Service,
    /// Takes connections, and says nothing.
    still: Service,
    /// Speaks no TLS.
    plain: Service,
    /// Fails as the path says.
    mad: Service,
    /// Answers once it is let.
    gate: Gate,
    /// Knows no user, for it is broken.
    users: Service,
    /// Agrees to every change of protocols.
    chat: Service,
    secure: Vec<(&'static str, TlsService)>,
    authority: Authority,
    /// Where nobody listens, and where nobody accepts.
    gone: (SocketAddr, Socket),
    full: (SocketAddr, Vec<Socket>),
}

/// A service that fails before there is an answer, as the path says.
fn mad() -> Service {
    Service::raw(|mut conn| {
        let Some(request) = conn.next_head() else { return };
        let said: &[u8] = match request.target.as_str() {
            "/mad/closes" => return,
            "/mad/resets" => return conn.reset(),
            "/mad/half" => b"HTTP/1.1 200 OK\r\nContent-Le",
            "/mad/garbage" => b"HELLO WORLD\r\n\r\n",
            "/mad/lengths" => b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nhi",
            "/mad/huge" => &["HTTP/1.1 200 OK\r\nA: ".as_bytes(), &[b'a'; 70_000]].concat(),
            "/mad/interim" => &b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100),
            "/mad/switches" => {
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
            }
            other => panic!("{other}"),
        };
        conn.write(said);
        if request.target != "/mad/half" {
            conn.wait_closed();
        }
    })
}

impl World {
    fn new() -> Self {
        let authority = Authority::new("the services' authority");
        let secure = [
            ("stranger", Authority::new("another authority").certify(&["127.0.0.1"])),
            ("misnamed", authority.certify(&["elsewhere.test"])),
            ("expired", authority.certify_for(&["127.0.0.1"], (2000, 2001))),
        ];
        Self {
            mute: Service::raw(|mut conn| {
                conn.next_head();
                conn.wait_closed();
            }),
            still: Service::raw(|mut conn| {
                conn.wait_closed();
            }),
            plain: Service::raw(|mut conn| {
                conn.read_some();
                conn.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
            }),
            mad: mad(),
            gate: Gate::new(),
            users: Service::fixed("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"),
            chat: Service::raw(|mut conn| {
                conn.next_head();
                conn.write(
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
                );
                conn.wait_closed();
            }),
            secure: secure.map(|(name, own)| (name, TlsService::echo(&own))).into(),
            authority,
            gone: nobody(),
            full: full(),
        }
    }

    /// Each service by its name, with further words.
    fn services(&self) -> Vec<(&'static str, String, &'static str)> {
        let (gone, full) = (format!("http://{}", self.gone.0), format!("http://{}", self.full.0));
        let (mute, gate) = (self.mute.url(), self.gate.service.url());
        let mut services = vec![
            ("gone", gone.clone(), ""),
            ("full", full, "timeouts: { connect: 100ms }"),
            ("nameless", "http://nowhere.invalid:81".to_owned(), "timeouts: { connect: 2s }"),
            ("plain", format!("https://{}", self.plain.addr), "tls: { verify: false }"),
            (
                "silent",
                format!("https://{}", self.still.addr),
                "tls: { verify: false }, timeouts: { connect: 100ms }",
            ),
            ("mad", self.mad.url(), ""),
            ("changing", self.chat.url(), "tunnels: { max: 1 }"),
            ("late", mute.clone(), "timeouts: { first_byte: 100ms }"),
            ("endless", mute.clone(), "timeouts: { total: 100ms }"),
            ("tried", mute.clone(), "retry: { per_try: 100ms }"),
            ("broken", mute.clone(), "breaker: { timeout: 100ms }"),
            ("mute", mute, ""),
            ("open", gone, "breaker: { volume: 1, error_percentage: 0, reset: 1h }"),
            ("drained", gate.clone(), "panic_threshold: 0"),
            (
                "queued",
                gate.clone(),
                "connections: { max: 1, queue: 1, wait: 1h }, timeouts: { first_byte: 1h }",
            ),
            ("waited", gate.clone(), "connections: { max: 1, wait: 100ms }, timeouts: { first_byte: 1h }"),
            ("gate", gate, "timeouts: { first_byte: 1h }"),
            ("users", self.users.url(), ""),
        ];
        for (name, service) in &self.secure {
            services.push((name, format!("https://{}", service.addr), "tls: { ca: ca.pem }"));
        }
        services
    }

    /// A route for each service, and those on which something else decides.
    fn config(&self) -> String {
        let mut text = format!(
            "workers: 2\nstore: {{ url: 'redis://{}' }}\nservice_defaults: {{ retry: off }}\n\
             policies: {{ security_headers: {{}} }}\nservices:\n  unfound: {{ discover: {{ file: none.yaml }} }}\n",
            self.gone.0
        );
        let mut routes = String::from("routes:\n- { path: /unfound, service: unfound, public: true }\n");
        for (name, url, words) in self.services() {
            let _ = writeln!(text, "  {name}: {{ endpoints: ['{url}'], {words} }}");
            let path = if name == "mad" { "/mad/*" } else { &format!("/{name}") };
            let _ = writeln!(routes, "- {{ path: {path}, service: {name}, public: true }}");
        }
        let password = format!("basic_auth: {{ users: [{{ name: ada, hash: '{HASH}' }}] }}");
        let token = format!("jwt: {{ {HS256} }}");
        let jwks = format!("jwt: {{ jwks: 'http://{}/keys', algorithms: [ES256] }}", self.gone.0);
        for (path, words) in [
            ("/short", "service: mute, timeout: 100ms, policies: {"),
            ("/crowd", "service: gate, policies: { concurrency: { max: 1 }"),
            (
                "/lookup/broken",
                &format!("service: gate, policies: {{ {token}, user_lookup: {{ service: users }}"),
            ),
            (
                "/lookup/gone",
                &format!("service: gate, policies: {{ {password}, user_lookup: {{ service: gone }}"),
            ),
            (
                "/lookup/late",
                &format!(
                    "service: gate, policies: {{ {token}, user_lookup: {{ service: mute, timeout: 100ms }}"
                ),
            ),
            ("/asked/gone", "service: gate, policies: { forward_auth: { service: gone }"),
            ("/asked/broken", "service: gate, policies: { forward_auth: { service: users }"),
            ("/asked/late", "service: gate, policies: { forward_auth: { service: mute, timeout: 100ms }"),
            ("/keyless", &format!("service: gate, policies: {{ {jwks}")),
            ("/counted", "service: gate, policies: { rate_limit: { rate: 9/h, on_store_failure: deny }"),
        ] {
            let _ = writeln!(routes, "- {{ path: {path}, public: true, {words} }} }}");
        }
        text + &routes
    }

    fn start(&self) -> Gateway {
        Gateway::start_with(&self.config(), &[], &[("ca.pem", &self.authority.pem()), ("none.yaml", "[]")])
    }

    /// Fills what can be full; it is so as long as these clients are there.
    #[track_caller]
    fn fill(&self, gateway: &Gateway) -> Vec<Client> {
        let mut clients = Vec::new();
        // One at the service, one in its queue.
        for path in ["/queued", "/waited", "/crowd", "/queued"] {
            let mut client = gateway.connect();
            client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
            clients.push(client);
            gateway.wait_metric("http_server_active_requests", &[], clients.len() as f64);
            gateway.each_worker_answers();
        }
        self.gate.service.wait_seen(3);
        let mut tunnel = gateway.connect();
        tunnel.send(format!("GET /changing HTTP/1.1\r\nHost: a\r\n{}\r\n", rows::UPGRADE));
        assert_eq!(tunnel.head_only().status, 101);
        clients.push(tunnel);
        let drained = gateway.admin_post(&format!("/api/services/drained/{}/drain", self.gate.service.addr));
        assert_eq!(drained.status, 200, "{}", drained.text());
        clients
    }
}

#[test]
fn each_failure_is_whole() {
    let world = World::new();
    let gateway = world.start();
    let _held = world.fill(&gateway);
    for row in rows::all() {
        for status in row.before {
            let answer = super::send(&gateway, "GET", &row);
            assert_eq!(answer.status, *status, "{}: {}", row.says, answer.text());
        }
        assert_row(&gateway, &row);
    }
    assert_eq!(world.gate.service.requests(), 3, "nobody else came through");
}

#[test]
fn what_fails_for_one_request_is_well_for_the_next_of_the_same_client() {
    let turn = AtomicUsize::new(0);
    let service = Service::raw(move |mut conn| {
        conn.next_head();
        if turn.fetch_add(1, SeqCst) % 2 == 1 {
            conn.write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nwell");
        }
    });
    let gateway = crate::front::gateway(service.addr, "retry: off", "");
    let mut client = gateway.connect();
    for want in [502, 200, 502, 200] {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let answer = client.answer();
        assert_eq!((answer.status, answer.header("connection")), (want, None), "{}", answer.text());
    }
}
