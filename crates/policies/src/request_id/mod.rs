//! `request_id`: an id for each request, and one for all that is done on behalf of one action.
//!
//! `X-Request-ID` names this exchange alone, so it is always new, unless the request comes through a trusted proxy that
//! has named it already. `X-Correlation-ID` is the client's if it is 1 to 128 visible ASCII characters, else new. Both go
//! to the service and are on every answer, the gateway's own included.

#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use sekisho_exchange::{Exchange, Id, Ids, Policy, Response, Verdict};
use sekisho_wire::{Edits, Known};
use serde::Deserialize;

use crate::{Compile, Context, Here};

/// `request_id` as written: there is nothing to set.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {}

/// The policy as it runs.
#[derive(Clone, Copy, Debug)]
pub struct RequestId;

impl Compile for Config {
    type Into = RequestId;

    fn compile(self, _: &mut Here<'_>, _: &Context<'_>) -> Option<RequestId> {
        Some(RequestId)
    }
}

impl Policy for RequestId {
    type Pass = ();
    const EVERY_ANSWER: bool = true;

    #[inline]
    fn enter(&self, exchange: &mut Exchange<'_>) -> Verdict<()> {
        let given = |name| exchange.head.get(name).and_then(Id::given);
        let request = if exchange.client.trusted { given(Known::XRequestId) } else { None };
        let correlation = given(Known::XCorrelationId);
        let ids = Ids {
            request: request.unwrap_or_else(Id::new),
            correlation: correlation.unwrap_or_else(Id::new),
        };
        exchange.ids = Some(ids);
        set(&mut exchange.to_service, &ids);
        Verdict::Proceed(())
    }

    #[inline]
    fn leave(&self, (): (), exchange: &mut Exchange<'_>, _: &Response<'_>) {
        // A request that was refused before any policy saw it has no ids yet.
        let new = || Ids { request: Id::new(), correlation: Id::new() };
        set(&mut exchange.to_client, exchange.ids.get_or_insert_with(new));
    }
}

#[inline]
fn set(edits: &mut Edits, ids: &Ids<'_>) {
    for (name, id) in [(Known::XRequestId, &ids.request), (Known::XCorrelationId, &ids.correlation)] {
        let set = match id {
            Id::Own(text) => edits.set_fixed(name, text),
            Id::Given(text) => edits.set(name, text.as_bytes()),
        };
        debug_assert!(set.is_ok(), "an id is visible ASCII");
    }
}
