//! The tries of one request.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use sekisho_exchange::{Alarm, Downstream, Exchange};
use sekisho_units::Tick;

use super::{Outcome, Retry};
use crate::call::Call;
use crate::failure::Failure;
use crate::service::{Endpoint, Service};

/// The most tries that a configuration can ask for, the first one included.
const MOST: usize = 11;

/// The tries of one request so far.
pub(crate) struct Tries<'a> {
    service: &'a Service,
    /// Places of the endpoints that were tried.
    tried: [usize; MOST],
    made: usize,
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
    pub(crate) fn new(service: &'a Service) -> Self {
        Self { service, tried: [0; MOST], made: 0 }
    }

    /// The endpoint for the next try: one that was not tried yet, if there is one.
    pub(crate) fn pick(&mut self) -> &'a Arc<Endpoint> {
        let endpoint = match self.made {
            0 => self.service.pick(),
            made => self.service.pick_other(&self.tried[..made.min(MOST)]),
        };
        if let Some(place) = self.tried.get_mut(self.made) {
            *place = endpoint.slot();
        }
        self.made += 1;
        endpoint
    }

    /// Whether there is to be another try after this outcome; the pause before it has passed then.
    ///
    /// # Errors
    /// [`Failure::ClientGone`], if the client has left meanwhile.
    pub(crate) async fn again<D: Downstream>(
        &self,
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
        &self,
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
        let until = match self.is_other_left() {
            true => now,
            false => now + retry.backoff.wait(retries, fastrand::u32(..)),
        };
        let in_time = exchange.deadline.is_none_or(|deadline| until < deadline);
        if !in_time || local.cut.get() || !retry.budget.take(local.index, retry.percent, now) {
            return Ok(false);
        }
        if until > now && !paused(until, exchange, down, alarm).await {
            return Err(Failure::ClientGone);
        }
        Ok(true)
    }

    /// Whether there is an endpoint that was not tried yet.
    fn is_other_left(&self) -> bool {
        let tried = &self.tried[..self.made.min(MOST)];
        self.service.endpoints.iter().any(|endpoint| !tried.contains(&endpoint.slot()))
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
