//! A reply as a head and a body.

use sekisho_units::Wall;
use sekisho_wire::{HeadBuf, reason};
use serde_json::Value;

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

    /// The members in the order of the contract, so that a person finds the same ones first.
    fn problem_document(&self, request_id: Option<&str>, now: Wall) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        let mut member = |name: &str, value: Value| {
            out.push(if out.is_empty() { b'{' } else { b',' });
            out.extend_from_slice(format!("{}:{value}", Value::from(name)).as_bytes());
        };
        member("type", "about:blank".into());
        member("title", reason(self.status).into());
        member("status", self.status.into());
        member("detail", self.detail.as_ref().into());
        member("error", self.error.as_ref().into());
        member("code", self.code.into());
        for (name, value) in &self.members {
            member(name, value.clone());
        }
        if let Some(id) = request_id {
            member("request_id", id.into());
        }
        member("timestamp", now.to_string().into());
        out.push(b'}');
        out
    }
}

fn push(head: &mut HeadBuf, name: &str, value: &str) {
    let pushed = head.push(name, value.as_bytes());
    debug_assert!(pushed.is_ok(), "a reply's own line is valid: {name}: {value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_the_contracts_members_in_their_order() {
        let mut head = HeadBuf::default();
        let reply = Reply::upstream_unavailable("a \"b\"", "connection_refused");
        let body = reply.render(&mut head, Some("id-1"), Wall::from_millis(1_767_225_600_000));
        assert_eq!(
            String::from_utf8(body).unwrap(),
            concat!(
                r#"{"type":"about:blank","title":"Service Unavailable","status":503,"#,
                r#""detail":"The service cannot be reached; try again shortly.","#,
                r#""error":"Service temporarily unavailable","code":"UPSTREAM_UNAVAILABLE","service":"a \"b\"","#,
                r#""request_id":"id-1","timestamp":"2026-01-01T00:00:00.000Z"}"#,
            )
        );
        let lines: Vec<_> =
            head.view().lines().map(|(name, _, _)| String::from_utf8_lossy(name).into_owned()).collect();
        assert_eq!(lines, ["Content-Type", "Cache-Control", "Content-Length"]);
    }

    #[test]
    fn statuses_without_a_body_have_no_length() {
        let mut head = HeadBuf::default();
        for (status, lengths) in [(204, 0), (304, 0), (308, 1)] {
            Reply::plain(status, Content::Empty, "test").render(&mut head, None, Wall::from_millis(0));
            assert_eq!(head.view().count(sekisho_wire::Known::ContentLength), lengths, "{status}");
        }
    }
}
