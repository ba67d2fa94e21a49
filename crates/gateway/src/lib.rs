//! The gateway itself: from a document to a [`Site`], and from a request to its answer.
//!
//! Read [`walk`] first: one exchange's life, top to bottom. `document` is the configuration as written, `compile` turns it
//! into a [`Site`], `route` finds the plan for a request, `http1` serves a client's connection.

pub mod compile;
pub mod document;
pub mod explain;
mod forward;
mod http1;
mod meter;
mod plan;
mod relay;
pub mod route;
mod site;
pub mod walk;
mod worker;

pub use forward::Via;
pub use http1::serve;
pub use meter::{BOUNDS, Cell, RouteMeter, StepMeter, Verdicts, WorkerMeter};
pub use plan::{Plan, PlanStep, Redirect, Respond, Target};
pub use site::{ClientTimeouts, Settings, Site};
pub use worker::Worker;
