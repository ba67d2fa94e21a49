//! Endpoints in an etcd (version 3): the keys under a prefix, listed once and then watched from that revision on.
//!
//! A watch that breaks off is resumed behind the last revision that is known, with another member where one does not answer.
//! Where etcd no longer has the changes since then, or is another than before, the keys are listed anew; so they are when
//! nothing was heard for a while, since a connection can be dead without anybody noticing.
//!
//! It is asked by its JSON gateway, over HTTP/1.1: what is needed of it are two questions, and gRPC would bring a stack of its own.

mod config;
mod http;
mod registry;
mod value;

use std::time::Duration;

use serde_json::json;

pub(super) use self::config::{EtcdConfig, Settings, plan};
use self::http::{Connection, Lines};
pub use self::registry::EtcdRegistry;
use self::registry::{Told, behind, encoded};
use super::MOST;
use super::source::{Answer, Next, Source};

/// How long nothing need be heard before the keys are listed anew.
const QUIET: Duration = Duration::from_secs(60);
/// How long further changes are waited for once there is one.
const TOGETHER: Duration = Duration::from_millis(20);
/// Most changes that are taken together.
const MOST_TOGETHER: usize = 100;

/// A prefix while it is watched.
pub(super) struct Etcd {
    settings: Settings,
    registry: EtcdRegistry,
    watch: Option<Lines>,
    /// The member that is asked.
    member: usize,
    /// Whether a watch broke off, and none has told of anything since.
    futile: bool,
    /// Whether a failure was told, and nothing good since.
    failed: bool,
}

impl Etcd {
    pub(super) fn new(settings: Settings) -> Self {
        let registry = EtcdRegistry::default();
        Self { settings, registry, watch: None, member: 0, futile: false, failed: false }
    }

    async fn look(&mut self) -> Result<Answer, String> {
        let told = self.follow().await;
        self.failed = told.is_err();
        told.map(|()| self.registry.answer())
    }

    /// Until the picture may have changed, or is known to be good again.
    async fn follow(&mut self) -> Result<(), String> {
        loop {
            if let Some(watch) = &mut self.watch {
                match tokio::time::timeout(QUIET, changed(watch, &mut self.registry)).await {
                    Ok(Ok(Told::Changed)) => {
                        self.futile = false;
                        return Ok(());
                    }
                    Ok(Ok(Told::Begun)) if self.failed => return Ok(()),
                    // Others say so, too, and break off at once.
                    Ok(Ok(Told::Begun)) => {}
                    Ok(Ok(Told::Nothing)) => self.futile = false,
                    Ok(Ok(Told::Outdated)) | Err(_) => self.list_anew(),
                    Ok(Err(why)) => {
                        self.watch = None;
                        if std::mem::replace(&mut self.futile, true) {
                            self.member += 1;
                            return Err(self.told(&why));
                        }
                    }
                }
            } else if self.begin().await? {
                return Ok(());
            }
        }
    }

    fn list_anew(&mut self) {
        self.watch = None;
        self.futile = false;
        self.registry.forget_revision();
    }

    /// Begins to watch, with the first member that lets it. Whether the keys were listed before that.
    async fn begin(&mut self) -> Result<bool, String> {
        let count = self.settings.members.len();
        let mut first = None;
        for _ in 0..count {
            match self.begin_with(self.member % count).await {
                Ok(listed) => return Ok(listed),
                Err(why) => {
                    let why = self.told(&why);
                    first.get_or_insert(why);
                    self.member = (self.member + 1) % count;
                }
            }
        }
        Err(first.unwrap_or_else(|| "there is nobody to ask".to_owned()))
    }

    async fn begin_with(&mut self, member: usize) -> Result<bool, String> {
        let Some(member) = self.settings.members.get(member) else {
            return Err("there is no member".to_owned());
        };
        let mut connection = Connection::to(member, &self.settings).await?;
        let prefix = self.settings.prefix.as_bytes();
        let (key, end) = (encoded(prefix), encoded(&behind(prefix)));
        let listed = self.registry.next_revision().is_none();
        if listed {
            let question = json!({ "key": key, "range_end": end, "limit": MOST + 1 });
            self.registry.list(&connection.whole("/v3/kv/range", &question).await?)?;
        }
        let from = self.registry.next_revision().unwrap_or(1);
        let question = json!({ "create_request": {
            "key": key, "range_end": end, "start_revision": from.to_string(), "progress_notify": true,
        } });
        self.watch = Some(connection.lines("/v3/watch", &question).await?);
        Ok(listed)
    }

    /// Why somebody did not answer, and who.
    fn told(&self, why: &str) -> String {
        let members = &self.settings.members;
        let member = members.get(self.member % members.len().max(1));
        member.map_or_else(|| why.to_owned(), |member| format!("{}: {why}", member.authority.text))
    }
}

/// What comes next of a watch; of several changes that come together, all.
async fn changed(watch: &mut Lines, registry: &mut EtcdRegistry) -> Result<Told, String> {
    let mut told = registry.line(&watch.next().await?)?;
    for _ in 0..MOST_TOGETHER {
        if told != Told::Changed {
            break;
        }
        let Ok(Ok(line)) = tokio::time::timeout(TOGETHER, watch.next()).await else { break };
        match registry.line(&line)? {
            Told::Outdated => told = Told::Outdated,
            Told::Begun | Told::Nothing | Told::Changed => {}
        }
    }
    Ok(told)
}

impl Source for Etcd {
    fn next(&mut self) -> Next<'_> {
        Box::pin(self.look())
    }
}
