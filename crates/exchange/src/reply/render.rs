//! A reply as a head and a body.

use sekisho_units::Wall;
use sekisho_wire::{HeadBuf, reason};
use serde_json::{Map, Value};

use super::{Content, Reply};

impl Reply {
    /// Lays the reply's head into `head` and gives its body.
    ///
    /// `request_id` and `now` go into a problem document. `Date` and what policies add are not here: they are edits, as for
    /// a service's answer. A line that is no valid field is left out rather than sent.
    pub fn render(&self, head: &mut HeadBuf, request_id: Option<&str>, now: Wall) -> Vec<u8> {
        head.clear();
        head.response(self.status);
        let (content_type, body) = match &self.content {
            Content::Problem => ("application/problem+json", self.problem_document(request_id, now)),
            Content::Bytes { content_type, bytes } => (content_type.as_ref(), bytes.to_vec()),
            Content::Empty => ("", Vec::new()),
        };
        if !content_type.is_empty() {
            push(head, "Content-Type", content_type);
        }
        if self.content == Content::Problem {
            push(head, "Cache-Control", "no-store");
        }
        if !matches!(self.status, 100..=199 | 204 | 304) {
            push(head, "Content-Length", &body.len().to_string());
        }
        for (name, value) in &self.headers {
            push(head, name, value);
        }
        body
    }

    fn problem_document(&self, request_id: Option<&str>, now: Wall) -> Vec<u8> {
        let mut document = Map::new();
        document.insert("type".into(), "about:blank".into());
        document.insert("title".into(), reason(self.status).into());
        document.insert("status".into(), self.status.into());
        document.insert("detail".into(), self.detail.as_ref().into());
        document.insert("error".into(), self.error.as_ref().into());
        document.insert("code".into(), self.code.into());
        for (name, value) in &self.members {
            document.insert((*name).into(), value.clone());
        }
        if let Some(id) = request_id {
            document.insert("request_id".into(), id.into());
        }
        document.insert("timestamp".into(), now.to_string().into());
        Value::Object(document).to_string().into_bytes()
    }
}

fn push(head: &mut HeadBuf, name: &str, value: &str) {
    let pushed = head.push(name, value.as_bytes());
    debug_assert!(pushed.is_ok(), "a reply's own line is valid: {name}: {value}");
}
