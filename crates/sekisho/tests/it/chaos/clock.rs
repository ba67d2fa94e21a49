//! The time of day jumps by days, forward and back: nothing waits longer for that, or less long.
//!
//! The gateway's own clock is set by a library that is loaded before the system's: it adds what a file says to the time of day, and
//! to nothing else.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use crate::harness::{Gateway, Service, binary, ok, temp_dir, until};

const LIBRARY: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = syscall(SYS_clock_gettime, clock, time);
    const char *path = getenv("TEST_CLOCK");
    if (result != 0 || clock != CLOCK_REALTIME || path == NULL) return result;
    char text[32] = {0};
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return result;
    if (read(file, text, sizeof text - 1) > 0) time->tv_sec += atol(text);
    close(file);
    return result;
}
"#;

const DAY: i64 = 86_400;

/// The library, built. What the gateway is made of needs a C compiler as well.
fn library(dir: &Path) -> PathBuf {
    let (source, library) = (dir.join("clock.c"), dir.join("clock.so"));
    std::fs::write(&source, LIBRARY).unwrap();
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status();
    assert!(built.expect("there is a C compiler").success());
    library
}

/// Sets how many seconds the gateway's time of day is ahead.
fn set(dir: &Path, ahead: i64) {
    std::fs::write(dir.join("new"), ahead.to_string()).unwrap();
    std::fs::rename(dir.join("new"), dir.join("ahead")).unwrap();
}

/// Answers by the path: `/late` never, `/held` when it is told to.
fn service(go: &Arc<AtomicBool>) -> Service {
    let go = Arc::clone(go);
    Service::raw(move |mut conn| {
        while let Some(request) = conn.next_head() {
            match request.target.as_str() {
                "/late" => _ = conn.wait_closed(),
                "/held" => until("the end of the test", || go.load(SeqCst).then_some(())),
                _ => {}
            }
            conn.write(ok("text/plain", request.header("x-gateway-timestamp").unwrap_or_default()));
        }
    })
}

fn config(up: &Service, down: &Service, bad: &Service) -> String {
    format!(
        "services:\n  \
           up: {{ endpoints: ['{}'] }}\n  \
           late: {{ endpoints: ['{}'], timeouts: {{ first_byte: 100ms }}, retry: off }}\n  \
           broken: {{ endpoints: ['{}'], breaker: {{ reset: 1h }}, outlier: off }}\n  \
           checked: {{ endpoints: ['{}', '{}'], health: {{ interval: 100ms }},\n    \
             outlier: {{ consecutive_5xx: 1, base_ejection: 1h, max_ejection: 1h, interval: 1h }} }}\n\
         routes:\n  - {{ path: /late, service: late }}\n  - {{ path: /broken, service: broken }}\n  \
         - {{ path: /checked, service: checked }}\n  \
         - {{ path: /limited, respond: hello, policies: {{ rate_limit: {{ rate: 1/h, algorithm: fixed_window }} }} }}\n  \
         - {{ path: /*, service: up }}\n",
        up.url(),
        up.url(),
        down.url(),
        up.url(),
        bad.url()
    )
}

/// Answers checks with 200 and everything else with 500.
fn bad() -> (Service, Arc<AtomicUsize>) {
    let checks = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&checks);
    let service = Service::answering(move |request| {
        if request.target != "/health" {
            return b"HTTP/1.1 500 Bad\r\nContent-Length: 0\r\n\r\n".to_vec();
        }
        count.fetch_add(1, SeqCst);
        ok("text/plain", "well")
    });
    (service, checks)
}

/// The day that the gateway tells services.
fn day(gateway: &Gateway) -> String {
    gateway.get("/day").text().split('T').next().unwrap_or_default().to_owned()
}

#[test]
fn a_time_of_day_that_jumps_neither_ends_nor_prolongs_what_is_waited_for() {
    let dir = temp_dir();
    let library = library(&dir);
    set(&dir, 0);
    let go = Arc::new(AtomicBool::new(false));
    let (up, down, (bad, checks)) = (service(&go), Service::echo(), bad());
    down.stop();
    let mut command = binary();
    command.env("LD_PRELOAD", &library).env("TEST_CLOCK", dir.join("ahead"));
    let gateway = Gateway::start_by(command, &config(&up, &down, &bad), &[]);

    // A breaker opens, an endpoint is left alone, a limit is reached, each for an hour; and somebody waits for an answer.
    until("the breaker to open", || (gateway.get("/broken").code() == "CIRCUIT_OPEN").then_some(()));
    until("an ejection", || (gateway.get("/checked").status == 500).then_some(()));
    gateway.wait_metric("gateway_endpoint_ejections_total", &[("service", "checked")], 1.0);
    assert_eq!([0; 2].map(|_| gateway.get("/limited").status), [200, 429]);
    let (mut held, mut kept) = (gateway.connect(), gateway.connect());
    held.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
    kept.send("GET /day HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(kept.answer().status, 200);

    let mut today = day(&gateway);
    for ahead in [2 * DAY, -2 * DAY, 400 * DAY, 0] {
        set(&dir, ahead);
        until("the time of day to jump", || (day(&gateway) != today).then_some(()));
        today = day(&gateway);
        let refused = gateway.get("/broken");
        assert_eq!(refused.code(), "CIRCUIT_OPEN");
        let after: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((3_000..=3_600).contains(&after), "{after}");
        assert_eq!(gateway.get("/limited").status, 429);
        for _ in 0..10 {
            assert_eq!(gateway.get("/checked").status, 200, "whoever is left alone still is");
        }
        // What has its time has it still: a limit that waits for the service, and checks that come by the clock.
        assert_eq!(gateway.get("/late").code(), "UPSTREAM_TIMEOUT");
        let before = checks.load(SeqCst);
        until("further checks", || (checks.load(SeqCst) > before + 2).then_some(()));
    }
    gateway.wait_metric("gateway_endpoint_ejections_total", &[("service", "checked")], 1.0);
    kept.send("GET /day HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(kept.answer().status, 200, "a connection that was idle for days, by that clock");
    go.store(true, SeqCst);
    assert_eq!(held.answer().status, 200);
    std::fs::remove_dir_all(dir).unwrap();
}
