//! From claims to the identity that the rest of the gateway goes by.

use sekisho_exchange::Identity;
use sekisho_jose::{Claims, Value};

/// The claims that tell who somebody is, by name or path.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) subject: Box<str>,
    pub(super) email: Box<str>,
    pub(super) tier: Box<str>,
    pub(super) roles: Vec<String>,
    pub(super) permissions: Vec<String>,
}

impl Names {
    /// Whoever the claims tell of; `None` if they name nobody.
    pub(super) fn identity(&self, claims: Claims) -> Option<Identity> {
        let subject = claims.at(&self.subject).and_then(Value::plain)?;
        let described = Identity::of("jwt", &subject, claims.json().len()).ok()?;
        let described = described
            .email(claims.text(&self.email).as_deref().unwrap_or_default())
            .tier(claims.text(&self.tier).as_deref().unwrap_or_default());
        let each = |names: &[String], take: &mut dyn FnMut(&str)| {
            names.iter().filter_map(|name| claims.at(name)).for_each(|value| value.each_word(&mut *take));
        };
        let described = described.roles_by(|take| each(&self.roles, take));
        let described = described.permissions_by(|take| each(&self.permissions, take));
        drop(subject);
        Some(described.claims(claims.into_json().into_bytes().into()).done())
    }
}
