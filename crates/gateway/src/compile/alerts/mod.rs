//! `alerts`: each entry is somebody to tell, or is left out because it names nobody.

mod webhook;

use std::sync::Arc;
use std::time::Duration;

use sekisho_exchange::EventName;
use sekisho_units::{At, OrOff, Place, Problem, Problems};
use sekisho_upstream::Carry;

use super::files::Files;
use crate::alert::{Alerting, Channel, Command, Way};
use crate::document::AlertConfig;
use crate::outline::digest_of_text;

/// More would hold up the alerts behind for hours.
const MOST_RETRIES: u32 = 20;
/// What is remembered of each alert of the last period.
const MOST_RATE: u64 = 1_000;
const LONGEST_NAME: usize = 64;

/// All entries. Nobody is told anything yet.
pub(super) fn compile(
    entries: &[At<AlertConfig>],
    carry: &Carry,
    files: &Files<'_>,
    problems: &mut Problems,
) -> Alerting {
    let mut channels: Vec<Arc<Channel>> = Vec::new();
    let mut left_out = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let mut at = Entry { path: format!("alerts[{index}]"), place: &entry.place, problems };
        let unset = entry.webhook.as_ref().filter(|url| url.expose().trim().is_empty());
        if let Some(webhook) = unset.filter(|_| entry.command.is_none()) {
            left_out.push(format!(
                "{}: alerts[{index}].webhook is empty, so that nobody is told by it",
                webhook.place
            ));
            continue;
        }
        let Some((usual_name, way, tls)) = at.way(entry, carry, files) else { continue };
        let Some(name) = at.name(entry, &usual_name, &channels) else { continue };
        channels.push(Arc::new(at.channel(entry, name, way, tls)));
    }
    Alerting { channels: channels.into(), left_out: left_out.into() }
}

/// The entry that is being read, and where it stands.
struct Entry<'a> {
    path: String,
    place: &'a Place,
    problems: &'a mut Problems,
}

impl Entry<'_> {
    fn refuse<T>(&mut self, place: &Place, word: &str, message: &str, remedy: &str) -> Option<T> {
        let path = if word.is_empty() { self.path.clone() } else { format!("{}.{word}", self.path) };
        let place = if place.is_none() { self.place } else { place };
        self.problems.push(Problem::error(place.clone(), path, message).remedy(remedy));
        None
    }

    /// How it is told, what it is called unless it has a name of its own, and what tells its settings of TLS from others.
    fn way(&mut self, entry: &AlertConfig, carry: &Carry, files: &Files<'_>) -> Option<(String, Way, u64)> {
        match (&entry.webhook, &entry.command) {
            (Some(url), None) => {
                let (host, webhook, tls) = self.webhook(url, entry, carry, files)?;
                Some((format!("webhook:{host}"), Way::Webhook(webhook), tls))
            }
            (None, Some(words)) => {
                self.nothing_of_webhooks(entry);
                let Some((program, arguments)) =
                    words.split_first().filter(|(program, _)| !program.is_empty())
                else {
                    let remedy = "write a list such as `[/usr/local/bin/page, --team, ops]`";
                    return self.refuse(&words.place, "command", "it names no program", remedy);
                };
                if words.iter().any(|word| word.contains('\0')) {
                    let message = "a program cannot be given a NUL";
                    return self.refuse(&words.place, "command", message, "take it out");
                }
                let base = program.rsplit('/').next().unwrap_or(program);
                let (program, arguments) = (program.clone(), arguments.to_vec());
                Some((format!("command:{base}"), Way::Command(Command { program, arguments }), 0))
            }
            (Some(_), Some(command)) => {
                let message = "an entry tells one only";
                self.refuse(
                    &command.place,
                    "command",
                    message,
                    "write an entry for each, `webhook` and `command`",
                )
            }
            (None, None) => {
                let remedy = "write `webhook` with a URL, or `command` with a program and its arguments";
                self.refuse(&Place::none(), "", "it names nobody to tell", remedy)
            }
        }
    }

    fn nothing_of_webhooks(&mut self, entry: &AlertConfig) {
        let words = [
            ("format", entry.format.as_ref().map(|at| &at.place)),
            ("secret", entry.secret.as_ref().map(|at| &at.place)),
            ("headers", entry.headers.values().next().map(|at| &at.place)),
            ("tls", entry.tls.as_ref().map(|at| &at.place)),
        ];
        for (word, place) in words {
            if let Some(place) = place {
                let message = "a command has none: it gets the alert on its standard input";
                self.refuse::<()>(&place.clone(), word, message, "leave it out, or write `webhook`");
            }
        }
    }

    /// A name that no other entry has.
    fn name(&mut self, entry: &AlertConfig, usual: &str, others: &[Arc<Channel>]) -> Option<Box<str>> {
        let taken = |name: &str| others.iter().any(|other| *other.name == *name);
        let Some(at) = &entry.name else {
            let mut name = usual.to_owned();
            for number in 2.. {
                if !taken(&name) {
                    break;
                }
                name = format!("{usual}-{number}");
            }
            return Some(name.into());
        };
        let good = !at.is_empty() && at.chars().count() <= LONGEST_NAME && !at.contains(char::is_control);
        if !good {
            let remedy = format!("write 1 to {LONGEST_NAME} characters, such as `ops`");
            return self.refuse(&at.place, "name", "this cannot be a name", &remedy);
        }
        if taken(at) {
            let message = format!("another entry is called `{}`", at.value);
            return self.refuse(&at.place, "name", &message, "write another name");
        }
        Some(at.value.as_str().into())
    }

    /// The entry with all that is not said filled in.
    fn channel(&mut self, entry: &AlertConfig, name: Box<str>, way: Way, tls: u64) -> Channel {
        let (timeout, retries) = match way {
            Way::Webhook(_) => (Duration::from_secs(5), 5),
            Way::Command(_) => (Duration::from_secs(10), 0),
        };
        let timeout = entry.timeout.as_ref().map_or(timeout, |at| {
            if at.is_zero() {
                self.refuse::<()>(
                    &at.place,
                    "timeout",
                    "nobody would be told in time",
                    "write a time such as `5s`",
                );
            }
            at.as_duration()
        });
        let retries = entry.retries.as_ref().map_or(retries, |at| at.value);
        if let Some(at) = entry.retries.as_ref().filter(|at| at.value > MOST_RETRIES) {
            let message = "later alerts would wait for this one for hours";
            self.refuse::<()>(&at.place, "retries", message, &format!("write 0 to {MOST_RETRIES}"));
        }
        if entry.rate.count() > MOST_RATE {
            let message = format!("more than {MOST_RATE} alerts are read by nobody");
            let remedy = format!("write {MOST_RATE} or fewer, in a shorter time if need be");
            self.refuse::<()>(&entry.rate.place, "rate", &message, &remedy);
        }
        let dedupe = match entry.dedupe.value {
            OrOff::On(span) => span.as_duration(),
            OrOff::Off => Duration::ZERO,
        };
        Channel {
            identity: identity(entry, &name, tls),
            name,
            on: self.on(entry),
            way,
            timeout,
            retries,
            backoff: entry.backoff.as_duration(),
            dedupe,
            rate: entry.rate.value,
        }
    }

    fn on(&mut self, entry: &AlertConfig) -> Box<[EventName]> {
        let Some(at) = &entry.on else { return EventName::USUAL.into() };
        if at.is_empty() {
            let remedy = "name events such as `circuit_breaker_opened`, or leave `on` out";
            self.refuse::<()>(&at.place, "on", "it is told nothing", remedy);
        }
        at.iter().map(|name| name.value).collect()
    }
}

/// What tells channels from each other over reloads: all that is written and what its files say, and the name, so that no two are
/// the same.
fn identity(entry: &AlertConfig, name: &str, tls: u64) -> u64 {
    let words: Vec<&str> = entry.command.iter().flat_map(|at| at.iter().map(String::as_str)).collect();
    let on: Vec<&str> = entry.on.iter().flat_map(|at| at.iter().map(|name| name.as_str())).collect();
    let secrets: Vec<&str> = entry
        .webhook
        .iter()
        .chain(&entry.secret)
        .chain(entry.headers.values())
        .map(|at| at.expose())
        .collect();
    let format = entry.format.as_ref().map(|at| at.value);
    let timeout = entry.timeout.as_ref().map(|at| at.value);
    let retries = entry.retries.as_ref().map(|at| at.value);
    let times = (timeout, retries, *entry.backoff, *entry.dedupe, *entry.rate);
    let headers: Vec<&String> = entry.headers.keys().collect();
    let has = (entry.webhook.is_some(), entry.secret.is_some(), entry.on.is_some());
    digest_of_text(&format!("{name:?}{words:?}{on:?}{secrets:?}{format:?}{times:?}{headers:?}{has:?}{tls}"))
}
