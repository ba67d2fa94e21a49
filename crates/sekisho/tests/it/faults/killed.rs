//! A service's process killed under load: what was in flight fails, and all is well once it is back, by itself.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;

use crate::front::gateway;
use crate::harness::{Gateway, until};

/// Answers every GET with `fine` over kept connections, and says where it listens.
const SERVER: &str = "
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    wbufsize = 65536
    def do_GET(self):
        self.send_response(200)
        self.send_header('Content-Length', '4')
        self.end_headers()
        self.wfile.write(b'fine')
    def log_message(self, *ignored):
        pass
class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
server = Server(('127.0.0.1', int(sys.argv[1])), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
";

/// A service in a process of its own.
struct Process {
    child: Child,
    port: u16,
}

impl Process {
    /// Returns once it listens.
    fn start() -> Self {
        Self::try_start(0).expect("some port is free")
    }

    /// On this port, or on any for 0, if it is free.
    fn try_start(port: u16) -> Option<Self> {
        let mut child = Command::new("python3")
            .args(["-c", SERVER, &port.to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python3 is there");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let process = Self { port: line.trim().parse().unwrap_or(0), child };
        (process.port != 0).then_some(process)
    }

    fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// As a crash or the system would end it: without a word.
    fn kill(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Clients that ask without a pause, and what they got.
struct Load {
    stop: AtomicBool,
    good: AtomicUsize,
    bad: AtomicUsize,
}

impl Load {
    fn ask(&self, gateway: &Gateway) {
        let mut client = gateway.connect();
        while !self.stop.load(SeqCst) {
            client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
            let Some(answer) = client.try_answer() else {
                self.bad.fetch_add(1, SeqCst);
                client = gateway.connect();
                continue;
            };
            match answer.status {
                200 if answer.complete => {
                    assert_eq!(answer.body, b"fine");
                    self.good.fetch_add(1, SeqCst);
                }
                200 => {
                    self.bad.fetch_add(1, SeqCst);
                    client = gateway.connect();
                }
                502 | 503 => {
                    self.bad.fetch_add(1, SeqCst);
                }
                other => panic!("{other}"),
            }
        }
    }

    /// Waits until there are so many more good ones, or bad ones.
    fn wait_more(count: &AtomicUsize, more: usize) {
        let before = count.load(SeqCst);
        until("more answers", || (count.load(SeqCst) >= before + more).then_some(()));
    }
}

#[test]
fn a_killed_service_fails_only_what_is_in_flight_and_is_found_again() {
    let mut process = Process::start();
    let gateway = Arc::new(gateway(process.address(), "", "workers: 2"));
    let load =
        Arc::new(Load { stop: AtomicBool::new(false), good: AtomicUsize::new(0), bad: AtomicUsize::new(0) });
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (load, gateway) = (Arc::clone(&load), Arc::clone(&gateway));
            thread::spawn(move || load.ask(&gateway))
        })
        .collect();
    for _ in 0..3 {
        let bad = load.bad.load(SeqCst);
        Load::wait_more(&load.good, 100);
        assert_eq!(load.bad.load(SeqCst), bad, "no failure while the service is there");
        process.kill();
        Load::wait_more(&load.bad, 4);
        let port = process.port;
        // Some connection elsewhere may have the port for a moment.
        process = until("its port to be free", || Process::try_start(port));
        // Each client may still be told of the failure that it is in the middle of.
        Load::wait_more(&load.good, 200);
    }
    load.stop.store(true, SeqCst);
    for client in clients {
        client.join().unwrap();
    }
    assert_eq!(gateway.get("/a").status, 200);
    gateway.wait_metric("http_server_active_requests", &[], 0.0);
}
