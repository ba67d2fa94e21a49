//! Endpoints that come and go while the gateway runs: looked up in a registry by a thread that serves no client.
//!
//! A [`Source`](source::Source) tells who is there. A [`Discovery`] keeps the last good answer, hands it to the fleet in force
//! and tells operators. A failed answer changes nothing, and neither does an empty one, unless that is allowed: that nobody is
//! left is far less likely than that the registry is wrong. It begins when a configuration with it comes into force, goes on
//! through reloads that say the same of it, and ends when nothing names it any more.

mod config;
mod dns;
mod etcd;
mod file;
mod keep;
mod source;
mod state;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use sekisho_units::{At, Problem, Problems};

pub use self::config::DiscoverConfig;
pub use self::etcd::EtcdRegistry;
use self::source::Settings;
pub use self::state::Looked;
use self::state::{Discovery, Serving};
use crate::carry::Carry;
use crate::fleet::{Fleet, Member};
use crate::prepare::Files;
use crate::tls::ForFound;

/// Most endpoints that a source may give.
const MOST: usize = 10_000;
/// Longest answer that is read, in bytes.
const LONGEST: usize = 16 << 20;

/// Where endpoints of a service are to be found.
pub(crate) struct Plan {
    settings: Settings,
    allow_empty: bool,
    /// Differs as soon as one of the settings does.
    identity: u64,
}

/// What `config`, which stands at `path`, asks for. What is wrong with it goes to `problems`.
pub(crate) fn plan(
    config: &At<DiscoverConfig>,
    path: &str,
    files: Files<'_>,
    problems: &mut Problems,
) -> Option<Plan> {
    let DiscoverConfig { file, dns, etcd, allow_empty } = &config.value;
    let settings = match (file, dns, etcd) {
        (Some(file), None, None) => Settings::File(file::plan(file, path, files, problems)),
        (None, Some(dns), None) => Settings::Dns(dns.clone()),
        (None, None, Some(etcd)) => {
            Settings::Etcd(Box::new(etcd::plan(etcd, &config.place, path, files, problems)?))
        }
        (None, None, None) => {
            let problem = Problem::error(config.place.clone(), path, "there is no source");
            problems.push(problem.remedy("write one of `file`, `dns` and `etcd`"));
            return None;
        }
        _ => {
            let problem = Problem::error(config.place.clone(), path, "there is more than one source");
            problems.push(
                problem.remedy("write one of `file`, `dns` and `etcd`; `endpoints` can stand beside it"),
            );
            return None;
        }
    };
    let mut identity = DefaultHasher::new();
    settings.hash(&mut identity);
    allow_empty.hash(&mut identity);
    Some(Plan { settings, allow_empty: *allow_empty, identity: identity.finish() })
}

/// What endpoints are looked for, by service. Of one service there may be several while configurations change.
#[derive(Default)]
pub(crate) struct Discoveries(Mutex<std::collections::HashMap<String, Vec<Weak<Discovery>>>>);

impl Discoveries {
    /// The one that looks for endpoints of `service` as `plan` says; if it is new, it knows what another knew.
    fn of(&self, service: &str, plan: Plan, carry: &Carry) -> Arc<Discovery> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, some| {
            some.retain(|one| one.strong_count() > 0);
            !some.is_empty()
        });
        let some = all.entry(service.to_owned()).or_default();
        let known: Vec<_> = some.iter().filter_map(Weak::upgrade).collect();
        if let Some(same) = known.iter().find(|one| one.is(plan.identity)) {
            return Arc::clone(same);
        }
        // Another source for the same service: until it has answered, rather those that are known than nobody.
        let before = known.iter().rev().find(|one| one.has_begun()).map(|one| one.found());
        let new = Arc::new(Discovery::new(service, plan, before.unwrap_or_default(), carry.errands()));
        some.push(Arc::downgrade(&new));
        new
    }
}

/// A service on the way to being made: who is known already.
pub(crate) struct Finding {
    discovery: Arc<Discovery>,
    written: Vec<Member>,
    tls: ForFound,
}

impl Finding {
    pub(crate) fn new(service: &str, plan: Plan, written: Vec<Member>, tls: ForFound, carry: &Carry) -> Self {
        let tls = tls.carried(service, carry);
        Self { discovery: carry.discoveries().of(service, plan, carry), written, tls }
    }

    /// Those that are written, and those that are known to have been found.
    pub(crate) fn members(&self) -> Vec<Member> {
        state::members(&self.written, &self.discovery.found(), &self.tls).0
    }

    /// What is found is for this fleet, once it is in force.
    pub(crate) fn serving(self, fleet: &Arc<Fleet>) -> Discovered {
        let Self { discovery, written, tls } = self;
        Discovered { discovery, serving: Arc::new(Serving { fleet: Arc::clone(fleet), written, tls }) }
    }
}

/// Where endpoints of a service are found.
pub struct Discovered {
    discovery: Arc<Discovery>,
    serving: Arc<Serving>,
}

impl Discovered {
    /// The service comes into force: what is found is its fleet's from now on.
    pub(crate) fn settle(&self) {
        self.discovery.serve(&self.serving);
    }

    /// How it stands.
    pub fn look(&self) -> Looked {
        self.discovery.look()
    }
}
