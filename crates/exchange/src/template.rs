//! Text with values from the exchange: `https://{request.host}{request.path}`.
//!
//! Used by the policies `headers` and `access_log` and by the targets `redirect` and `respond`. A value that is not there
//! is an empty text. `{{` and `}}` stand for the braces themselves.

use std::fmt::Write as _;

use crate::{Exchange, Identity, Outcome};

/// A parsed template.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    Text(String),
    Value(Value),
}

/// A value that a template may name.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Value {
    Method,
    Path,
    Query,
    QueryMark,
    Host,
    Scheme,
    Header(String),
    RequestId,
    CorrelationId,
    ClientIp,
    ClientPort,
    UserId,
    UserEmail,
    UserTier,
    UserRoles,
    UserPermissions,
    Claim(String),
    Route,
    Param(String),
    Service,
    Endpoint,
    Status,
    Reason,
    DecidedBy,
    DurationMs,
    RequestBytes,
    ResponseBytes,
    Time,
}

/// Words without a name behind them, and what they mean.
const WORDS: &[(&str, Value)] = &[
    ("request.method", Value::Method),
    ("request.path", Value::Path),
    ("request.query", Value::Query),
    ("request.?query", Value::QueryMark),
    ("request.host", Value::Host),
    ("request.scheme", Value::Scheme),
    ("request.id", Value::RequestId),
    ("request.bytes", Value::RequestBytes),
    ("correlation.id", Value::CorrelationId),
    ("client.ip", Value::ClientIp),
    ("client.port", Value::ClientPort),
    ("identity.id", Value::UserId),
    ("identity.email", Value::UserEmail),
    ("identity.tier", Value::UserTier),
    ("identity.roles", Value::UserRoles),
    ("identity.permissions", Value::UserPermissions),
    ("route", Value::Route),
    ("service", Value::Service),
    ("endpoint", Value::Endpoint),
    ("response.status", Value::Status),
    ("response.bytes", Value::ResponseBytes),
    ("reason", Value::Reason),
    ("decided_by", Value::DecidedBy),
    ("duration_ms", Value::DurationMs),
    ("time", Value::Time),
];

/// Why a text is no template.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadTemplate {
    /// A brace without its partner.
    #[error("a brace without its partner; write `{{{{` or `}}}}` for the brace itself")]
    Brace,
    /// A word that means nothing here.
    #[error(
        "unknown value `{{{0}}}`{1}; known are request.method, request.path, request.query, request.host, request.scheme, \
         request.id, request.bytes, request.header.NAME, correlation.id, client.ip, client.port, identity.id, \
         identity.email, identity.tier, identity.roles, identity.permissions, identity.claim.NAME, route, param.NAME, service, endpoint, \
         response.status, response.bytes, reason, decided_by, duration_ms, time"
    )]
    Unknown(String, String),
}

impl Template {
    /// Parses `text`.
    ///
    /// # Errors
    /// A lone brace, or an unknown value (with the nearest known one).
    pub fn parse(text: &str) -> Result<Self, BadTemplate> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let brace = &rest[at..at + 1];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                plain.push_str(brace);
                rest = after;
                continue;
            }
            let (word, after) = rest.split_once('}').filter(|_| brace == "{").ok_or(BadTemplate::Brace)?;
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(Part::Value(Value::parse(word)?));
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self { parts })
    }

    /// The text, if it names no value at all.
    pub fn constant(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The text for this exchange; `outcome` is there once the exchange is over.
    ///
    /// Control characters in values are left out, so that a value can break neither a header line nor a log line.
    pub fn render(&self, exchange: &Exchange<'_>, outcome: Option<&Outcome>) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Value(value) => value.write(exchange, outcome, &mut out),
            }
        }
        out
    }
}

impl Value {
    fn parse(word: &str) -> Result<Self, BadTemplate> {
        if let Some(name) = word.strip_prefix("request.header.").filter(|name| !name.is_empty()) {
            return Ok(Self::Header(name.to_owned()));
        }
        if let Some(name) = word.strip_prefix("identity.claim.").filter(|name| !name.is_empty()) {
            return Ok(Self::Claim(name.to_owned()));
        }
        if let Some(name) = word.strip_prefix("param.").filter(|name| !name.is_empty()) {
            return Ok(Self::Param(name.to_owned()));
        }
        if let Some((_, value)) = WORDS.iter().find(|(known, _)| *known == word) {
            return Ok(value.clone());
        }
        let near = sekisho_units::nearest(word, WORDS.iter().map(|(known, _)| *known));
        Err(BadTemplate::Unknown(
            word.to_owned(),
            near.map(|near| format!(", did you mean `{{{near}}}`?")).unwrap_or_default(),
        ))
    }

    fn write(&self, exchange: &Exchange<'_>, outcome: Option<&Outcome>, out: &mut String) {
        let facts = &exchange.facts;
        let who = exchange.identity.as_deref();
        match self {
            Self::Method => push_bytes(exchange.head.method_bytes(), out),
            Self::Path => out.push_str(exchange.path),
            Self::Query => out.push_str(exchange.query.unwrap_or_default()),
            Self::QueryMark => {
                if let Some(query) = exchange.query {
                    out.push('?');
                    out.push_str(query);
                }
            }
            Self::Host => out.push_str(exchange.host),
            Self::Scheme => out.push_str(exchange.client.scheme.as_str()),
            Self::Header(name) => push_bytes(exchange.head.find(name).unwrap_or_default(), out),
            Self::RequestId => out.push_str(exchange.ids.as_ref().map_or("", |ids| ids.request.as_str())),
            Self::CorrelationId => {
                out.push_str(exchange.ids.as_ref().map_or("", |ids| ids.correlation.as_str()));
            }
            Self::ClientIp => push_display(exchange.client.ip, out),
            Self::ClientPort => push_display(exchange.client.peer.port(), out),
            Self::UserId => out.push_str(who.map_or("", Identity::subject)),
            Self::UserEmail => out.push_str(who.map_or("", Identity::email)),
            Self::UserTier => out.push_str(who.map_or("", Identity::tier)),
            Self::UserRoles => out.push_str(&who.map_or_else(String::new, |who| who.roles().joined())),
            Self::UserPermissions => {
                out.push_str(&who.map_or_else(String::new, |who| who.permissions().joined()));
            }
            Self::Claim(name) => match who.and_then(|who| who.claim(name)) {
                Some(serde_json::Value::String(text)) => push_bytes(text.as_bytes(), out),
                Some(value @ (serde_json::Value::Number(_) | serde_json::Value::Bool(_))) => {
                    push_display(value, out);
                }
                // What is no single value has no place in a text.
                _ => {}
            },
            Self::Route => out.push_str(exchange.route),
            Self::Param(name) => out.push_str(exchange.param(name).unwrap_or_default()),
            Self::Service => out.push_str(facts.service.unwrap_or_default()),
            Self::Endpoint => out.push_str(facts.endpoint.as_deref().unwrap_or_default()),
            Self::Status => push_option(outcome.map(|outcome| outcome.status), out),
            Self::Reason => out.push_str(outcome.map_or("", |outcome| outcome.reason.as_ref())),
            Self::DecidedBy => out.push_str(facts.decided_by.as_str()),
            Self::DurationMs => push_option(outcome.map(|outcome| outcome.duration.as_millis()), out),
            Self::RequestBytes => push_display(facts.request_bytes, out),
            Self::ResponseBytes => push_display(facts.response_bytes, out),
            Self::Time => push_display(exchange.local.clock.wall(), out),
        }
    }
}

fn push_bytes(value: &[u8], out: &mut String) {
    out.extend(String::from_utf8_lossy(value).chars().filter(|c| !c.is_control()));
}

fn push_display(value: impl std::fmt::Display, out: &mut String) {
    write!(out, "{value}").expect("writing to a string cannot fail");
}

fn push_option(value: Option<impl std::fmt::Display>, out: &mut String) {
    if let Some(value) = value {
        push_display(value, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_are_doubled_or_hold_a_known_value() {
        for (text, want) in [
            ("plain", None),
            ("{{x}}", None),
            ("{request.host}", None),
            ("a{request.header.X-Y}b{param.id}", None),
            ("{", Some(BadTemplate::Brace)),
            ("}", Some(BadTemplate::Brace)),
            ("{request.host", Some(BadTemplate::Brace)),
            (
                "{request.hos}",
                Some(BadTemplate::Unknown("request.hos".into(), ", did you mean `{request.host}`?".into())),
            ),
            ("{zzzzzzzzzzzz}", Some(BadTemplate::Unknown("zzzzzzzzzzzz".into(), String::new()))),
            ("{request.header.}", Some(BadTemplate::Unknown("request.header.".into(), String::new()))),
        ] {
            let got = Template::parse(text).err();
            match (&got, &want) {
                (Some(BadTemplate::Unknown(word, _)), Some(BadTemplate::Unknown(wanted, near)))
                    if near.is_empty() =>
                {
                    assert_eq!(word, wanted, "{text}");
                }
                _ => assert_eq!(got, want, "{text}"),
            }
        }
    }

    #[test]
    fn knows_what_is_constant() {
        assert_eq!(Template::parse("a{{b}}").unwrap().constant(), Some("a{b}"));
        assert_eq!(Template::parse("").unwrap().constant(), Some(""));
        assert_eq!(Template::parse("a{route}").unwrap().constant(), None);
    }
}
