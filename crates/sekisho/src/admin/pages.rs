//! What the admin port has to show, path by path.

use std::sync::Arc;

use hyper::body::Body;
use hyper::header::{ACCEPT, HOST, HeaderMap, ORIGIN};
use hyper::{Method, Request, StatusCode};
use serde_json::json;

use super::answer::{self, Answer};
use super::{breakers, cache, discovery, services, users};
use crate::commands::version;
use crate::metrics::{Exposition, Metrics};
use crate::server::{Origin, Outcome, Phase, State};

/// Paths and what they are for, as the index lists them.
const PAGES: &[(&str, &str)] = &[
    ("/livez", "200 as long as the process runs"),
    (
        "/readyz",
        "200 while it takes traffic, 503 before, as long as the first endpoints are looked up (15 s at most), and while it drains",
    ),
    ("/metrics", "counters and gauges for Prometheus"),
    (
        "/api/alerts",
        "who is told what happens, and the last alerts; POST to /api/alerts/test sends one to everybody",
    ),
    (
        "/api/breakers",
        "circuit breakers; POST to /api/breakers/{service}/open or …/close, or …/{service}/{endpoint}/…, moves one by hand",
    ),
    ("/api/plan", "what each route does with a request"),
    ("/api/reload", "what came of the last reload; POST reads the configuration anew"),
    (
        "/api/services",
        "services and their endpoints; POST to /api/services/{service}/{endpoint}/drain or …/restore takes one out or back",
    ),
    ("/api/version", "what runs here"),
];

/// Paths that only change something.
const ACTIONS: &[(&str, &str)] = &[
    (
        "POST /api/cache/purge",
        "purges stored answers, here and where others share them: the body is {\"key\": …}, {\"path\": \"/a/*\", \"host\": …}, {\"tag\": …} or {\"all\": true}",
    ),
    ("POST /api/users/{id}/forget", "forgets what is remembered about a user, who is asked for anew"),
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

    /// The answer to a request. Its body, if it has one, is mostly of no interest.
    pub(super) async fn answer<B>(&self, request: Request<B>) -> Answer
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if (request.uri().path(), request.method()) == ("/api/cache/purge", &Method::POST)
            && !is_foreign(request.headers())
        {
            return cache::purge(&self.state, request.into_body()).await;
        }
        self.answer_head(&request).await
    }

    async fn answer_head<B>(&self, request: &Request<B>) -> Answer {
        let now = self.state.clock.wall();
        let path = request.uri().path();
        if request.method() == Method::POST && is_foreign(request.headers()) {
            return answer::foreign(now);
        }
        if let Some((service, order)) = breakers::asked(path) {
            return breakers::answer(&self.state, service, order, request.method());
        }
        if let Some(order) = services::asked(path) {
            return services::answer(&self.state, order, request.method());
        }
        match (path, request.method()) {
            ("/api/alerts/test", &Method::POST) => {
                answer::json(StatusCode::ACCEPTED, &self.state.alerts.test())
            }
            ("/api/alerts/test" | "/api/cache/purge", _) => answer::not_allowed("POST", now),
            ("/api/reload", &Method::POST) => self.reload().await,
            (path, method) if let Some(id) = users::named_in(path) => {
                self.forget(id, method, request.headers())
            }
            ("/api/reload", method) if !is_read(method) => answer::not_allowed("GET, HEAD, POST", now),
            (_, method) if !is_read(method) => answer::not_allowed("GET, HEAD", now),
            ("/", _) => answer::bytes(StatusCode::OK, "text/html; charset=utf-8", index()),
            ("/livez", _) => answer::text(StatusCode::OK, "alive"),
            ("/readyz", _) => self.readyz(),
            ("/metrics", _) => {
                let exposition = Exposition::of(accept(request.headers()));
                answer::bytes(StatusCode::OK, exposition.content_type(), self.metrics.expose(exposition))
            }
            ("/api/plan", _) => answer::json(StatusCode::OK, &self.plan()),
            ("/api/reload", _) => self.last_reload(),
            ("/api/alerts", _) => answer::json(StatusCode::OK, &self.state.alerts.document()),
            ("/api/breakers", _) => answer::json(StatusCode::OK, &breakers::all(&self.state)),
            ("/api/services", _) => answer::json(StatusCode::OK, &services::all(&self.state)),
            ("/api/version", _) => answer::json(StatusCode::OK, &version::document()),
            _ => answer::unknown(now),
        }
    }

    /// Reads the configuration anew: 200 with what changed, 422 with what is wrong.
    async fn reload(&self) -> Answer {
        let report = match self.state.takes_reloads() {
            true => self.state.reloads.ask_and_wait(Origin::Admin).await,
            false => None,
        };
        let Some(report) = report else { return answer::cannot_reload(self.state.clock.wall()) };
        let refused = matches!(report.outcome, Outcome::Refused(_));
        let status = if refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
        answer::json(status, &report.document())
    }

    /// Forgets a user: 200 with in how many places.
    fn forget(&self, id: &str, method: &Method, headers: &HeaderMap) -> Answer {
        let now = self.state.clock.wall();
        if method != Method::POST {
            return answer::not_allowed("POST", now);
        }
        if is_foreign(headers) {
            return answer::foreign(now);
        }
        let Some(id) = users::decoded(id) else { return answer::bad_user(now) };
        answer::json(StatusCode::OK, &json!({ "forgotten": users::forget(&self.state.kept, &id) }))
    }

    fn last_reload(&self) -> Answer {
        let last = self.state.reloads.last();
        answer::json(StatusCode::OK, &last.map_or(serde_json::Value::Null, |report| report.document()))
    }

    fn readyz(&self) -> Answer {
        let (status, line) = match self.state.phase() {
            Phase::Ready if discovery::is_awaited(&self.state) => {
                (StatusCode::SERVICE_UNAVAILABLE, "looking up endpoints")
            }
            Phase::Ready => (StatusCode::OK, "ready"),
            Phase::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
            Phase::Draining | Phase::Late | Phase::Over => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        };
        answer::text(status, line)
    }

    fn plan(&self) -> serde_json::Value {
        json!(sekisho_gateway::explain::plans(&self.state.site.load()))
    }
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Whether a browser asks for a page of another site. Programs send no `Origin` (Fetch standard).
fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let Some(origin) = text(ORIGIN) else { return false };
    origin.strip_prefix("http://").is_none_or(|origin| text(HOST) != Some(origin))
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
    for (action, purpose) in ACTIONS {
        rows.push_str(&format!("<li>{action} {purpose}</li>\n"));
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

    use super::*;
    use crate::configuration;

    fn pages() -> Pages {
        let site = configuration::site_of(
            "services: {a: {endpoints: [http://127.0.0.1:1]}}\nroutes: [{path: /a, service: a}]",
        );
        Pages::new(State::new(site, &Default::default(), Arc::default()))
    }

    async fn ask(pages: &Pages, method: &str, path: &str) -> Answer {
        pages.answer(Request::builder().method(method).uri(path).body(String::new()).unwrap()).await
    }

    #[tokio::test]
    async fn every_listed_page_is_there() {
        let pages = pages();
        pages.state.phase.send_replace(Phase::Ready);
        for path in PAGES.iter().map(|(path, _)| *path).chain(["/", "/metrics?x=y"]) {
            assert_eq!(ask(&pages, "GET", path).await.status(), 200, "{path}");
            assert_eq!(ask(&pages, "HEAD", path).await.status(), 200, "{path}");
        }
    }

    #[tokio::test]
    async fn is_ready_only_while_it_takes_traffic() {
        let pages = pages();
        for (phase, want) in
            [(Phase::Starting, 503), (Phase::Ready, 200), (Phase::Draining, 503), (Phase::Over, 503)]
        {
            pages.state.phase.send_replace(phase);
            assert_eq!(ask(&pages, "GET", "/readyz").await.status(), want, "{phase:?}");
            assert_eq!(ask(&pages, "GET", "/livez").await.status(), 200, "{phase:?}");
        }
    }

    #[test]
    fn pages_of_other_sites_may_not_change_anything() {
        for (origin, foreign) in [
            (None, false),
            (Some("http://127.0.0.1:9901"), false),
            (Some("https://127.0.0.1:9901"), true),
            (Some("http://evil.example"), true),
            (Some("null"), true),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, "127.0.0.1:9901".parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(ORIGIN, origin.parse().unwrap());
            }
            assert_eq!(is_foreign(&headers), foreign, "{origin:?}");
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
            ("PUT", "/api/reload", 405, "METHOD_NOT_ALLOWED"),
            ("GET", "/api/breakers/a/open", 405, "METHOD_NOT_ALLOWED"),
            ("POST", "/api/breakers/a/open", 404, "NO_ROUTE"),
            ("GET", "/api/services/a/127.0.0.1:1/drain", 405, "METHOD_NOT_ALLOWED"),
            ("POST", "/api/services/a/127.0.0.1:2/drain", 404, "NO_ROUTE"),
            ("POST", "/api/services/b/127.0.0.1:1/drain", 404, "NO_ROUTE"),
            ("POST", "/api/breakers/a/shut", 405, "METHOD_NOT_ALLOWED"),
            ("POST", "/api/reload", 503, "NO_RELOAD"),
            ("GET", "/api/cache/purge", 405, "METHOD_NOT_ALLOWED"),
            ("POST", "/api/cache/purge", 400, "BAD_REQUEST"),
            ("GET", "/api/users/u/forget", 405, "METHOD_NOT_ALLOWED"),
            ("POST", "/api/users/%FF/forget", 400, "BAD_REQUEST"),
            ("GET", "/api/users/u", 404, "NO_ROUTE"),
        ] {
            let answer = ask(&pages, method, path).await;
            assert_eq!(answer.status(), status, "{method} {path}");
            assert_eq!(answer.headers().contains_key("allow"), status == 405);
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["code"], code);
        }
    }
}
