//! [`Claims`]: what a token says, kept as the bytes that were signed.

use std::borrow::Cow;

use sekisho_units::Wall;

use crate::error::Error;
use crate::json::{Members, Nested, Value, descend, scan};

/// The claims of a token (RFC 7519 §4): its payload, and where the members of the outermost object stand.
#[derive(Clone)]
pub struct Claims {
    payload: String,
    members: Members,
    expires: Option<Wall>,
}

impl Claims {
    /// Reads a payload.
    pub(crate) fn parse(payload: Vec<u8>) -> Result<Self, Error> {
        let payload = String::from_utf8(payload).map_err(|_| Error::Malformed)?;
        let members = scan(&payload, Nested::Strict).map_err(|_| Error::Malformed)?;
        Ok(Self { payload, members, expires: None })
    }

    /// The claim `name` of the outermost object.
    pub fn get(&self, name: &str) -> Option<Value<'_>> {
        self.members.get(&self.payload, name).map(Value::new)
    }

    /// The claim at a path: a name, which may hold dots and slashes (`https://acme.com/roles`), or names of objects
    /// within each other, joined by dots (`realm_access.roles`).
    pub fn at(&self, path: &str) -> Option<Value<'_>> {
        descend(path, |name| self.get(name))
    }

    /// What the string at a path says; `None` if there is none or it is of another kind. See [`Value::plain`] for ids
    /// that may be numbers.
    pub fn text(&self, path: &str) -> Option<Cow<'_, str>> {
        self.at(path)?.text()
    }

    /// The words of the list at a path: see [`Value::list`].
    pub fn list(&self, path: &str) -> Option<Vec<Cow<'_, str>>> {
        self.at(path)?.list()
    }

    /// Each claim of the outermost object: its name as written, and its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        self.members.iter(&self.payload).map(|(name, value)| (name, Value::new(value)))
    }

    /// When the token expires (`exp`), without leeway: nothing that was learnt from it may be remembered for longer.
    /// `None` if it never does.
    pub const fn expires(&self) -> Option<Wall> {
        self.expires
    }

    /// The payload as it was signed: one JSON object.
    pub fn json(&self) -> &str {
        &self.payload
    }

    /// The payload, to be kept.
    pub fn into_json(self) -> String {
        self.payload
    }

    pub(crate) const fn members(&self) -> &Members {
        &self.members
    }

    pub(crate) const fn expire(&mut self, at: Option<Wall>) {
        self.expires = at;
    }
}

/// What a token says of its holder stays out of logs.
impl std::fmt::Debug for Claims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_found_by_name_and_by_path() {
        let claims = Claims::parse(
            br#"{"sub":"u-1","scope":"a b","realm_access":{"roles":["admin"]},"https://acme.com/roles":["r"],"n":7}"#.to_vec(),
        )
        .unwrap();
        assert_eq!(claims.text("sub").as_deref(), Some("u-1"));
        assert_eq!(claims.list("scope").unwrap(), ["a", "b"]);
        assert_eq!(claims.list("realm_access.roles").unwrap(), ["admin"]);
        assert_eq!(claims.list("https://acme.com/roles").unwrap(), ["r"]);
        assert_eq!(claims.text("n"), None);
        assert_eq!(claims.at("n").and_then(Value::plain).as_deref(), Some("7"));
        assert_eq!(claims.get("realm_access.roles"), None);
        assert_eq!(claims.iter().count(), 5);
        assert_eq!(
            format!("{claims:?}"),
            r#"["sub", "scope", "realm_access", "https://acme.com/roles", "n"]"#
        );
    }

    #[test]
    fn bytes_that_are_no_utf_8_are_refused() {
        assert_eq!(Claims::parse(b"{\"a\":\"\xff\"}".to_vec()).err(), Some(Error::Malformed));
    }
}
