//! On the way back: an answer is stored while it is sent, or a stored one is sent after all.

use std::sync::Arc;

use sekisho_caching::{
    Confirmed, Failure, NotStored, Outcome, Sharing, Stored, Times, admit, answers_for, confirms, freshen,
    invalidated, kept, may_stand_in, needs_date, whole,
};
use sekisho_exchange::{Answerer, Decider, Exchange, Response, Turn};
use sekisho_wire::{Edits, HeadBuf, HeadView, Known, Method, PathRules, Skip, hop_by_hop, list_items};

use super::enter::brings_secret;
use super::entry::{Entry, Target, tags};
use super::flight::{Fill, Headed};
use super::serve::{self, coming, is_whole};
use super::store::{Landing, Places};
use super::{Bound, Inner};

/// The media type of streams of events.
const EVENTS: &[u8] = b"text/event-stream";

pub(super) fn leave(inner: &Inner, mut bound: Bound, exchange: &mut Exchange<'_>, response: &Response<'_>) {
    // What policies behind this one have changed of the answer, which is part of what is stored.
    let behind = std::mem::replace(&mut exchange.to_client, std::mem::take(&mut bound.outer));
    if stands_in(inner, &bound, exchange, response) {
        return;
    }
    if response.from == Answerer::Gateway {
        exchange.to_client.extend(&behind);
        not_stored(inner, bound, exchange, response, NotStored::Status);
        return;
    }
    let answer = laid(response.head, &behind, left_behind(response.head));
    match (answer, &bound.before) {
        (None, _) => {
            exchange.to_client.extend(&behind);
            not_stored(inner, bound, exchange, response, NotStored::TooLarge);
        }
        (Some(answer), Some(before)) if bound.whole && response.head.status() == 304 => {
            let before = Arc::clone(before);
            confirmed(inner, bound, exchange, (&before, answer.view()));
        }
        (Some(answer), _) => {
            if exchange.method == Method::Head {
                heed_head(inner, &bound, exchange, answer.view());
            }
            store(inner, bound, exchange, response, (&behind, &answer));
        }
    }
}

/// Whether a 304 is about another answer than the one that was to be validated. Then the whole is to be asked for.
pub(super) fn is_of_another(bound: &mut Bound, exchange: &mut Exchange<'_>, head: HeadView<'_>) -> bool {
    let confirmed = bound.before.as_ref().is_some_and(|entry| confirms(&entry.facts, head) == Confirmed::Yes);
    if !bound.whole || confirmed {
        return false;
    }
    bound.before = None;
    whole(&mut exchange.to_service);
    true
}

/// Sends the stored answer since the service failed, if that may be.
fn stands_in(inner: &Inner, bound: &Bound, exchange: &mut Exchange<'_>, response: &Response<'_>) -> bool {
    let failure = match (response.from, response.head.status()) {
        (Answerer::Gateway, _) if exchange.facts.decided_by == Decider::Upstream => Failure::Unreachable,
        (Answerer::Service, status @ 500..) => Failure::Status(status),
        _ => return false,
    };
    let now = exchange.local.wall(exchange.local.clock.now());
    let Some(entry) = bound.before.as_ref().filter(|entry| may_stand_in(&entry.facts, failure, now)) else {
        return false;
    };
    let status = match failure {
        Failure::Status(status) => Some(status),
        Failure::Unreachable => None,
    };
    let outcome = Outcome::StoodIn { why: bound.why, status, ttl: entry.facts.remaining(now) };
    exchange.facts.decided_by = Decider::Policy("cache");
    exchange.facts.reason = "stale-if-error".into();
    instead(inner, bound, exchange, entry, &outcome);
    true
}

/// A stored answer that the service has confirmed is sent, and is as good as new.
fn confirmed(
    inner: &Inner,
    mut bound: Bound,
    exchange: &mut Exchange<'_>,
    (before, news): (&Arc<Entry>, HeadView<'_>),
) {
    let renewed = renewed(inner, &bound, exchange, (before, news), exchange.head);
    let entry = match &renewed {
        Some(Ok(entry)) => {
            // Those who wait find it in the store.
            let lead = bound.lead.take();
            landing(inner, &bound, &entry.tags).renew(Arc::clone(entry), lead, exchange.local);
            entry
        }
        Some(Err(entry)) => {
            inner.cached.remove(exchange.local.index, &bound.key);
            entry
        }
        None => before,
    };
    instead(inner, &bound, exchange, entry, &Outcome::Revalidated { why: bound.why });
}

/// The stored answer with what `news` says of it; as an error if that is that it must not be stored any more.
fn renewed(
    inner: &Inner,
    bound: &Bound,
    exchange: &Exchange<'_>,
    (before, news): (&Arc<Entry>, HeadView<'_>),
    request: HeadView<'_>,
) -> Option<Result<Arc<Entry>, Arc<Entry>>> {
    let mut merged = HeadBuf::default();
    freshen(before.head.view(), news, &mut merged).ok()?;
    let facts = admitted(inner, bound, exchange, request, merged.view());
    let mut entry = Entry {
        head: keepable(inner, exchange, merged.view())?,
        facts: before.facts.clone(),
        body: before.body.clone(),
        target: before.target.clone(),
        tags: tags(merged.view()),
    };
    entry.head.shrink();
    Some(match facts {
        Ok(facts) => Ok(Arc::new(Entry { facts, ..entry })),
        Err(_) => Err(Arc::new(entry)),
    })
}

/// The answer to a HEAD may tell that what is stored for GET is still good, or is not (RFC 9111 §4.3.5).
fn heed_head(inner: &Inner, bound: &Bound, exchange: &Exchange<'_>, head: HeadView<'_>) {
    let Some(before) = &bound.before else { return };
    match answers_for(&before.facts, before.head.view(), head) {
        None => {}
        Some(Confirmed::No) => inner.cached.remove(exchange.local.index, &bound.key),
        Some(Confirmed::Yes) => {
            let Some(get) = as_get(exchange.head) else { return };
            if let Some(Ok(entry)) = renewed(inner, bound, exchange, (before, head), get.view()) {
                landing(inner, bound, &entry.tags).renew(Arc::clone(&entry), None, exchange.local);
            }
        }
    }
}

/// The same request by GET.
fn as_get(head: HeadView<'_>) -> Option<HeadBuf> {
    let mut get = HeadBuf::default();
    get.request(b"GET", head.target()).ok()?;
    for (name, value, _) in head.lines() {
        get.push(std::str::from_utf8(name).ok()?, value).ok()?;
    }
    Some(get)
}

/// Stores an answer while it is sent, if it may be stored.
fn store(
    inner: &Inner,
    mut bound: Bound,
    exchange: &mut Exchange<'_>,
    response: &Response<'_>,
    (behind, answer): (&Edits, &HeadBuf),
) {
    let received = response.head;
    let mut places = Places::new(&inner.cached, inner.terms.max_body);
    let facts = admitted(inner, &bound, exchange, exchange.head, answer.view()).and_then(|facts| {
        let length = length(received, answer.view())?;
        if announces(received, exchange.trailers) {
            return Err(NotStored::Trailers);
        }
        let fits = length.is_none_or(|length| places.hold(length));
        if fits { Ok((facts, length)) } else { Err(NotStored::TooLarge) }
    });
    let headed = facts.and_then(|(facts, length)| {
        let head = keepable(inner, exchange, answer.view()).ok_or(NotStored::TooLarge)?;
        let target = Target { host: exchange.host.to_ascii_lowercase().into(), path: exchange.path.into() };
        Ok(Headed { head, facts, target, tags: tags(answer.view()), length })
    });
    let headed = match headed {
        Ok(headed) => headed,
        Err(why) => {
            exchange.to_client.extend(behind);
            return not_stored(inner, bound, exchange, response, why);
        }
    };
    inner.cached.flights.bring_together(&bound.key, brings_secret(exchange.head));
    let as_it_is = !bound.whole || is_whole(exchange.head, &headed);
    let stored = inner.cached.may_store(bound.claim.as_ref());
    let landing = landing(inner, &bound, &headed.tags);
    let filters = exchange.filters.take();
    let (fill, reader) = Fill::begin(headed, bound.lead.take(), filters, landing, places);
    let turn = if as_it_is {
        exchange.to_client.extend(behind);
        Turn::Pour(fill, Box::new(reader))
    } else {
        let headed = Arc::clone(reader.headed());
        let now = exchange.local.wall(exchange.local.clock.now());
        exchange.to_client.set_number(Known::Age, headed.facts.age(now).into());
        Turn::PourBeside(fill, coming(exchange.head, &headed, reader))
    };
    exchange.turn = Some(Box::new(turn));
    if !bound.renews {
        let outcome = Outcome::Miss { why: bound.why, status: received.status(), stored, collapsed: false };
        inner.tell(exchange, &outcome, Some(&bound.key));
    }
}

/// Where an answer with these tags is to be stored.
fn landing(inner: &Inner, bound: &Bound, tags: &[Box<str>]) -> Landing {
    let stand = inner.cached.memory.marks().tagged(&bound.stand, tags);
    Landing { cached: Arc::clone(&inner.cached), key: bound.key, stand, claim: bound.claim }
}

/// An answer that is only for the one who asked.
fn not_stored(
    inner: &Inner,
    bound: Bound,
    exchange: &mut Exchange<'_>,
    response: &Response<'_>,
    why: NotStored,
) {
    // What the client wants, or what has failed, says nothing of what others will get.
    let only_now = matches!(why, NotStored::ClientNoStore | NotStored::Method)
        || response.from == Answerer::Gateway
        || response.head.status() >= 500;
    if !only_now {
        let (secret, now) = (brings_secret(exchange.head), exchange.local.clock.now());
        inner.cached.flights.leave_alone(&bound.key, secret, now);
    }
    if let Some(lead) = bound.lead {
        lead.keeps();
    }
    if !bound.renews {
        let outcome = Outcome::Miss {
            why: bound.why,
            status: response.head.status(),
            stored: Err(why),
            collapsed: false,
        };
        inner.tell(exchange, &outcome, Some(&bound.key));
    }
}

/// The client gets a stored answer.
fn instead(inner: &Inner, bound: &Bound, exchange: &mut Exchange<'_>, entry: &Arc<Entry>, outcome: &Outcome) {
    let now = exchange.local.wall(exchange.local.clock.now());
    exchange.filters = None;
    exchange.to_client.set_number(Known::Age, entry.facts.age(now).into());
    exchange.turn = Some(Box::new(Turn::Instead(serve::entry(exchange.head, entry))));
    if !bound.renews {
        inner.tell(exchange, outcome, Some(&bound.key));
    }
}

/// An unsafe request that succeeded makes doubtful what is stored of its target, and of those that the answer names (RFC 9111
/// §4.4).
pub(super) fn invalidate(inner: &Inner, exchange: &Exchange<'_>, response: &Response<'_>) {
    if response.from == Answerer::Gateway {
        return;
    }
    let own = match exchange.query {
        Some(query) => format!("{}?{query}", exchange.path),
        None => exchange.path.to_owned(),
    };
    let (host, rules) = (exchange.host, PathRules::default());
    let named = invalidated(exchange.head, host.as_bytes(), own.as_bytes(), rules, response.head);
    let Some(named) = named else { return };
    let worker = exchange.local.index;
    inner.cached.forget(worker, host, exchange.path, inner.naming.query(exchange).as_deref());
    for target in named {
        let (path, query) =
            target.split_once('?').map_or((&*target, None), |(path, query)| (path, Some(query)));
        let query = query.and_then(|query| inner.naming.counting(query));
        inner.cached.forget(worker, host, path, query.as_deref());
    }
}

/// Whether the answer may be stored, and what is to be known of it then.
fn admitted(
    inner: &Inner,
    bound: &Bound,
    exchange: &Exchange<'_>,
    request: HeadView<'_>,
    answer: HeadView<'_>,
) -> Result<Stored, NotStored> {
    let received = exchange.local.wall(exchange.local.clock.now());
    let sharing = if bound.is_users { Sharing::OneUser } else { Sharing::Everyone };
    let times = Times { asked: bound.asked, received };
    admit(request, &exchange.to_service, answer, times, sharing, &inner.terms.policy)
}

/// How long the body is that is stored, if that is known. `received` is the head as it came.
fn length(received: HeadView<'_>, answer: HeadView<'_>) -> Result<Option<u64>, NotStored> {
    let present = received.present();
    if received.status() == 204 {
        return Ok(Some(0));
    }
    // A stream of events has an end only because its client, or its service, had enough.
    let events = received
        .get(Known::ContentType)
        .is_some_and(|kind| kind.get(..EVENTS.len()).is_some_and(|start| start.eq_ignore_ascii_case(EVENTS)));
    if events || (!present.contains(Known::ContentLength) && !present.contains(Known::TransferEncoding)) {
        return Err(NotStored::Unbounded);
    }
    let text = answer.get(Known::ContentLength).and_then(|text| std::str::from_utf8(text).ok());
    Ok(text.and_then(|text| text.parse().ok()))
}

/// Whether there will be trailers behind the body that pass on this route. Stored answers have a length, and no place for any
/// (RFC 9111 §3.1 has caches discard them, or store them apart).
fn announces(received: HeadView<'_>, passing: &[Box<str>]) -> bool {
    let passes = |name: &[u8]| passing.iter().any(|one| one.as_bytes().eq_ignore_ascii_case(name));
    !passing.is_empty() && received.all(Known::Trailer).flat_map(list_items).any(passes)
}

/// The head as it is stored: without the lines that must not be, with the date.
fn keepable(inner: &Inner, exchange: &Exchange<'_>, answer: HeadView<'_>) -> Option<HeadBuf> {
    let mut head = laid(answer, &Edits::default(), kept(answer, &inner.terms.policy))?;
    if needs_date(answer) {
        let now = exchange.local.clock.now();
        let date = exchange.local.stamped(now, |stamp, wall| *stamp.http_date(wall));
        head.push("Date", &date).ok()?;
    }
    Some(head)
}

/// The lines of `head` that stay behind at this hop anyway.
fn left_behind(head: HeadView<'_>) -> Skip {
    let mut skip = hop_by_hop(head);
    if head.status() == 204 {
        skip.insert_name(head, Known::ContentLength);
    }
    skip
}

/// A head with edits made; `None` if it does not fit.
fn laid(head: HeadView<'_>, edits: &Edits, skip: Skip) -> Option<HeadBuf> {
    let mut out = HeadBuf::default();
    out.response(head.status());
    let skip = edits.skips(head, skip);
    let stay = head.lines().enumerate().filter(|(index, _)| !skip.contains(*index));
    let lines = stay.map(|(_, (name, value, _))| (name, value)).chain(edits.added());
    for (name, value) in lines {
        out.push(std::str::from_utf8(name).ok()?, value).ok()?;
    }
    Some(out)
}
