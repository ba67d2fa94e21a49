//! Retries as written.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sekisho_units::{At, OrOff, Percent, Place, Problem, Problems, Size, Span, nearest};
use sekisho_wire::Method;
use serde::{Deserialize, Deserializer, de};

/// Tries a request again that failed, if it is safe to repeat: on another endpoint if there is one.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Retry")]
pub struct RetryConfig {
    /// Most tries beside the first one. Default 1.
    #[schemars(with = "u32", range(min = 1, max = 10))]
    pub attempts: At<u32>,
    /// What is tried again. Default `[connect, reset]`.
    pub on: Vec<Cause>,
    /// Methods of requests that may be repeated once they were sent. Default: the safe ones, GET, HEAD, OPTIONS and TRACE. A
    /// request of which nothing was sent, since there was no connection, is repeated whatever its method.
    #[schemars(with = "Vec<String>")]
    pub methods: Vec<At<String>>,
    /// A header that makes a request repeatable whatever its method, such as `Idempotency-Key`: the service must answer the second
    /// one as the first. Default `off`.
    #[schemars(with = "OrOff<String>")]
    pub idempotency_key: At<OrOff<String>>,
    /// Retries as a share of the requests over eight seconds or more, so that a failing service is not asked all the more. What the
    /// last two seconds could have used can be used at once. Ten are free. Default `20%`.
    pub budget: Percent,
    /// Longest wait for the response's head in one try. Default: none beside `timeouts.first_byte`.
    #[schemars(with = "Option<Span>")]
    pub per_try: Option<At<Span>>,
    /// Waits before a try on an endpoint that was tried already. Another one is tried at once.
    pub backoff: BackoffConfig,
    /// Most bytes of a request's body that are kept to be sent again. Default `64KiB`. A longer one is not repeated.
    pub body: Size,
}

/// Waits between tries.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Backoff")]
pub struct BackoffConfig {
    /// Longest first wait; each further one may be twice as long. How long it is in truth is drawn by lot. Default `25ms`.
    pub base: Span,
    /// Longest wait. Default `250ms`.
    pub max: Span,
}

/// A reason to try again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// No connection could be made.
    Connect,
    /// The connection ended before a byte of the response.
    Reset,
    /// No response head in time.
    Timeout,
    /// A response with this status, from 400 to 599.
    Status(u16),
    /// A response with a status of 500 or above.
    ServerError,
}

const WORDS: [(&str, Cause); 4] = [
    ("connect", Cause::Connect),
    ("reset", Cause::Reset),
    ("timeout", Cause::Timeout),
    ("5xx", Cause::ServerError),
];

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            attempts: At::nowhere(1),
            on: vec![Cause::Connect, Cause::Reset],
            methods: ["GET", "HEAD", "OPTIONS", "TRACE"].map(|name| At::nowhere(name.to_owned())).into(),
            idempotency_key: At::nowhere(OrOff::Off),
            budget: Percent::of(20),
            per_try: None,
            backoff: BackoffConfig::default(),
            body: Size::from_kib(64),
        }
    }
}

impl Default for BackoffConfig {
    fn default() -> Self {
        Self { base: Span::from_millis(25), max: Span::from_millis(250) }
    }
}

impl RetryConfig {
    /// Reports what cannot be.
    pub(crate) fn check(&self, place: &Place, path: &str, problems: &mut Problems) {
        let mut refuse = |at: &Place, field: &str, message: String, remedy: &str| {
            let at = if at.is_none() { place } else { at };
            let problem = Problem::error(at.clone(), format!("{path}.retry.{field}"), message);
            problems.push(problem.remedy(remedy));
        };
        if !(1..=10).contains(&self.attempts.value) {
            let message = "a request is tried again 1 to 10 times".to_owned();
            refuse(&self.attempts.place, "attempts", message, "write 1, or `retry: off` for none");
        }
        for method in &self.methods {
            if Method::of(method.value.as_bytes()) == Method::Other {
                let message = format!("`{}` is no method that can be listed here", method.value);
                refuse(&method.place, "methods", message, "write methods in capitals, such as `[GET, PUT]`");
            }
        }
        if let OrOff::On(name) = &self.idempotency_key.value
            && !sekisho_wire::is_field_name(name.as_bytes())
        {
            let message = format!("`{name}` is no name of a header");
            refuse(&self.idempotency_key.place, "idempotency_key", message, "write `Idempotency-Key`");
        }
        if let Some(per_try) = &self.per_try
            && per_try.is_zero()
        {
            let message = "no answer would be in time".to_owned();
            refuse(&per_try.place, "per_try", message, "write a time such as `1s`");
        }
    }
}

impl<'de> Deserialize<'de> for Cause {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;
        impl de::Visitor<'_> for Word {
            type Value = Cause;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`connect`, `reset`, `timeout`, `5xx` or a status such as 503")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Cause, E> {
                if let Some((_, cause)) = WORDS.iter().find(|(word, _)| *word == text) {
                    return Ok(*cause);
                }
                match text.parse() {
                    Ok(status @ 400..=599) => Ok(Cause::Status(status)),
                    Ok(_) => Err(E::custom(format_args!(
                        "`{text}` is no status that tells of a failure; write one from 400 to 599"
                    ))),
                    Err(_) => {
                        let near = nearest(text, WORDS.iter().map(|(word, _)| *word));
                        let hint = near.map(|near| format!("did you mean `{near}`?"));
                        let list = "write `connect`, `reset`, `timeout`, `5xx` or a status such as 503";
                        Err(E::custom(format_args!(
                            "unknown cause `{text}`; {}",
                            hint.as_deref().unwrap_or(list)
                        )))
                    }
                }
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Cause, E> {
                self.visit_str(&number.to_string())
            }
        }
        deserializer.deserialize_str(Word)
    }
}

impl JsonSchema for Cause {
    fn schema_name() -> Cow<'static, str> {
        "RetryCause".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "`connect`: no connection; `reset`: it ended before a byte of the response; `timeout`: no response head in \
                time; `5xx` or a status: a response with that.",
            "oneOf": [
                { "enum": ["connect", "reset", "timeout", "5xx"] },
                { "type": "integer", "minimum": 400, "maximum": 599 },
            ],
        })
    }
}
