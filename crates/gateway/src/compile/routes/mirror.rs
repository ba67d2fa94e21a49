//! A service that is shown a route's requests as well.

use sekisho_units::{At, Place, Problem, Problems};
use sekisho_upstream::{Carry, Mirror};
use sekisho_yaml::join;

use crate::compile::services::Services;
use crate::document::{MirrorConfig, ShownConfig};

/// Who is shown them; nobody for `off`, or if there is a problem.
pub(super) fn compile(
    written: &At<MirrorConfig>,
    path: &str,
    services: &Services,
    carry: &Carry,
    problems: &mut Problems,
) -> Option<Mirror> {
    let MirrorConfig::To(ShownConfig { service, share, body, timeout }) = &written.value else { return None };
    let mut refuse = |field: &str, message: &str, remedy: &str| {
        let problem = Problem::error(written.place.clone(), join(path, field), message);
        problems.push(problem.remedy(remedy));
    };
    if share.is_zero() {
        refuse("share", "no request would be shown", "write one such as `10%`, or `mirror: off`");
    }
    if timeout.is_zero() {
        refuse("timeout", "no answer would be in time", "write a time such as `10s`");
    }
    // The name alone stands where the whole does.
    let (place, path) = match service.place == Place::none() {
        true => (&written.place, path.to_owned()),
        false => (&service.place, join(path, "service")),
    };
    let service = services.find(&At::new(place.clone(), service.value.clone()), &path, problems)?;
    Some(Mirror::new(service, (*share, body.bytes() as usize, timeout.as_duration()), carry))
}
