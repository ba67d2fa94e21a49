//! What a configuration means, and what it does with a request: for `sekisho plan` and `sekisho explain`, the admin API
//! and tests.
//!
//! Everything here is read from the compiled [`Site`](crate::Site), never from the document, so that it tells what will
//! happen and not what was written. Each answer is data (for JSON) that prints itself (for people).

mod plans;
mod reasons;
mod request;
mod versions;

pub use plans::{Conditions, Plans, RoutePlan, StepPlan, TargetPlan, WayPlan, plans};
pub use request::{BadRequest, Explanation, Outcome, Param, Passed, explain};
pub use versions::{ChosenVersion, VersionPlan, VersionsPlan};

#[cfg(test)]
mod tests;
