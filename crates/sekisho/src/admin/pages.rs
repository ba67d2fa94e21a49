//! What the admin port has to show, path by path.

use std::sync::Arc;

use hyper::header::{ACCEPT, HeaderMap};
use hyper::{Method, Request, StatusCode};
use serde_json::json;

use super::answer::{self, Answer};
use crate::commands::version;
use crate::metrics::{Exposition, Metrics};
use crate::server::{Phase, State};

/// Paths and what they are for, as the index lists them.
const PAGES: &[(&str, &str)] = &[
    ("/livez", "200 as long as the process runs"),
    ("/readyz", "200 while it takes traffic, 503 before and while it drains"),
    ("/metrics", "counters and gauges for Prometheus"),
    ("/api/plan", "what each route does with a request"),
    ("/api/version", "what runs here"),
];

/// The pages.
pub(super) struct Pages {
    state: Arc<State>,
    metrics: Metrics,
}

impl Pages {
    pub(super) fn new(state: Arc<State>) -> Self {
        Self { metrics: Metrics::new(Arc::clone(&state)), state }
    }

    /// The answer to a request. Its body, if it has one, is of no interest.
    pub(super) fn answer<B>(&self, request: &Request<B>) -> Answer {
        let now = self.state.clock.wall();
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return answer::not_allowed(now);
        }
        match request.uri().path() {
            "/" => answer::bytes(StatusCode::OK, "text/html; charset=utf-8", index()),
            "/livez" => answer::text(StatusCode::OK, "alive"),
            "/readyz" => self.readyz(),
            "/metrics" => {
                let exposition = Exposition::of(accept(request.headers()));
                answer::bytes(StatusCode::OK, exposition.content_type(), self.metrics.expose(exposition))
            }
            "/api/plan" => answer::json(&self.plan()),
            "/api/version" => answer::json(&version::document()),
            _ => answer::unknown(now),
        }
    }

    fn readyz(&self) -> Answer {
        let (status, line) = match self.state.phase() {
            Phase::Ready => (StatusCode::OK, "ready"),
            Phase::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
            Phase::Draining | Phase::Over => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        };
        answer::text(status, line)
    }

    fn plan(&self) -> serde_json::Value {
        json!(sekisho_gateway::explain::plans(&self.state.site.load()))
    }
}

fn accept(headers: &HeaderMap) -> &str {
    headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// A list of the pages.
fn index() -> String {
    let mut rows = String::new();
    for (path, purpose) in PAGES {
        rows.push_str(&format!("<li><a href=\"{path}\">{path}</a> {purpose}</li>\n"));
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Sekisho</title>\n\
         <h1>Sekisho {}</h1>\n<ul>\n{rows}</ul>\n</html>\n",
        version::VERSION
    )
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use sekisho_policies::access_log::Sinks;

    use super::*;
    use crate::configuration;

    fn pages() -> Pages {
        let site = configuration::site_of(
            "services: {a: {endpoints: [http://127.0.0.1:1]}}\nroutes: [{path: /a, service: a}]",
        );
        Pages::new(State::new(site, Arc::new(Sinks::new())))
    }

    fn ask(pages: &Pages, method: &str, path: &str) -> Answer {
        pages.answer(&Request::builder().method(method).uri(path).body(()).unwrap())
    }

    #[test]
    fn every_listed_page_is_there() {
        let pages = pages();
        pages.state.phase.send_replace(Phase::Ready);
        for path in PAGES.iter().map(|(path, _)| *path).chain(["/", "/metrics?x=y"]) {
            assert_eq!(ask(&pages, "GET", path).status(), 200, "{path}");
            assert_eq!(ask(&pages, "HEAD", path).status(), 200, "{path}");
        }
    }

    #[test]
    fn is_ready_only_while_it_takes_traffic() {
        let pages = pages();
        for (phase, want) in
            [(Phase::Starting, 503), (Phase::Ready, 200), (Phase::Draining, 503), (Phase::Over, 503)]
        {
            pages.state.phase.send_replace(phase);
            assert_eq!(ask(&pages, "GET", "/readyz").status(), want, "{phase:?}");
            assert_eq!(ask(&pages, "GET", "/livez").status(), 200, "{phase:?}");
        }
    }

    #[tokio::test]
    async fn what_is_not_there_or_not_allowed_is_a_problem() {
        let pages = pages();
        for (method, path, status, code) in [
            ("GET", "/nothing", 404, "NO_ROUTE"),
            ("GET", "/livez/", 404, "NO_ROUTE"),
            ("POST", "/livez", 405, "METHOD_NOT_ALLOWED"),
            ("DELETE", "/nothing", 405, "METHOD_NOT_ALLOWED"),
        ] {
            let answer = ask(&pages, method, path);
            assert_eq!(answer.status(), status, "{method} {path}");
            assert_eq!(answer.headers().contains_key("allow"), status == 405);
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["code"], code);
        }
    }
}
