//! How each scenario is measured.

mod cached;
mod care;
mod proof;
mod ratio;
mod reload;
mod single;
mod soak;
mod tls;
mod trouble;
mod workers;

use super::Options;
use super::report::Section;
use super::scenarios::{Kind, Scenario};
use super::targets::Stage;

/// Measures one scenario.
pub(super) fn measure(
    stage: &Stage,
    scenario: &'static Scenario,
    options: &Options,
) -> Result<Section, String> {
    match &scenario.kind {
        Kind::Ratio(plan) => ratio::measure(stage, scenario, plan, options),
        Kind::Idle => single::idle(stage, scenario, options),
        Kind::Start => single::start(stage, scenario),
        Kind::Workers => workers::measure(stage, scenario, options),
        Kind::Reload => reload::measure(stage, scenario),
        Kind::Trouble(trouble) => trouble::measure(stage, scenario, *trouble),
        Kind::Cold | Kind::Keys => cached::measure(stage, scenario),
        Kind::Care => care::measure(stage, scenario, options),
        Kind::Soak => soak::measure(stage, scenario, options),
    }
}
