//! The route of the page that tells whether services are well.

use std::sync::Arc;

use sekisho_exchange::Errands;
use sekisho_units::{At, Problem, Problems, Segment};
use sekisho_upstream::{Asker, Service};

use super::narrow::Asked;
use super::{Branch, Compiled, Flat, Kept};
use crate::compile::services::Services;
use crate::compile::steps::Chain;
use crate::document::HealthPageConfig;
use crate::health::Health;
use crate::plan::Target;
use crate::route::{Entry, Lead, MethodSet, Methods};

impl Compiled {
    /// Adds the page, unless a route answers there already.
    pub(in crate::compile) fn add_health(
        &mut self,
        page: &At<HealthPageConfig>,
        (top, services): (&Chain, &Services),
        errands: &Arc<dyn Errands>,
        problems: &mut Problems,
    ) {
        let mut report = |at: &sekisho_units::Place, field: &str, message: String, remedy: &str| {
            let at = if at.is_none() { &page.place } else { at };
            problems.push(Problem::error(at.clone(), format!("health.{field}"), message).remedy(remedy));
        };
        let path = &page.path;
        if !path.segments().iter().all(|segment| matches!(segment, Segment::Literal(_))) {
            report(
                &path.place,
                "path",
                format!("`{}` is more than one path", path.value),
                "write one such as `/health`",
            );
        }
        if page.timeout.is_zero() {
            let message = "no service would be in time".to_owned();
            report(&page.timeout.place, "timeout", message, "write a time such as `5s`");
        }
        if page.services.as_ref().is_some_and(Vec::is_empty) {
            let remedy = "name some, or leave it out for all";
            report(&page.place, "services", "no service is asked".to_owned(), remedy);
        }
        let asked = asked(page, services, problems);
        if let Some(theirs) = self.routes.iter().find(|flat| answers(flat, path.as_str())) {
            let message = format!("{} answers there already ({})", theirs.path, theirs.place);
            let problem = Problem::warning(page.place.clone(), "health.path", message);
            problems.push(problem.remedy("give `health` another `path`, or remove it"));
            return;
        }
        let askers = asked.into_iter().map(Asker::new).collect();
        let target = Health::new(askers, page.expose, page.timeout.as_duration(), Arc::clone(errands));
        let methods = Methods::Listed(MethodSet::of(["GET"]));
        self.routes.push(Flat {
            entry: Entry {
                plan: self.routes.iter().map(Flat::plans).sum(),
                pattern: path.value.clone(),
                hosts: Vec::new(),
                methods: methods.clone(),
                headers: Vec::new(),
                lead: Lead::None,
            },
            leads: Vec::new(),
            asked: Asked { methods, above: Some(path.value.clone()), ..Asked::nothing() },
            place: page.place.clone(),
            path: "health".to_owned(),
            branches: vec![Branch::alone(&Arc::new(top.clone()), (vec![Target::Health(target)], None))],
            versions: None,
            kept: Kept::default(),
            digest: 0,
        });
    }
}

/// The services that the page asks.
fn asked(page: &HealthPageConfig, services: &Services, problems: &mut Problems) -> Vec<Arc<Service>> {
    match &page.services {
        None => services.all().collect(),
        Some(names) => {
            let find = |(index, name): (usize, &At<String>)| {
                services.find(name, &format!("health.services[{index}]"), problems)
            };
            names.iter().enumerate().filter_map(find).collect()
        }
    }
}

/// Whether a route takes what the page would.
fn answers(flat: &Flat, path: &str) -> bool {
    let Entry { pattern, hosts, methods, headers, .. } = &flat.entry;
    let takes = match methods {
        Methods::Any => true,
        Methods::Listed(set) => set.names().any(|name| name == "GET"),
    };
    takes && hosts.is_empty() && headers.is_empty() && pattern.as_str() == path
}
