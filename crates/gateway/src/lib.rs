//! The gateway itself: from a document to a [`Site`], and from a request to its answer.
//!
//! Read [`walk`] first: one exchange's life, top to bottom. `document` is the configuration as written, `compile` turns it
//! into a [`Site`], `route` finds the plan for a request, `http1` serves a client's connection.

pub mod alert;
mod basis;
pub mod compile;
pub mod document;
pub mod explain;
mod forward;
mod health;
mod http1;
mod listener;
mod mark;
mod meter;
mod nest;
mod outline;
mod pace;
mod plan;
mod relay;
pub mod route;
mod serving;
mod site;
mod stall;
mod tunnel;
pub mod walk;
mod worker;

pub use forward::{Introduction, Via};
pub use health::Health;
pub use http1::{Caller, serve};
pub use listener::{Certificate, Crowd, Door, Listener, Place, SecureRedirect, Tickets, Tls, admit};
pub use mark::Mark;
pub use meter::{BOUNDS, Cell, Handshake, RouteMeter, StepMeter, Verdicts, WorkerMeter};
pub use nest::{Nest, Nested};
pub use outline::{Changes, Outline, Part};
pub use plan::{About, Handed, Plan, PlanStep, Redirect, Respond, Target};
pub use site::{ClientTimeouts, Settings, Site};
pub use stall::{NOTED, StallMeter, Stalls};
pub use tunnel::LINGER as TUNNEL_LINGER;
pub use worker::Worker;
