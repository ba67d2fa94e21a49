//! Whoever holds a credential, as a policy's configuration describes them.

use std::sync::Arc;

use sekisho_exchange::Identity;
use sekisho_units::{At, Problem};
use sekisho_wire::is_field_name;
use serde_json::json;

use crate::Here;
use crate::headers::names::{Side, remedy};

/// What is written beside a credential.
pub(crate) struct Principal<'a> {
    /// The policy that knows the credential.
    pub(crate) by: &'static str,
    /// The user's id, and the word by which it is written.
    pub(crate) id: (&'static str, &'a At<String>),
    /// A name for people; the claim `name`.
    pub(crate) name: Option<&'a str>,
    pub(crate) email: Option<&'a str>,
    pub(crate) tier: Option<&'a str>,
    pub(crate) roles: &'a [At<String>],
    pub(crate) permissions: &'a [At<String>],
}

impl Principal<'_> {
    /// The identity that requests with the credential have. `field` is where it stands, as in `keys[2]`.
    pub(crate) fn identity(&self, field: &str, here: &mut Here<'_>) -> Option<Arc<Identity>> {
        let (word, id) = self.id;
        let mut refuse = |what: &str, at: &At<String>, message: String| {
            let path = format!("{}.{field}.{what}", here.path);
            let problem = Problem::error(at.place.clone(), path, message);
            here.problems.push(problem.remedy("write it without line breaks and other control characters"));
        };
        let described = match Identity::of(self.by, id, 0) {
            Ok(described) => described,
            Err(error) => {
                refuse(word, id, error.to_string());
                return None;
            }
        };
        let texts = |list: &'_ [At<String>]| list.iter().map(|at| at.value.clone()).collect::<Vec<_>>();
        let (roles, permissions) = (texts(self.roles), texts(self.permissions));
        let mut described = described
            .email(self.email.unwrap_or_default())
            .tier(self.tier.unwrap_or_default())
            .roles(roles.iter().map(String::as_str))
            .permissions(permissions.iter().map(String::as_str));
        if let Some(name) = self.name {
            described = described.claims(json!({ "name": name }).to_string().into_bytes().into());
        }
        let identity = described.done();
        let mut good = true;
        for (what, list, known) in [
            ("roles", self.roles, identity.roles()),
            ("permissions", self.permissions, identity.permissions()),
        ] {
            for at in list.iter().filter(|at| !known.has(at)) {
                refuse(what, at, format!("{:?} is no name of a role or permission", at.value));
                good = false;
            }
        }
        for (what, written, known) in
            [("email", self.email, identity.email()), ("tier", self.tier, identity.tier())]
        {
            if written.is_some_and(|written| written != known) {
                refuse(what, id, format!("the {what} of `{id}` cannot stand in a header"));
                good = false;
            }
        }
        good.then(|| Arc::new(identity))
    }
}

/// The text of a challenge's parameter (RFC 9110 §5.6.4), if `realm` can be one.
pub(crate) fn check_realm(realm: &At<String>, here: &mut Here<'_>) -> Option<()> {
    if realm.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\') {
        return Some(());
    }
    let remedy = "write ASCII letters, digits, blanks and punctuation, without quotes and backslashes";
    here.refuse("realm", &realm.place, "it cannot stand in a challenge", remedy)
}

/// Whether a credential may stand in the request header `header`; `such_as` is one in which it may.
pub(crate) fn check_header(header: &At<String>, such_as: &str, here: &mut Here<'_>) -> Option<()> {
    if !is_field_name(header.as_bytes()) {
        let message = format!("`{header}` is no header's name");
        return here.refuse("header", &header.place, message, "write letters, digits and `-` only");
    }
    match remedy(header, Side::Request) {
        Some(_) => {
            let message = format!("`{header}` belongs to the gateway");
            here.refuse("header", &header.place, message, format!("name another, such as `{such_as}`"))
        }
        None => Some(()),
    }
}
