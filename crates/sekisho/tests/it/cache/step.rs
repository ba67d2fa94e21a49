//! One exchange of a row, read from its text.

use std::time::{Duration, SystemTime};

/// An exchange as it is written.
pub(super) struct Step<'t> {
    pub(super) method: &'t str,
    /// What goes behind the row's path.
    pub(super) suffix: &'t str,
    /// The request's lines.
    pub(super) lines: String,
    answer: Vec<&'t str>,
    pub(super) expected: Vec<&'t str>,
}

impl<'t> Step<'t> {
    pub(super) fn read(text: &'t str) -> Self {
        let (rest, expected) = text.split_once("=>").unwrap_or((text, ""));
        let (asked, answer) = rest.split_once("->").unwrap_or((rest, ""));
        let mut step = Step {
            method: "GET",
            suffix: "",
            lines: String::new(),
            answer: list(answer),
            expected: list(expected),
        };
        for word in list(asked) {
            match word.split_once(':') {
                _ if word.starts_with(['/', '?']) => step.suffix = word,
                Some((name, value)) => step.lines.push_str(&line(name, value)),
                None => step.method = word,
            }
        }
        step
    }

    /// Whether it is to be asked again until it is so.
    pub(super) fn is_later(&self) -> bool {
        self.expected.first().is_some_and(|word| word.starts_with("later"))
    }

    /// What the service says, as bytes; `None`: it breaks off. The body is that of the `index`th step if none is written.
    pub(super) fn answer(&self, index: usize) -> Option<Vec<u8>> {
        let (mut status, mut lines, mut body, mut length) = ("200", String::new(), told(index), true);
        for word in &self.answer {
            match word.split_once(':') {
                _ if *word == "breaks off" => return None,
                _ if word.starts_with("body=") => body = word["body=".len()..].to_owned(),
                Some((name, value)) => {
                    length &= !name.eq_ignore_ascii_case("transfer-encoding");
                    lines.push_str(&line(name, value));
                }
                None => status = word,
            }
        }
        if matches!(status, "204" | "304") {
            (body, length) = (String::new(), false);
        }
        if length {
            lines.push_str(&line("Content-Length", &body.len().to_string()));
        }
        Some(format!("HTTP/1.1 {status} Said\r\n{lines}\r\n{body}").into_bytes())
    }
}

/// The body that tells a step, if none is written.
pub(super) fn told(index: usize) -> String {
    format!("the answer to step {}", index + 1)
}

/// A value with its dates filled in.
pub(super) fn dated(value: &str) -> String {
    let Some((before, rest)) = value.split_once('{') else { return value.to_owned() };
    let (seconds, after) = rest.split_once('}').expect("a date ends");
    let seconds: i64 = seconds.parse().expect("a date is a number of seconds");
    let by = Duration::from_secs(seconds.unsigned_abs());
    let when = if seconds < 0 { SystemTime::now() - by } else { SystemTime::now() + by };
    format!("{before}{}{after}", httpdate::fmt_http_date(when))
}

fn line(name: &str, value: &str) -> String {
    format!("{}: {}\r\n", name.trim(), dated(value.trim()))
}

fn list(text: &str) -> Vec<&str> {
    text.split('|').map(str::trim).filter(|word| !word.is_empty()).collect()
}
