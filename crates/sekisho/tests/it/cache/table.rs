//! Runs rows against one gateway.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::step::{Step, dated, told};
use super::{did, gateway};
use crate::harness::{Answer, Gateway, Service, until};

/// The paragraph, what the row shows, its exchanges.
pub(crate) type Row<'t> = (&'t str, &'t str, &'t [&'t str]);

/// What the service says to whom it is asked about a row's path, by the path's first segment.
type Saying = Arc<Mutex<HashMap<String, Option<Vec<u8>>>>>;

struct World {
    gateway: Gateway,
    service: Service,
    saying: Saying,
}

/// Runs the rows with these words of the policy, and fails with all that are not so.
#[track_caller]
pub(crate) fn run(cache: &str, rows: &[Row<'_>]) {
    let saying = Saying::default();
    let says = Arc::clone(&saying);
    let service = Service::raw(move |mut conn| {
        while let Some(request) = conn.next_head() {
            conn.read_body();
            let row = request.target.split(['/', '?']).nth(1).unwrap_or_default().to_owned();
            let Some(Some(mut answer)) = says.lock().unwrap().get(&row).cloned() else { return };
            if request.method == "HEAD" {
                let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
                answer.truncate(end);
            }
            conn.write(&answer);
        }
    });
    let world = World { gateway: gateway(&service, cache, ""), service, saying };
    let wrong: Vec<String> = rows.iter().enumerate().flat_map(|(index, row)| world.row(index, row)).collect();
    assert!(wrong.is_empty(), "{} of {} rows are not so:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

impl World {
    /// Runs a row up to its first step that is not so.
    fn row(&self, index: usize, (paragraph, shows, steps): &Row<'_>) -> Option<String> {
        let path = format!("/{index}");
        let steps: Vec<Step<'_>> = steps.iter().map(|text| Step::read(text)).collect();
        for (at, step) in steps.iter().enumerate() {
            // What is asked behind the client's back is still to be answered by the step before.
            if !step.is_later() {
                self.saying.lock().unwrap().insert(index.to_string(), step.answer(at));
            }
            if let Err(why) = self.step(&path, at, step) {
                return Some(format!("{paragraph}, {shows}: step {}: {why}", at + 1));
            }
        }
        None
    }

    fn step(&self, path: &str, at: usize, step: &Step<'_>) -> Result<(), String> {
        let before = self.service.requests();
        let mut answer = self.ask(path, step);
        if step.is_later() {
            answer = until("the cache to have it", || {
                Some(self.ask(path, step)).filter(|answer| did(answer) == "HIT")
            });
        }
        let seen = self.service.requests() - before;
        self.check(at, step, &answer, seen)
            .map_err(|why| format!("{why}\n    in {answer:?}\n    {}", answer.text()))
    }

    fn ask(&self, path: &str, step: &Step<'_>) -> Answer {
        let (method, suffix, lines) = (step.method, step.suffix, &step.lines);
        self.gateway.request(format!("{method} {path}{suffix} HTTP/1.1\r\nHost: shop.test\r\n{lines}\r\n"))
    }

    fn check(&self, at: usize, step: &Step<'_>, answer: &Answer, seen: usize) -> Result<(), String> {
        let said = |word: &&&str| word.chars().all(|one| one.is_ascii_uppercase());
        let word =
            step.expected.iter().find(said).copied().unwrap_or(if step.is_later() { "HIT" } else { "MISS" });
        same("X-Cache", did(answer), word)?;
        if let ("HIT", 1..) | ("REVALIDATED" | "MISS" | "BYPASS", 0) = (word, seen)
            && !step.expected.contains(&"504")
            && !step.is_later()
        {
            return Err(format!("the service was asked {seen} times"));
        }
        for word in &step.expected {
            self.one(at, word, answer)?;
        }
        let silent = step.method == "HEAD" || matches!(answer.status, 204 | 304 | 504 | 502 | 416);
        let written = step.expected.iter().any(|word| word.starts_with("step=") || word.starts_with("body="));
        let given = step.answer(at).unwrap_or_default();
        if word == "MISS" && !silent && !written && !given.ends_with(&answer.body) {
            return Err("the body is not the service's".to_owned());
        }
        if word == "HIT" && !silent && !written && answer.text() == told(at) {
            return Err("the body is from the service".to_owned());
        }
        Ok(())
    }

    /// Whether one word of what is expected holds.
    fn one(&self, at: usize, word: &str, answer: &Answer) -> Result<(), String> {
        if let Some(status) = word.parse::<u16>().ok().filter(|status| *status != answer.status) {
            return Err(format!("the status is {}, not {status}", answer.status));
        }
        if let Some(step) = word.strip_prefix("step=") {
            let step: usize = step.parse().unwrap();
            return same("the body", &answer.text(), &told(step - 1));
        }
        if let Some(body) = word.strip_prefix("body=") {
            return same("the body", &answer.text(), body);
        }
        if let Some(field) = word.strip_prefix('>') {
            return has(&self.service.last().headers, field)
                .map_err(|why| format!("step {at}: the service saw {why}"));
        }
        let is_word = word.starts_with("later")
            || word.chars().all(|one| one.is_ascii_uppercase() || one.is_ascii_digit());
        if is_word { Ok(()) } else { has(&answer.headers, word) }
    }
}

/// Whether a field is there, or is not, as the word says.
fn has(headers: &[(String, String)], word: &str) -> Result<(), String> {
    let values = |name: &str| crate::harness::headers_of(headers, name).join(", ");
    let count = |name: &str| crate::harness::headers_of(headers, name).len();
    match word.split_once(':') {
        Some((name, value)) => same(name, &values(name.trim()), &dated(value.trim())),
        None => match word.strip_prefix('!') {
            Some(name) if count(name) == 0 => Ok(()),
            Some(name) => Err(format!("{name} is there: {}", values(name))),
            None if count(word) > 0 => Ok(()),
            None => Err(format!("{word} is not there")),
        },
    }
}

fn same(what: &str, found: &str, want: &str) -> Result<(), String> {
    if found == want { Ok(()) } else { Err(format!("{what} is `{found}`, not `{want}`")) }
}
