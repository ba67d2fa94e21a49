//! A new configuration in the place of the old one, while requests go on.
//!
//! It is read and compiled beside the one in force, by a thread that yields to traffic. Only when everything about it is
//! good, its ports are open and its logs too, it comes into force, in one step. Reloads happen one after another.

mod compiler;
mod report;
mod watch;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use sekisho_gateway::compile::Carry;
use sekisho_gateway::{Changes, Mark, Site};
use sekisho_units::Problems;
use tokio::sync::{mpsc, oneshot};

use self::compiler::Compiler;
pub(crate) use self::report::{Origin, Outcome, Report};
use self::watch::Known;
use super::dispatch::Dispatch;
use super::ports::Ports;
use super::state::{Phase, State};
use crate::output::{note, report as print};
use crate::systemd;

/// Reloads that may be asked for before the first of them begins: all of them get the same.
const ASKED: usize = 64;

/// Where a reload can be asked for, and what came of the last.
#[derive(Default)]
pub(crate) struct Reloads {
    asks: OnceLock<mpsc::Sender<Ask>>,
    /// Configurations that came into force, and those that were refused.
    pub(crate) applied: AtomicU64,
    pub(crate) refused: AtomicU64,
    last: Mutex<Option<Report>>,
}

/// Somebody asks for a reload.
struct Ask {
    origin: Origin,
    answer: Option<oneshot::Sender<Report>>,
}

impl Reloads {
    /// Asks for a reload, and does not wait for it. What is asked for already need not be asked for again.
    pub(crate) fn ask(&self, origin: Origin) {
        if let Some(asks) = self.asks.get() {
            // A full line of others means that one is about to begin.
            let _ = asks.try_send(Ask { origin, answer: None });
        }
    }

    /// Asks for a reload and gives what came of it; `None` if there can be none: the gateway ends, or has no file.
    pub(crate) async fn ask_and_wait(&self, origin: Origin) -> Option<Report> {
        let (answer, told) = oneshot::channel();
        self.asks.get()?.send(Ask { origin, answer: Some(answer) }).await.ok()?;
        told.await.ok()
    }

    /// Whether there is a file to read anew.
    pub(crate) fn are_possible(&self) -> bool {
        self.asks.get().is_some()
    }

    /// What came of the last one.
    pub(crate) fn last(&self) -> Option<Report> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Carries out reloads.
pub(super) struct Reloader {
    asks: mpsc::Receiver<Ask>,
    compiler: Compiler,
    carry: Carry,
    known: Known,
    dispatch: Arc<Dispatch>,
    state: Arc<State>,
}

impl Reloader {
    /// For the configuration in a file, which was made of these.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub(super) fn new(
        (path, files): (PathBuf, HashMap<PathBuf, Mark>),
        carry: Carry,
        dispatch: &Arc<Dispatch>,
        state: &Arc<State>,
    ) -> std::io::Result<Self> {
        let (sender, asks) = mpsc::channel(ASKED);
        let compiler = Compiler::start(path, Arc::clone(&carry.sinks))?;
        let known = Known::new(files);
        tokio::spawn(watch::watch(known.clone(), Arc::clone(state)));
        // There is one reloader only.
        let _ = state.reloads.asks.set(sender);
        Ok(Self { asks, compiler, carry, known, dispatch: Arc::clone(dispatch), state: Arc::clone(state) })
    }

    /// Carries out what is asked for, for as long as the gateway runs. Whoever asks while one is under way gets the next.
    pub(super) async fn run(mut self, ports: &mut Ports) {
        while let Some(first) = self.asks.recv().await {
            let origin = first.origin;
            let mut answers = vec![first.answer];
            while let Ok(more) = self.asks.try_recv() {
                answers.push(more.answer);
            }
            systemd::reloading();
            let report = self.reload(origin, ports).await;
            self.tell(&report);
            systemd::ready(&report.to_string());
            for answer in answers.into_iter().flatten() {
                // Whoever asked may have left.
                let _ = answer.send(report.clone());
            }
        }
    }

    async fn reload(&mut self, origin: Origin, ports: &mut Ports) -> Report {
        let began = self.state.clock.now();
        let running = self.state.site.load_full();
        let carry = Carry { running: Some(Arc::clone(&running)), ..self.carry.clone() };
        let (outcome, changes, problems) = match self.compiler.compile(carry).await {
            Err(line) => (Outcome::Refused(line), Changes::default(), Problems::new()),
            Ok(loaded) => {
                self.known.set(loaded.files);
                let (outcome, changes) = match loaded.site {
                    None => (Outcome::Refused("the configuration has errors".to_owned()), Changes::default()),
                    Some(site) => self.replace(Arc::new(site), &running, ports),
                };
                (outcome, changes, loaded.problems)
            }
        };
        let clock = &self.state.clock;
        Report { origin, outcome, changes, problems, took: clock.now().since(began), at: clock.wall() }
    }

    /// Puts `site` in the place of `running`, or says why that cannot be.
    fn replace(&mut self, site: Arc<Site>, running: &Arc<Site>, ports: &mut Ports) -> (Outcome, Changes) {
        let changes = Changes::between(running, &site);
        if changes.is_empty() {
            self.compiler.bury(site);
            return (Outcome::Unchanged, changes);
        }
        let prepared = match ports.prepare(&site.settings.listen, site.settings.admin) {
            Ok(prepared) => prepared,
            Err(error) => return (Outcome::Refused(error.to_string()), changes),
        };
        let old = self.state.replace(Arc::clone(&site));
        self.dispatch.settle(&site);
        self.compiler.bury(old);
        match ports.apply(prepared) {
            Ok(()) => (Outcome::Applied, changes),
            Err(error) => (Outcome::Partly(format!("a port cannot be watched: {error}")), changes),
        }
    }

    /// Tells operators.
    fn tell(&self, report: &Report) {
        let reloads = &self.state.reloads;
        match report.outcome {
            Outcome::Applied | Outcome::Partly(_) => reloads.applied.fetch_add(1, Relaxed),
            Outcome::Refused(_) => reloads.refused.fetch_add(1, Relaxed),
            Outcome::Unchanged => 0,
        };
        // A file that was only touched is nobody's business.
        if !(report.outcome == Outcome::Unchanged && report.origin == Origin::File) {
            if !report.problems.is_empty() {
                print(&report.problems.to_string());
            }
            note(&report.to_string());
        }
        *reloads.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(report.clone());
    }
}

impl State {
    /// Whether configurations may still be replaced.
    pub(crate) fn takes_reloads(&self) -> bool {
        self.phase() == Phase::Ready
    }
}
