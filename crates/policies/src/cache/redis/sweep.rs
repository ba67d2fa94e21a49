//! Takes out of Redis what a purge has made dead, so that memory comes back, and counts it. Nothing depends on that: it ends after
//! a while however much is left, and a cluster is not swept.

use std::time::Duration;

use sekisho_caching::Key;
use sekisho_store::redis::{Away, Command, Reply};

use super::super::purge::Purge;
use super::{ANSWERS, Redis, all, pairs, record};

/// Keys that Redis looks at in one step: it does nothing else meanwhile.
const STEP: u64 = 200;
/// Longest time of a sweep.
const LONGEST: Duration = Duration::from_secs(2);

impl Redis {
    /// Sweeps after a purge; gives how many answers it took out.
    pub(super) async fn sweep(&self, purge: &Purge) -> u64 {
        let mut count = 0;
        let sweeping = async {
            if let Purge::Key(key) = purge {
                return self.sweep_these(purge, vec![(*key, self.answers(key))], &mut count).await;
            }
            if self.by_hand.is_cluster() {
                return Ok(());
            }
            let prefix = self.by_hand.key(ANSWERS);
            let pattern = format!("{}*", prefix.replace(['\\', '*', '?', '['], "?"));
            let mut cursor = b"0".to_vec();
            loop {
                let scan = Command::new("SCAN").word(&cursor).word("MATCH").word(&pattern);
                let [scanned] = all(self.by_hand.run(0, &[scan.word("COUNT").number(STEP)]).await?)?;
                let mut scanned = scanned?.list()?.into_iter();
                let next = scanned.next().ok_or_else(super::odd)?.bytes()?;
                let names = scanned.next().ok_or_else(super::odd)?.list()?;
                let keys = names.into_iter().filter_map(|name| {
                    let name = String::from_utf8(name.bytes().ok()?).ok()?;
                    Some((Key::from_hex(name.strip_prefix(&prefix)?.as_bytes())?, name))
                });
                self.sweep_these(purge, keys.collect(), &mut count).await?;
                if next == b"0" {
                    return Ok(());
                }
                cursor = next;
            }
        };
        // What is left is dead all the same, and goes when its time is over.
        let _: Result<Result<(), Away>, _> = tokio::time::timeout(LONGEST, sweeping).await;
        count
    }

    async fn sweep_these(
        &self,
        purge: &Purge,
        keys: Vec<(Key, String)>,
        count: &mut u64,
    ) -> Result<(), Away> {
        if keys.is_empty() {
            return Ok(());
        }
        let ask = keys.iter().map(|(_, name)| Command::script(&self.scripts.heads, name.as_bytes()));
        let ask: Vec<Command> = ask.collect();
        let replies = self.by_hand.run(0, &ask).await?;
        let (mut removals, mut worth) = (Vec::new(), Vec::new());
        for ((key, name), heads) in keys.iter().zip(replies) {
            // Another type lies there: garbage, which the next answer to be stored replaces.
            let heads = heads.and_then(Reply::list).unwrap_or_default();
            let all: Vec<_> = pairs(heads).flatten().collect();
            let dead = all.iter().filter(|(_, head)| record::means(purge, key, head));
            let dead: Vec<&Vec<u8>> = dead.map(|(variant, _)| variant).collect();
            if dead.is_empty() {
                continue;
            }
            worth.push(dead.len() as u64);
            removals.push(match dead.len() == all.len() {
                true => Command::new("UNLINK").word(name),
                false => dead.into_iter().fold(Command::new("HDEL").word(name), Command::word),
            });
        }
        for (removed, worth) in self.by_hand.run(0, &removals).await?.into_iter().zip(worth) {
            if removed?.number()? > 0 {
                *count += worth;
            }
        }
        Ok(())
    }
}
