//! A real `sekisho run`, on ports that the system chooses.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{Answer, Client, Lines, until};

/// A running gateway. Dropping it kills the process.
pub(crate) struct Gateway {
    /// Where clients connect (the first, if there are several).
    pub(crate) addr: SocketAddr,
    /// All places where clients connect, in the order written.
    pub(crate) ports: Vec<SocketAddr>,
    /// Where operators connect; the same as `addr` if the configuration switches that off.
    pub(crate) admin: SocketAddr,
    /// What it wrote to standard output: the access log, unless the configuration puts it elsewhere.
    pub(crate) stdout: Lines,
    /// What it wrote to standard error.
    pub(crate) stderr: Lines,
    /// A directory of its own, `{DIR}` in its configuration.
    pub(crate) dir: PathBuf,
    child: Child,
}

/// The program under test.
pub(crate) fn binary() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sekisho"))
}

/// What a command of the program, such as `check`, says of a configuration, and whether it was content with it.
pub(crate) fn said_of(config: &str, words: &[&str]) -> (String, bool) {
    let dir = temp_dir();
    let path = dir.join("sekisho.yaml");
    std::fs::write(&path, config).unwrap();
    let output = binary().args(words).arg("--config").arg(&path).output().unwrap();
    std::fs::remove_dir_all(&dir).unwrap();
    (String::from_utf8_lossy(&[output.stderr, output.stdout].concat()).into_owned(), output.status.success())
}

/// A new, empty directory; whoever asks removes it.
pub(crate) fn temp_dir() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("sekisho-it-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
    let dir = std::env::temp_dir().join(name);
    // One of a test run before, with the same process id.
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir(&dir).unwrap();
    dir
}

/// A configuration with ports that the system chooses where it names none, and `{DIR}` filled in.
fn whole(config: &str, dir: &Path) -> String {
    let mut text = String::new();
    for word in ["listen", "admin"] {
        if !config.lines().any(|line| line.starts_with(&format!("{word}:"))) {
            text.push_str(&format!("{word}: http://127.0.0.1:0\n"));
        }
    }
    text + &config.replace("{DIR}", &dir.display().to_string())
}

/// A line of a process's status that gives KiB.
fn status_kb(pid: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}

impl Gateway {
    /// Starts one; `listen` and `admin` need not be in `config`, and `{DIR}` in it is [`Gateway::dir`].
    #[track_caller]
    pub(crate) fn start(config: &str) -> Self {
        Self::start_with(config, &[], &[])
    }

    /// With environment variables and with files in [`Gateway::dir`].
    #[track_caller]
    pub(crate) fn start_with(config: &str, env: &[(&str, &str)], files: &[(&str, &str)]) -> Self {
        let mut command = binary();
        command.envs(env.iter().copied()).stdin(Stdio::null());
        Self::start_by(command, config, files)
    }

    /// By a command that takes the program's arguments, such as a shell that prepares something for it first.
    #[track_caller]
    pub(crate) fn start_by(command: Command, config: &str, files: &[(&str, &str)]) -> Self {
        let dir = temp_dir();
        for (name, text) in files {
            std::fs::write(dir.join(name), text).unwrap();
        }
        let path = dir.join("sekisho.yaml");
        std::fs::write(&path, whole(config, &dir)).unwrap();
        Self::spawn(command, &path, dir)
    }

    /// Where its configuration stands.
    pub(crate) fn config(&self) -> PathBuf {
        self.dir.join("sekisho.yaml")
    }

    /// Puts another configuration in the place of its own, by renaming; as with [`Gateway::start`].
    pub(crate) fn configure(&self, config: &str) {
        let new = self.dir.join("new.yaml");
        std::fs::write(&new, whole(config, &self.dir)).unwrap();
        std::fs::rename(new, self.config()).unwrap();
    }

    /// `POST /api/reload`: the status, and the report.
    #[track_caller]
    pub(crate) fn reload(&self) -> (u16, Value) {
        let answer = self.admin_post("/api/reload");
        (answer.status, answer.json())
    }

    /// Puts another configuration in its place, and sees to it that it comes into force.
    #[track_caller]
    pub(crate) fn reconfigure(&self, config: &str) -> Value {
        self.configure(config);
        let (status, report) = self.reload();
        // On a slow machine the change of the file may have been seen before anybody asked.
        let in_force = ["applied", "unchanged"].map(Value::from).contains(&report["outcome"]);
        assert!(status == 200 && in_force, "{report:#}");
        report
    }

    #[track_caller]
    fn spawn(mut command: Command, config: &Path, dir: PathBuf) -> Self {
        let mut child = command
            .args(["run", "-c"])
            .arg(config)
            .current_dir(&dir)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stdout = Lines::collect(child.stdout.take().unwrap());
        let stderr = Lines::collect(child.stderr.take().unwrap());
        let Some((ports, admin)) = stderr.find(addresses) else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("the gateway did not start:\n{}", stderr.all().join("\n"));
        };
        let addr = ports[0];
        Self { addr, ports, admin: admin.unwrap_or(addr), stdout, stderr, dir, child }
    }

    /// A new connection.
    #[track_caller]
    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.addr)
    }

    /// Over a new connection, `GET path` with the Host `gateway.test`.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.request(format!("GET {path} HTTP/1.1\r\nHost: gateway.test\r\n\r\n"))
    }

    /// Over a new connection, these bytes, and one answer.
    #[track_caller]
    pub(crate) fn request(&self, raw: impl AsRef<[u8]>) -> Answer {
        let mut client = self.connect();
        client.send(&raw);
        match raw.as_ref().starts_with(b"HEAD ") {
            true => client.answer_to_head(),
            false => client.answer(),
        }
    }

    /// `GET path` from the admin port.
    #[track_caller]
    pub(crate) fn admin_get(&self, path: &str) -> Answer {
        self.admin_ask("GET", path)
    }

    /// `POST path` without a body to the admin port.
    #[track_caller]
    pub(crate) fn admin_post(&self, path: &str) -> Answer {
        self.admin_ask("POST", path)
    }

    #[track_caller]
    fn admin_ask(&self, method: &str, path: &str) -> Answer {
        let mut client = Client::connect(self.admin);
        client.send(format!("{method} {path} HTTP/1.1\r\nHost: admin.test\r\nConnection: close\r\n\r\n"));
        client.answer()
    }

    /// The sum of all samples whose line begins so, such as `gateway_requests_total{`; 0 if there is none.
    #[track_caller]
    pub(crate) fn metric(&self, line_prefix: &str) -> f64 {
        self.samples(|line| line.starts_with(line_prefix))
    }

    /// The sum of all samples of a name that have all these labels, whatever others there are.
    #[track_caller]
    pub(crate) fn metric_where(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.samples(|line| {
            let Some(rest) = line.strip_prefix(name) else { return false };
            let Some(all) = rest.strip_prefix('{').and_then(|rest| rest.rsplit_once('}')).map(|(all, _)| all)
            else {
                return labels.is_empty() && rest.starts_with(' ');
            };
            let all = format!(",{all},");
            labels.iter().all(|(label, value)| all.contains(&format!(",{label}=\"{value}\",")))
        })
    }

    /// Waits until [`Gateway::metric_where`] is `want`: a request is counted just after its answer was sent.
    #[track_caller]
    pub(crate) fn wait_metric(&self, name: &str, labels: &[(&str, &str)], want: f64) {
        until(&format!("{name} {labels:?} to be {want}; it is {}", self.metric_where(name, labels)), || {
            (self.metric_where(name, labels) == want).then_some(())
        });
    }

    /// Waits until each worker has done what had come to it: a request counts as under way a moment before it waits where it
    /// will, and only the next answer of the same worker shows that it does.
    #[track_caller]
    pub(crate) fn each_worker_answers(&self) {
        // A connection goes to the worker with the fewest, so that among so many each has one.
        let mut clients: Vec<_> = (0..8).map(|_| self.connect()).collect();
        for client in &mut clients {
            client.send("NONSENSE\r\n\r\n");
            assert_eq!(client.answer().status, 400);
        }
    }

    #[track_caller]
    fn samples(&self, wanted: impl Fn(&str) -> bool) -> f64 {
        let answer = self.admin_get("/metrics");
        assert_eq!(answer.status, 200);
        let text = answer.text();
        let lines = text.lines().filter(|line| !line.starts_with('#') && wanted(line));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// The access log so far. A line is written up to half a second after its request.
    pub(crate) fn log_lines(&self) -> Vec<Value> {
        self.stdout.all().iter().map(|line| log_line(line)).collect()
    }

    /// Waits for a line of the access log.
    #[track_caller]
    pub(crate) fn wait_log(&self, mut wanted: impl FnMut(&Value) -> bool) -> Value {
        let found = self.stdout.find(|line| Some(log_line(line)).filter(|line| wanted(line)));
        found.unwrap_or_else(|| panic!("no such line in the access log:\n{}", self.stdout.all().join("\n")))
    }

    /// Waits for the `request_end` line of the request that got this answer.
    #[track_caller]
    pub(crate) fn wait_log_of(&self, answer: &Answer) -> Value {
        let id = answer.header("x-request-id").expect("the answer has an id").to_owned();
        self.wait_log(|line| line["event"] == "request_end" && line["requestId"] == id.as_str())
    }

    /// Sends a signal: `TERM`, `QUIT`, `INT`, `HUP`, `USR1`, `KILL`, `STOP`, `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        let signal = match name {
            "TERM" => Signal::TERM,
            "QUIT" => Signal::QUIT,
            "INT" => Signal::INT,
            "HUP" => Signal::HUP,
            "USR1" => Signal::USR1,
            "KILL" => Signal::KILL,
            "STOP" => Signal::STOP,
            "CONT" => Signal::CONT,
            _ => panic!("no signal {name} here"),
        };
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the process to end by itself.
    #[track_caller]
    pub(crate) fn wait_exit(&mut self) -> ExitStatus {
        until("the gateway to exit", || self.child.try_wait().unwrap())
    }

    /// Whether the process has not ended.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Resident memory, in KiB.
    pub(crate) fn rss_kb(&self) -> u64 {
        status_kb(self.pid(), "VmRSS:")
    }

    /// The most resident memory so far, in KiB.
    pub(crate) fn peak_kb(&self) -> u64 {
        status_kb(self.pid(), "VmHWM:")
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
        if std::thread::panicking() {
            eprintln!("the gateway's standard error:\n{}", self.stderr.all().join("\n"));
        } else {
            // Whatever the test looked at: a task that died unnoticed is a defect.
            let said = self.stderr.to_end();
            assert!(!said.iter().any(|line| line.contains("panicked at")), "{}", said.join("\n"));
        }
    }
}

fn log_line(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in a line of the access log: {line}"))
}

/// The addresses in `sekisho: listening on http://A[ and https://B], admin on http://C, …`.
fn addresses(line: &str) -> Option<(Vec<SocketAddr>, Option<SocketAddr>)> {
    let rest = line.split_once("listening on ")?.1;
    let address = |text: &str| {
        let (_, text) = text.split_once("://")?;
        text.split([' ', ',']).next()?.parse().ok()
    };
    let traffic = rest.split(',').next()?.split(" and ").map(address).collect::<Option<_>>()?;
    Some((traffic, rest.split_once("admin on ").and_then(|(_, rest)| address(rest))))
}
