//! The page that tells whether services are well: asked side by side, once for all who want to know at the same time.

use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sekisho_exchange::{Errands, Local, Reply};
use sekisho_units::Wall;
use sekisho_upstream::Asker;
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Tells whether services are well.
pub struct Health {
    askers: Box<[Asker]>,
    /// Whether addresses and errors are told.
    expose: bool,
    /// For each service.
    timeout: Duration,
    errands: Arc<dyn Errands>,
    /// The asking that is under way, if one is.
    flight: Mutex<Option<Asked>>,
}

/// Tells what was found once it is.
type Asked = watch::Receiver<Option<Arc<Found>>>;

/// What was found.
struct Found {
    is_healthy: bool,
    document: Vec<u8>,
}

#[derive(Serialize)]
struct Document {
    status: &'static str,
    services: Vec<Row>,
    timestamp: String,
}

#[derive(Serialize)]
struct Row {
    name: String,
    healthy: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Health {
    pub(crate) fn new(
        askers: Box<[Asker]>,
        expose: bool,
        timeout: Duration,
        errands: Arc<dyn Errands>,
    ) -> Arc<Self> {
        Arc::new(Self { askers, expose, timeout, errands, flight: Mutex::new(None) })
    }

    /// The answer to a client.
    pub(crate) async fn answer(self: Arc<Self>) -> Reply {
        let mut asked = self.asked();
        // It ends without a word only where the gateway does.
        let found = asked.wait_for(Option::is_some).await.ok().and_then(|found| found.clone());
        match found {
            Some(found) => Reply::health(found.is_healthy, found.document.as_slice().into()),
            None => Reply::dependency_unavailable("health", "gateway_stopping"),
        }
    }

    /// The asking under way, or a new one.
    fn asked(self: &Arc<Self>) -> Asked {
        let mut flight = self.flight.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asked) =
            flight.as_ref().filter(|asked| asked.borrow().is_none() && asked.has_changed().is_ok())
        {
            return asked.clone();
        }
        let (says, asked) = watch::channel(None);
        let health = Arc::clone(self);
        self.errands.send(Box::new(move |local| {
            Box::pin(async move {
                let found = health.ask(local).await;
                says.send_replace(Some(Arc::new(found)));
            })
        }));
        *flight = Some(asked.clone());
        asked
    }

    /// Asks all services.
    async fn ask(&self, local: Rc<Local>) -> Found {
        let mut asking = JoinSet::new();
        for (index, asker) in self.askers.iter().enumerate() {
            let (asker, local, timeout) = (asker.clone(), Rc::clone(&local), self.timeout);
            asking.spawn_local(async move { (index, asker.ask(&local, timeout).await) });
        }
        let mut rows: Vec<_> =
            self.askers.iter().map(|asker| self.row(asker, None, Some("failed".into()))).collect();
        while let Some(asked) = asking.join_next().await {
            let Ok((index, found)) = asked else { continue };
            rows[index] = match found {
                Ok(url) => self.row(&self.askers[index], Some(url), None),
                Err((url, wrong)) => self.row(&self.askers[index], url, Some(wrong.into_owned())),
            };
        }
        found(rows, local.clock.wall())
    }

    fn row(&self, asker: &Asker, url: Option<String>, error: Option<String>) -> Row {
        Row {
            name: asker.name().to_string(),
            healthy: error.is_none(),
            url: url.filter(|_| self.expose),
            error: error.filter(|_| self.expose),
        }
    }
}

fn found(services: Vec<Row>, now: Wall) -> Found {
    let is_healthy = services.iter().all(|row| row.healthy);
    let status = if is_healthy { "healthy" } else { "unhealthy" };
    let document = Document { status, services, timestamp: now.to_string() };
    Found { is_healthy, document: serde_json::to_vec(&document).expect("texts and truths are JSON") }
}
