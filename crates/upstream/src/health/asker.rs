//! Asking a service whether it is well, for somebody who waits for the answer.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use sekisho_exchange::Local;

use super::check::Check;
use super::probe::{Probe, Wrong};
use crate::fleet::Endpoint;
use crate::pool::Pools;
use crate::service::Service;

/// Endpoints of a service that are asked, side by side: those that can be, before the others.
const MOST: usize = 8;

/// Asks a service.
#[derive(Clone)]
pub struct Asker {
    service: Arc<Service>,
    check: Arc<Check>,
}

impl Asker {
    /// Asks as the service's own checks do; where it has none, `GET /health` is to get 200 to 399.
    pub fn new(service: Arc<Service>) -> Self {
        let check = service.check.clone().unwrap_or_default();
        Self { service, check }
    }

    /// The service's name.
    pub fn name(&self) -> &Arc<str> {
        &self.service.name
    }

    /// Whether any endpoint is well, for no longer than `timeout`: its URL; or that of the first, and what is wrong there.
    ///
    /// # Errors
    /// What is wrong.
    pub async fn ask(&self, local: &Local, timeout: Duration) -> Result<String, (Option<String>, Wrong)> {
        let pools = local.lent::<Pools>().ok_or((None, "gateway_stopping".into()))?;
        let mut endpoints = self.service.fleet.endpoints();
        endpoints.sort_by_key(|endpoint| !endpoint.is_available());
        endpoints.truncate(MOST);
        let Some(first) = endpoints.first().map(|endpoint| endpoint.url()) else {
            return Err((None, "no_endpoint".into()));
        };
        let mut asked: Vec<_> =
            endpoints.iter().map(|endpoint| Some(Box::pin(self.one(endpoint, &pools, timeout)))).collect();
        let mut wrong = None;
        let found = poll_fn(|cx| {
            for (index, slot) in asked.iter_mut().enumerate() {
                let Some(one) = slot else { continue };
                match one.as_mut().poll(cx) {
                    Poll::Pending => {}
                    Poll::Ready(Ok(())) => return Poll::Ready(Some(index)),
                    Poll::Ready(Err(error)) => {
                        *slot = None;
                        if index == 0 || wrong.is_none() {
                            wrong = Some(error);
                        }
                    }
                }
            }
            if asked.iter().all(Option::is_none) { Poll::Ready(None) } else { Poll::Pending }
        });
        match found.await {
            Some(index) => Ok(endpoints[index].url()),
            None => Err((Some(first), wrong.unwrap_or("timeout".into()))),
        }
    }

    async fn one(&self, endpoint: &Endpoint, pools: &Rc<Pools>, timeout: Duration) -> Result<(), Wrong> {
        let check = Arc::clone(&self.check);
        Probe::new(endpoint, check, self.service.head_limits, Rc::clone(pools)).ask(timeout).await
    }
}
