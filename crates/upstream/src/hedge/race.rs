//! Two endpoints with one request: whose head is first is heard, and the other one is let go of.
//!
//! Each has a lane, a future that takes a connection, sends the head and waits for the answer's. Neither needs the exchange but to
//! read it, since there is no body. The first has the client and its alarm; the second has an alarm of its own and nobody: its
//! interim answers go nowhere, so that the client never gets those of two. Dropping a lane closes its connection.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use sekisho_exchange::{Alarm, Downstream, Exchange, Facts};
use sekisho_units::Tick;

use super::{Hedge, Hedged};
use crate::call::Call;
use crate::compose::compose;
use crate::failure::Failure;
use crate::fleet::{Endpoint, Flight};
use crate::limit::Place;
use crate::peer::Nobody;
use crate::retry::{Again, Outcome, Tries};
use crate::send::{Asking, Leave, Wait};
use crate::upload::Pace;

/// A try and what came of it.
pub(crate) struct Raced {
    outcome: Outcome,
    /// By whose leave it was made.
    leave: Leave,
    /// Requests sent beside the first.
    more: u32,
}

impl Raced {
    /// Notes whose answer it is, and what was sent.
    pub(crate) fn noted(self, facts: &mut Facts<'_>) -> (Leave, Outcome) {
        facts.endpoint = Some(Arc::clone(&self.leave.flight.endpoint.authority));
        facts.attempts += self.more;
        (self.leave, self.outcome)
    }
}

/// What the first of two lanes to end has come to.
enum First {
    Own(Outcome),
    Rival(Outcome),
}

type Lane<'l> = Pin<Box<dyn Future<Output = Outcome> + 'l>>;

impl Asking<'_, '_> {
    /// As a plain try, but that another endpoint is asked as well if the head of the answer is long in coming.
    pub(crate) async fn hedged<D: Downstream>(
        &self,
        hedge: &Hedge,
        leave: Leave,
        tries: &mut Tries<'_>,
        exchange: &Exchange<'_>,
        (down, alarm): (&mut D, &Alarm),
    ) -> Raced {
        let local = &self.pools.local;
        hedge.asked(local.index, leave.since);
        let more = Cell::new(0);
        let own_endpoint = Arc::clone(&leave.flight.endpoint);
        let mut own: Lane<'_> = Box::pin(self.lane(&own_endpoint, exchange, (&mut *down, alarm), &more));
        let timer = local.alarms.alarm();
        let (rival, _place) = match self.alone(hedge, &leave, tries, &mut own, &timer).await {
            Ok(outcome) => {
                drop(own);
                return Raced { outcome, leave, more: more.get() };
            }
            Err(rival) => rival,
        };
        more.set(more.get() + 1);
        let rival_endpoint = Arc::clone(&rival.flight.endpoint);
        let mut nobody = Nobody::with(Vec::new());
        let mut other: Lane<'_> =
            Box::pin(self.lane(&rival_endpoint, exchange, (&mut nobody, &timer), &more));
        let first = poll_fn(|cx| match own.as_mut().poll(cx) {
            Poll::Ready(outcome) => Poll::Ready(First::Own(outcome)),
            Poll::Pending => other.as_mut().poll(cx).map(First::Rival),
        });
        let (how, outcome, leave, given_up) = match first.await {
            First::Own(outcome) if !self.is_vain(&outcome) || ends_all(&outcome) => {
                hedge.took(local.index, local.clock.now().since(leave.since));
                (told(Hedged::Lost, &outcome), outcome, leave, Some(rival))
            }
            First::Own(outcome) => {
                // The second one is all that is left.
                self.judge(leave, &outcome);
                drop((own, Again::after(outcome)));
                let outcome = staying(other, down).await;
                (told(Hedged::Won, &outcome), outcome, rival, None)
            }
            First::Rival(outcome) if !self.is_vain(&outcome) || ends_all(&outcome) => {
                hedge.took(local.index, local.clock.now().since(leave.since));
                (told(Hedged::Won, &outcome), outcome, rival, Some(leave))
            }
            First::Rival(outcome) => {
                self.judge(rival, &outcome);
                drop((other, Again::after(outcome)));
                let outcome = own.await;
                (told(Hedged::Lost, &outcome), outcome, leave, None)
            }
        };
        hedge.meter().count(how);
        if let Some(given_up) = given_up {
            self.give_up(&given_up);
        }
        Raced { outcome, leave, more: more.get() }
    }

    /// The first lane alone: to its end, or until another endpoint is asked as well, which is given as the error then.
    async fn alone(
        &self,
        hedge: &Hedge,
        leave: &Leave,
        tries: &mut Tries<'_>,
        own: &mut Lane<'_>,
        timer: &Alarm,
    ) -> Result<Outcome, (Leave, Option<Place>)> {
        let local = &self.pools.local;
        let due = hedge.after(local.index).map(|after| leave.since + after);
        let outcome = match self.before(due, own, timer).await {
            Some(outcome) => outcome,
            None => match self.rival(hedge, tries, &leave.flight.endpoint) {
                Ok(rival) => return Err(rival),
                Err(why) => {
                    hedge.meter().count(why);
                    own.await
                }
            },
        };
        if outcome.is_ok() {
            hedge.took(local.index, local.clock.now().since(leave.since));
        }
        Ok(outcome)
    }

    /// The first lane alone, until the second is due; `None` then.
    async fn before(&self, due: Option<Tick>, own: &mut Lane<'_>, timer: &Alarm) -> Option<Outcome> {
        let Some(due) = due else { return Some(own.await) };
        let local = &self.pools.local;
        timer.set(due);
        poll_fn(|cx| {
            if let Poll::Ready(outcome) = own.as_mut().poll(cx) {
                return Poll::Ready(Some(outcome));
            }
            while timer.poll(cx).is_ready() {
                if local.clock.now() >= due {
                    return Poll::Ready(None);
                }
                if local.cut.get() {
                    // At the end of a drain all alarms ring, and the lane's own will end it.
                    break;
                }
                timer.set(due);
            }
            Poll::Pending
        })
        .await
    }

    /// Who is asked as well: somebody who is well, whose circuit breaker is closed, and for whom there is budget, and a place in the
    /// service's limit for as long as both have the request.
    fn rival(
        &self,
        hedge: &Hedge,
        tries: &mut Tries<'_>,
        own: &Endpoint,
    ) -> Result<(Leave, Option<Place>), Hedged> {
        let now = self.pools.local.clock.now();
        let endpoint = self.service.fleet.rival(tries.asked(), own).ok_or(Hedged::NobodyElse)?;
        let whole = self.service.breaker.as_ref();
        if whole.is_some_and(|guard| !guard.breaker.is_closed()) {
            return Err(Hedged::NobodyElse);
        }
        let limit = self.service.limit.as_ref();
        let place = limit.map(|limit| limit.enter().ok_or(Hedged::OverBudget)).transpose()?;
        if !hedge.may(self.pools.local.index, now) {
            return Err(Hedged::OverBudget);
        }
        let ticket = match whole {
            Some(guard) => Some(guard.admit(now).map_err(|_| Hedged::NobodyElse)?),
            None => endpoint.admit(now).ok_or(Hedged::NobodyElse)?,
        };
        tries.note(&endpoint);
        Ok((Leave { flight: Flight::begin(endpoint), ticket, since: now }, place))
    }

    /// One try, and where a kept connection proves stale, the same over a new one.
    async fn lane<D: Downstream>(
        &self,
        endpoint: &Arc<Endpoint>,
        exchange: &Exchange<'_>,
        (down, alarm): (&mut D, &Alarm),
        more: &Cell<u32>,
    ) -> Outcome {
        let pools = self.pools;
        let conn = match pools.take(endpoint) {
            Some(conn) => conn,
            None => match pools.connect(self.service, endpoint, exchange.deadline, down, alarm).await {
                Ok(conn) => conn,
                Err(failure) => return Err((failure, None)),
            },
        };
        let pace = Pace::new(self.terms, self.service.timeouts.idle);
        let head = |out: &mut Vec<u8>| compose(exchange, self.service, endpoint, out);
        let call = Call::new(conn, pools, exchange, (self.service.head_limits, pace, 0), head);
        match self.bodiless_head(call, exchange, down, alarm).await {
            Err((Failure::Stale, Some(mut call))) if call.can_repeat() => {
                call.hang_up();
                match pools.connect(self.service, endpoint, exchange.deadline, down, alarm).await {
                    Ok(conn) => {
                        more.set(more.get() + 1);
                        self.bodiless_head(call.repeat(conn), exchange, down, alarm).await
                    }
                    Err(failure) => Err((failure, Some(call))),
                }
            }
            outcome => outcome,
        }
    }

    /// Sends a request without a body and waits for the head of its answer.
    async fn bodiless_head<D: Downstream>(
        &self,
        mut call: Box<Call>,
        exchange: &Exchange<'_>,
        down: &mut D,
        alarm: &Alarm,
    ) -> Outcome {
        let mut wait = Wait::new(self, alarm);
        let polled = poll_fn(|cx| {
            let sent = call.send_bodiless(cx);
            wait.poll_answer(cx, sent, &mut call, exchange, down)
        })
        .await;
        match polled {
            Ok(()) => Ok(call),
            Err(failure) => Err((failure, Some(call))),
        }
    }

    /// Whether what came of a try is no answer, or one for which requests are tried again.
    fn is_vain(&self, outcome: &Outcome) -> bool {
        outcome.is_err() || self.service.retry.as_ref().is_some_and(|retry| retry.is_cause(outcome))
    }

    /// Lets go of the one that was slower: that is no failure of its, but it took at least so long.
    fn give_up(&self, leave: &Leave) {
        let now = self.pools.local.clock.now();
        self.service.fleet.waited(&leave.flight.endpoint, now.since(leave.since), now);
    }
}

/// Waits for the second lane, which does not know the client, as long as that stays.
async fn staying<D: Downstream>(mut other: Lane<'_>, down: &mut D) -> Outcome {
    poll_fn(|cx| {
        if let Poll::Ready(outcome) = other.as_mut().poll(cx) {
            return Poll::Ready(outcome);
        }
        down.poll_gone(cx).map(|_| Err((Failure::ClientGone, None)))
    })
    .await
}

/// Whether nothing that another endpoint could say would be of use.
fn ends_all(outcome: &Outcome) -> bool {
    matches!(outcome, Err((Failure::ClientGone | Failure::Stopping | Failure::Expired, _)))
}

/// How it went, if it went as `well` with an answer.
fn told(well: Hedged, outcome: &Outcome) -> Hedged {
    match outcome {
        Ok(_) => well,
        Err(_) if ends_all(outcome) => Hedged::GivenUp,
        Err(_) => Hedged::Failed,
    }
}
