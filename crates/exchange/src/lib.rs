//! One request and its answer on their way through the gateway.
//!
//! [`Exchange`] is the traveller: what a policy reads (the request's head as it came, the normalised path, the client)
//! and what it changes (edits of both heads, the path for the service, facts for the log). [`Policy`] is what a step of a
//! route's plan implements. [`Reply`] is every answer that the gateway itself gives, [`Serving`] one that is stored. [`Downstream`] is how the answer
//! reaches the client whatever protocol it speaks, and [`Local`] is what one worker owns: alarms, buffers, the clock. [`Event`] is what
//! operators are told.

mod ask;
mod body;
mod downstream;
mod event;
mod exchange;
mod facts;
mod ids;
mod local;
mod permits;
mod policy;
mod reply;
mod serving;
mod template;
mod turns;
mod who;

pub use ask::{Answered, Ask, Asking, Dial, Errand, Errands, NoErrands, Peer, Unanswered};
pub use body::{BodyCopy, DIGESTS, Filter, Filters, PORTION, Refused, RequestFilter, RequestFilters, Taken};
pub use downstream::{BodyEvent, BrokenBody, Downstream, Gone, Raw, ResponseHead};
pub use event::{Event, EventName, Events, Severity};
pub use exchange::{BodyLimit, Exchange, Mark, RequestBody, Rewritten};
pub use facts::{CacheNote, Decider, Ending, Facts, Shadowed};
pub use ids::{Id, Ids};
pub use local::{Alarm, Alarms, Buffer, Io, LARGE, Local, SMALL, Stash, Tcp};
pub use permits::{Permit, Permits};
pub use policy::{Answerer, Mode, Outcome, Policy, Response, Resume, Verdict};
pub use reply::{Content, Needed, RateOf, Reply};
pub use serving::{Awaited, BrokeOff, Inflow, Laid, Load, Serving, Turn, Unwanted, Vessel};
pub use template::{BadTemplate, Template};
pub use turns::Turns;
pub use who::{BadSubject, Challenges, Client, Described, Entries, Identity, Papers, Scheme, Unproved};
