//! A real redis-server on a port of its own, which keeps nothing on disk. For the tests of several crates.

#![allow(dead_code, reason = "tools for several test programs; not every one uses each")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long it may take to start.
const DEADLINE: Duration = Duration::from_secs(10);

/// A running redis-server. Dropping it kills the process.
pub(crate) struct RedisServer {
    /// Where it listens on 127.0.0.1.
    pub(crate) port: u16,
    /// A directory of its own.
    pub(crate) dir: PathBuf,
    args: Vec<String>,
    child: Option<Child>,
}

impl RedisServer {
    /// Starts one.
    #[track_caller]
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// With more arguments, in which `{PORT}` and `{DIR}` are filled in.
    #[track_caller]
    pub(crate) fn start_with(args: &[&str]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("sekisho-redis-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        let dir = std::env::temp_dir().join(name);
        // One of a test run before, with the same process id.
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir(&dir).unwrap();
        let mut server = Self { port: 0, dir, args: Vec::new(), child: None };
        // A port that is free now may be taken before the server has it.
        for _ in 0..5 {
            server.port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let dir = server.dir.display().to_string();
            let fill = |arg: &&str| arg.replace("{PORT}", &server.port.to_string()).replace("{DIR}", &dir);
            server.args = args.iter().map(fill).collect();
            if server.run() {
                return server;
            }
        }
        panic!("redis-server did not start:\n{}", server.log());
    }

    /// `redis://127.0.0.1:port`.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it, as a crash would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again on the same port, empty.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        assert!(self.run(), "redis-server did not start again:\n{}", self.log());
    }

    /// Stops it without ending it: it keeps its connections and says nothing.
    pub(crate) fn hang(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    /// Asks it for one thing and gives its answer as it came, a line or a text; arrays a line each.
    #[track_caller]
    pub(crate) fn ask(&self, words: &[&str]) -> String {
        self.try_ask(words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    fn try_ask(&self, words: &[&str]) -> std::io::Result<String> {
        let stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(DEADLINE))?;
        let mut text = format!("*{}\r\n", words.len());
        for word in words {
            text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        (&stream).write_all(text.as_bytes())?;
        answer(&mut BufReader::new(stream))
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("it runs");
        kill_process(Pid::from_child(child), signal).expect("it is ours");
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    fn run(&mut self) -> bool {
        let log = std::fs::File::create(self.dir.join("log")).unwrap();
        let port = self.port.to_string();
        // No snapshots, no log of commands.
        let own =
            ["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "no", "--daemonize", "no"];
        let child = Command::new("redis-server")
            .args(own)
            .args(&self.args)
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("redis-server is installed; `cargo xtask test` does it");
        self.child = Some(child);
        let began = Instant::now();
        while !self.log().contains("Ready to accept connections") {
            let ended = self.child.as_mut().is_some_and(|child| child.try_wait().unwrap().is_some());
            if ended || began.elapsed() > DEADLINE {
                self.kill();
                return false;
            }
            // Nothing announces it, so it is looked for again shortly.
            std::thread::park_timeout(Duration::from_millis(2));
        }
        true
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Reads one answer (RESP2).
fn answer(stream: &mut impl BufRead) -> std::io::Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let line = line.trim_end();
    let count = || line[1..].parse::<usize>().ok();
    match line.as_bytes().first() {
        Some(b'$') => {
            let Some(count) = count() else { return Ok("(nil)".to_owned()) };
            let mut bytes = vec![0; count + 2];
            stream.read_exact(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes[..count]).into_owned())
        }
        Some(b'*') => {
            let parts: Result<Vec<_>, _> = (0..count().unwrap_or(0)).map(|_| answer(stream)).collect();
            Ok(parts?.join("\n"))
        }
        Some(b'+' | b':') => Ok(line[1..].to_owned()),
        _ => Ok(line.to_owned()),
    }
}
