//! Endpoints by DNS: addresses (RFC 1035, RFC 3596) or services with priority, weight and port (RFC 2782).
//!
//! Names are asked for again when their time to live is over, within bounds. What is asked for by several questions is kept by
//! question: if one of them fails, what it told last still holds beside what the others tell now.

mod answers;
mod ask;
mod config;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use hickory_resolver::TokioResolver;

use self::answers::{Found, Got, endpoint, located};
use self::ask::resolver;
pub(super) use self::config::DnsConfig;
use self::config::Kind;
use super::source::{Answer, Next, Source};
use crate::fleet::EndpointConfig;

/// Most names that SRV records may lead to.
const MOST_TARGETS: usize = 1_000;
/// Questions at once.
const AT_ONCE: usize = 16;
/// The longest wait after an answer that says there is nothing.
const NOTHING: Duration = Duration::from_secs(30);

/// A name while it is watched.
pub(super) struct Dns {
    settings: DnsConfig,
    resolver: Option<TokioResolver>,
    /// The last good answers about addresses, by name and family.
    known: HashMap<(String, Family), Vec<IpAddr>>,
    /// How long the last answer holds.
    wait: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Family {
    V4,
    V6,
}

/// What was found in one round, with the time for which that holds.
struct Round {
    found: Vec<EndpointConfig>,
    odd: Vec<String>,
    ttl: u32,
}

impl Dns {
    pub(super) fn new(settings: DnsConfig) -> Self {
        Self { settings, resolver: None, known: HashMap::new(), wait: Duration::ZERO }
    }

    async fn look(&mut self) -> Result<Answer, String> {
        tokio::time::sleep(std::mem::take(&mut self.wait)).await;
        let resolver = match self.resolver.take() {
            Some(resolver) => resolver,
            None => resolver(&self.settings)?,
        };
        // The time to live is kept here, and a failure is worth another question.
        resolver.clear_cache();
        let round = match self.settings.kind {
            Kind::Srv => self.services(&resolver).await?,
            Kind::A => self.addresses(&resolver, &[Family::V4]).await?,
            Kind::Aaaa => self.addresses(&resolver, &[Family::V6]).await?,
            Kind::Any => self.addresses(&resolver, &[Family::V4, Family::V6]).await?,
        };
        // After a failure there is another, that may find other servers in the system's settings.
        self.resolver = Some(resolver);
        self.wait = self.holds(round.ttl, round.found.is_empty());
        Ok(Answer { found: round.found, odd: round.odd })
    }

    /// How long an answer holds.
    fn holds(&self, ttl: u32, is_empty: bool) -> Duration {
        let (min, max) = (self.settings.min_refresh.as_duration(), self.settings.max_refresh.as_duration());
        let max = if is_empty { max.min(NOTHING).max(min) } else { max };
        Duration::from_secs(u64::from(ttl)).clamp(min, max)
    }

    /// The addresses of the name itself.
    async fn addresses(&mut self, resolver: &TokioResolver, families: &[Family]) -> Result<Round, String> {
        let name = self.settings.name.clone();
        let questions = families.iter().map(|family| (name.clone(), *family)).collect();
        let mut all = self.ask(resolver, questions).await;
        let found = all.remove(&name).unwrap_or_default();
        let ttl = found.ttl();
        let (addresses, odd) = found.judged()?;
        let (port, scheme) = (self.settings.port, self.settings.scheme);
        let found = addresses.into_iter().map(|ip| endpoint(scheme, &name, ip, port)).collect();
        Ok(Round { found, odd, ttl })
    }

    /// The services that SRV records of the name tell of, and their addresses.
    async fn services(&mut self, resolver: &TokioResolver) -> Result<Round, String> {
        let (services, mut ttl) = match ask::services(resolver, &self.settings.name).await {
            Got::There(services, ttl) => (services, ttl),
            Got::Nothing(ttl, why) => return Ok(Round { found: Vec::new(), odd: vec![why], ttl }),
            Got::Failed(why) => return Err(why),
        };
        let mut targets: Vec<_> = services.iter().map(|service| service.target.clone()).collect();
        targets.sort_unstable();
        targets.dedup();
        if targets.len() > MOST_TARGETS {
            return Err(format!("SRV records lead to more than {MOST_TARGETS} names"));
        }
        let both = |name: &String| [Family::V4, Family::V6].map(|family| (name.clone(), family));
        let all = self.ask(resolver, targets.iter().flat_map(both).collect()).await;
        let mut odd = Vec::new();
        for found in all.values() {
            ttl = ttl.min(found.ttl());
            odd.extend(found.failed.clone());
        }
        let found = located(self.settings.scheme, &services, |target| {
            all.get(target).map_or(&[], |found| &found.addresses)
        });
        match odd.first() {
            Some(why) if found.is_empty() => Err(why.clone()),
            _ => Ok(Round { found, odd, ttl }),
        }
    }

    /// The addresses of names. Where a question fails, what was told last is taken.
    async fn ask(
        &mut self,
        resolver: &TokioResolver,
        questions: Vec<(String, Family)>,
    ) -> BTreeMap<String, Found> {
        let mut all: BTreeMap<String, Found> = BTreeMap::new();
        self.known.retain(|question, _| questions.contains(question));
        for some in questions.chunks(AT_ONCE) {
            for (question, got) in ask::addresses(resolver, some).await {
                let known = self.known.get(&question).cloned();
                match &got {
                    Got::There(addresses, _) => drop(self.known.insert(question.clone(), addresses.clone())),
                    Got::Nothing(..) => drop(self.known.remove(&question)),
                    Got::Failed(_) => {}
                }
                all.entry(question.0).or_default().add(got, known);
            }
        }
        all
    }
}

impl Source for Dns {
    fn next(&mut self) -> Next<'_> {
        Box::pin(self.look())
    }
}
