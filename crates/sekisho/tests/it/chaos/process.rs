//! Services that can be killed: this very program once more, as a process that serves.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::plan::answer;
use super::serve::{Order, run};
use crate::harness::{Client, temp_dir};

/// What tells a process that it is one of these.
const ORDER: &str = "SEKISHO_TEST_SERVES";

/// A running service, or one that was killed. Dropping it ends the process.
pub(super) struct Process {
    /// With the addresses that it got.
    order: Order,
    child: Child,
}

impl Process {
    /// Returns once it listens.
    #[track_caller]
    pub(super) fn start(order: Order) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["chaos::process::a_process_serves_until_it_is_killed", "--exact", "--nocapture"])
            .env(ORDER, serde_json::to_string(&order).unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts once more");
        let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines().map_while(Result::ok);
        let addrs =
            lines.find_map(|line| serde_json::from_str(&line).ok()).expect("it says where it listens");
        Self { order: Order { addrs, ..order }, child }
    }

    pub(super) fn addrs(&self) -> &[SocketAddr] {
        &self.order.addrs
    }

    /// Starts it anew where it was.
    #[track_caller]
    pub(super) fn restart(&mut self) {
        self.kill();
        *self = Self::start(self.order.clone());
    }

    /// As a crash or the system would end it: without a word.
    pub(super) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// From now on it does nothing, and the system takes its connections and bytes for it.
    pub(super) fn hold(&self) {
        kill_process(Pid::from_child(&self.child), Signal::STOP).unwrap();
    }

    /// It goes on where it was held.
    pub(super) fn go_on(&self) {
        kill_process(Pid::from_child(&self.child), Signal::CONT).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Both the beginning of such a process and a test of it.
#[test]
fn a_process_serves_until_it_is_killed() {
    if let Ok(order) = std::env::var(ORDER) {
        run(&serde_json::from_str(&order).unwrap());
    }
    let dir = temp_dir();
    let ledger = dir.join("ledger");
    let addrs = vec!["127.77.0.1:0".parse().unwrap()];
    let mut process =
        Process::start(Order { seed: 1, faulty: false, first: 0, addrs, ledger: ledger.clone() });
    let addr = process.addrs()[0];
    for number in 0..20 {
        let mut client = Client::connect(addr);
        client.send(format!("GET /s/{number} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(client.answer().body, answer(number));
    }
    process.kill();
    assert!(TcpStream::connect(addr).is_err());
    process.restart();
    let mut client = Client::connect(addr);
    client.send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.answer().status, 200);
    let lines = std::fs::read_to_string(&ledger).unwrap();
    assert!(lines.starts_with("asked 0 GET ") && lines.contains("\nanswered 19 \ncheck 0 \n"), "{lines}");
    std::fs::remove_dir_all(dir).unwrap();
}
