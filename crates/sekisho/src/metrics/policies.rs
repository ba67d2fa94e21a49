//! What the policies of each route decided, and what they cost.

use std::collections::BTreeMap;
use std::fmt;

use prometheus_client::encoding::DescriptorEncoder;
use sekisho_exchange::Mode;
use sekisho_gateway::{Site, Verdicts};

use super::family::{self, Labels};
use super::plans;

/// Writes the families.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, site: &Site) -> fmt::Result {
    let mut decided: BTreeMap<(&str, &str, &str), Verdicts> = BTreeMap::new();
    let mut cost: BTreeMap<(&str, &str), Verdicts> = BTreeMap::new();
    for plan in plans(site) {
        for step in &plan.steps {
            let (policy, verdicts) = (step.step.name(), step.meter.read());
            add(decided.entry((&plan.route, policy, mode(step.mode))).or_default(), &verdicts);
            add(cost.entry((&plan.route, policy)).or_default(), &verdicts);
        }
    }
    let decisions = decided.into_iter().flat_map(|((route, policy, mode), verdicts)| {
        let labels = |decision| -> Labels<'_, 4> {
            [("route", route), ("policy", policy), ("mode", mode), ("decision", decision)]
        };
        [
            (labels("proceeded"), verdicts.proceeded),
            (labels("answered"), verdicts.answered),
            (labels("shadowed"), verdicts.shadowed),
        ]
    });
    family::counter(encoder, ("gateway_policy_decisions", "What policies decided."), decisions)?;
    let seconds = cost.iter().map(|(key, sum)| (labels(*key), sum.nanoseconds as f64 / 1e9));
    let about = "Time that policies took, of those requests of which it was taken.";
    family::counter(encoder, ("gateway_policy_seconds", about), seconds)?;
    let about = "Requests of which the policies' time was taken: a sample of all.";
    family::counter(
        encoder,
        ("gateway_policy_timed", about),
        cost.iter().map(|(key, sum)| (labels(*key), sum.timed)),
    )
}

fn labels<'a>((route, policy): (&'a str, &'a str)) -> Labels<'a, 2> {
    [("route", route), ("policy", policy)]
}

fn add(sum: &mut Verdicts, more: &Verdicts) {
    sum.proceeded += more.proceeded;
    sum.answered += more.answered;
    sum.shadowed += more.shadowed;
    sum.timed += more.timed;
    sum.nanoseconds += more.nanoseconds;
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "enforce",
        Mode::Shadow => "shadow",
        Mode::Off => "off",
    }
}
