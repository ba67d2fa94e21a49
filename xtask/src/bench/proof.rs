//! Evidence that the policies were at work while they were measured: a policy that never ran costs nothing.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use super::http::{self, Answer};
use super::targets::Target;

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

/// Compares an answer's headers, the target's counters and its access log with what the load counted.
///
/// `requests` leaves out what was in flight when a load ended, so both may show a little more.
pub(super) fn policies(
    target: &Target,
    headers: &[(String, String)],
    requests: u64,
) -> Result<Proof, String> {
    let mut problems = missing(&http::get(target.port, "/", headers)?);
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

fn missing(answer: &Answer) -> Vec<String> {
    let absent = SIGNS.iter().filter(|(header, _)| answer.header(header).is_none());
    absent.map(|(header, policy)| format!("no {header} on an answer: is `{policy}` on?")).collect()
}

fn near(found: u64, wanted: u64) -> bool {
    found.abs_diff(wanted) * 100 <= wanted
}

/// The sum over all labels of the counter of requests, from Prometheus' text format.
fn total(metrics: &str) -> u64 {
    let samples = metrics.lines().filter_map(|line| line.strip_prefix("gateway_requests_total"));
    let values = samples.filter_map(|rest| {
        let rest = if rest.starts_with('{') { rest.rsplit_once('}')?.1 } else { rest };
        rest.strip_prefix(' ')?.split(' ').next()?.parse::<f64>().ok()
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
    use super::{Answer, SIGNS, count_lines, missing, near, total};

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
        assert!(missing(&with(SIGNS)).is_empty());
        let problems = missing(&with(&SIGNS[..4]));
        assert_eq!(problems, ["no access-control-allow-origin on an answer: is `cors` on?"]);
    }

    #[test]
    fn counts_lines_of_a_file() {
        let path = std::env::temp_dir().join(format!("xtask-lines-{}", std::process::id()));
        std::fs::write(&path, "a\nb\nhalf").unwrap();
        let lines = count_lines(&path);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(lines, Ok(2));
        assert!(count_lines(&path).is_err());
    }
}
