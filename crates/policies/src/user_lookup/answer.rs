//! What the user service's answer says of a user.

use std::sync::Arc;

use sekisho_exchange::{Answered, Identity, Unanswered};
use serde_json::Value;

use super::Fields;
use super::users::Told;

/// Reads an answer about `subject`. Whatever is not clear is a failure: nobody passes by a misunderstanding.
pub(super) fn told(answer: Result<Answered, Unanswered>, subject: &str, fields: &Fields) -> Told {
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => return Told::Failed(why.reason()),
    };
    match answer.head.view().status() {
        200 => user(&answer.body, subject, fields).unwrap_or_else(Told::Failed),
        404 => Told::Unknown,
        _ => Told::Failed("unexpected_status"),
    }
}

const MALFORMED: &str = "malformed_answer";
const INCOMPLETE: &str = "incomplete_answer";

fn user(body: &[u8], subject: &str, fields: &Fields) -> Result<Told, &'static str> {
    let document: Value = serde_json::from_slice(body).map_err(|_| MALFORMED)?;
    if !document.is_object() {
        return Err(MALFORMED);
    }
    let same = match field(&document, &fields.id) {
        Some(Value::String(id)) => *id == subject,
        Some(Value::Number(id)) => id.to_string() == subject,
        Some(_) => return Err(MALFORMED),
        None => return Err(INCOMPLETE),
    };
    if !same {
        return Err("answer_about_another_user");
    }
    if !fields.active.is_empty() {
        match field(&document, &fields.active) {
            Some(Value::Bool(true)) => {}
            Some(Value::Bool(false)) => return Ok(Told::Inactive),
            Some(_) => return Err(MALFORMED),
            None => return Err(INCOMPLETE),
        }
    }
    let described = Identity::of("user_lookup", subject, body.len()).map_err(|_| MALFORMED)?;
    let user = described
        .email(text(&document, &fields.email)?)
        .tier(text(&document, &fields.tier)?)
        .roles(list(&document, &fields.roles)?)
        .permissions(list(&document, &fields.permissions)?)
        .done();
    Ok(Told::User(Arc::new(user)))
}

/// The field of a name or path; one that is there by its whole name wins.
fn field<'v>(document: &'v Value, name: &str) -> Option<&'v Value> {
    document.get(name).or_else(|| name.split('.').try_fold(document, |inner, part| inner.get(part)))
}

/// A text that may be missing.
fn text<'v>(document: &'v Value, name: &str) -> Result<&'v str, &'static str> {
    match field(document, name) {
        _ if name.is_empty() => Ok(""),
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(MALFORMED),
    }
}

/// A list of texts that must be there, if it has a name.
fn list<'v>(document: &'v Value, name: &str) -> Result<Vec<&'v str>, &'static str> {
    match field(document, name) {
        _ if name.is_empty() => Ok(Vec::new()),
        None => Err(INCOMPLETE),
        Some(Value::Array(entries)) => entries.iter().map(|entry| entry.as_str().ok_or(MALFORMED)).collect(),
        Some(_) => Err(MALFORMED),
    }
}

#[cfg(test)]
mod tests {
    use sekisho_wire::HeadBuf;

    use super::*;

    fn answered(status: u16, body: &str) -> Result<Answered, Unanswered> {
        let mut head = HeadBuf::default();
        head.response(status);
        Ok(Answered { head, body: body.as_bytes().to_vec() })
    }

    fn named(change: impl FnOnce(&mut Fields)) -> Fields {
        let mut fields = Fields::default();
        change(&mut fields);
        fields
    }

    #[test]
    fn a_user_is_what_the_answer_says() {
        let body = r#"{"id": "u-1", "email": "a@b.c", "isActive": true, "roles": ["admin"],
                       "permissions": ["a:read", "a:write"], "tier": "premium", "more": {}}"#;
        let Told::User(user) = told(answered(200, body), "u-1", &Fields::default()) else {
            panic!("no user")
        };
        assert_eq!((user.subject(), user.email(), user.tier()), ("u-1", "a@b.c", "premium"));
        assert_eq!(user.roles().joined(), "admin");
        assert_eq!(user.permissions().joined(), "a:read,a:write");
        let few = r#"{"id": 7, "isActive": true, "email": null, "roles": [], "permissions": []}"#;
        let Told::User(user) = told(answered(200, few), "7", &Fields::default()) else { panic!("no user") };
        assert_eq!((user.subject(), user.email(), user.tier()), ("7", "", ""));
        assert!(user.roles().is_empty() && user.permissions().is_empty());
    }

    #[test]
    fn names_can_be_others_lie_deeper_or_not_be_told() {
        let fields = named(|fields| {
            fields.id = sekisho_units::At::nowhere("data.uid".to_owned());
            fields.active = String::new();
            fields.roles = "data.in.groups".to_owned();
            fields.permissions = String::new();
        });
        let body = r#"{"data": {"uid": "u", "in": {"groups": ["g"]}}, "email": "e@f", "permissions": ["x"]}"#;
        let Told::User(user) = told(answered(200, body), "u", &fields) else { panic!("no user") };
        assert_eq!((user.roles().joined().as_str(), user.email()), ("g", "e@f"));
        assert!(user.permissions().is_empty());
        let whole = named(|fields| fields.active = "is.active".to_owned());
        let body = r#"{"id": "u", "is.active": false, "is": {"active": true}}"#;
        assert!(matches!(told(answered(200, body), "u", &whole), Told::Inactive));
    }

    #[test]
    fn what_is_not_clear_is_a_failure() {
        let good = r#""email": "e", "tier": "t", "roles": [], "permissions": []"#;
        for (status, body, want) in [
            (200, "", MALFORMED),
            (200, "<html>", MALFORMED),
            (200, "[]", MALFORMED),
            (200, r#""u""#, MALFORMED),
            (200, "{}", INCOMPLETE),
            (200, &format!(r#"{{"id": "u", {good}}}"#), INCOMPLETE),
            (200, &format!(r#"{{"isActive": true, {good}}}"#), INCOMPLETE),
            (200, r#"{"id": "u", "isActive": true, "roles": []}"#, INCOMPLETE),
            (200, r#"{"id": "u", "isActive": true, "permissions": []}"#, INCOMPLETE),
            (200, &format!(r#"{{"id": "U", "isActive": true, {good}}}"#), "answer_about_another_user"),
            (200, &format!(r#"{{"id": "x", "isActive": false, {good}}}"#), "answer_about_another_user"),
            (200, &format!(r#"{{"id": ["u"], "isActive": true, {good}}}"#), MALFORMED),
            (200, &format!(r#"{{"id": "u", "isActive": "true", {good}}}"#), MALFORMED),
            (200, &format!(r#"{{"id": "u", "isActive": 1, {good}}}"#), MALFORMED),
            (200, &format!(r#"{{"id": "u", "isActive": null, {good}}}"#), MALFORMED),
            (200, r#"{"id": "u", "isActive": true, "roles": [], "permissions": "a,b"}"#, MALFORMED),
            (200, r#"{"id": "u", "isActive": true, "roles": [1], "permissions": []}"#, MALFORMED),
            (200, r#"{"id": "u", "isActive": true, "email": 1, "roles": [], "permissions": []}"#, MALFORMED),
            (200, &"[".repeat(50_000), MALFORMED),
            (204, "", "unexpected_status"),
            (302, "", "unexpected_status"),
            (401, "", "unexpected_status"),
            (500, &format!(r#"{{"id": "u", "isActive": true, {good}}}"#), "unexpected_status"),
        ] {
            match told(answered(status, body), "u", &Fields::default()) {
                Told::Failed(reason) => assert_eq!(reason, want, "{status} {body}"),
                other => panic!("{other:?} from {status} {body}"),
            }
        }
        let gone = told(Err(Unanswered::Absent("timeout")), "u", &Fields::default());
        assert!(matches!(gone, Told::Failed("timeout")));
        assert!(matches!(told(answered(404, "whatever"), "u", &Fields::default()), Told::Unknown));
    }
}
