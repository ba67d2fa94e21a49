//! Heads written as text, and the calls that most tables make.

use sekisho_caching::{Asked, Choice, NotStored, Policy, Sharing, Stored, Times, admit};
use sekisho_units::Wall;
use sekisho_wire::{Edits, HeadBuf};

/// Thu, 01 Jan 2026 00:00:00 GMT.
pub(crate) const NOW: u64 = 1_767_225_600;

/// Nothing is assumed where the origin is silent.
pub(crate) const SILENT: Policy = Policy {
    ttl: None,
    ttl_of: sekisho_caching::TtlOf::NONE,
    heuristic: 0,
    stale_while_revalidate: 0,
    stale_if_error: 0,
    set_cookie: sekisho_caching::SetCookie::Refuse,
    clients: sekisho_caching::Clients::Heard,
    cookies: sekisho_caching::Cookies::Heeded,
};

/// The time so many seconds after [`NOW`].
pub(crate) fn at(seconds: i64) -> Wall {
    Wall::from_secs(NOW.saturating_add_signed(seconds))
}

/// A request from lines: `GET /path` and fields, or fields only for a GET of the root. `{60}` is the date 60 seconds
/// after [`NOW`].
pub(crate) fn request(text: &str) -> HeadBuf {
    let mut head = HeadBuf::default();
    let (first, fields) = match text.split_once('\n') {
        Some((first, fields)) if !first.contains(':') => (first, fields),
        None if !text.contains(':') && !text.is_empty() => (text, ""),
        _ => ("GET /", text),
    };
    let (method, target) = first.split_once(' ').unwrap_or((first, "/"));
    head.request(method.as_bytes(), target.as_bytes()).unwrap();
    push(&mut head, fields);
    head
}

/// A response from lines: a status and fields, or fields only for a 200.
pub(crate) fn response(text: &str) -> HeadBuf {
    let mut head = HeadBuf::default();
    let (first, fields) = match text.split_once('\n') {
        Some((first, fields)) if first.parse::<u16>().is_ok() => (first, fields),
        None if text.parse::<u16>().is_ok() => (text, ""),
        _ => ("200", text),
    };
    head.response(first.parse().unwrap());
    push(&mut head, fields);
    head
}

fn push(head: &mut HeadBuf, fields: &str) {
    for line in fields.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').unwrap();
        head.push(name, dated(value.trim()).as_bytes()).unwrap();
    }
}

fn dated(value: &str) -> String {
    let Some((before, rest)) = value.split_once('{') else { return value.to_owned() };
    let (seconds, after) = rest.split_once('}').unwrap();
    let date = at(seconds.parse().unwrap()).http_date();
    [before, std::str::from_utf8(&date).unwrap(), after].concat()
}

/// The response as stored for everyone at [`NOW`], without delay.
pub(crate) fn store(asked: &str, answer: &str, policy: &Policy) -> Result<Stored, NotStored> {
    store_for(Sharing::Everyone, asked, answer, policy)
}

pub(crate) fn store_for(
    sharing: Sharing,
    asked: &str,
    answer: &str,
    policy: &Policy,
) -> Result<Stored, NotStored> {
    let (asked, answer) = (request(asked), response(answer));
    let times = Times { asked: at(0), received: at(0) };
    admit(asked.view(), &Edits::default(), answer.view(), times, sharing, policy)
}

/// What is done for a request so many seconds after [`NOW`], given these.
pub(crate) fn choose(asked: &str, stored: &[Stored], seconds: i64) -> Choice {
    let asked = request(asked);
    Asked::read(asked.view(), &SILENT).unwrap().choose(stored, at(seconds))
}
