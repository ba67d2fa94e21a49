//! Evidence that the policies were at work while they were measured: a policy that never ran costs nothing.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use super::super::http::{self, Answer};
use super::super::targets::Target;

/// Logs are written within a second and counters merged when read; more than this is a defect.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was found, for the report.
#[derive(Debug)]
pub(super) struct Proof {
    pub(super) note: String,
    pub(super) problems: Vec<String>,
}

/// Headers that an answer bears if ids, security headers and CORS are on.
const SIGNS: &[(&str, &str)] = &[
    ("x-request-id", "request_id"),
    ("x-correlation-id", "request_id"),
    ("x-content-type-options", "security_headers"),
    ("strict-transport-security", "security_headers"),
    ("access-control-allow-origin", "cors"),
];

/// The same for the whole chain: besides, each of its policies must have let every request through, the breaker must have
/// counted, and without a token nobody passes.
pub(super) fn full(target: &Target, headers: &[(String, String)], requests: u64) -> Result<Proof, String> {
    let Proof { note, mut problems } = logged(target, headers, requests, &SIGNS[..4])?;
    let text = http::get(target.admin, "/metrics", &[])?;
    let text = String::from_utf8_lossy(&text.body);
    for policy in ["rate_limit", "jwt", "authorize"] {
        let through = sum_of(&text, "gateway_policy_decisions_total", |labels| {
            labels.contains(&format!("policy=\"{policy}\"")) && labels.contains("decision=\"proceeded\"")
        });
        if through < requests {
            problems.push(format!("`{policy}` let {through} requests through, but {requests} were answered"));
        }
    }
    if sum_of(&text, "gateway_circuit_breaker_window", |labels| labels.contains("result=\"success\"")) == 0 {
        problems.push("the circuit breaker has counted nothing of the last seconds".to_owned());
    }
    let bare: Vec<_> = headers.iter().filter(|(name, _)| name != "Authorization").cloned().collect();
    let refused = http::get(target.port, "/", &bare)?.status;
    if refused != 401 {
        problems.push(format!("without a token the answer is {refused}, not 401"));
    }
    Ok(Proof {
        note: format!("{note}; each policy let as many through; without a token: {refused}"),
        problems,
    })
}

/// Compares an answer's headers, the target's counters and its access log with what the load counted.
///
/// `requests` leaves out what was in flight when a load ended, so both may show a little more.
pub(super) fn policies(
    target: &Target,
    headers: &[(String, String)],
    requests: u64,
) -> Result<Proof, String> {
    logged(target, headers, requests, SIGNS)
}

fn logged(
    target: &Target,
    headers: &[(String, String)],
    requests: u64,
    signs: &[(&str, &str)],
) -> Result<Proof, String> {
    let mut problems = missing(&http::get(target.port, "/", headers)?, signs);
    let (mut counted, mut lines) = (0, 0);
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline && !(counted >= requests && near(lines, requests)) {
        let metrics = http::get(target.admin, "/metrics", &[])?;
        counted = total(&String::from_utf8_lossy(&metrics.body));
        lines = count_lines(&target.access_log).unwrap_or_default();
        std::thread::sleep(Duration::from_millis(200));
    }
    if counted < requests {
        problems.push(format!("gateway_requests_total is {counted}, but {requests} requests were answered"));
    }
    if let Err(error) = File::open(&target.access_log) {
        problems.push(format!("the access log cannot be read: {error}"));
    } else if !near(lines, requests) {
        problems.push(format!("the access log has {lines} lines, not within 1 % of {requests} requests"));
    }
    let note = format!(
        "{requests} requests answered, {counted} counted in /metrics, {lines} lines in the access log"
    );
    Ok(Proof { note, problems })
}

/// Whether the counters and the access log have exactly `wanted` requests of these routes, once all are written.
pub(super) fn exactly(target: &Target, routes: &[&str], wanted: u64) -> Result<Proof, String> {
    let (mut counted, mut lines) = (0, 0);
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline && (counted, lines) != (wanted, wanted) {
        let metrics = http::get(target.admin, "/metrics", &[])?;
        let text = String::from_utf8_lossy(&metrics.body);
        counted =
            sum(&text, |labels| routes.iter().any(|route| labels.contains(&format!("route=\"{route}\""))));
        lines = lines_of(&target.access_log, routes)?;
        std::thread::sleep(Duration::from_millis(200));
    }
    let note =
        format!("{wanted} seen by clients, {counted} counted in /metrics, {lines} lines in the access log");
    let problems = if (counted, lines) == (wanted, wanted) { Vec::new() } else { vec![note.clone()] };
    Ok(Proof { note, problems })
}

/// How many reloads the gateway has counted as applied, and how many as refused.
pub(super) fn reloads(target: &Target) -> Result<(u64, u64), String> {
    let metrics = http::get(target.admin, "/metrics", &[])?;
    Ok(reloads_in(&String::from_utf8_lossy(&metrics.body)))
}

fn reloads_in(metrics: &str) -> (u64, u64) {
    let of = |result: &str| {
        let label = format!("result=\"{result}\"");
        sum_of(metrics, "gateway_reloads_total", |labels| labels.contains(&label))
    };
    (of("applied"), of("refused"))
}

/// Lines of a JSON access log that name one of these routes.
fn lines_of(path: &Path, routes: &[&str]) -> Result<u64, String> {
    let cannot = |e: std::io::Error| format!("the access log cannot be read: {e}");
    let marks: Vec<String> = routes.iter().map(|route| format!("\"route\":\"{route}\"")).collect();
    let mut lines = 0;
    for line in BufReader::new(File::open(path).map_err(cannot)?).lines() {
        let line = line.map_err(cannot)?;
        lines += u64::from(marks.iter().any(|mark| line.contains(mark)));
    }
    Ok(lines)
}

fn missing(answer: &Answer, signs: &[(&str, &str)]) -> Vec<String> {
    let absent = signs.iter().filter(|(header, _)| answer.header(header).is_none());
    absent.map(|(header, policy)| format!("no {header} on an answer: is `{policy}` on?")).collect()
}

fn near(found: u64, wanted: u64) -> bool {
    found.abs_diff(wanted) * 100 <= wanted
}

/// The sum over all labels of the counter of requests.
fn total(metrics: &str) -> u64 {
    sum(metrics, |_| true)
}

/// The sum of the counter of requests over the labels that `chosen` takes, from Prometheus' text format.
fn sum(metrics: &str, chosen: impl Fn(&str) -> bool) -> u64 {
    sum_of(metrics, "gateway_requests_total", chosen)
}

/// The sum of a family over the labels that `chosen` takes.
fn sum_of(metrics: &str, name: &str, chosen: impl Fn(&str) -> bool) -> u64 {
    let samples = metrics.lines().filter_map(|line| line.strip_prefix(name));
    let values = samples.filter_map(|rest| {
        let (labels, value) = if rest.starts_with('{') { rest.rsplit_once('}')? } else { ("", rest) };
        let value = value.strip_prefix(' ')?.split(' ').next()?.parse::<f64>().ok()?;
        chosen(labels).then_some(value)
    });
    values.sum::<f64>() as u64
}

/// Lines of a file that may be larger than memory.
fn count_lines(path: &Path) -> Result<u64, String> {
    let cannot = |e: std::io::Error| format!("the access log cannot be read: {e}");
    let mut file = File::open(path).map_err(cannot)?;
    let mut buffer = vec![0; 1 << 20];
    let mut lines = 0;
    loop {
        let read = file.read(&mut buffer).map_err(cannot)?;
        if read == 0 {
            return Ok(lines);
        }
        lines += buffer[..read].iter().filter(|byte| **byte == b'\n').count() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, SIGNS, count_lines, lines_of, missing, near, reloads_in, sum, total};

    #[test]
    fn sums_the_counter_over_its_labels() {
        let text = "# TYPE gateway_requests_total counter\n\
                    gateway_requests_total{service=\"up\",route=\"/a {b}\",status=\"200\"} 40\n\
                    gateway_requests_total{service=\"up\",status=\"404\"} 2 1893456000\n\
                    gateway_requests_total_other 7\ngateway_errors_total 9\n";
        assert_eq!(total(text), 42);
        assert_eq!(total("gateway_requests_total 5\n"), 5);
        assert_eq!(total(""), 0);
    }

    #[test]
    fn sums_the_counter_of_one_route() {
        let text = "gateway_requests_total{service=\"up\",route=\"/good\",status=\"200\"} 40\n\
                    gateway_requests_total{service=\"up\",route=\"/good/*\",status=\"200\"} 2\n";
        assert_eq!(sum(text, |labels| labels.contains("route=\"/good\"")), 40);
    }

    #[test]
    fn reloads_are_told_apart_by_their_result() {
        let text =
            "gateway_reloads_total{result=\"applied\"} 7\ngateway_reloads_total{result=\"refused\"} 2\n";
        assert_eq!(reloads_in(text), (7, 2));
    }

    #[test]
    fn near_means_one_per_cent() {
        for (found, wanted, want) in
            [(1000, 1000, true), (1010, 1000, true), (989, 1000, false), (0, 1000, false)]
        {
            assert_eq!(near(found, wanted), want, "{found} {wanted}");
        }
    }

    #[test]
    fn names_the_policy_whose_header_is_missing() {
        let with = |signs: &[(&str, &str)]| Answer {
            status: 200,
            headers: signs.iter().map(|(header, _)| ((*header).to_owned(), "x".to_owned())).collect(),
            body: Vec::new(),
        };
        assert!(missing(&with(SIGNS), SIGNS).is_empty());
        let problems = missing(&with(&SIGNS[..4]), SIGNS);
        assert_eq!(problems, ["no access-control-allow-origin on an answer: is `cors` on?"]);
    }

    #[test]
    fn counts_lines_of_a_file() {
        let path = std::env::temp_dir().join(format!("xtask-lines-{}", std::process::id()));
        std::fs::write(&path, "a\nb\nhalf").unwrap();
        let lines = count_lines(&path);
        std::fs::write(
            &path,
            r#"{"route":"/a","x":1}
{"route":"/ab"}
{"route":"/b"}
"#,
        )
        .unwrap();
        let named = lines_of(&path, &["/a", "/b"]);
        std::fs::remove_file(&path).unwrap();
        assert_eq!((lines, named), (Ok(2), Ok(2)));
        assert!(count_lines(&path).is_err());
    }
}
