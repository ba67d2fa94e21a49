//! Who checks all endpoints of the services in force, on one thread.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use sekisho_exchange::Local;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::HealthMeter;
use super::check::Check;
use super::probe::{Probe, Wrong};
use super::tally::Tally;
use crate::fleet::{Endpoint, Fault, Fleet};
use crate::pool::Pools;
use crate::service::Service;

/// Checks under way at once.
const AT_ONCE: usize = 256;
/// How often it is looked who is there: a registry may have found others.
const LOOK: Duration = Duration::from_secs(1);

/// The checks of all services in force, and what else is to be done for their fleets by the clock. There is one.
pub struct Rounds {
    pools: Rc<Pools>,
    turns: Rc<Semaphore>,
    /// By slot: as long as a check holds its endpoint, no other has that.
    running: HashMap<usize, Running>,
    wards: HashMap<Arc<str>, Rc<Ward>>,
}

/// A service as its checks know it.
struct Ward {
    /// The fleet in force, which a reload replaces.
    fleet: RefCell<Arc<Fleet>>,
    meter: Arc<HealthMeter>,
}

/// The checks of one endpoint.
struct Running {
    endpoint: Arc<Endpoint>,
    check: Arc<Check>,
    ward: Rc<Ward>,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Rounds {
    /// On the thread whose things `local` are; `None` if it has no connections.
    pub fn new(local: &Local) -> Option<Self> {
        let (turns, pools) = (Rc::new(Semaphore::new(AT_ONCE)), local.lent::<Pools>()?);
        Some(Self { pools, turns, running: HashMap::new(), wards: HashMap::new() })
    }

    /// These services are in force. Checks that are the same go on, others begin or end; what is due for a fleet is done. Gives
    /// when to come again at the latest.
    pub fn see(&mut self, services: &[Arc<Service>]) -> Duration {
        let now = self.pools.local.clock.now();
        let mut wanted = HashSet::new();
        let mut wait = LOOK;
        for service in services {
            if let Some(next) = service.fleet.tend(now) {
                wait = wait.min(next);
            }
            let Some(check) = &service.check else { continue };
            let ward = self.ward(service);
            for endpoint in service.fleet.endpoints() {
                wanted.insert(endpoint.slot());
                let is_same =
                    |running: &Running| Rc::ptr_eq(&running.ward, &ward) && *running.check == **check;
                if !self.running.get(&endpoint.slot()).is_some_and(is_same) {
                    let running = self.begin(service, endpoint, check, &ward);
                    self.running.insert(running.endpoint.slot(), running);
                }
            }
        }
        let gone = self.running.extract_if(|slot, _| !wanted.contains(slot));
        gone.for_each(|(_, running)| running.forget(now));
        self.wards.retain(|name, _| {
            services.iter().any(|service| service.check.is_some() && service.name == *name)
        });
        wait.max(Duration::from_millis(10))
    }

    fn ward(&mut self, service: &Service) -> Rc<Ward> {
        let new = || {
            Rc::new(Ward {
                fleet: RefCell::new(Arc::clone(&service.fleet)),
                meter: Arc::clone(&service.checks),
            })
        };
        let ward = self.wards.entry(Arc::clone(&service.name)).or_insert_with(new);
        *ward.fleet.borrow_mut() = Arc::clone(&service.fleet);
        Rc::clone(ward)
    }

    fn begin(
        &self,
        service: &Service,
        endpoint: Arc<Endpoint>,
        check: &Arc<Check>,
        ward: &Rc<Ward>,
    ) -> Running {
        let probe = Probe::new(&endpoint, Arc::clone(check), service.head_limits, Rc::clone(&self.pools));
        let watch = Watch {
            probe,
            check: Arc::clone(check),
            ward: Rc::clone(ward),
            endpoint: Arc::clone(&endpoint),
            turns: Rc::clone(&self.turns),
            pools: Rc::clone(&self.pools),
        };
        let task = tokio::task::spawn_local(watch.go_on());
        Running { endpoint, check: Arc::clone(check), ward: Rc::clone(ward), task }
    }
}

impl Running {
    /// Nobody checks it any more, so what was found counts no more.
    fn forget(self, now: sekisho_units::Tick) {
        let fleet = self.ward.fleet.borrow().clone();
        fleet.mark(&self.endpoint, Fault::Unhealthy, None, now);
    }
}

/// Checks one endpoint again and again.
struct Watch {
    probe: Probe,
    check: Arc<Check>,
    ward: Rc<Ward>,
    endpoint: Arc<Endpoint>,
    turns: Rc<Semaphore>,
    pools: Rc<Pools>,
}

impl Watch {
    async fn go_on(self) {
        let clock = &self.pools.local.clock;
        // What was found by checks that asked otherwise counts until these have found something else.
        let mut tally = Tally::new(!self.endpoint.has(Fault::Unhealthy));
        for number in 0.. {
            let began = clock.now();
            let result = {
                let Ok(_turn) = self.turns.acquire().await else { return };
                self.probe.ask(self.check.timeout).await
            };
            self.ward.meter.count(result.is_ok());
            if tally.count(result.is_ok(), self.check.thresholds).is_some() {
                self.tell(result);
            }
            let pause = self.check.pause(number, fastrand::f64());
            tokio::time::sleep(pause.saturating_sub(clock.now().since(began))).await;
        }
    }

    fn tell(&self, result: Result<(), Wrong>) {
        let fleet = self.ward.fleet.borrow().clone();
        let wrong = result.err();
        fleet.mark(&self.endpoint, Fault::Unhealthy, wrong.as_deref(), self.pools.local.clock.now());
    }
}
