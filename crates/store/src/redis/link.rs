//! [`Link`]: a connection to Redis for each worker, made when it is first needed and remade by itself.
//!
//! A connection and the task that drives it live on the runtime of the worker that asked first, so that no answer wakes another
//! thread; all operations of a worker share it, many under way at once. The first operations wait for it, each for its own time. If it
//! breaks after it has worked, a new one is tried at once. If that fails too, or if the server says nothing at all for the time of an
//! operation, operations fail at once until a task has made another one.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Weak};
use std::time::Duration;

use redis::{Cmd, RedisError, Value};
use tokio::sync::watch;
use tokio::time::timeout;

use super::away::{Fault, fault};
use super::dial::{Connection, Dial};
use super::known::Known;
use super::slot::{Phase, Slot, pause};
use super::together::Answer;
use super::{Address, Away, Presence, Tls};

/// How a server is asked.
#[derive(Clone, Debug)]
pub struct Options {
    /// The longest that an operation may take. Default 50 ms.
    pub timeout: Duration,
    /// How many operations of one worker may be under way. Default 1,024.
    pub under_way: usize,
    /// What every key begins with, before the version of what lies there. Default `sekisho`.
    pub prefix: String,
    /// For `rediss://`.
    pub tls: Option<Tls>,
}

impl Default for Options {
    fn default() -> Self {
        Self { timeout: Duration::from_millis(50), under_way: 1_024, prefix: "sekisho".to_owned(), tls: None }
    }
}

/// What lies in Redis is read by gateways of this version of its form; another form would take another number.
const VERSION: u32 = 1;

/// An operation whose time is over gets this much more, in which its worker looks at the socket once: after a stall of the worker
/// itself the answer lies there already.
const GRACE: Duration = Duration::from_millis(2);

/// Connections to one server or cluster. Clones are the same; the last one to go ends them.
#[derive(Clone)]
pub struct Link(Arc<Inner>);

/// Why there can be no [`Link`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a store's connection cannot be made up: {0}; check its address and its certificates")]
pub struct LinkError(String);

struct Inner {
    dial: Arc<Dial>,
    timeout: Duration,
    under_way: usize,
    prefix: String,
    slots: Box<[Slot]>,
    known: Arc<Known>,
    /// Where this link's slots begin among those that [`Known`] counts.
    first: usize,
}

impl Link {
    /// A link for so many workers. Connects to nothing yet.
    ///
    /// # Errors
    /// If certificates cannot be read.
    pub fn new(address: &Address, options: Options, workers: usize) -> Result<Self, LinkError> {
        let Options { timeout, under_way, prefix, tls } = options;
        let dial = Dial::new(address, tls.as_ref(), under_way)
            .map_err(|error| LinkError(error.category().to_owned()))?;
        let slots: Box<[_]> = (0..workers.max(1)).map(|_| Slot::new()).collect();
        let known = Arc::new(Known::new(address.to_string()));
        let first = known.more(slots.len());
        let prefix = format!("{prefix}:{VERSION}");
        Ok(Self(Arc::new(Inner { dial: Arc::new(dial), timeout, under_way, prefix, slots, known, first })))
    }

    /// Connections of their own to the same server, with so many operations of one worker under way: for what is large, behind
    /// which others would wait. What is known of the server is known of both.
    #[must_use]
    pub fn apart(&self, under_way: usize) -> Self {
        let Inner { dial, timeout, prefix, slots, known, .. } = &*self.0;
        let slots: Box<[_]> = slots.iter().map(|_| Slot::new()).collect();
        let first = known.more(slots.len());
        Self(Arc::new(Inner {
            dial: Arc::clone(dial),
            timeout: *timeout,
            under_way,
            prefix: prefix.clone(),
            slots,
            known: Arc::clone(known),
            first,
        }))
    }

    /// What tells this link from all others of this process that are not its clones.
    pub fn identity(&self) -> String {
        self.0.known.number.to_string()
    }

    /// The longest that an operation may take.
    pub fn timeout(&self) -> Duration {
        self.0.timeout
    }

    /// Whether it is to a cluster.
    pub fn is_cluster(&self) -> bool {
        matches!(*self.0.dial, Dial::Cluster(_))
    }

    /// What is known of the server, and every change of it.
    pub fn presence(&self) -> watch::Receiver<Presence> {
        self.0.known.presence.subscribe()
    }

    /// The server as logs name it, without what logs in.
    pub fn server(&self) -> &str {
        &self.0.known.shown
    }

    /// How often the server went away, and how often it came back.
    pub fn changes(&self) -> (u64, u64) {
        let [away, back] = &self.0.known.changes;
        (away.load(Relaxed), back.load(Relaxed))
    }

    /// Why asking would fail at once, if it would.
    pub fn gone(&self, worker: usize) -> Option<Away> {
        match &*self.0.slot(worker).phase.borrow() {
            Phase::Gone(why) => Some(why.clone()),
            _ => None,
        }
    }

    /// The value of a key, which the link's prefix is put before.
    ///
    /// # Errors
    /// [`Away`], as with every operation.
    pub async fn get(&self, worker: usize, key: &str) -> Result<Option<Vec<u8>>, Away> {
        let mut command = redis::cmd("GET");
        command.arg(self.key(key));
        match self.ask(worker, &command).await?.map_err(|NoScript| odd())? {
            Value::BulkString(bytes) => Ok(Some(bytes)),
            Value::Nil => Ok(None),
            _ => Err(odd()),
        }
    }

    /// Sets the value of a key, for so long a time (at least a millisecond).
    ///
    /// # Errors
    /// [`Away`].
    pub async fn set(&self, worker: usize, key: &str, value: &[u8], ttl: Duration) -> Result<(), Away> {
        let mut command = redis::cmd("SET");
        let millis = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).clamp(1, 1 << 51);
        command.arg(self.key(key)).arg(value).arg("PX").arg(millis);
        self.ask(worker, &command).await?.map(drop).map_err(|NoScript| odd())
    }

    /// Takes keys away, each on its own, so that they may lie on different nodes of a cluster.
    ///
    /// # Errors
    /// [`Away`] of the first that fails.
    pub async fn delete(&self, worker: usize, keys: &[&str]) -> Result<(), Away> {
        for key in keys {
            let mut command = redis::cmd("DEL");
            command.arg(self.key(key));
            self.ask(worker, &command).await?.map_err(|NoScript| odd())?;
        }
        Ok(())
    }

    /// What every key begins with.
    pub(super) fn prefix(&self) -> &str {
        &self.0.prefix
    }

    /// A key with what every key begins with, as a [`Command`](super::Command) needs it.
    #[must_use]
    pub fn key(&self, rest: &str) -> String {
        format!("{}:{rest}", self.0.prefix)
    }

    /// Asks for one thing, within the time of one operation.
    pub(super) async fn ask(&self, worker: usize, command: &Cmd) -> Answer {
        let index = worker % self.0.slots.len();
        self.in_time(index, self.asking(index, command)).await
    }

    /// Asks for several, within the time of one operation.
    pub(super) async fn ask_all(&self, worker: usize, commands: &[Cmd]) -> Result<Vec<Answer>, Away> {
        let index = worker % self.0.slots.len();
        self.in_time(index, self.asking_all(index, commands)).await
    }

    async fn in_time<T>(
        &self,
        index: usize,
        asking: impl Future<Output = Result<T, Away>>,
    ) -> Result<T, Away> {
        let slot = &self.0.slots[index];
        let Some(_place) = slot.place(self.0.under_way) else { return Err(Away::Busy) };
        let mark = slot.mark();
        let mut asking = pin!(asking);
        if let Ok(answer) = timeout(self.0.timeout, asking.as_mut()).await {
            return answer;
        }
        if let Ok(answer) = timeout(GRACE, asking).await {
            return answer;
        }
        let number = slot.number();
        if slot.silent_since(mark)
            && let Some(number) = number
        {
            self.0.lost(index, number, Away::Late, Next::Later);
        }
        Err(Away::Late)
    }

    async fn asking(&self, index: usize, command: &Cmd) -> Answer {
        let slot = &self.0.slots[index];
        loop {
            let (mut connection, number) = self.connection(index).await?;
            let answer = connection.ask(command).await.and_then(Value::extract_error);
            let error = match answer {
                Ok(value) => {
                    slot.answered();
                    return Ok(Ok(value));
                }
                Err(error) => fault(&error),
            };
            match error {
                Fault::NoScript => {
                    slot.answered();
                    return Ok(Err(NoScript));
                }
                Fault::Answer(why) => {
                    slot.answered();
                    return Err(why);
                }
                // Once more, on a new connection, if there will be one; what was done twice was counted twice, not missed.
                Fault::Broken(why) => self.0.lost(index, number, Away::Gone(why), Next::Now),
                Fault::Unfit(why) => {
                    self.0.lost(index, number, Away::Gone(Arc::clone(&why)), Next::Later);
                    return Err(Away::Gone(why));
                }
            }
        }
    }

    async fn asking_all(&self, index: usize, commands: &[Cmd]) -> Result<Vec<Answer>, Away> {
        'again: loop {
            let (mut connection, number) = self.connection(index).await?;
            let mut answers = Vec::with_capacity(commands.len());
            for answer in connection.ask_all(commands).await {
                let error = match answer.and_then(Value::extract_error) {
                    Ok(value) => {
                        answers.push(Ok(Ok(value)));
                        continue;
                    }
                    Err(error) => fault(&error),
                };
                match error {
                    Fault::NoScript => answers.push(Ok(Err(NoScript))),
                    Fault::Answer(why) => answers.push(Err(why)),
                    Fault::Broken(why) => {
                        self.0.lost(index, number, Away::Gone(why), Next::Now);
                        continue 'again;
                    }
                    Fault::Unfit(why) => {
                        self.0.lost(index, number, Away::Gone(Arc::clone(&why)), Next::Later);
                        return Err(Away::Gone(why));
                    }
                }
            }
            if answers.len() != commands.len() {
                return Err(odd());
            }
            self.0.slots[index].answered();
            return Ok(answers);
        }
    }

    /// The worker's connection, once it is there.
    async fn connection(&self, index: usize) -> Result<(Connection, u64), Away> {
        let slot = &self.0.slots[index];
        loop {
            let phase = slot.phase.borrow().clone();
            match phase {
                Phase::Up(connection, number) => return Ok((connection, number)),
                Phase::Gone(why) => return Err(why),
                Phase::Fresh => {
                    self.0.dial(
                        index,
                        |phase| matches!(phase, Phase::Fresh),
                        Phase::Dialling,
                        Duration::ZERO,
                    );
                }
                Phase::Dialling => {}
            }
            let mut phases = slot.phase.subscribe();
            // The sender is the slot's own.
            let _ = phases.wait_for(|phase| !matches!(phase, Phase::Dialling)).await;
        }
    }
}

/// The server does not know the script that was named.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoScript;

/// An answer that fits no question of ours.
pub(super) fn odd() -> Away {
    Away::Refused("an answer of the wrong kind".into())
}

/// When a connection that was lost is tried again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// At once, and operations wait for it, unless this has just been tried.
    Now,
    /// After a pause, and operations fail meanwhile.
    Later,
}

impl Inner {
    fn slot(&self, worker: usize) -> &Slot {
        &self.slots[worker % self.slots.len()]
    }

    /// The connection of this number is of no use any more. Only the first who says so is heard.
    fn lost(self: &Arc<Self>, index: usize, number: u64, why: Away, next: Next) {
        let ours = |phase: &Phase| matches!(phase, Phase::Up(_, current) if *current == number);
        let slot = &self.slots[index];
        if !ours(&slot.phase.borrow()) {
            return;
        }
        let before = slot.failed();
        if next == Next::Now && before == 0 {
            self.dial(index, ours, Phase::Dialling, Duration::ZERO);
        } else {
            self.dial(index, ours, Phase::Gone(why.clone()), pause(before));
            self.tell(index, Some(why));
        }
    }

    /// Moves a slot on, if it stands where it is thought to, and makes its connection after a pause.
    fn dial(self: &Arc<Self>, index: usize, stands: impl Fn(&Phase) -> bool, to: Phase, after: Duration) {
        let moved = self.slots[index].phase.send_if_modified(|phase| {
            let moves = stands(phase);
            if moves {
                *phase = to;
            }
            moves
        });
        if moved {
            let dialling = dialling(Arc::downgrade(self), Arc::clone(&self.dial), index, after);
            self.slots[index].watch_over(tokio::spawn(dialling).abort_handle());
        }
    }

    fn arrived(&self, index: usize, connection: Connection) {
        let slot = &self.slots[index];
        slot.phase.send_replace(Phase::Up(connection, slot.next()));
        self.tell(index, None);
    }

    /// Gives how long to wait for the next try.
    fn missed(&self, index: usize, error: &RedisError) -> Duration {
        let why = Away::Gone(error.to_string().into());
        self.slots[index].phase.send_replace(Phase::Gone(why.clone()));
        self.tell(index, Some(why));
        pause(self.slots[index].failed())
    }

    fn tell(&self, index: usize, why: Option<Away>) {
        self.known.tell(self.first + index, why);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.slots.iter().for_each(Slot::end);
        self.known.forget(self.first..self.first + self.slots.len());
    }
}

/// Makes a slot's connection, however often it takes, until nobody has the link any more.
fn dialling(
    inner: Weak<Inner>,
    dial: Arc<Dial>,
    index: usize,
    mut after: Duration,
) -> impl Future<Output = ()> + Send {
    // Made before the task first runs, so that a runtime that ends before cannot leave the slot as it is.
    let mut unfinished = Unfinished { inner: Weak::clone(&inner), index };
    async move {
        loop {
            if !after.is_zero() {
                // The pause grows from attempt to attempt, so that a server that is away is not beset.
                tokio::time::sleep(after).await;
            }
            let made = dial.connect().await;
            let Some(inner) = inner.upgrade() else { return };
            match made {
                Ok(connection) => {
                    unfinished.done();
                    inner.arrived(index, connection);
                    return;
                }
                Err(error) => after = inner.missed(index, &error),
            }
        }
    }
}

/// A slot whose connection is being made. If the task ends with its runtime, another runtime may begin anew.
struct Unfinished {
    inner: Weak<Inner>,
    index: usize,
}

impl Unfinished {
    fn done(&mut self) {
        self.inner = Weak::new();
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.upgrade() {
            inner.slots[self.index].phase.send_replace(Phase::Fresh);
        }
    }
}
