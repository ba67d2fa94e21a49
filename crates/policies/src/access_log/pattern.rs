//! Lines by a template of the operator's, in which secrets stay secret.

use sekisho_exchange::{BadTemplate, Exchange, Outcome, Template};
use sekisho_wire::Known;

use super::redact::Redact;
use super::{line, text};

/// Request headers that hold credentials.
const SECRET: &[&str] = &["authorization", "proxy-authorization", "cookie", "x-api-key"];

/// A line with values.
#[derive(Clone, Debug)]
pub(super) struct Pattern(Vec<Part>);

/// Values that may hold secrets are taken out of the template, so that they are written with those hidden.
#[derive(Clone, Debug)]
enum Part {
    Template(Template),
    Query { mark: bool },
    Referer,
}

/// Why a text is no pattern of a log line.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum BadPattern {
    #[error(transparent)]
    Template(#[from] BadTemplate),
    #[error("`{{request.header.{0}}}` holds credentials, which are never logged; take it out")]
    Secret(String),
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, BadPattern> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            if rest[at + 1..].starts_with('{') {
                plain.push_str(&rest[..at + 2]);
                rest = &rest[at + 2..];
                continue;
            }
            let end = rest[at..].find('}').map(|len| at + len).ok_or(BadTemplate::Brace)?;
            match Part::special(&rest[at + 1..end])? {
                Some(part) => {
                    plain.push_str(&rest[..at]);
                    parts.push(Part::Template(Template::parse(&std::mem::take(&mut plain))?));
                    parts.push(part);
                }
                None => plain.push_str(&rest[..=end]),
            }
            rest = &rest[end + 1..];
        }
        plain.push_str(rest);
        parts.push(Part::Template(Template::parse(&plain)?));
        Ok(Self(parts))
    }

    pub(super) fn write(
        &self,
        out: &mut Vec<u8>,
        exchange: &Exchange<'_>,
        outcome: &Outcome,
        redact: &Redact,
    ) {
        for part in &self.0 {
            match part {
                Part::Template(template) => {
                    text::plain(out, template.render(exchange, Some(outcome)).as_bytes());
                }
                Part::Query { mark } => {
                    if let Some(query) = exchange.query {
                        out.extend_from_slice(if *mark { b"?" } else { b"" });
                        redact.query(query.as_bytes(), |part| text::plain(out, part));
                    }
                }
                Part::Referer => {
                    redact.uri(line::header(exchange, Known::Referer), |part| text::plain(out, part));
                }
            }
        }
        out.push(b'\n');
    }
}

impl Part {
    fn special(word: &str) -> Result<Option<Self>, BadPattern> {
        let header = word.strip_prefix("request.header.").map(str::to_ascii_lowercase);
        match (word, header) {
            ("request.query", _) => Ok(Some(Self::Query { mark: false })),
            ("request.?query", _) => Ok(Some(Self::Query { mark: true })),
            (_, Some(name)) if SECRET.contains(&name.as_str()) => Err(BadPattern::Secret(name)),
            (_, Some(name)) if name == "referer" => Ok(Some(Self::Referer)),
            _ => Ok(None),
        }
    }
}
