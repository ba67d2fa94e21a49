//! The thread that reads and compiles configurations, and lets go of old ones.
//!
//! Both may take many milliseconds with thousands of routes, which no worker and not even the background runtime should
//! spend. The thread has a lower priority, so that traffic goes first where processors are short; not the lowest, with which a
//! reload would wait for many seconds on a machine that has no processor to spare.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use sekisho_gateway::Site;
use sekisho_gateway::compile::{self, Carry, Loaded};
use sekisho_policies::access_log::Sinks;
use tokio::sync::oneshot;

/// Its nice value: it gets a third of what a thread that serves gets.
const NICE: i32 = 5;
/// How often it is looked whether an old configuration is still in use.
const LOOK: Duration = Duration::from_secs(1);
/// Jobs that may wait.
const WAITING: usize = 64;

/// What became of a file: what was compiled of it, or a line on why that cannot be.
type Compiled = Result<Loaded, String>;

enum Job {
    Compile(Box<Carry>, oneshot::Sender<Compiled>),
    Bury(Arc<Site>),
}

/// The thread as others see it.
pub(super) struct Compiler {
    jobs: SyncSender<Job>,
}

impl Compiler {
    /// Starts the thread, for the configuration at `path`.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub(super) fn start(path: PathBuf, sinks: Arc<Sinks>) -> std::io::Result<Self> {
        let (jobs, todo) = sync_channel(WAITING);
        std::thread::Builder::new().name("sekisho-reload".into()).spawn(move || {
            // Where even that is refused, it competes with traffic like any other thread.
            let _ = rustix::process::nice(NICE);
            Undertaker { path, sinks, old: Vec::new() }.work(&todo);
        })?;
        Ok(Self { jobs })
    }

    /// Reads the file and compiles it; the logs of a good configuration are open then.
    pub(super) async fn compile(&self, carry: Carry) -> Compiled {
        let (says, told) = oneshot::channel();
        let gone = || "the thread that reads configurations has ended".to_owned();
        self.jobs.try_send(Job::Compile(Box::new(carry), says)).map_err(|_| gone())?;
        told.await.map_err(|_| gone())?
    }

    /// Lets go of a configuration once nobody uses it any more, so that no worker has to: taking thousands of routes apart
    /// would hold its requests up.
    pub(super) fn bury(&self, site: Arc<Site>) {
        // With no thread to do it, whoever uses it last does.
        let _ = self.jobs.try_send(Job::Bury(site));
    }
}

struct Undertaker {
    path: PathBuf,
    sinks: Arc<Sinks>,
    /// Configurations no longer in force that requests may still use.
    old: Vec<Arc<Site>>,
}

impl Undertaker {
    fn work(mut self, jobs: &Receiver<Job>) {
        loop {
            let wait = if self.old.is_empty() { Duration::MAX } else { LOOK };
            match jobs.recv_timeout(wait) {
                Ok(Job::Compile(carry, says)) => {
                    let compiled = self.compile(&carry);
                    // Its share in the one in force must not outlive this moment.
                    drop(carry);
                    let _ = says.send(compiled);
                }
                Ok(Job::Bury(site)) => self.old.push(site),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.let_go();
        }
    }

    fn compile(&self, carry: &Carry) -> Compiled {
        let loaded = compile::load(&self.path, carry).map_err(|error| error.to_string())?;
        if loaded.site.is_some() {
            self.sinks.open_all().map_err(|error| error.to_string())?;
        }
        Ok(loaded)
    }

    /// Takes apart what nobody uses any more; with it go logs that only it wrote to.
    fn let_go(&mut self) {
        let before = self.old.len();
        self.old.retain(|site| Arc::strong_count(site) > 1);
        if self.old.len() < before {
            // Everything that is known is open already.
            let _ = self.sinks.open_all();
        }
        if self.old.is_empty() && before > 0 {
            give_back();
        }
    }
}

/// Gives what is free back to the system. By itself the allocator does so a second later, and only when it is asked for something
/// then, as a thread that sleeps until the next reload does not.
fn give_back() {
    #[allow(unsafe_code, reason = "the allocator has no safe call for it")]
    // SAFETY: any thread may call it at any time; it touches nothing that is in use.
    unsafe {
        libmimalloc_sys::mi_collect(true);
    }
}
