//! Loads of a cache: many who ask for the same at once, and more keys than it can hold.

mod cold;
mod keys;

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::answers::Client;
use super::side_by_side;
use super::tally::Tally;
use crate::bench::templates::service_body;

/// Many clients ask for a key that nobody has asked for, all at once; then for the next.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(in crate::bench) struct Cold {
    pub(in crate::bench) port: u16,
    pub(in crate::bench) clients: usize,
    pub(in crate::bench) keys: usize,
}

/// So many keys, each asked for once; some of them once more, and some all the time.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(in crate::bench) struct Keys {
    pub(in crate::bench) port: u16,
    pub(in crate::bench) clients: usize,
    pub(in crate::bench) keys: u64,
}

pub(super) async fn run_cold(order: Cold, tally: &Tally) -> Result<(), String> {
    cold::run(order, tally).await
}

pub(super) async fn run_keys(order: Keys, tally: &Tally) -> Result<(), String> {
    keys::run(order, tally).await
}

/// A client, connected as long as nothing went wrong.
struct Asker {
    port: u16,
    open: Option<Client>,
    body: String,
    tally: Tally,
}

impl Asker {
    async fn connect(port: u16, tally: Tally) -> Asker {
        let open = match Client::open(port, None).await {
            Ok(open) => {
                tally.connected();
                Some(open)
            }
            Err(what) => {
                tally.complain(what);
                None
            }
        };
        Asker { port, open, body: service_body(), tally }
    }

    /// Asks for what is kept under a name, and accounts for it; whether the answer was a hit. A connection that ends is a loss, and so
    /// is all that follows.
    async fn ask(&mut self, name: &str) -> bool {
        self.tally.sent();
        let since = Instant::now();
        let Some(open) = &mut self.open else {
            self.tally.lost("no connection".to_owned());
            return false;
        };
        let request = format!("GET /kept/{name} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", self.port);
        match open.exchange(request.as_bytes()).await {
            Ok(answer) if answer.status == 200 && answer.body == self.body.as_bytes() => {
                self.tally.answered(answer.body.len(), since.elapsed());
                answer.hit
            }
            Ok(answer) => {
                self.tally.refused(format!("status {}, {} bytes", answer.status, answer.body.len()));
                false
            }
            Err(what) => {
                self.tally.lost(what);
                self.open = None;
                false
            }
        }
    }

    async fn close(self) {
        if let Some(open) = self.open {
            open.close().await;
        }
    }
}
