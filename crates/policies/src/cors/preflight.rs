//! Answers to preflights: what a page asks before it sends a request that needs asking (Fetch standard §4.8).

use sekisho_exchange::{Content, Reply};
use sekisho_units::At;
use sekisho_wire::{HeadView, Known, is_field_name, list_items};

use super::{Config, Origins, tokens};
use crate::Here;

/// Methods that are allowed unless the configuration names others.
const METHODS: &str = "GET, HEAD, PUT, PATCH, POST, DELETE";

/// What preflights are told.
#[derive(Clone, Debug)]
pub(super) struct Preflight {
    methods: String,
    headers: Headers,
    credentials: bool,
    max_age: Option<String>,
    private_network: bool,
}

/// Request headers that may be sent.
#[derive(Clone, Debug)]
enum Headers {
    /// Those that the preflight asks for.
    Requested,
    /// These.
    Listed(String),
}

impl Preflight {
    pub(super) fn compile(config: &Config, here: &mut Here<'_>) -> Option<Self> {
        let methods = match &config.methods {
            None => Some(METHODS.to_owned()),
            Some(methods) => check_methods(methods, here).and_then(|()| tokens("methods", methods, here)),
        };
        let headers = match &config.headers {
            None => Some(Headers::Requested),
            Some(headers) => tokens("headers", headers, here).map(Headers::Listed),
        };
        let max_age = match &config.max_age {
            Some(span) if span.as_millis() % 1_000 != 0 => {
                return here.refuse(
                    "max_age",
                    &span.place,
                    "browsers count whole seconds",
                    "write seconds such as `10m`",
                );
            }
            other => other.as_ref().map(|span| span.as_secs_ceil().to_string()),
        };
        Some(Self {
            methods: methods?,
            headers: headers?,
            credentials: config.credentials.value,
            max_age,
            private_network: config.private_network,
        })
    }

    /// 204 in any case; without the headers that allow anything if the origin is not allowed.
    pub(super) fn answer(&self, origins: &Origins, origin: &[u8], head: HeadView<'_>) -> Reply {
        let reply = |reason| Reply::plain(204, Content::Empty, reason).header("Vary", self.vary(origins));
        let origin = match (origins, std::str::from_utf8(origin)) {
            (Origins::Any, _) => "*",
            (_, Ok(text)) if origins.allow(origin) => text,
            _ => return reply("origin_not_allowed"),
        };
        let mut reply = reply("preflight").header("Access-Control-Allow-Origin", origin.to_owned());
        if self.credentials {
            reply = reply.header("Access-Control-Allow-Credentials", "true");
        }
        if !self.methods.is_empty() {
            reply = reply.header("Access-Control-Allow-Methods", self.methods.clone());
        }
        let headers = match &self.headers {
            Headers::Listed(headers) => headers.clone(),
            Headers::Requested => requested(head),
        };
        if !headers.is_empty() {
            reply = reply.header("Access-Control-Allow-Headers", headers);
        }
        if let Some(seconds) = &self.max_age {
            reply = reply.header("Access-Control-Max-Age", seconds.clone());
        }
        let asks = head.get(Known::AccessControlRequestPrivateNetwork) == Some(b"true");
        if self.private_network && asks {
            reply = reply.header("Access-Control-Allow-Private-Network", "true");
        }
        reply
    }

    /// The request headers that change the answer.
    fn vary(&self, origins: &Origins) -> &'static str {
        match (origins, &self.headers) {
            (Origins::Any, Headers::Listed(_)) => "Access-Control-Request-Method",
            (Origins::Any, Headers::Requested) => {
                "Access-Control-Request-Method, Access-Control-Request-Headers"
            }
            (_, Headers::Listed(_)) => "Origin, Access-Control-Request-Method",
            (_, Headers::Requested) => {
                "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
            }
        }
    }
}

/// Methods are compared with case, so `get` would allow nothing.
fn check_methods(methods: &[At<String>], here: &mut Here<'_>) -> Option<()> {
    match methods.iter().find(|method| method.bytes().any(|b| b.is_ascii_lowercase())) {
        Some(lower) => {
            let remedy = format!("write `{}`", lower.to_ascii_uppercase());
            here.refuse("methods", &lower.place, format!("method `{lower}` is not in capitals"), remedy)
        }
        None => Some(()),
    }
}

/// The names that the preflight asks for, without anything that is no name.
fn requested(head: HeadView<'_>) -> String {
    let mut names = String::new();
    for name in head.all(Known::AccessControlRequestHeaders).flat_map(list_items) {
        if let Ok(name) = std::str::from_utf8(name)
            && is_field_name(name.as_bytes())
        {
            names.push_str(if names.is_empty() { "" } else { ", " });
            names.push_str(name);
        }
    }
    names
}
