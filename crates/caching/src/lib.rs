//! What a shared HTTP cache decides (RFC 9111), without I/O, clock or store: heads and times go in, decisions with their
//! reasons come out. A file a section of the RFC.
//!
//! Around it stands a cache that keeps, under each [`Key`], some answers: for each a head, a body, and the [`Stored`]
//! facts that were worked out when it was stored, so that a hit costs comparisons only. A request goes this way:
//!
//! 1. [`Asked::read`] the request, or it [bypasses](Bypass) the cache; [`Told`] keeps what was read. An unsafe one that succeeds invalidates its own
//!    target and those that [`invalidated`] names (§4.4).
//! 2. Look up the [`Key`] and let [`Asked::choose`] among the answers there (§4).
//!    - [`Choice::Serve`] — send what [`shape`] says of that one, with its `Age`: a whole, a 304, a range. If it is
//!      [stale](Served::WhileRevalidating), start asking as below, for nobody.
//!    - [`Choice::Refuse`] — answer 504.
//!    - [`Choice::Ask`] — send the request on, with [`validate`] if an answer is there to be validated, else with [`whole`]
//!      if it [`may_fill`](Asked::may_fill), else as it is. One request a key at a time; the others wait for its answer.
//! 3. The origin answers.
//!    - It failed, and the stored answer [`may_stand_in`]: send that.
//!    - 304 to our validators, and it [`confirms`] the stored answer: [`freshen`] the head, [`admit`] the result, replace the
//!      stored head and facts, and send by [`shape`]. If it confirms another, ask again with [`whole`].
//!    - Else [`admit`] it, or learn why it is [not stored](NotStored). Its lines are stored without those that [`kept`]
//!      marks; an answer whose [`Vary`] [is the same](Vary::is_same) gives way, other variants stay. The client who
//!      caused it gets it by [`shape`] as well, since its conditions were not sent on.
//!    - To HEAD: where a stored answer matches, [`answers_for`] says whether to freshen or to invalidate it (§4.3.5).
//! 4. [`Outcome`] has the words for the log, `X-Cache` and `Cache-Status`.
//!
//! Stores outside of the process keep the facts as [bytes](Stored::write).
//!
//! Whole seconds decide, as they do in the RFC; times are of the system's clock, since `Date` is and since gateways share
//! stores. What cannot be read never permits anything: times become zero, what forbids forbids.
//!
//! Where the RFC leaves a choice:
//! - of several values for one directive the smallest counts, of several `Expires` that disagree none (§4.2.1);
//! - lists of fields in `private` and `no-cache` are honoured: those lines are not stored, the rest is;
//! - `s-maxage` forbids stale answers (§5.2.2.10) unless the origin itself writes `stale-…` beside it;
//! - where the origin says nothing of time, the operator does: by status, by the age of what is sent, or for all that is no
//!   error (§4.2.2). Errors are not stored on a guess, since they may be the fault of what is part of no key;
//! - nothing is assumed of answers to requests with cookies, unless the operator says that cookies mean nothing;
//! - an answer whose tag or `Vary` was changed on its way into the store keeps both when it is freshened (§3.2);
//! - partial answers are not stored, HEAD is not stored by itself, answers to other methods neither;
//! - `CDN-Cache-Control` overrules (RFC 9213). Where it gives no time and `Cache-Control` would not have the answer
//!   stored, the operator's `ttl` is not assumed;
//! - a GET with a body, or with a field that may turn it into another request, has nothing to do with the cache.

mod answer;
mod date;
mod directives;
mod etag;
mod hearsay;
mod key;
mod outcome;
mod policy;
mod record;
mod reuse;
mod stored;
mod storing;

pub use answer::{Shape, Slice, shape};
pub use hearsay::hearsay;
pub use key::{Key, KeyParts};
pub use outcome::Outcome;
pub use policy::{Clients, Cookies, HEURISTIC_MOST, Policy, SetCookie, Sharing, TtlOf};
pub use reuse::{
    Asked, Bypass, Choice, Failure, Needed, Served, Told, Vary, invalidated, may_stand_in, validate, whole,
};
pub use stored::Stored;
pub use storing::{
    Confirmed, NOT_MODIFIED_LEAVES_OUT, NotStored, Times, admit, answers_for, confirms, freshen, kept,
    needs_date,
};
