//! One of the demo's services as a server: reads requests, misbehaves where a request wishes it to, answers in JSON.

use std::future::Future;
use std::io;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use sekisho_units::Span;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::shop::{Asked, Shop};

/// Largest body that is read.
const LARGEST: usize = 1024 * 1024;
/// Longest wait that a request may wish for.
const SLOWEST: Duration = Duration::from_secs(60);
/// Pause after a failure to accept.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves on a port as long as its runtime lives. To be called within the runtime.
///
/// # Errors
/// The port cannot be watched.
pub(super) fn serve(
    listener: std::net::TcpListener,
    shop: Shop,
) -> io::Result<impl Future<Output = ()> + Send> {
    let listener = TcpListener::from_std(listener)?;
    Ok(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => drop(tokio::spawn(connection(stream, shop))),
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    })
}

async fn connection(stream: TcpStream, shop: Shop) {
    // The client is the gateway, which needs no explanation of why a connection ended.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service_fn(move |request| answer(request, shop)))
        .await;
}

/// Ends the connection without an answer.
#[derive(Debug)]
struct HangUp;

impl std::fmt::Display for HangUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("hangs up, as it was asked to")
    }
}

impl std::error::Error for HangUp {}

async fn answer(request: Request<Incoming>, shop: Shop) -> Result<Response<Full<Bytes>>, HangUp> {
    let mood = Mood::of(request.uri().query().unwrap_or_default());
    tokio::time::sleep(mood.slow).await;
    let (parts, body) = request.into_parts();
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let (status, mut document) = match mood.fail {
        Some(Failing::HangUp) => return Err(HangUp),
        Some(Failing::Status(status)) => (status, json!({"error": "failed, as it was asked to"})),
        None => match Limited::new(body, LARGEST).collect().await {
            Ok(body) => {
                let asked = Asked { method: &parts.method, path: parts.uri.path(), body: &body.to_bytes() };
                shop.answer(&asked)
            }
            Err(_) => {
                (StatusCode::PAYLOAD_TOO_LARGE, json!({"error": "the body is too large or was broken off"}))
            }
        },
    };
    document["served_by"] = shop.name().into();
    if let Some(id) = header("x-request-id") {
        document["request_id"] = id.into();
    }
    Ok(respond(status, &document))
}

fn respond(status: StatusCode, document: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(format!("{document}\n"))));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// How a request wishes to be served.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Mood {
    slow: Duration,
    fail: Option<Failing>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Failing {
    /// `?fail=reset`
    HangUp,
    /// `?fail=500`
    Status(StatusCode),
}

impl Mood {
    fn of(query: &str) -> Self {
        let mut mood = Self { slow: Duration::ZERO, fail: None };
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match name {
                "slow" => {
                    mood.slow = Span::parse(value).map_or(Duration::ZERO, Span::as_duration).min(SLOWEST);
                }
                "fail" if value == "reset" => mood.fail = Some(Failing::HangUp),
                "fail" => {
                    let status = value.parse().ok().filter(|status| (400..600).contains(status));
                    mood.fail =
                        status.and_then(|status| StatusCode::from_u16(status).ok()).map(Failing::Status);
                }
                _ => {}
            }
        }
        mood
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_how_it_wishes_to_be_served() {
        let failing = |status| Some(Failing::Status(StatusCode::from_u16(status).unwrap()));
        for (query, slow, fail) in [
            ("", 0, None),
            ("a=b&c", 0, None),
            ("slow=2s", 2_000, None),
            ("slow=150ms&fail=503", 150, failing(503)),
            ("fail=reset", 0, Some(Failing::HangUp)),
            ("slow=1h", 60_000, None),
            ("slow=soon&fail=200", 0, None),
            ("fail=999", 0, None),
        ] {
            assert_eq!(Mood::of(query), Mood { slow: Duration::from_millis(slow), fail }, "{query}");
        }
    }
}
