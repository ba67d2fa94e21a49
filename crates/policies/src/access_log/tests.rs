//! What the access log writes, when, and what it leaves out.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sekisho_exchange::{Decider, Reply};
use sekisho_units::Clock;
use serde_json::{Value, json};

use super::*;
use crate::fixture::{Fixture, compile_with};

/// A folder of this test's own, gone when it ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sekisho-access-log-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// How long a condition may take to come true.
const DEADLINE: Duration = Duration::from_secs(30);

/// Waits until `condition` holds.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let clock = Clock::system();
    let end = clock.now() + DEADLINE;
    while !condition() {
        assert!(clock.now() < end, "{what} within {DEADLINE:?}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn log(sinks: &Sinks, path: &Path, settings: Value) -> AccessLog {
    let mut settings = settings;
    settings["to"] = json!(path);
    compile_with::<Config>(settings, sinks).unwrap()
}

fn outcome(status: u16) -> Outcome {
    Outcome { status, duration: Duration::from_micros(12_345), reason: "ok".into() }
}

const REQUEST: &str = "GET /api/users/7?page=2&Token=abc HTTP/1.1\nHost: a.example\nUser-Agent: Mozilla/5.0 \"x\"\n\
                       Referer: https://b.example/?token=abc\nAuthorization: Bearer secret\nCookie: secret\n";

/// The lines that one exchange leaves in a file.
fn logged(name: &str, settings: Value, request: &str, prepare: impl FnOnce(&mut Exchange<'_>)) -> String {
    let folder = Folder::new(name);
    let path = folder.file("log");
    let sinks = Sinks::new();
    let policy = log(&sinks, &path, settings);
    sinks.open_all().unwrap();
    let fixture = Fixture::new(request);
    let mut exchange = fixture.exchange();
    prepare(&mut exchange);
    assert!(matches!(policy.enter(&mut exchange), Verdict::Proceed(())));
    policy.account(&exchange, &outcome(200));
    sinks.flush_and_close();
    text(&path)
}

fn served(exchange: &mut Exchange<'_>) {
    exchange.ids = Some(sekisho_exchange::Ids {
        request: sekisho_exchange::Id::Given("r\"1"),
        correlation: sekisho_exchange::Id::Given("c-1"),
    });
    exchange.route = "/api/users/{id}";
    let facts = &mut exchange.facts;
    facts.service = Some("user-service");
    facts.endpoint = Some("127.0.0.1:4001".into());
    facts.upstream_duration = Some(Duration::from_micros(9_876));
    facts.attempts = 1;
    facts.response_bytes = 512;
}

#[test]
fn a_json_line_has_the_contracts_members_and_no_secret() {
    let line = logged("json", json!({}), REQUEST, served);
    let parsed: Value = serde_json::from_str(&line).unwrap();
    let want = json!({
        "event": "request_end", "timestamp": "2026-01-01T00:00:00.012Z", "requestId": "r\"1", "correlationId": "c-1",
        "method": "GET", "path": "/api/users/7", "query": "page=2&Token=***", "route": "/api/users/{id}",
        "statusCode": 200, "duration": 12.345, "requestSize": 0, "responseSize": 512, "userAgent": "Mozilla/5.0 \"x\"",
        "ip": "192.0.2.7", "service": "user-service", "endpoint": "127.0.0.1:4001", "upstreamDuration": 9.876,
        "attempts": 1, "decided_by": "service", "reason": "ok",
    });
    assert_eq!(parsed, want);
    assert!(line.ends_with("}\n") && !line.contains("secret") && !line.contains("abc"), "{line}");
}

#[test]
fn what_has_no_value_is_left_out() {
    let request = "GET / HTTP/1.1\nHost: a.example\n";
    let parsed: Value = serde_json::from_str(&logged("bare", json!({}), request, |_| ())).unwrap();
    for absent in [
        "requestId",
        "correlationId",
        "query",
        "route",
        "userAgent",
        "service",
        "endpoint",
        "upstreamDuration",
        "shadow",
    ] {
        assert_eq!(parsed.get(absent), None, "{absent}");
    }
    assert_eq!((&parsed["attempts"], &parsed["path"]), (&json!(0), &json!("/")));
}

#[test]
fn refusals_in_shadow_are_listed() {
    let line = logged("shadow", json!({}), REQUEST, |exchange| {
        exchange.facts.shadow("body_limit", &Reply::body_too_large(1));
        exchange.facts.shadow("cors", &Reply::plain(204, sekisho_exchange::Content::Empty, "preflight"));
        exchange.facts.decided_by = Decider::Router;
    });
    let parsed: Value = serde_json::from_str(&line).unwrap();
    let want = json!([{"policy": "body_limit", "status": 413, "code": "BODY_TOO_LARGE"}, {"policy": "cors", "status": 204}]);
    assert_eq!((&parsed["shadow"], &parsed["decided_by"]), (&want, &json!("router")));
}

#[test]
fn the_start_is_logged_when_asked_for() {
    let lines = logged("start", json!({"start": true}), REQUEST, served);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let want = json!({
        "event": "request_start", "timestamp": "2026-01-01T00:00:00.000Z", "requestId": "r\"1", "correlationId": "c-1",
        "method": "GET", "path": "/api/users/7", "query": "page=2&Token=***", "route": "/api/users/{id}",
        "userAgent": "Mozilla/5.0 \"x\"", "ip": "192.0.2.7",
    });
    assert_eq!(lines[0], want);
    assert_eq!((lines.len(), &lines[1]["event"]), (2, &json!("request_end")));
}

#[test]
fn combined_is_as_apache_writes_it() {
    let want = "192.0.2.7 - - [01/Jan/2026:00:00:00 +0000] \"GET /api/users/7?page=2&Token=*** HTTP/1.1\" 200 512 \
                \"https://b.example/?token=***\" \"Mozilla/5.0 \\x22x\\x22\"\n";
    assert_eq!(logged("combined", json!({"format": "combined"}), REQUEST, served), want);
}

#[test]
fn a_template_hides_secrets_too() {
    let format = "{request.method} {request.path}{request.?query} [{request.query}] {{{response.status}}} \
                  {request.header.Referer} {request.header.x-none}{service}";
    let want = "GET /api/users/7?page=2&Token=*** [page=2&Token=***] {200} https://b.example/?token=*** user-service\n";
    assert_eq!(logged("template", json!({"format": format}), REQUEST, served), want);
}

#[test]
fn other_names_of_secrets_replace_the_default() {
    let request = REQUEST.replacen("Token=abc", "Token=abc&sig=def", 1);
    let line = logged("redact", json!({"redact": ["Page"]}), &request, served);
    let parsed: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(parsed["query"], json!("page=***&Token=***&sig=def"), "credentials are hidden all the same");
}

#[test]
fn refuses_settings_that_cannot_work() {
    for (settings, want) in [
        (json!({"format": "xml"}), "policies.it.format: format `xml` is unknown; write `json`"),
        (json!({"format": "{request.nobody}"}), "unknown value `{request.nobody}`"),
        (json!({"format": "{request.path"}), "a brace without its partner"),
        (json!({"format": "{request.header.Cookie}"}), "holds credentials"),
        (json!({"format": "combined", "start": true}), "policies.it.start"),
        (json!({"to": ""}), "policies.it.to"),
        (json!({"to": "logs/"}), "policies.it.to"),
        (json!({"redact": [""]}), "policies.it.redact"),
        (json!({"path": "x"}), "unknown field"),
    ] {
        let error = compile_with::<Config>(settings, &Sinks::new()).map(|_| ()).unwrap_err();
        assert!(error.contains(want), "{error}");
    }
}

#[test]
fn compiling_touches_no_file_and_one_path_has_one_sink() {
    let folder = Folder::new("compile");
    let (path, sinks) = (folder.file("log"), Sinks::new());
    let one = log(&sinks, &path, json!({}));
    let two = log(&sinks, &folder.file("./log"), json!({"format": "combined"}));
    assert!(Arc::ptr_eq(&one.sink, &two.sink));
    assert!(!path.exists());
    sinks.open_all().unwrap();
    assert!(path.exists());
    drop((one, two));
    sinks.open_all().unwrap();
    assert_eq!(sinks.stats(), [], "what no policy uses is forgotten");
}

#[test]
fn says_which_file_cannot_be_opened() {
    let folder = Folder::new("missing");
    let (path, sinks) = (folder.file("none/log"), Sinks::new());
    let policy = log(&sinks, &path, json!({}));
    let error = sinks.open_all().unwrap_err();
    assert_eq!(error.path, path.display().to_string());
    assert!(error.to_string().contains("check that the folder exists"), "{error}");
    // A reload without that log is not held up by it.
    drop(policy);
    sinks.open_all().unwrap();
}

#[test]
fn a_line_is_written_within_a_second() {
    let folder = Folder::new("second");
    let (path, sinks) = (folder.file("log"), Sinks::new());
    let policy = log(&sinks, &path, json!({}));
    sinks.open_all().unwrap();
    policy.sink.line(3, |out| out.extend_from_slice(b"soon\n"));
    until("the line is there", || text(&path) == "soon\n");
    until("it is counted", || sinks.stats()[0].lines == 1 && sinks.stats()[0].bytes == 5);
}

#[test]
fn lines_of_many_workers_are_never_mixed_and_keep_each_workers_order() {
    const EACH: usize = 20_000;
    let folder = Folder::new("mixed");
    let (path, sinks) = (folder.file("log"), Sinks::new());
    let policy = log(&sinks, &path, json!({}));
    sinks.open_all().unwrap();
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let sink = &policy.sink;
            scope.spawn(move || {
                for index in 0..EACH {
                    let line = format!("{worker} {index} {}\n", "x".repeat(index % 50));
                    sink.line(worker, |out| out.extend_from_slice(line.as_bytes()));
                }
            });
        }
    });
    sinks.flush_and_close();
    let mut next = [0; 4];
    let mut lines = 0;
    for line in text(&path).lines() {
        let parts: Vec<_> = line.split(' ').collect();
        let (worker, index): (usize, usize) = (parts[0].parse().unwrap(), parts[1].parse().unwrap());
        assert_eq!(parts[2], "x".repeat(index % 50));
        assert!(index >= next[worker], "{line} after {}", next[worker]);
        next[worker] = index + 1;
        lines += 1;
    }
    let stats = &sinks.stats()[0];
    assert_eq!((stats.lines, stats.lines + stats.dropped), (lines, 4 * EACH as u64));
}

#[test]
fn after_a_rotation_lines_go_to_the_new_file() {
    let folder = Folder::new("rotation");
    let (path, old, sinks) = (folder.file("log"), folder.file("log.1"), Sinks::new());
    let policy = log(&sinks, &path, json!({}));
    sinks.open_all().unwrap();
    let put = |text: &'static str| policy.sink.line(0, |out| out.extend_from_slice(text.as_bytes()));
    put("before\n");
    fs::rename(&path, &old).unwrap();
    sinks.reopen();
    until("the new file is there", || path.exists());
    put("after\n");
    until("the line is there", || text(&path) == "after\n");
    assert_eq!(text(&old), "before\n");
}

#[test]
fn a_failing_reopen_keeps_the_old_file() {
    let folder = Folder::new("reopen");
    let (path, old, sinks) = (folder.file("log"), folder.file("log.1"), Sinks::new());
    let policy = log(&sinks, &path, json!({}));
    sinks.open_all().unwrap();
    fs::rename(&path, &old).unwrap();
    fs::create_dir(&path).unwrap();
    sinks.reopen();
    policy.sink.line(0, |out| out.extend_from_slice(b"kept\n"));
    until("the line is there", || text(&old) == "kept\n");
}

#[test]
fn a_blocked_pipe_drops_and_counts_and_recovers() {
    const LINES: u64 = 150_000;
    let folder = Folder::new("pipe");
    let (path, sinks) = (folder.file("pipe"), Sinks::new());
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let policy = log(&sinks, &path, json!({}));
    sinks.open_all().unwrap();
    let line = [b'x'; 99];
    let put = || {
        policy.sink.line(1, |out| {
            out.extend_from_slice(&line);
            out.push(b'\n');
        });
    };
    // Nobody reads: 15 MB are more than pipe, queue and share can hold, and yet this loop ends.
    (0..LINES).for_each(|_| put());
    assert!(sinks.stats()[0].dropped > 0);
    let reader = std::thread::spawn(move || {
        let mut pipe = fs::File::open(path).unwrap();
        let (mut read, mut buffer) = (Vec::new(), [0; 65_536]);
        while !read.ends_with(b"the last\n") {
            let count = pipe.read(&mut buffer).unwrap();
            read.extend_from_slice(&buffer[..count]);
        }
        read
    });
    let accounted = || sinks.stats()[0].lines + sinks.stats()[0].dropped;
    until("all is written or dropped", || accounted() == LINES);
    policy.sink.line(1, |out| out.extend_from_slice(b"the last\n"));
    let read = reader.join().unwrap();
    let whole = read.split(|&b| b == b'\n').filter(|read| **read == line).count() as u64;
    until("the last line is counted", || accounted() == LINES + 1);
    assert_eq!(whole + 1, sinks.stats()[0].lines);
    assert_eq!(read.len() as u64, whole * 100 + 9, "no line is torn");
}

#[test]
fn a_sink_that_fails_counts_its_lines_and_does_not_spin() {
    let sinks = Sinks::new();
    let policy = log(&sinks, Path::new("/dev/full"), json!({}));
    sinks.open_all().unwrap();
    policy.sink.line(0, |out| out.extend_from_slice(b"lost\n"));
    until("it is counted", || sinks.stats()[0].dropped == 1);
    assert_eq!((sinks.stats()[0].lines, sinks.stats()[0].bytes), (0, 0));
}

#[test]
fn a_blocked_sink_does_not_hold_up_the_end_for_ever() {
    let folder = Folder::new("end");
    let (path, sinks) = (folder.file("pipe"), Sinks::new());
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let policy = log(&sinks, &path, json!({}));
    sinks.open_all().unwrap();
    for _ in 0..4_000 {
        policy.sink.line(0, |out| out.extend_from_slice(&[b"x".repeat(99), b"\n".to_vec()].concat()));
    }
    let (tell, told) = std::sync::mpsc::sync_channel(64);
    std::thread::spawn(move || {
        sinks.flush_and_close();
        tell.send(()).unwrap();
    });
    told.recv_timeout(DEADLINE).expect("an end, though nobody ever reads");
}
