//! Purging stored answers: what an operator may name, and what came of it.

use std::fmt::Display;

use http_body_util::{BodyExt as _, Limited};
use hyper::StatusCode;
use hyper::body::Body;
use sekisho_policies::cache::{self, Key, Purge};
use sekisho_units::Pattern;
use sekisho_wire::is_authority;
use serde::Deserialize;
use serde_json::json;

use super::answer::{self, Answer};
use crate::server::State;

/// Largest body of a request.
const LARGEST: usize = 64 * 1024;
/// Longest tag.
const LONGEST: usize = 1_024;
/// What a body is to be.
const REMEDY: &str = "send one of {\"key\": \"<X-Cache-Key>\"}, {\"path\": \"/a/*\", \"host\": \"shop.example\"} (without `host`: of all hosts), \
    {\"tag\": \"<Cache-Tag>\"} and {\"all\": true}";

/// What is to be purged, as written.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Written {
    key: Option<String>,
    path: Option<String>,
    host: Option<String>,
    tag: Option<String>,
    all: Option<bool>,
}

/// Purges what the body names: 200 with how many answers that were, 400 if it names nothing, 503 if gateways that share answers
/// could not be told.
pub(super) async fn purge<B>(state: &State, body: B) -> Answer
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let now = state.clock.wall();
    let Ok(body) = Limited::new(body, LARGEST).collect().await else {
        return answer::bad_purge(
            format!("The body is cut short, or has more than {LARGEST} bytes; {REMEDY}."),
            now,
        );
    };
    let purge = match read(&body.to_bytes()) {
        Ok(purge) => purge,
        Err(wrong) => return answer::bad_purge(wrong, now),
    };
    match cache::purge(&state.kept, &purge).await {
        Ok(purged) => answer::json(StatusCode::OK, &json!({ "purged": purged })),
        Err(why) => answer::cannot_purge(&why, now),
    }
}

/// Reads a body; the error says what to send instead.
fn read(body: &[u8]) -> Result<Purge, String> {
    let instead = |wrong: &dyn Display| format!("{wrong}; {REMEDY}.");
    let written: Written = serde_json::from_slice(body).map_err(|error| instead(&error))?;
    match written {
        Written { key: Some(key), path: None, host: None, tag: None, all: None } => {
            Key::from_hex(key.as_bytes())
                .map(Purge::Key)
                .ok_or_else(|| "`key` is no key; send the 64 hexadecimal digits of `X-Cache-Key`.".to_owned())
        }
        Written { key: None, path: Some(path), host, tag: None, all: None } => {
            let pattern = Pattern::parse(&path).map_err(|error| format!("{error}."))?;
            if let Some(host) = host.as_ref().filter(|host| !is_authority(host.as_bytes())) {
                return Err(format!(
                    "`host` is `{host}`, which no client can ask for; send one such as `shop.example`."
                ));
            }
            let host = host.map(|host| host.to_ascii_lowercase().into());
            Ok(Purge::Path { host, pattern })
        }
        Written { key: None, path: None, host: None, tag: Some(tag), all: None } => match tag.len() {
            1..=LONGEST => Ok(Purge::Tag(tag.into())),
            _ => Err(format!("`tag` has {} bytes; send one of 1 to {LONGEST} bytes.", tag.len())),
        },
        Written { key: None, path: None, host: None, tag: None, all: Some(true) } => Ok(Purge::All),
        _ => Err(instead(&"The body names nothing, or several things at once")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_names_one_thing_or_is_told_what_to_say() {
        let key = "0123456789abcdef".repeat(4);
        for (body, want) in [
            (format!(r#"{{"key": "{key}"}}"#), format!("Key({key})")),
            (r#"{"tag": "a b"}"#.into(), "Tag(\"a b\")".into()),
            (r#"{"all": true}"#.into(), "All".into()),
        ] {
            assert_eq!(format!("{:?}", read(body.as_bytes()).unwrap()), want);
        }
        for (body, host, path) in [
            (r#"{"path": "/a/*"}"#, None, "/a/*"),
            (r#"{"path": "/{id}", "host": "Shop.Example:8080"}"#, Some("shop.example:8080"), "/{id}"),
        ] {
            let Ok(Purge::Path { host: named, pattern }) = read(body.as_bytes()) else { panic!("{body}") };
            assert_eq!((named.as_deref(), pattern.as_str()), (host, path));
        }
        let long = format!(r#"{{"tag": "{}"}}"#, "x".repeat(1_025));
        for (body, want) in [
            ("", "EOF while parsing a value"),
            ("{}", "names nothing"),
            ("[]", "send one of"),
            (r#"{"all": false}"#, "names nothing"),
            (r#"{"all": true, "tag": "x"}"#, "several things at once; send one of"),
            (r#"{"tag": "x", "host": "a"}"#, "several things"),
            (r#"{"tags": "x"}"#, "unknown field `tags`"),
            (r#"{"key": "abc"}"#, "the 64 hexadecimal digits of `X-Cache-Key`"),
            (r#"{"path": "a/*"}"#, "must begin with `/`; write `/a/*`"),
            (r#"{"path": "/a", "host": "a b"}"#, "`host` is `a b`"),
            (r#"{"tag": ""}"#, "1 to 1024 bytes"),
            (&long, "`tag` has 1025 bytes"),
        ] {
            let said = read(body.as_bytes()).unwrap_err();
            assert!(said.contains(want), "{body}: {said}");
        }
    }
}
