//! Asking a service for nobody: a stored answer was sent, and is to be renewed.
//!
//! The request goes on from the step that has the answer, as it stood there, in an exchange of its own: through the steps that
//! follow and to the target, and what comes back goes through them to that step, which keeps it.

use std::any::Any;
use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use sekisho_exchange::{Client, Exchange, Identity, Rewritten};
use sekisho_policies::Pass;
use sekisho_upstream::Nobody;
use sekisho_wire::{Edits, Framing, HeadBuf};

use crate::basis::Basis;
use crate::forward::Lines;
use crate::listener::Door;
use crate::walk::{Desk, Start, Way, walk};
use crate::worker::Worker;

/// Begins to ask as `exchange` would, from behind the step of that index, which gets the pass with the answer.
pub(crate) fn renew(way: &Way<'_>, exchange: &mut Exchange<'_>, (index, pass): (usize, Pass)) {
    let (Some(basis), Some(request)) = (way.basis.shared(), Request::of(exchange)) else { return };
    let (worker, door) = (Rc::clone(way.worker), Arc::clone(way.door));
    tokio::task::spawn_local(async move { request.ask(&basis, (&worker, &door), (index, pass)).await });
}

/// A request apart from the buffers in which it came.
struct Request {
    head: HeadBuf,
    path: String,
    query: Option<String>,
    host: String,
    params: Vec<String>,
    to_ask: Rewritten<'static>,
    to_service: Edits,
    identity: Option<Arc<Identity>>,
    client: Client,
    version: String,
    aside: Option<Box<dyn Any>>,
}

impl Request {
    fn of(exchange: &mut Exchange<'_>) -> Option<Self> {
        let aside = exchange.aside.take();
        let view = exchange.head;
        let mut head = HeadBuf::default();
        head.request(view.method_bytes(), view.target()).ok()?;
        for (name, value, _) in view.lines() {
            head.push(std::str::from_utf8(name).ok()?, value).ok()?;
        }
        Some(Self {
            head,
            path: exchange.path.to_owned(),
            query: exchange.query.map(str::to_owned),
            host: exchange.host.to_owned(),
            params: exchange.params.iter().map(|(_, value)| (*value).to_owned()).collect(),
            to_ask: Rewritten {
                path: Cow::Owned(exchange.to_ask.path.to_string()),
                query: exchange.to_ask.query.as_ref().map(|query| Cow::Owned(query.to_string())),
            },
            to_service: exchange.to_service.clone(),
            identity: exchange.identity.clone(),
            client: exchange.client,
            version: exchange.facts.version.to_owned(),
            aside,
        })
    }

    async fn ask(self, basis: &Basis, (worker, door): (&Rc<Worker>, &Arc<Door>), step: (usize, Pass)) {
        let (local, alarm) = (&worker.local, worker.local.alarms.alarm());
        let target = (&*self.path, self.query.as_deref(), &*self.host);
        let now = local.clock.now();
        let mut exchange = Exchange::new(self.head.view(), target, Framing::None, self.client, now, local);
        exchange.params = self.params.iter().map(|value| ("", value.as_str())).collect();
        exchange.to_ask = self.to_ask;
        exchange.to_service = self.to_service;
        exchange.identity = self.identity;
        exchange.facts.version = &self.version;
        exchange.aside = self.aside;
        let way = basis.way(&mut exchange, (worker, &alarm, door));
        let (mut lines, mut reply) = (Lines::default(), HeadBuf::default());
        let desk = Desk { lines: &mut lines, reply: &mut reply };
        let start = Start::Behind(step.0, step.1);
        walk(&way, &mut exchange, start, &mut Nobody::with(Vec::new()), desk).await;
    }
}
