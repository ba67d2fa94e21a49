//! The users, by their names.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use schemars::JsonSchema;
use sekisho_exchange::Identity;
use sekisho_units::{At, Place, Secret};
use serde::Deserialize;

use super::hash::Hash;
use crate::principal::Principal;
use crate::{Context, Here};

/// A user as written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The name to sign in with, without a colon. Services get it as `X-User-ID`.
    #[schemars(with = "String")]
    pub name: At<String>,
    /// The password's hash: argon2id (`$argon2id$…`) as `sekisho key --password` makes it, or bcrypt (`$2b$…`) as `htpasswd -B`
    /// does.
    #[schemars(with = "Secret")]
    pub hash: At<Secret>,
    /// The mail address. Default: none.
    #[serde(default)]
    pub email: Option<String>,
    /// What limits go by. Default: none.
    #[serde(default)]
    pub tier: Option<String>,
    /// The user's roles. Default: none.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub roles: Vec<At<String>>,
    /// What the user may do, as in `order:read`. Default: nothing.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub permissions: Vec<At<String>>,
}

/// All users.
pub(super) struct Users {
    entries: Vec<Entry>,
    by_name: HashMap<Box<str>, usize, RandomState>,
}

/// One of them.
pub(super) struct Entry {
    pub(super) hash: Arc<Hash>,
    pub(super) identity: Arc<Identity>,
}

/// Whose hash a password is held against.
#[derive(Clone, Copy)]
pub(super) enum Named<'u> {
    /// The user of this name.
    Known(&'u Entry),
    /// Somebody else's, since nobody has the name: so that it takes as long.
    StandIn(&'u Entry),
}

impl<'u> Named<'u> {
    pub(super) fn entry(self) -> &'u Entry {
        match self {
            Self::Known(entry) | Self::StandIn(entry) => entry,
        }
    }
}

impl Users {
    /// The user of this name, or one who stands in: always the same one for the same name, by a number that only this process
    /// can make of it. Were it always the same user, hashes of different cost would tell which names there are.
    pub(super) fn named(&self, name: &str, spread: impl FnOnce(&str) -> u64) -> Named<'_> {
        match self.by_name.get(name) {
            Some(index) => Named::Known(&self.entries[*index]),
            None => Named::StandIn(&self.entries[(spread(name) % self.entries.len() as u64) as usize]),
        }
    }

    /// There is at least one.
    pub(super) fn compile(
        written: &[At<User>],
        file: Option<&At<String>>,
        here: &mut Here<'_>,
        context: &Context<'_>,
    ) -> Option<Self> {
        let mut users = Self { entries: Vec::new(), by_name: HashMap::default() };
        let mut good = true;
        for (index, user) in written.iter().enumerate() {
            good &= users.take(user, &format!("users[{index}]"), here).is_some();
        }
        if let Some(named) = file {
            let text = here.file("file", named, context)?;
            for (line, text) in (1..).zip(text.lines()) {
                good &= users.take_line(text, &Place::new(named.as_str(), line, 1), here).is_some();
            }
        }
        if good && users.entries.is_empty() {
            let place = file.map_or_else(|| here.place.clone(), |named| named.place.clone());
            let remedy = "list them in `users`, or in a file as `htpasswd -B` writes it";
            return here.refuse("", &place, "there are no users", remedy);
        }
        good.then_some(users)
    }

    fn take_line(&mut self, line: &str, place: &Place, here: &mut Here<'_>) -> Option<()> {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            return Some(());
        }
        let Some((name, hash)) = line.split_once(':') else {
            return here.refuse("file", place, "this is no user", "write `name:hash`, as `htpasswd -B` does");
        };
        let user = User {
            name: At::new(place.clone(), name.to_owned()),
            hash: At::new(place.clone(), Secret::new(hash)),
            email: None,
            tier: None,
            roles: Vec::new(),
            permissions: Vec::new(),
        };
        self.take(&user, "file", here)
    }

    fn take(&mut self, user: &User, field: &str, here: &mut Here<'_>) -> Option<()> {
        if user.name.contains(':') {
            let message = format!("the name `{}` holds a colon", user.name);
            return here.refuse(
                &format!("{field}.name"),
                &user.name.place,
                message,
                "choose a name without one",
            );
        }
        let hash = match Hash::parse(user.hash.expose()) {
            Ok(hash) => hash,
            Err(error) => {
                let text = error.to_string();
                let (message, remedy) = text.split_once("; ").unwrap_or((&text, ""));
                return here.refuse(&format!("{field}.hash"), &user.hash.place, message, remedy);
            }
        };
        let principal = Principal {
            by: "basic_auth",
            id: ("name", &user.name),
            name: None,
            email: user.email.as_deref(),
            tier: user.tier.as_deref(),
            roles: &user.roles,
            permissions: &user.permissions,
        };
        let identity = principal.identity(field, here)?;
        if self.by_name.insert(user.name.as_str().into(), self.entries.len()).is_some() {
            let message = format!("the name `{}` is taken", user.name);
            return here.refuse(
                &format!("{field}.name"),
                &user.name.place,
                message,
                "give each user one of their own",
            );
        }
        self.entries.push(Entry { hash: Arc::new(hash), identity });
        Some(())
    }
}
