//! A service that is a process of its own, to be killed, held, or told to fail.

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::super::pace::Stop;
use super::super::tally::Tally;
use super::micros_of_day;
use crate::bench::templates::service_body;

const LONGEST_HEAD: usize = 16 << 10;

/// Where one serves, and how.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(in crate::bench) struct Endpoint {
    pub(in crate::bench) port: u16,
    /// How long each answer takes.
    pub(in crate::bench) think_ms: u64,
    pub(in crate::bench) manner: Manner,
}

/// How it answers requests; checks are always answered well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::bench) enum Manner {
    Well,
    /// Every other one by 500.
    Half,
    /// By an answer that may be kept for a day.
    Kept,
    /// By 503 from this moment on, in microseconds of the time of day.
    BusyFrom(u64),
}

struct Serving {
    order: Endpoint,
    well: Vec<u8>,
    turn: Cell<u64>,
    tally: Tally,
}

/// Serves until it is time to stop. Requests count as sent when they come, and as answered if that was by 200.
pub(in crate::bench::load) async fn serve(order: Endpoint, tally: &Tally, stop: &Stop) -> Result<(), String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, order.port));
    let listener =
        TcpListener::bind(address).await.map_err(|e| format!("cannot listen on {address}: {e}"))?;
    let body = service_body();
    let keep = if order.manner == Manner::Kept { "Cache-Control: max-age=86400\r\n" } else { "" };
    let well = format!("HTTP/1.1 200 OK\r\n{keep}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes();
    let serving = Rc::new(Serving { order, well, turn: Cell::new(0), tally: tally.clone() });
    loop {
        tokio::select! {
            () = stop.wait() => return Ok(()),
            accepted = listener.accept() => {
                let (stream, _) = accepted.map_err(|e| format!("cannot accept: {e}"))?;
                let serving = Rc::clone(&serving);
                // Whoever notices is the client, which counts.
                tokio::task::spawn_local(async move { _ = serving.connection(stream).await });
            }
        }
    }
}

impl Serving {
    async fn connection(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut buffer = Vec::with_capacity(2048);
        loop {
            let end = loop {
                if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                    break at + 4;
                }
                if buffer.len() > LONGEST_HEAD || stream.read_buf(&mut buffer).await? == 0 {
                    return Ok(());
                }
            };
            let is_check = buffer.starts_with(b"GET /health ");
            buffer.drain(..end);
            if is_check {
                stream.write_all(&self.well).await?;
                continue;
            }
            let began = Instant::now();
            self.tally.sent();
            if self.order.think_ms > 0 {
                tokio::time::sleep(Duration::from_millis(self.order.think_ms)).await;
            }
            if let Some(status) = self.fails() {
                self.tally.refused(format!("status {status}"));
                let answer = format!("HTTP/1.1 {status} Trouble\r\nContent-Length: 0\r\n\r\n");
                stream.write_all(answer.as_bytes()).await?;
            } else {
                stream.write_all(&self.well).await?;
                self.tally.answered(self.well.len(), began.elapsed());
            }
        }
    }

    /// The status of a request that is to fail.
    fn fails(&self) -> Option<u16> {
        let turn = self.turn.replace(self.turn.get() + 1);
        match self.order.manner {
            Manner::Half if turn.is_multiple_of(2) => Some(500),
            Manner::BusyFrom(moment) if micros_of_day() >= moment => Some(503),
            _ => None,
        }
    }
}
