//! Requests that come when they are due, whether or not those before them were answered: as many clients as it takes.
//!
//! So a service that hangs holds up nobody but those who asked it, as with many clients that know nothing of each other. What came of
//! each request is reported by itself, for whoever knows what happened when.

pub(super) mod endpoint;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::answers::Client;
use super::pace::Stop;
use super::side_by_side;
use super::tally::Tally;
use crate::bench::templates::service_body;

/// More connections than these are not opened: what is due then is lost.
const MOST_CONNECTIONS: u64 = 5_000;

/// What is to be sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::bench) struct Open {
    pub(in crate::bench) port: u16,
    /// Requests a second.
    pub(in crate::bench) rate: u64,
}

/// One request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::bench) struct Each {
    /// When it was due, in microseconds since the time that computers count from.
    pub(in crate::bench) due: u64,
    /// Microseconds until its answer was there, or it was known that none would be.
    pub(in crate::bench) took: u64,
    /// The status of a whole answer with the right body, or of any other than 200; else 0.
    pub(in crate::bench) status: u16,
}

/// Microseconds of the time of day.
pub(in crate::bench) fn micros_of_day() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

struct Crowd {
    order: Open,
    request: Vec<u8>,
    body: String,
    /// Connections between two requests.
    idle: RefCell<Vec<Client>>,
    opened: Cell<u64>,
    tally: Tally,
}

/// Sends until it is time to stop; every request begun is seen through.
pub(in crate::bench::load) async fn run(order: Open, tally: &Tally, stop: &Stop) -> Result<(), String> {
    let interval = Duration::from_secs_f64(1.0 / order.rate.max(1) as f64);
    let request = format!("GET / HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", order.port).into_bytes();
    let (body, idle, opened) = (service_body(), RefCell::default(), Cell::new(0));
    let crowd = Rc::new(Crowd { order, request, body, idle, opened, tally: tally.clone() });
    let mut under_way = Vec::new();
    let mut due = Instant::now();
    while stop.reach(due).await {
        let crowd = Rc::clone(&crowd);
        // What our own timer woke late is not the target's doing.
        under_way.push(tokio::task::spawn_local(async move { crowd.one().await }));
        due += interval;
    }
    side_by_side(under_way.into_iter().map(|one| async { _ = one.await })).await
}

impl Crowd {
    async fn one(&self) {
        let (due, began) = (micros_of_day(), Instant::now());
        self.tally.sent();
        let kept = self.idle.borrow_mut().pop();
        let answered = match kept {
            Some(client) => self.exchange(client).await,
            None => match self.connect().await {
                Ok(client) => self.exchange(client).await,
                Err(what) => Err(what),
            },
        };
        let took = began.elapsed();
        let status = match answered {
            Ok(200) => {
                self.tally.answered(self.body.len(), took);
                200
            }
            Ok(status) => {
                self.tally.refused(format!("status {status}"));
                status
            }
            Err(what) => {
                self.tally.lost(what);
                0
            }
        };
        self.tally.each(Each { due, took: took.as_micros() as u64, status });
    }

    async fn connect(&self) -> Result<Client, String> {
        if self.opened.replace(self.opened.get() + 1) >= MOST_CONNECTIONS {
            return Err(format!("{MOST_CONNECTIONS} connections are not enough"));
        }
        self.tally.connected();
        Client::open(self.order.port, None).await
    }

    /// The status; its connection goes to the next, if it lives on.
    async fn exchange(&self, mut client: Client) -> Result<u16, String> {
        let answer = client.exchange(&self.request).await?;
        let (status, closes) = (answer.status, answer.closes);
        if status == 200 && answer.body != self.body.as_bytes() {
            return Err(format!("{} bytes that the service did not send", answer.body.len()));
        }
        if !closes {
            self.idle.borrow_mut().push(client);
        }
        Ok(status)
    }
}

#[cfg(test)]
mod tests {
    use super::endpoint::{Endpoint, Manner};
    use super::{Open, endpoint, run};
    use crate::bench::load::Report;
    use crate::bench::load::pace::Stop;
    use crate::bench::load::tally::Tally;
    use crate::bench::processes::free_ports;

    /// What came of a second of load.
    async fn load(port: u16) -> Report {
        let tally = Tally::new();
        run(Open { port, rate: 200 }, &tally, &Stop::new(Some(1))).await.unwrap();
        tally.report()
    }

    #[tokio::test]
    async fn requests_come_when_they_are_due_and_each_is_reported() {
        let [port] = free_ports().unwrap();
        let both = async {
            let nobody = load(port).await;
            assert!(nobody.lost > 0 && nobody.lost == nobody.sent, "{nobody:?}");
            assert!(nobody.each.iter().all(|each| each.status == 0));
            let (seen, order) = (Tally::new(), Endpoint { port, think_ms: 0, manner: Manner::Half });
            let counted = seen.clone();
            let serving = tokio::task::spawn_local(async move {
                endpoint::serve(order, &counted, &Stop::new(Some(3_600))).await
            });
            let half = load(port).await;
            serving.abort();
            assert!(half.answered > 0 && half.refused > 0, "{half:?}");
            assert_eq!(half.each.len() as u64, half.sent);
            let of = |status| half.each.iter().filter(|each| each.status == status).count() as u64;
            assert_eq!((of(200), of(500), of(0)), (half.answered, half.refused, half.lost));
            assert!(seen.report().sent >= half.answered + half.refused);
        };
        tokio::task::LocalSet::new().run_until(both).await;
    }
}
