//! What a client gets when too many connections are open: a short answer, and the end of its connection.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use sekisho_exchange::{Id, Reply};
use sekisho_units::Wall;
use sekisho_wire::HeadBuf;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Semaphore;

/// Answers under way at once; further connections are closed without one.
const AT_ONCE: usize = 64;
/// Longest time for one.
const PATIENCE: Duration = Duration::from_secs(2);
/// Most bytes of a request that are read, unlooked at, so that closing does not reset the connection before the client has
/// read its answer (RFC 9112 §9.6).
const MOST: usize = 64 * 1024;
/// Seconds after which the client may try again.
const RETRY_AFTER: u64 = 1;

/// Turns connections away.
pub(super) struct Refusals {
    free: Arc<Semaphore>,
    /// Header lines that are on every answer: made once, as a flood must not ask policies.
    lines: ArcSwap<Vec<u8>>,
}

impl Refusals {
    /// With these header lines on every answer.
    pub(super) fn new(lines: Vec<u8>) -> Self {
        Self { free: Arc::new(Semaphore::new(AT_ONCE)), lines: ArcSwap::from_pointee(lines) }
    }

    /// From now on with these.
    pub(super) fn settle(&self, lines: Vec<u8>) {
        self.lines.store(Arc::new(lines));
    }

    /// Gives `reply` in a task of its own and closes; only closes if too many such answers are under way.
    pub(super) fn answer(&self, stream: TcpStream, reply: Reply, now: Wall) {
        let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() else { return };
        let Ok(stream) = tokio::net::TcpStream::from_std(stream) else { return };
        let answer = answer(reply, &self.lines.load(), now);
        tokio::spawn(async move {
            // Whether the client has taken the answer or has not within its time, nothing more is owed to it.
            let _ = tokio::time::timeout(PATIENCE, send(stream, &answer)).await;
            drop(permit);
        });
    }
}

async fn send(mut stream: tokio::net::TcpStream, answer: &[u8]) -> std::io::Result<()> {
    stream.write_all(answer).await?;
    stream.shutdown().await?;
    let mut scrap = [0; 1024];
    let mut read = 0;
    while read < MOST {
        match stream.read(&mut scrap).await? {
            0 => break,
            bytes => read += bytes,
        }
    }
    Ok(())
}

/// 503: all places are taken.
pub(super) fn full() -> Reply {
    let mut reply = Reply::overloaded("", RETRY_AFTER, "connections");
    reply.detail = "Too many connections are open; try again shortly.".into();
    reply
}

/// The whole answer as bytes.
fn answer(reply: Reply, lines: &[u8], now: Wall) -> Vec<u8> {
    let (request, correlation) = (Id::new(), Id::new());
    let reply = reply
        .header("X-Request-ID", request.as_str().to_owned())
        .header("X-Correlation-ID", correlation.as_str().to_owned())
        .header("Connection", "close")
        .header("Date", String::from_utf8_lossy(&now.http_date()).into_owned());
    let mut head = HeadBuf::default();
    let body = reply.render(&mut head, Some(request.as_str()), now);
    [head.bytes(), lines, b"\r\n", &body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_a_whole_problem_that_ends_the_connection() {
        let text =
            String::from_utf8(answer(full(), b"X-Frame-Options: DENY\r\n", Wall::from_secs(0))).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        for name in ["X-Request-ID: ", "X-Correlation-ID: "] {
            assert!(head.lines().any(|line| line.starts_with(name)), "{name} in {head}");
        }
        assert!(head.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{head}");
        for line in [
            "Content-Type: application/problem+json",
            "Retry-After: 1",
            "X-Frame-Options: DENY",
            "Connection: close",
            "Date: Thu, 01 Jan 1970 00:00:00 GMT",
            &format!("Content-Length: {}", body.len()),
        ] {
            assert!(head.lines().any(|found| found == line), "{line} in {head}");
        }
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!((&body["code"], &body["status"]), (&"OVERLOADED".into(), &503.into()));
        assert_eq!(body.get("service"), None);
    }
}
