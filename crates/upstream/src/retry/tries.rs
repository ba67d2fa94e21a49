//! The tries of one request.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use sekisho_exchange::{Alarm, Downstream, Exchange};
use sekisho_units::Tick;

use super::{Outcome, Retry};
use crate::breaker::Ticket;
use crate::call::Call;
use crate::failure::Failure;
use crate::fleet::{Asked, Endpoint};
use crate::service::Service;

/// The most tries that a configuration can ask for, the first one included.
const MOST: usize = 11;

/// The tries of one request so far.
pub(crate) struct Tries<'a> {
    service: &'a Service,
    asked: Asked,
    /// Slots of the endpoints that were tried.
    tried: [usize; MOST],
    made: usize,
    /// The slot of one that was asked beside the first.
    beside: Option<usize>,
    /// Whose turn it is, if that is known already.
    next: Option<Arc<Endpoint>>,
}

/// What is to be tried again.
pub(crate) enum Again {
    /// Everything anew: nothing was sent.
    Anew,
    /// The same call over another connection.
    Repeat(Box<Call>),
}

impl Again {
    /// Of what an outcome leaves.
    pub(crate) fn after(outcome: Outcome) -> Self {
        match outcome {
            Ok(mut call) | Err((_, Some(mut call))) => {
                call.forgo();
                Self::Repeat(call)
            }
            Err((_, None)) => Self::Anew,
        }
    }

    /// The call, if there is one already.
    pub(crate) fn into_call(self) -> Option<Box<Call>> {
        match self {
            Self::Anew => None,
            Self::Repeat(call) => Some(call),
        }
    }
}

impl<'a> Tries<'a> {
    /// None yet.
    #[inline]
    pub(crate) fn new(service: &'a Service, exchange: &Exchange<'_>, now: Tick) -> Self {
        Self {
            service,
            asked: service.fleet.asked(exchange, now),
            tried: [0; MOST],
            made: 0,
            beside: None,
            next: None,
        }
    }

    /// What the choice of the endpoint depends on.
    pub(crate) fn asked(&self) -> &Asked {
        &self.asked
    }

    /// Whether the try under way is the first one.
    pub(crate) fn is_first(&self) -> bool {
        self.made <= 1
    }

    /// The endpoint for the next try, with leave of its circuit breaker if it has one.
    ///
    /// # Errors
    /// [`Failure::NoHealthyEndpoint`] or [`Failure::CircuitOpen`], if there is none.
    #[inline]
    pub(crate) fn pick(&mut self, now: Tick) -> Result<(Arc<Endpoint>, Option<Ticket>), Failure> {
        let fleet = &self.service.fleet;
        let picked = self.next.take().or_else(|| fleet.pick(&self.asked));
        let tried = &self.tried[..self.made.min(MOST)];
        let (endpoint, ticket) = fleet.admitted(picked, &self.asked, tried, now)?;
        if let Some(slot) = self.tried.get_mut(self.made) {
            *slot = endpoint.slot();
        }
        self.made += 1;
        Ok((endpoint, ticket))
    }

    /// An endpoint was asked beside the one of the try under way: retries go past it, too.
    pub(crate) fn note(&mut self, endpoint: &Endpoint) {
        self.beside = Some(endpoint.slot());
    }

    /// Slots of the endpoints that were tried.
    fn tried(&self) -> Vec<usize> {
        self.tried[..self.made.min(MOST)].iter().copied().chain(self.beside).collect()
    }

    /// Whether there is to be another try after this outcome; the pause before it has passed then.
    ///
    /// # Errors
    /// [`Failure::ClientGone`], if the client has left meanwhile.
    pub(crate) async fn again<D: Downstream>(
        &mut self,
        outcome: &Outcome,
        exchange: &Exchange<'_>,
        down: &mut D,
        alarm: &Alarm,
    ) -> Result<bool, Failure> {
        match &self.service.retry {
            Some(retry) if retry.is_cause(outcome) => {
                self.once_more(retry, outcome, exchange, down, alarm).await
            }
            _ => Ok(false),
        }
    }

    #[cold]
    async fn once_more<D: Downstream>(
        &mut self,
        retry: &Retry,
        outcome: &Outcome,
        exchange: &Exchange<'_>,
        down: &mut D,
        alarm: &Alarm,
    ) -> Result<bool, Failure> {
        let sent = match outcome {
            Ok(call) | Err((_, Some(call))) => Some(call),
            Err((_, None)) => None,
        };
        let may = sent.is_none_or(|call| call.can_repeat() && retry.may_repeat(exchange));
        if !may || self.made > retry.extra as usize {
            return Ok(false);
        }
        let local = exchange.local;
        let now = local.clock.now();
        let retries = self.made as u32 - 1;
        let tried = self.tried();
        let Some(next) = self.service.fleet.pick_other(&self.asked, &tried) else { return Ok(false) };
        let until = match tried.contains(&next.slot()) {
            false => now,
            true => now + retry.backoff.wait(retries, fastrand::u32(..)),
        };
        let in_time = exchange.deadline.is_none_or(|deadline| until < deadline);
        if !in_time || local.cut.get() || !retry.budget.take(local.index, retry.percent, now) {
            return Ok(false);
        }
        if until > now && !paused(until, exchange, down, alarm).await {
            return Err(Failure::ClientGone);
        }
        self.next = Some(next);
        Ok(true)
    }
}

/// Lets time pass, as long as the client stays. `false`: it has left.
async fn paused<D: Downstream>(until: Tick, exchange: &Exchange<'_>, down: &mut D, alarm: &Alarm) -> bool {
    alarm.set(until);
    poll_fn(|cx| {
        if down.poll_gone(cx).is_ready() {
            return Poll::Ready(false);
        }
        while alarm.poll(cx).is_ready() {
            // At the end of a drain every alarm rings; the try that follows says so.
            if exchange.local.cut.get() || exchange.local.clock.now() >= until {
                return Poll::Ready(true);
            }
            alarm.set(until);
        }
        Poll::Pending
    })
    .await
}
