//! [`Redis`]: answers that several gateways share.
//!
//! Under a key lie the variants of its answer, a hash of [records](record). Nothing is ever searched for to make it invalid:
//! a record carries the *life* of its URI, which an unsafe method ends by removing it, and the *moment* up to which the
//! [log of purges](log) went, both as they were when its answer was asked for. A life that is over and a purge in the log make
//! records dead wherever they lie and whenever they are stored, those that are still being fetched too. If Redis forgets
//! a life or the log, by itself or restarted, all that hung on it is dead: it forgets answers, never that they are to be forgotten.
//! Memory comes back as time goes by, since everything in Redis ends by itself, and after a purge [at once](sweep).
//!
//! One round trip looks up. All keys stand for themselves, so that a cluster may have them where it likes.

mod debts;
mod live;
mod log;
mod record;
mod shared;
mod sweep;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use arc_swap::ArcSwap;
use sekisho_caching::Key;
use sekisho_store::redis::{Away, Command, Link, Reply, Script};

use self::debts::{Debts, Due};
use self::live::Live;
use self::log::{FLOOR, Moment, View};
use self::record::Variant;
pub(super) use self::shared::Claim;
pub use self::shared::Shared;
use super::entry::Entry;
use super::purge::Purge;

/// Largest body, whatever the policy's `max_body`: others of the same connection wait behind it.
pub(super) const LARGEST: u64 = 960 * 1024;
/// Largest record.
const LARGEST_RECORD: usize = 1024 * 1024;
/// Most variants under a key.
const VARIANTS: u64 = 16;
/// Most bytes of all variants under a key, which are looked up together.
const ROOM: u64 = 2 * LARGEST_RECORD as u64;
/// Operations of one worker under way.
const UNDER_WAY: usize = 1_024;
/// Longest time that anything is kept.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3_600);
/// Longest time that the log is kept without a purge or an answer that is stored: longer than any record.
const LOG: Duration = Duration::from_secs(8 * 24 * 3_600);
/// Longest time from looking up to storing: a life under which nothing is stored lasts so long.
const FILL: Duration = Duration::from_secs(120);
/// What names of keys begin with behind the link's prefix: of answers, and of lives.
const ANSWERS: &str = "cache:a:";
const LIVES: &str = "cache:u:";
/// Members of the log that are read at once, and how often at most for one operation.
const PAGE: u64 = 1_000;
const PAGES: usize = 32;

/// Answers in Redis. What fails is told as [`Away`], and is a miss.
pub(crate) struct Redis {
    link: Link,
    /// For what operators ask, which is done on another thread and takes longer.
    by_hand: Link,
    log: String,
    view: ArcSwap<View>,
    live: Live,
    debts: Debts,
    scripts: Scripts,
    garbage: AtomicU64,
}

struct Scripts {
    put: Script,
    life: Script,
    hold: Script,
    log: Script,
    heads: Script,
}

/// What lies under a key.
pub(crate) struct Found {
    /// The variants, in no order.
    pub(crate) entries: Vec<Arc<Entry>>,
    /// What [`Redis::put`] needs for an answer that is asked for from now on.
    pub(crate) ticket: Ticket,
    /// How many things lie there that are no answers.
    pub(crate) garbage: u64,
}

/// How things stood when an answer was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ticket {
    /// How far the log went.
    moment: Moment,
    /// The life of its URI.
    life: [u8; 8],
}

/// What became of an answer that was to be stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Put {
    /// It is stored.
    Stored,
    /// It is not, since it was purged or became invalid while it came in.
    Outdated,
    /// It is not, since it has too many bytes.
    TooLarge,
}

impl Redis {
    /// A store over connections of its own to the server of a link.
    pub(crate) fn new(link: &Link) -> Self {
        Self {
            link: link.apart(UNDER_WAY),
            by_hand: link.apart(UNDER_WAY),
            log: link.key("cache:purges"),
            view: ArcSwap::default(),
            live: Live::new(),
            debts: Debts::default(),
            scripts: Scripts {
                put: Script::new(include_str!("put.lua")),
                life: Script::new(include_str!("life.lua")),
                hold: Script::new(include_str!("hold.lua")),
                log: Script::new(include_str!("log.lua")),
                heads: Script::new(include_str!("heads.lua")),
            },
            garbage: AtomicU64::new(0),
        }
    }

    /// Why asking would fail at once, if it would.
    pub(crate) fn gone(&self, worker: usize) -> Option<Away> {
        self.link.gone(worker)
    }

    /// How many things were found that are no answers.
    pub(crate) fn garbage(&self) -> u64 {
        self.garbage.load(Relaxed)
    }

    /// How long an operation takes at most.
    pub(crate) fn timeout(&self) -> Duration {
        self.link.timeout()
    }

    /// All that may be used of what lies under a key. `uri` is the key of host, path and query alone.
    pub(crate) async fn look(&self, worker: usize, uri: &Key, key: &Key) -> Result<Found, Away> {
        self.settle(worker).await?;
        let commands = [
            Command::new("HGETALL").word(self.answers(key)),
            Command::script(&self.scripts.life, self.life(uri).as_bytes())
                .word(fastrand::u64(..).to_le_bytes())
                .number(millis(FILL)),
            self.last_purge(),
        ];
        let [answers, life, last] = all(self.link.run(worker, &commands).await?)?;
        let view = self.caught_up(&self.link, worker, moment_of(last)?).await?;
        let life = <[u8; 8]>::try_from(life?.bytes()?).map_err(|_| odd())?;
        let ticket = Ticket { moment: view.top(), life };
        let (entries, garbage) = read(answers, |variant, record| {
            // One that somebody holds was read from the same record.
            let check = record::told(&record)?;
            let known = self.live.find(key, variant, check);
            let (entry, made) = match known {
                Some(known) => known,
                None => {
                    let (entry, made) = record::read(key, variant, &record.into())?;
                    let entry = Arc::new(entry);
                    self.live.add((key, variant), check, (&entry, made));
                    (entry, made)
                }
            };
            Some((made.life == life && !view.is_dead(made.moment, key, &entry)).then_some(entry))
        })?;
        let found = Found { entries, ticket, garbage: garbage.len() as u64 };
        if found.garbage > 0 {
            self.garbage.fetch_add(found.garbage, Relaxed);
            self.clean(worker, key, &garbage).await;
        }
        Ok(found)
    }

    /// Takes away what lies under a key and is no answer, so that it is not found again and again.
    #[cold]
    async fn clean(&self, worker: usize, key: &Key, garbage: &[Vec<u8>]) {
        let answers = self.answers(key);
        let command = match garbage {
            [all] if all.is_empty() => Command::new("UNLINK").word(answers),
            names => names.iter().fold(Command::new("HDEL").word(answers), Command::word),
        };
        // If that fails, it is found again.
        let _ = self.link.run(worker, &[command]).await;
    }

    /// Stores one variant in the place of the one that is the same, unless what means it was purged since the ticket was given.
    pub(crate) async fn put(
        &self,
        worker: usize,
        uri: &Key,
        key: &Key,
        entry: &Entry,
        keep: Duration,
        ticket: &Ticket,
    ) -> Result<Put, Away> {
        let Some((variant, record)) = record::write(key, entry, ticket, LARGEST_RECORD) else {
            return Ok(Put::TooLarge);
        };
        let keep = millis(keep.clamp(Duration::from_secs(1), LONGEST));
        let commands = [
            Command::script(&self.scripts.hold, self.life(uri).as_bytes()).word(ticket.life).number(keep),
            Command::new("PEXPIRE").word(&self.log).number(millis(LOG)),
            self.last_purge(),
        ];
        let [held, kept, last] = all(self.link.run(worker, &commands).await?)?;
        // Where there is no log any more, there is none that goes as far as the ticket.
        let (1, 1, Some(last)) = (held?.number()?, kept?.number()?, moment_of(last)?) else {
            return Ok(Put::Outdated);
        };
        let view = self.caught_up(&self.link, worker, Some(last)).await?;
        if view.is_dead(ticket.moment, key, entry) {
            return Ok(Put::Outdated);
        }
        // What is purged from here on is stored, and dead.
        let put = Command::script(&self.scripts.put, self.answers(key).as_bytes()).word(variant).word(record);
        let [put] = all(self.link.run(worker, &[put.number(keep).number(VARIANTS).number(ROOM)]).await?)?;
        put.map(|_| Put::Stored)
    }

    /// The life of a URI is to end: nothing that was asked for until now under it is to be used any more, whoever asked and for
    /// which version. Here that holds at once, for what is owed is made good before anything is looked up.
    pub(crate) fn owe(&self, uri: Key) {
        self.debts.add(uri);
    }

    /// Takes away all variants under a key.
    pub(crate) async fn remove(&self, worker: usize, key: &Key) -> Result<(), Away> {
        let [removed] =
            all(self.link.run(worker, &[Command::new("UNLINK").word(self.answers(key))]).await?)?;
        removed.map(drop)
    }

    /// Purges what an operator wants gone; gives how much it was, as far as that is known.
    pub(crate) async fn purge(&self, purge: &Purge) -> Result<u64, Away> {
        self.append(&self.by_hand, 0, &log::member(purge)).await?;
        Ok(self.sweep(purge).await)
    }

    /// Makes good what is owed.
    pub(crate) async fn settle(&self, worker: usize) -> Result<(), Away> {
        while let Some(due) = self.debts.due() {
            match &due {
                Due::All(_) => self.append(&self.link, worker, FLOOR).await?,
                Due::Uris(uris) => {
                    let ends = uris.iter().map(|(uri, _)| Command::new("UNLINK").word(self.life(uri)));
                    let ends: Vec<Command> = ends.collect();
                    for end in self.link.run(worker, &ends).await? {
                        end?;
                    }
                }
            }
            self.debts.paid(&due);
        }
        Ok(())
    }

    /// Appends to the log.
    async fn append(&self, link: &Link, worker: usize, member: &[u8]) -> Result<(), Away> {
        let [appended] = all(link.run(worker, &[self.log_script().word(member)]).await?)?;
        appended.map(drop)
    }

    fn log_script(&self) -> Command {
        Command::script(&self.scripts.log, self.log.as_bytes()).number(millis(LOG)).number(log::MOST as u64)
    }

    fn last_purge(&self) -> Command {
        Command::new("ZREVRANGE").word(&self.log).number(0).number(0).word("WITHSCORES")
    }

    /// The log as far as `last` at least. Without a log, one is begun.
    async fn caught_up(&self, link: &Link, worker: usize, last: Option<Moment>) -> Result<Arc<View>, Away> {
        let mut last = last;
        for _ in 0..PAGES {
            let view = self.view.load_full();
            if Some(view.top()) == last {
                return Ok(view);
            }
            let begin = || self.log_script();
            if last.is_none() {
                let [begun] = all(link.run(worker, &[begin()]).await?)?;
                begun?;
            }
            let commands = [
                Command::new("ZRANGE").word(&self.log).number(0).number(0).word("WITHSCORES"),
                Command::new("ZRANGEBYSCORE")
                    .word(&self.log)
                    .word(format!("({}", view.top()))
                    .word("+inf")
                    .word("WITHSCORES")
                    .word("LIMIT")
                    .number(0)
                    .number(PAGE),
                self.last_purge(),
            ];
            let [first, more, end] = all(link.run(worker, &commands).await?)?;
            let (first, end) = (members(first)?, moment_of(end)?);
            let floor = first.first().filter(|(member, _)| *member == FLOOR).map(|(_, moment)| *moment);
            let (Some(floor), Some(end)) = (floor, end) else {
                // Garbage lies there, or nothing.
                last = None;
                continue;
            };
            let more = members(more)?;
            // A log that ends before what was read is another one, of a server whose clock was set back.
            let mut read = if view.top() > end { View::default() } else { View::clone(&view) };
            read.read(floor, &more);
            // Another worker may have read it, too: one of them is heard.
            self.view.compare_and_swap(&view, Arc::new(read));
            last = Some(end);
        }
        Err(Away::Busy)
    }

    fn answers(&self, key: &Key) -> String {
        self.named(ANSWERS, key)
    }

    fn life(&self, uri: &Key) -> String {
        self.named(LIVES, uri)
    }

    fn named(&self, kind: &str, key: &Key) -> String {
        let hex = key.hex();
        self.link.key(&format!("{kind}{}", std::str::from_utf8(&hex).unwrap_or_default()))
    }
}

/// Whether bytes are a record of an answer but for their check. For the fuzz target.
#[doc(hidden)]
#[must_use]
pub fn is_record(bytes: &[u8]) -> bool {
    record::is_one(bytes)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn odd() -> Away {
    Away::Refused("an answer of the wrong kind".into())
}

/// As many replies as commands.
fn all<const N: usize>(replies: Vec<Result<Reply, Away>>) -> Result<[Result<Reply, Away>; N], Away> {
    replies.try_into().map_err(|_| odd())
}

/// Names and values that come by turns.
fn pairs(list: Vec<Reply>) -> impl Iterator<Item = Result<(Vec<u8>, Vec<u8>), Away>> {
    let mut list = list.into_iter();
    std::iter::from_fn(move || {
        let (name, value) = (list.next()?, list.next()?);
        Some(name.bytes().and_then(|name| Ok((name, value.bytes()?))))
    })
}

/// Answers, and the names of what is none; an empty name, if the key holds something of another type.
type Read = (Vec<Arc<Entry>>, Vec<Vec<u8>>);

/// What `read` makes of the fields of a key.
fn read(
    fields: Result<Reply, Away>,
    read: impl Fn(&Variant, Vec<u8>) -> Option<Option<Arc<Entry>>>,
) -> Result<Read, Away> {
    let fields = match fields {
        Ok(fields) => fields.list()?,
        Err(why) if why.is_wrong_type() => return Ok((Vec::new(), vec![Vec::new()])),
        Err(why) => return Err(why),
    };
    let (mut entries, mut garbage) = (Vec::with_capacity(fields.len() / 2), Vec::new());
    for pair in pairs(fields) {
        let (name, record) = pair?;
        let Ok(variant) = name[..].try_into() else { continue };
        match read(variant, record) {
            Some(entry) => entries.extend(entry),
            None => garbage.push(name),
        }
    }
    Ok((entries, garbage))
}

/// Members of the log with their times. What is no log has none.
fn members(reply: Result<Reply, Away>) -> Result<Vec<(Vec<u8>, Moment)>, Away> {
    let list = match reply {
        Ok(list) => list.list()?,
        Err(why) if why.is_wrong_type() => return Ok(Vec::new()),
        Err(why) => return Err(why),
    };
    let read = |(member, score): (Vec<u8>, Vec<u8>)| {
        // What is no time of ours was never written by us.
        let moment = std::str::from_utf8(&score).ok().and_then(|score| score.parse().ok());
        Some((member, moment?))
    };
    Ok(pairs(list).collect::<Result<Vec<_>, _>>()?.into_iter().filter_map(read).collect())
}

/// The time of the only member.
fn moment_of(reply: Result<Reply, Away>) -> Result<Option<Moment>, Away> {
    Ok(members(reply)?.first().map(|(_, moment)| *moment))
}
