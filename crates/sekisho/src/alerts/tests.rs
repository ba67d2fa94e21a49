//! From an event to what a receiver hears, with a receiver in the same thread.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sekisho_exchange::{Answered, Ask, Asking, Errand, EventName, Local, Peer, Unanswered};
use sekisho_gateway::alert::{Channel, Format, Way, Webhook};
use sekisho_units::{Rate, Secret, Span};
use sekisho_wire::HeadBuf;
use serde_json::Value;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::Notify;

use super::*;

/// Answers with these statuses, one after another, and then with 200; 0 is no answer at all.
#[derive(Default)]
struct Receiver {
    statuses: Mutex<VecDeque<u16>>,
    heard: Mutex<Vec<Ask>>,
    came: Notify,
    /// Whether it keeps everybody waiting.
    holds: bool,
}

impl Peer for Receiver {
    fn name(&self) -> &str {
        "receiver"
    }

    fn ask(self: Arc<Self>, _: &Local, ask: Ask) -> Asking {
        self.heard.lock().unwrap().push(ask);
        self.came.notify_one();
        let status = self.statuses.lock().unwrap().pop_front().unwrap_or(200);
        Box::pin(async move {
            if self.holds {
                std::future::pending::<()>().await;
            }
            let mut head = HeadBuf::default();
            head.response(status);
            if status == 0 {
                Err(Unanswered::Absent("connection_refused"))
            } else {
                Ok(Answered { head, body: vec![] })
            }
        })
    }
}

impl Receiver {
    fn saying(statuses: &[u16]) -> Arc<Self> {
        Arc::new(Self { statuses: Mutex::new(statuses.iter().copied().collect()), ..Self::default() })
    }

    fn documents(&self) -> Vec<Value> {
        self.heard.lock().unwrap().iter().map(|ask| serde_json::from_slice(&ask.body).unwrap()).collect()
    }

    /// The names of the events that it was told, in order.
    fn names(&self) -> Vec<String> {
        self.documents().iter().map(|document| document["event"].as_str().unwrap().to_owned()).collect()
    }

    async fn hears(&self, count: usize) {
        while self.heard.lock().unwrap().len() < count {
            tokio::time::timeout(Duration::from_secs(10), self.came.notified()).await.expect("it is told");
        }
    }
}

/// Runs errands in the thread of the test.
struct Here;

impl Errands for Here {
    fn send(&self, errand: Errand) {
        tokio::task::spawn_local(async move { errand(Local::new(0, Clock::system())).await });
    }
}

impl Events for Here {
    fn tell(&self, _: Event) {}
}

fn channel(identity: u64, receiver: &Arc<Receiver>) -> Channel {
    Channel {
        name: format!("channel-{identity}").into(),
        identity,
        on: EventName::USUAL.into(),
        way: Way::Webhook(Webhook {
            peer: Arc::clone(receiver) as Arc<dyn Peer>,
            target: "/hook".to_owned(),
            headers: vec![("X-Team".to_owned(), Secret::new("ops"))],
            secret: Some(Secret::new("s3cret")),
            format: Format::Json,
        }),
        timeout: Duration::from_secs(5),
        retries: 3,
        backoff: Duration::from_millis(1),
        dedupe: Duration::from_secs(60),
        rate: Rate::new(1_000, Span::from_secs(60)).unwrap(),
    }
}

fn alerting(channels: Vec<Channel>) -> Alerting {
    Alerting { channels: channels.into_iter().map(Arc::new).collect(), ..Alerting::default() }
}

/// Alerts that go to these channels.
fn telling(channels: Vec<Channel>) -> Rc<Alerts> {
    let alerts = Rc::new(Alerts::default());
    settle(&alerts, channels);
    alerts
}

fn settle(alerts: &Alerts, channels: Vec<Channel>) {
    let errands: Arc<dyn Errands> = Arc::new(Here);
    alerts.settle(&alerting(channels), &errands);
}

fn within(test: Pin<Box<dyn Future<Output = ()>>>) {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default()).unwrap();
    runtime.block_on(test);
}

fn opened(service: usize) -> Event {
    Event::CircuitBreakerOpened { service: format!("s{service}").into(), endpoint: None }
}

/// What became of the last alerts, oldest first: state and attempts.
fn states(alerts: &Alerts) -> Vec<(String, u64)> {
    let document = alerts.document();
    let all = document["alerts"].as_array().unwrap().iter().rev();
    all.map(|one| (one["state"].as_str().unwrap().to_owned(), one["attempts"].as_u64().unwrap())).collect()
}

fn count(alerts: &Alerts, result: &str) -> u64 {
    let (_, tally) = alerts.tallies().pop().unwrap();
    tally.results.iter().find(|(name, _)| *name == result).unwrap().1
}

#[test]
fn whoever_notices_something_only_has_to_tell_it() {
    within(Box::pin(async {
        let receiver = Receiver::saying(&[]);
        let alerts = telling(vec![channel(1, &receiver)]);
        let (service, endpoint, reason) = ("orders".into(), "http://10.0.0.7:80".into(), "refused".into());
        let about = Arc::clone;
        alerts.tell(Event::EndpointDown { service: about(&service), endpoint: about(&endpoint), reason });
        alerts.tell(Event::NoHealthyEndpoint { service: about(&service) });
        alerts.tell(Event::EndpointUp { service, endpoint, reason: "health_check".into() });
        alerts.tell(Event::JwksFetched { source: "https://id.test".into(), keys: 1 });
        alerts.tell(Event::CircuitBreakerHalfOpened { service: "orders".into(), endpoint: None });
        receiver.hears(3).await;
        alerts.flush(Duration::from_secs(10)).await;
        assert_eq!(receiver.names(), ["endpoint_down", "no_healthy_endpoint", "endpoint_up"], "as `on` says");
        let documents = receiver.documents();
        assert_eq!(documents[0]["endpoint"], "http://10.0.0.7:80");
        assert_eq!(
            (&documents[1]["service"], &documents[1]["severity"]),
            (&"orders".into(), &"critical".into())
        );
        assert_eq!(documents[2]["reason"], "health_check");
        let heard = receiver.heard.lock().unwrap();
        let header = |name: &str| heard[0].headers.iter().filter(|(known, _)| known == name).count();
        assert_eq!(["Content-Type", "X-Sekisho-Signature", "X-Team"].map(header), [1, 1, 1]);
    }));
}

#[test]
fn what_fails_is_told_again_as_the_same_and_before_what_came_later() {
    within(Box::pin(async {
        let receiver = Receiver::saying(&[500, 0, 200]);
        let alerts = telling(vec![channel(1, &receiver)]);
        alerts.tell(opened(1));
        alerts.tell(opened(2));
        receiver.hears(4).await;
        alerts.flush(Duration::from_secs(10)).await;
        let documents = receiver.documents();
        let services: Vec<_> =
            documents.iter().map(|document| document["service"].as_str().unwrap()).collect();
        assert_eq!(services, ["s1", "s1", "s1", "s2"]);
        assert!(documents[..3].iter().all(|document| *document == documents[0]));
        assert_ne!(documents[3]["id"], documents[0]["id"]);
        assert_eq!(states(&alerts), [("sent".to_owned(), 3), ("sent".to_owned(), 1)]);
    }));
}

#[test]
fn attempts_have_an_end_and_a_refusal_is_one() {
    within(Box::pin(async {
        let receiver = Receiver::saying(&[503, 503, 503, 503, 404]);
        let alerts = telling(vec![channel(1, &receiver)]);
        alerts.tell(opened(1));
        alerts.tell(opened(2));
        alerts.tell(opened(3));
        receiver.hears(6).await;
        alerts.flush(Duration::from_secs(10)).await;
        let want =
            [("failed", 4), ("failed", 1), ("sent", 1)].map(|(state, count)| (state.to_owned(), count));
        assert_eq!(states(&alerts), want);
        assert_eq!((count(&alerts, "failed"), count(&alerts, "sent")), (2, 1));
        assert_eq!(alerts.document()["alerts"][2]["error"], "status_503");
    }));
}

#[test]
fn for_one_too_many_the_oldest_gives_way() {
    within(Box::pin(async {
        let receiver = Arc::new(Receiver { holds: true, ..Receiver::default() });
        let alerts = telling(vec![channel(1, &receiver)]);
        alerts.tell(opened(0));
        receiver.hears(1).await;
        for service in 1..300 {
            alerts.tell(opened(service));
        }
        let (_, tally) = alerts.tallies().pop().unwrap();
        assert_eq!((tally.queued, count(&alerts, "dropped")), (256, 43));
        alerts.flush(Duration::from_millis(50)).await;
        assert_eq!(count(&alerts, "sent"), 0, "who takes too long is not waited for");
    }));
}

#[test]
fn the_end_tells_what_is_held_back_and_waits_for_no_better_moment() {
    within(Box::pin(async {
        let receiver = Receiver::saying(&[200, 500, 500]);
        let patient = Channel { backoff: Duration::from_secs(3600), ..channel(1, &receiver) };
        let alerts = telling(vec![patient]);
        alerts.tell(opened(1));
        alerts.tell(opened(1));
        alerts.tell(opened(2));
        receiver.hears(2).await;
        assert_eq!(receiver.names().len(), 2);
        alerts.flush(Duration::from_secs(10)).await;
        let documents = receiver.documents();
        // The one that had failed once more, in vain, and then the one that was held back.
        let told: Vec<_> = documents.iter().map(|document| document["service"].as_str().unwrap()).collect();
        assert_eq!(told, ["s1", "s2", "s2", "s1"]);
        assert_eq!((count(&alerts, "sent"), count(&alerts, "failed")), (2, 1));
    }));
}

#[test]
fn a_channel_that_stays_keeps_what_it_has_and_one_that_goes_drops_it() {
    within(Box::pin(async {
        let (stays, goes) = (Receiver::saying(&[500]), Receiver::saying(&[500]));
        let slow = |identity, receiver| Channel {
            backoff: Duration::from_millis(200),
            ..channel(identity, receiver)
        };
        let alerts = telling(vec![slow(1, &stays), slow(2, &goes)]);
        alerts.tell(opened(1));
        stays.hears(1).await;
        goes.hears(1).await;
        settle(&alerts, vec![slow(3, &goes), slow(1, &stays)]);
        alerts.tell(opened(1));
        goes.hears(2).await;
        stays.hears(2).await;
        assert_eq!(stays.documents()[0], stays.documents()[1], "the retry goes on");
        let ids: Vec<_> = goes.documents().iter().map(|document| document["id"].clone()).collect();
        assert_ne!(ids[0], ids[1], "it is another channel, which was told anew");
        assert!(states(&alerts).contains(&("dropped".to_owned(), 1)), "{:?}", states(&alerts));
        let folded = |index: usize| alerts.document()["channels"][index]["folded"].clone();
        assert_eq!((folded(0), folded(1)), (0.into(), 1.into()), "what was told lately is remembered");
        assert_eq!(&*alerts.tallies()[1].0, "channel-1");
    }));
}

#[test]
fn a_test_goes_to_everybody_whatever_they_want_to_be_told() {
    within(Box::pin(async {
        let receivers = [Receiver::saying(&[]), Receiver::saying(&[])];
        let picky = Channel { on: [EventName::StoreBack].into(), ..channel(1, &receivers[0]) };
        let alerts = telling(vec![picky, channel(2, &receivers[1])]);
        let told = alerts.test();
        for (index, receiver) in receivers.iter().enumerate() {
            receiver.hears(1).await;
            let document = &receiver.documents()[0];
            assert_eq!((&document["event"], &document["id"]), (&"test".into(), &told["alerts"][index]["id"]));
        }
    }));
}
