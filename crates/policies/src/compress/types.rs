//! Which answers are worth it, by their media type.

use std::fmt;

/// Patterns of media types (RFC 9110 §8.3.1).
#[derive(Clone, Debug)]
pub(super) struct Types {
    patterns: Vec<Pattern>,
    /// Whether a stream of events is meant by name.
    streams: bool,
}

#[derive(Clone, Debug)]
enum Pattern {
    All,
    /// `text/*`, with its slash.
    Of(String),
    /// `*+json`, with its plus.
    Ending(String),
    One(String),
}

/// A pattern that is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoType;

impl fmt::Display for NoType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("is no media type")
    }
}

/// What is text, or as compressible. `*+json` stands for all that is JSON by RFC 6839.
pub(super) const DEFAULT: &[&str] = &[
    "text/*",
    "*+json",
    "*+xml",
    "application/json",
    "application/javascript",
    "application/x-javascript",
    "application/x-ndjson",
    "application/json-seq",
    "application/xml",
    "application/wasm",
    "application/graphql",
    "application/yaml",
    "application/toml",
    "application/x-www-form-urlencoded",
    "application/vnd.ms-fontobject",
    "font/ttf",
    "font/otf",
];

/// A stream of events (WHATWG HTML §9.2) holds a compressor for as long as it lasts, which is for hours; so it must be asked for.
const EVENTS: &str = "text/event-stream";

impl Types {
    pub(super) fn parse<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, (usize, NoType)> {
        let mut types = Self { patterns: Vec::new(), streams: false };
        for (index, pattern) in patterns.into_iter().enumerate() {
            types.patterns.push(Pattern::parse(pattern).map_err(|error| (index, error))?);
            types.streams |= pattern.eq_ignore_ascii_case(EVENTS);
        }
        Ok(types)
    }

    /// Whether an answer with this `Content-Type` is meant.
    pub(super) fn take(&self, content_type: &[u8]) -> bool {
        let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        let matches = self.patterns.iter().any(|pattern| pattern.takes(essence));
        matches && (self.streams || !essence.eq_ignore_ascii_case(EVENTS.as_bytes()))
    }
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, NoType> {
        let text = text.to_ascii_lowercase();
        if text == "*" || text == "*/*" {
            return Ok(Self::All);
        }
        if let Some(suffix) = text.strip_prefix('*') {
            let good = suffix.strip_prefix('+').is_some_and(is_token);
            return good.then(|| Self::Ending(suffix.to_owned())).ok_or(NoType);
        }
        match text.split_once('/') {
            Some((kind, "*")) if is_token(kind) => Ok(Self::Of(format!("{kind}/"))),
            Some((kind, name)) if is_token(kind) && is_token(name) => Ok(Self::One(text)),
            _ => Err(NoType),
        }
    }

    fn takes(&self, essence: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::One(name) => essence.eq_ignore_ascii_case(name.as_bytes()),
            Self::Of(start) => {
                essence.get(..start.len()).is_some_and(|own| own.eq_ignore_ascii_case(start.as_bytes()))
            }
            Self::Ending(end) => {
                let from = essence.len().checked_sub(end.len());
                from.is_some_and(|from| essence[from..].eq_ignore_ascii_case(end.as_bytes()))
            }
        }
    }
}

/// RFC 9110 §5.6.2, without `*`, which here stands for any.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_json_are_worth_it_and_pictures_are_not() {
        let types = Types::parse(DEFAULT.iter().copied()).unwrap();
        for yes in [
            "text/html",
            "Text/HTML; charset=utf-8",
            "application/json",
            "application/problem+json",
            "image/svg+xml ; charset=x",
            "application/vnd.api+json",
        ] {
            assert!(types.take(yes.as_bytes()), "{yes}");
        }
        for no in [
            "image/png",
            "text",
            "textual/html",
            "video/mp4",
            "",
            ";",
            "application/zip",
            "text/event-stream",
            "+json/x",
        ] {
            assert!(!types.take(no.as_bytes()), "{no}");
        }
    }

    #[test]
    fn patterns_are_types_whole_or_by_their_beginning_or_end() {
        let types = Types::parse(["image/*", "*+json", "a/b", "text/event-stream"]).unwrap();
        for (name, want) in [
            ("IMAGE/png", true),
            ("x/y+JSON", true),
            ("a/b", true),
            ("a/bc", false),
            ("text/event-stream", true),
        ] {
            assert_eq!(types.take(name.as_bytes()), want, "{name}");
        }
        assert!(Types::parse(["*"]).unwrap().take(b"whatever/it"));
        for wrong in ["", "json", "text/", "/html", "*json", "*+", "a b/c", "te*t/x", "text/h*"] {
            assert_eq!(Types::parse(["a/b", wrong]).unwrap_err(), (1, NoType), "{wrong}");
        }
    }
}
