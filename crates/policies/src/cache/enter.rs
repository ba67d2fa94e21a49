//! On the way in: a stored answer, an answer under way, or on to the service.

use std::sync::Arc;

use sekisho_caching::{Asked, Bypass, Choice, Key, Needed, Outcome, Served, Told, validate, whole};
use sekisho_exchange::{Exchange, Reply, Resume, Verdict};
use sekisho_wire::{Edits, HeadView, Known, Method};
use tokio::time::timeout;

use super::entry::Entry;
use super::flight::{Coming, Flight, Joined, Lead, Over, Phase};
use super::memory::{Stand, VARIANTS};
use super::redis::{Claim, Shared};
use super::serve::{self, coming};
use super::store::uri;
use super::{Bound, Fare, Inner};

/// What was found out about a request.
struct Sought {
    /// What it says of caches.
    told: Told,
    key: Key,
    stand: Stand,
    is_users: bool,
    /// Where gateways share answers.
    claim: Option<Claim>,
}

impl Sought {
    /// What those have in common who may wait for each other: the key, and what was purged and invalidated wherever when they came.
    fn flight(&self, key: Key) -> Key {
        self.claim.map_or(key, |claim| claim.flight(&key))
    }

    /// Why nothing was found that would do.
    fn why(&self, inner: &Inner, why: Needed) -> Needed {
        if inner.cached.may_store(self.claim.as_ref()).is_ok() { why } else { Needed::StoreAway }
    }
}

/// Whom a request may wait for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Company {
    /// Whoever asks for the same.
    Any,
    /// Whoever asks for the same variant, by a key of its own: what came was another one.
    Variant(Key),
    /// Nobody: it has waited in vain.
    None,
}

pub(super) fn enter(inner: &Arc<Inner>, exchange: &mut Exchange<'_>) -> Verdict<Fare> {
    match Asked::read(exchange.head, &inner.terms.policy) {
        Ok(_) if is_left_out(inner, exchange) => Verdict::Proceed(Fare::Bypass(Bypass::Policy)),
        Ok(asked) => seek(inner, exchange, asked.told(), Company::Any),
        Err(Bypass::Method) if !exchange.method.is_safe() => Verdict::Proceed(Fare::Unsafe),
        Err(why) => Verdict::Proceed(Fare::Bypass(why)),
    }
}

/// Whether the operator leaves it out.
fn is_left_out(inner: &Inner, exchange: &Exchange<'_>) -> bool {
    let terms = &inner.terms;
    let beneath = |except: &str| {
        exchange.path.strip_prefix(except).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    (exchange.identity.is_some() && !terms.authenticated) || terms.except.iter().any(|except| beneath(except))
}

/// Looks up what is stored.
fn seek(inner: &Arc<Inner>, exchange: &mut Exchange<'_>, told: Told, company: Company) -> Verdict<Fare> {
    let query = inner.naming.query(exchange);
    let user = exchange.identity.as_deref();
    let key = inner.naming.key(exchange, query.as_deref(), user);
    let memory = &inner.cached.memory;
    let stand = memory.marks().stand(exchange.host, exchange.path, query.as_deref());
    let sought = Sought { told, key, stand, is_users: user.is_some(), claim: None };
    if let Some(shared) = &inner.cached.shared {
        let uri = uri(exchange.host, exchange.path, query.as_deref());
        return look(inner, exchange, shared, (sought, uri), company);
    }
    match memory.get(&key) {
        None => choose(inner, exchange, sought, &[], company),
        Some(variants) => {
            // Which ones are good is asked once, as it may change meanwhile.
            let mut good = [None; VARIANTS];
            good.iter_mut().zip(memory.good(&variants)).for_each(|(slot, entry)| *slot = Some(entry));
            choose(inner, exchange, sought, &good, company)
        }
    }
}

/// Looks up what gateways share.
fn look(
    inner: &Arc<Inner>,
    exchange: &mut Exchange<'_>,
    shared: &Arc<Shared>,
    (mut sought, uri): (Sought, Key),
    company: Company,
) -> Verdict<Fare> {
    let worker = exchange.local.index;
    if shared.is_gone(worker) {
        return choose(inner, exchange, sought, &[], company);
    }
    let (inner, shared) = (Arc::clone(inner), Arc::clone(shared));
    Verdict::Wait(Box::pin(async move {
        let (entries, claim) = shared.look(worker, uri, &sought.key).await;
        sought.claim = claim;
        let resume: Resume<Fare> = Box::new(move |exchange: &mut Exchange<'_>| {
            let entries: Vec<Option<&Arc<Entry>>> = entries.iter().map(Some).collect();
            choose(&inner, exchange, sought, &entries, company)
        });
        resume
    }))
}

/// What to do, with these answers stored.
fn choose(
    inner: &Arc<Inner>,
    exchange: &mut Exchange<'_>,
    sought: Sought,
    entries: &[Option<&Arc<Entry>>],
    company: Company,
) -> Verdict<Fare> {
    let asked = sought.told.of(exchange.head);
    let now = exchange.local.wall(exchange.local.clock.now());
    let entry = |index: usize| entries.get(index).copied().flatten();
    match asked.choose(entries.iter().flatten().map(|entry| &entry.facts), now) {
        Choice::Serve { index, why, .. } => match entry(index) {
            Some(entry) => hit(inner, exchange, sought, entry, why),
            None => Verdict::Proceed(Fare::Nothing),
        },
        Choice::Refuse { why } => {
            let why = sought.why(inner, why);
            let outcome = Outcome::Refused { why };
            inner.tell(exchange, &outcome, Some(&sought.key));
            Verdict::Answer(Box::new(Reply::not_cached(why.as_str())))
        }
        Choice::Ask { index, why } => {
            let (before, why) = (index.and_then(entry).map(Arc::clone), sought.why(inner, why));
            ask(inner, exchange, sought, (before, why), company)
        }
    }
}

fn hit(
    inner: &Arc<Inner>,
    exchange: &mut Exchange<'_>,
    sought: Sought,
    entry: &Arc<Entry>,
    why: Served,
) -> Verdict<Fare> {
    let now = exchange.local.wall(exchange.local.clock.now());
    let outcome = Outcome::Hit { why, ttl: entry.facts.remaining(now) };
    inner.tell(exchange, &outcome, Some(&sought.key));
    exchange.facts.reason = why.as_str().into();
    exchange.to_client.set_number(Known::Age, entry.facts.age(now).into());
    let renewal = match why {
        Served::WhileRevalidating => renewal(inner, exchange, sought, entry),
        Served::Fresh | Served::MaxStale => None,
    };
    Verdict::Serve(Box::new(serve::entry(exchange.head, entry)), renewal)
}

/// Who asks for a stale answer again that is sent meanwhile: one at a time.
#[cold]
fn renewal(
    inner: &Arc<Inner>,
    exchange: &mut Exchange<'_>,
    sought: Sought,
    entry: &Arc<Entry>,
) -> Option<Fare> {
    if exchange.method != Method::Get {
        return None;
    }
    let Joined::Lead(lead) = inner.cached.flights.join(sought.flight(sought.key)) else {
        return None;
    };
    inner.cached.meter.renews(exchange.local.index);
    // What the service is asked is no change of what this client is sent.
    validate(&entry.facts, &mut exchange.to_service);
    let mut bound = bound(exchange, sought, (Some(Arc::clone(entry)), Needed::Stale));
    (bound.lead, bound.whole, bound.renews) = (Some(lead), true, true);
    exchange.aside = Some(Box::new(bound));
    Some(Fare::Bound)
}

/// On to the service, unless somebody asks it already.
fn ask(
    inner: &Arc<Inner>,
    exchange: &mut Exchange<'_>,
    sought: Sought,
    (before, why): (Option<Arc<Entry>>, Needed),
    company: Company,
) -> Verdict<Fare> {
    let fills = sought.told.of(exchange.head).may_fill();
    // What is stored is validated all the same, though what comes instead may be for one alone.
    let secret = brings_secret(exchange.head);
    let alone = inner.cached.flights.is_alone(&sought.key, secret, exchange.local.clock.now());
    if !fills || (alone && before.is_none()) {
        let bound = bound(exchange, sought, (before, why)).behind(exchange);
        exchange.aside = Some(Box::new(bound));
        return Verdict::Proceed(Fare::Bound);
    }
    // Whoever wants a fresher answer than others would take gets one of its own.
    let wants_own = alone
        || matches!(
            why,
            Needed::Cookie | Needed::ClientNoCache | Needed::ClientMaxAge | Needed::ClientMinFresh
        );
    let with = match company {
        _ if wants_own => None,
        Company::Any => Some(sought.key),
        Company::Variant(key) => Some(key),
        Company::None => None,
    };
    let mut lead = None;
    match with.map(|key| inner.cached.flights.join(sought.flight(key))) {
        None => {}
        Some(Joined::Lead(taken)) => {
            // Between the look at the store and this, another one's answer may have come to be stored.
            if let Some((entry, why)) = landed(inner, exchange, &sought) {
                drop(taken);
                return hit(inner, exchange, sought, &entry, why);
            }
            lead = Some(taken);
        }
        Some(Joined::Follow(flight)) => {
            return follow(inner, exchange, sought, (flight, company), (before, why));
        }
    }
    match &before {
        Some(entry) => validate(&entry.facts, &mut exchange.to_service),
        None => whole(&mut exchange.to_service),
    }
    exchange.awaited = lead.as_ref().map(Lead::awaited);
    let mut bound = bound(exchange, sought, (before, why)).behind(exchange);
    (bound.lead, bound.whole) = (lead, true);
    exchange.aside = Some(Box::new(bound));
    Verdict::Proceed(Fare::Bound)
}

/// What is stored by now that serves the request.
fn landed(inner: &Inner, exchange: &Exchange<'_>, sought: &Sought) -> Option<(Arc<Entry>, Served)> {
    let memory = &inner.cached.memory;
    let variants = memory.get(&sought.key)?;
    let entries: Vec<_> = memory.good(&variants).collect();
    let now = exchange.local.wall(exchange.local.clock.now());
    match sought.told.of(exchange.head).choose(entries.iter().map(|entry| &entry.facts), now) {
        Choice::Serve { index, why, .. } => Some((Arc::clone(entries.get(index)?), why)),
        _ => None,
    }
}

/// Whether a request brings something by which its answer may be only for the one who asks.
pub(super) fn brings_secret(request: HeadView<'_>) -> bool {
    let present = request.present();
    present.contains(Known::Cookie) || present.contains(Known::Authorization)
}

fn bound(exchange: &Exchange<'_>, sought: Sought, (before, why): (Option<Arc<Entry>>, Needed)) -> Bound {
    let Sought { told: _, key, stand, is_users, claim } = sought;
    let asked = exchange.local.wall(exchange.local.clock.now());
    let outer = Edits::default();
    Bound { key, stand, claim, why, asked, is_users, whole: false, outer, before, lead: None, renews: false }
}

impl Bound {
    /// What policies have changed of the answer up to here is none of what is stored.
    fn behind(mut self, exchange: &mut Exchange<'_>) -> Self {
        self.outer = std::mem::take(&mut exchange.to_client);
        self
    }
}

/// Waits for the answer to another request, or takes it as it comes.
fn follow(
    inner: &Arc<Inner>,
    exchange: &mut Exchange<'_>,
    sought: Sought,
    (flight, company): (Arc<Flight>, Company),
    (before, why): (Option<Arc<Entry>>, Needed),
) -> Verdict<Fare> {
    match flight.phase() {
        Phase::Asked => {
            let inner = Arc::clone(inner);
            Verdict::Wait(Box::pin(async move {
                let told = timeout(inner.terms.wait, flight.told()).await;
                let told = told.unwrap_or(Phase::Over(Over::NotShared));
                let resume: Resume<Fare> = Box::new(move |exchange: &mut Exchange<'_>| match told {
                    Phase::Coming(coming) => {
                        taken(&inner, exchange, sought, (&coming, company), (before, why))
                    }
                    // Another one asks now, or this one does.
                    Phase::Over(Over::Abandoned) => seek(&inner, exchange, sought.told, Company::Any),
                    Phase::Asked | Phase::Over(Over::NotShared) => {
                        ask(&inner, exchange, sought, (before, why), Company::None)
                    }
                });
                resume
            }))
        }
        Phase::Coming(coming) => taken(inner, exchange, sought, (&coming, company), (before, why)),
        Phase::Over(_) => ask(inner, exchange, sought, (before, why), Company::None),
    }
}

/// Takes an answer that comes in for another request, if it serves this one as well.
fn taken(
    inner: &Arc<Inner>,
    exchange: &mut Exchange<'_>,
    sought: Sought,
    (answer, company): (&Arc<Coming>, Company),
    (before, why): (Option<Arc<Entry>>, Needed),
) -> Verdict<Fare> {
    let now = exchange.local.wall(exchange.local.clock.now());
    let facts = &answer.headed.facts;
    let serves = matches!(sought.told.of(exchange.head).choose([facts], now), Choice::Serve { .. });
    let Some(reader) = answer.reader().filter(|_| serves) else {
        if company == Company::Any && !facts.vary().matches(exchange.head) {
            let variant = facts.vary().key_of(&sought.key, exchange.head);
            return seek(inner, exchange, sought.told, Company::Variant(variant));
        }
        return ask(inner, exchange, sought, (before, why), Company::None);
    };
    let stored = inner.cached.may_store(sought.claim.as_ref());
    let outcome = Outcome::Miss { why, status: facts.status(), stored, collapsed: true };
    inner.tell(exchange, &outcome, Some(&sought.key));
    exchange.facts.reason = "collapsed".into();
    exchange.to_client.set_number(Known::Age, facts.age(now).into());
    Verdict::Serve(Box::new(coming(exchange.head, &answer.headed, reader)), None)
}
