//! The load: wrk on its own core, driven by a script written here and bounded in time.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::load::tls::NAME;
use super::processes::{Cores, pinned};
use crate::command::capture;

/// What is asked of a target, over and over.
#[derive(Debug, Clone)]
pub(super) struct Load {
    pub(super) scheme: Scheme,
    pub(super) connections: u32,
    pub(super) asks: Asks,
    pub(super) headers: Vec<(String, String)>,
}

/// Whether TLS is spoken; wrk trusts any certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

/// The requests of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    Get {
        path: &'static str,
    },
    /// A body of this many bytes, to `/`.
    Post {
        bytes: usize,
    },
    /// In turn, paths spread over that many routes (see `route_path`).
    Spread {
        routes: usize,
    },
}

/// No load asks for more different paths than this, so that the requests stay in wrk's cache.
const MOST_PATHS: usize = 1_000;

/// What wrk counted in one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) requests: u64,
    pub(super) bytes: u64,
    pub(super) took: Duration,
    /// Answers of 400 and above.
    pub(super) refused: u64,
    /// Connects, reads, writes and waits that failed.
    pub(super) failed: u64,
    pub(super) p50: Duration,
    pub(super) p99: Duration,
}

/// The path of a request that route number `route` serves; its pattern is this without the last segment, then `*`.
pub(super) fn route_path(route: usize) -> String {
    format!("/area-{}/thing-{route}/42", route % 100)
}

/// The numbers of the routes that a spread load visits.
fn visited(routes: usize) -> impl Iterator<Item = usize> {
    (0..routes).step_by(routes.div_ceil(MOST_PATHS).max(1))
}

/// A path that the load asks for, to be tried by hand first.
pub(super) fn sample_path(asks: Asks) -> String {
    match asks {
        Asks::Get { path } => path.to_owned(),
        Asks::Post { .. } => "/".to_owned(),
        Asks::Spread { routes } => route_path(visited(routes).last().unwrap_or_default()),
    }
}

/// Runs the load against `port` for `seconds`; scripts are written to `folder`.
pub(super) fn run(folder: &Path, port: u16, load: &Load, seconds: u64) -> Result<Counts, String> {
    let file = folder.join(format!("load-{port}.lua"));
    fs::write(&file, script(load)).map_err(|e| format!("cannot write {}: {e}", file.display()))?;
    let limit = (seconds + 15).to_string();
    let mut command = pinned(Cores::Load);
    command.args(["timeout", "--kill-after=3", &limit, "wrk", "--threads", "1"]);
    command.args(["--connections", &load.connections.to_string(), "--duration", &format!("{seconds}s")]);
    // By its name, so that a client of TLS asks for the certificate that is there.
    let origin = match load.scheme {
        Scheme::Http => format!("http://127.0.0.1:{port}"),
        Scheme::Https => format!("https://{NAME}:{port}"),
    };
    command.arg("--script").arg(&file).arg(format!("{origin}{}", sample_path(load.asks)));
    let printed = capture(&mut command)?;
    counts(&printed).ok_or_else(|| format!("wrk did not report its counts but:\n{printed}"))
}

/// Strings are written by `{:?}`: Rust and Lua agree on escapes of printable ASCII, and nothing else is asked for.
fn script(load: &Load) -> String {
    let mut lua = String::new();
    for (name, value) in &load.headers {
        let _ = writeln!(lua, "wrk.headers[{name:?}] = {value:?}");
    }
    match load.asks {
        Asks::Get { .. } => {}
        Asks::Post { bytes } => {
            let _ = writeln!(lua, "wrk.method = \"POST\"\nwrk.body = string.rep(\"b\", {bytes})");
            lua.push_str("wrk.headers[\"Content-Type\"] = \"application/octet-stream\"\n");
        }
        Asks::Spread { routes } => {
            lua.push_str("local paths = {\n");
            for route in visited(routes) {
                let _ = writeln!(lua, "  {:?},", route_path(route));
            }
            lua.push_str(SPREAD);
        }
    }
    lua.push_str(DONE);
    lua
}

const SPREAD: &str = r#"}
local requests, turn = {}, 0
init = function(arguments)
  for place, path in ipairs(paths) do requests[place] = wrk.format("GET", path) end
end
request = function()
  turn = turn % #requests + 1
  return requests[turn]
end
"#;

const DONE: &str = r#"
done = function(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("counts: requests=%d bytes=%d took=%d refused=%d failed=%d p50=%d p99=%d\n",
    summary.requests, summary.bytes, summary.duration, errors.status, failed,
    latency:percentile(50), latency:percentile(99)))
end
"#;

fn counts(printed: &str) -> Option<Counts> {
    let line = printed.lines().find_map(|line| line.strip_prefix("counts: "))?;
    let field = |name: &str| -> Option<u64> {
        let pair = line.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='))?;
        pair.parse().ok()
    };
    Some(Counts {
        requests: field("requests")?,
        bytes: field("bytes")?,
        took: Duration::from_micros(field("took")?),
        refused: field("refused")?,
        failed: field("failed")?,
        p50: Duration::from_micros(field("p50")?),
        p99: Duration::from_micros(field("p99")?),
    })
}

#[cfg(test)]
mod tests {
    use super::{Asks, Load, Scheme, counts, sample_path, script, visited};
    use std::time::Duration;

    #[test]
    fn reads_what_the_script_reports() {
        let line =
            "Running 1s test\ncounts: requests=10 bytes=99 took=1000000 refused=1 failed=2 p50=30 p99=40\n";
        let read = counts(line).unwrap();
        assert_eq!((read.requests, read.bytes, read.refused, read.failed), (10, 99, 1, 2));
        assert_eq!((read.took, read.p99), (Duration::from_secs(1), Duration::from_micros(40)));
        assert_eq!(counts("counts: requests=10"), None);
        assert_eq!(counts("unable to connect"), None);
    }

    #[test]
    fn spreads_over_all_routes_but_not_over_too_many_paths() {
        for (routes, count, last) in [(1, 1, 0), (10, 10, 9), (10_000, 1_000, 9_990), (1_001, 501, 1_000)] {
            assert_eq!(visited(routes).count(), count, "{routes}");
            assert_eq!(visited(routes).last(), Some(last), "{routes}");
        }
        assert_eq!(sample_path(Asks::Spread { routes: 10_000 }), "/area-90/thing-9990/42");
    }

    #[test]
    fn the_script_sets_headers_and_body() {
        let headers = vec![("Accept".to_owned(), "a \"b\"".to_owned())];
        let text =
            script(&Load { scheme: Scheme::Http, connections: 1, asks: Asks::Post { bytes: 10 }, headers });
        assert!(text.contains(r#"wrk.headers["Accept"] = "a \"b\"""#), "{text}");
        assert!(text.contains(r#"string.rep("b", 10)"#), "{text}");
    }
}
