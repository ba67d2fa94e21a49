//! The keys that are good, by their digests.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;

use foldhash::fast::RandomState;
use schemars::JsonSchema;
use sekisho_exchange::Identity;
use sekisho_units::{At, Place, Problem, Secret, Until, Wall};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::principal::Principal;
use crate::{Context, Here};

/// A shorter key could be found by trying.
const SHORTEST: usize = 16;
/// A longer one is nobody's, and is not hashed.
const LONGEST: usize = 512;
/// How a digest is written.
const SHA256: &str = "sha256:";

/// A key and who holds it, as written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// Who holds the key: the user's id, which services get as `X-User-ID`.
    #[schemars(with = "String")]
    pub id: At<String>,
    /// The key's digest: `sha256:` and 64 hexadecimal digits, as `sekisho key` prints it. This or `key`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub hash: Option<At<String>>,
    /// The key itself, of 16 characters or more: from the environment by `${NAME}`, or from a file by `file:`. This or `hash`.
    #[serde(default)]
    #[schemars(with = "Option<Secret>")]
    pub key: Option<At<Secret>>,
    /// A name for people, which policies find as the claim `name`. Default: none.
    #[serde(default)]
    pub name: Option<String>,
    /// The mail address. Default: none.
    #[serde(default)]
    pub email: Option<String>,
    /// What limits go by. Default: none.
    #[serde(default)]
    pub tier: Option<String>,
    /// Its roles. Default: none.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub roles: Vec<At<String>>,
    /// What it may do, as in `order:read`. Default: nothing.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub permissions: Vec<At<String>>,
    /// The day to whose end the key is good, or the moment. Default: forever.
    #[serde(default)]
    pub expires: Option<Until>,
}

/// Why a key is not good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refused {
    Unknown,
    Expired,
}

/// Good keys, found by the first bytes of their digests.
pub(super) struct Keys {
    by_start: HashMap<[u8; 8], Vec<Known>, RandomState>,
}

struct Known {
    digest: [u8; 32],
    expires: Option<Until>,
    identity: Arc<Identity>,
}

impl Refused {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Unknown => "unknown_key",
            Self::Expired => "expired",
        }
    }
}

impl Keys {
    /// Who holds `key`, if it is good at `now`.
    ///
    /// Keys are told apart by the first bytes of their digests, in a time that may depend on those; the rest is compared in
    /// the same time whatever it is. Somebody who sends guesses knows their digests anyway, and nothing leads from the
    /// start of a digest to a key that has it.
    pub(super) fn holder(&self, key: &[u8], now: Wall) -> Result<&Arc<Identity>, Refused> {
        if key.len() > LONGEST {
            return Err(Refused::Unknown);
        }
        let digest = digest(key);
        let candidates = self.by_start.get(&start(&digest)).map_or(&[][..], Vec::as_slice);
        let known =
            candidates.iter().find(|known| known.digest.ct_eq(&digest).into()).ok_or(Refused::Unknown)?;
        match known.expires {
            Some(expires) if expires.is_over(now) => Err(Refused::Expired),
            _ => Ok(&known.identity),
        }
    }

    pub(super) fn compile(
        written: &[At<Holder>],
        file: Option<&At<String>>,
        here: &mut Here<'_>,
        context: &Context<'_>,
    ) -> Option<Self> {
        let mut taken = Taken::default();
        let mut keys = Self { by_start: HashMap::default() };
        let mut good = true;
        for (index, holder) in written.iter().enumerate() {
            good &= keys.take(holder, &format!("keys[{index}]"), &mut taken, here).is_some();
        }
        if let Some(named) = file {
            let holders = read(named, here, context)?;
            for (index, holder) in holders.iter().enumerate() {
                good &= in_file(holder, index, here).is_some()
                    && keys.take(holder, &format!("file[{index}]"), &mut taken, here).is_some();
            }
        }
        if good && keys.by_start.is_empty() {
            let place = file.map_or_else(|| here.place.clone(), |named| named.place.clone());
            let remedy = "list them in `keys` or `file`; `sekisho key` makes one";
            return here.refuse("", &place, "there are no keys", remedy);
        }
        good.then_some(keys)
    }

    fn take(
        &mut self,
        holder: &At<Holder>,
        field: &str,
        taken: &mut Taken,
        here: &mut Here<'_>,
    ) -> Option<()> {
        let (digest, place) = digest_of(holder, field, here)?;
        let principal = Principal {
            by: "api_key",
            id: ("id", &holder.id),
            name: holder.name.as_deref(),
            email: holder.email.as_deref(),
            tier: holder.tier.as_deref(),
            roles: &holder.roles,
            permissions: &holder.permissions,
        };
        let identity = principal.identity(field, here)?;
        if let Some(first) = taken.ids.insert(holder.id.value.clone(), holder.id.place.clone()) {
            let message = format!("the id `{}` is taken{}", holder.id.value, at(&first));
            return here.refuse(
                &format!("{field}.id"),
                &holder.id.place,
                message,
                "give each key an id of its own",
            );
        }
        if let Some(first) = taken.digests.insert(digest, place.clone()) {
            let message = format!("the same key is there already{}", at(&first));
            return here.refuse(field, &place, message, "make another with `sekisho key`, or remove one");
        }
        let known = Known { digest, expires: holder.expires, identity };
        self.by_start.entry(start(&digest)).or_default().push(known);
        Some(())
    }
}

/// What has been seen, and where.
#[derive(Default)]
struct Taken {
    ids: BTreeMap<String, Place>,
    digests: BTreeMap<[u8; 32], Place>,
}

fn at(place: &Place) -> String {
    let mut text = String::new();
    if !place.is_none() {
        let _ = write!(text, ", at {place}");
    }
    text
}

fn digest(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}

/// The digest of `key` as a configuration has it: `sha256:` and 64 hexadecimal digits.
pub fn digest_text(key: &str) -> String {
    digest(key.as_bytes()).iter().fold(SHA256.to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn start(digest: &[u8; 32]) -> [u8; 8] {
    std::array::from_fn(|at| digest[at])
}

/// The digest as written, or that of the key as written; and where it stands.
fn digest_of(holder: &At<Holder>, field: &str, here: &mut Here<'_>) -> Option<([u8; 32], Place)> {
    match (&holder.hash, &holder.key) {
        (Some(hash), None) => match hash.strip_prefix(SHA256).and_then(parse_hex) {
            Some(digest) => Some((digest, hash.place.clone())),
            None => {
                let remedy = "write `sha256:` and 64 hexadecimal digits, as `sekisho key` prints them";
                here.refuse(&format!("{field}.hash"), &hash.place, "this is no digest of a key", remedy)
            }
        },
        (None, Some(key)) => {
            let length = key.expose().len();
            if !(SHORTEST..=LONGEST).contains(&length) || key.expose().bytes().any(|b| !b.is_ascii_graphic())
            {
                let message = format!("a key has {SHORTEST} to {LONGEST} visible ASCII characters");
                let remedy = "make one with `sekisho key`";
                return here.refuse(&format!("{field}.key"), &key.place, message, remedy);
            }
            Some((digest(key.expose().as_bytes()), key.place.clone()))
        }
        (Some(_), Some(_)) => {
            here.refuse(field, &holder.place, "`hash` and `key` exclude each other", "take `key` out")
        }
        (None, None) => {
            let remedy = "write its `hash`; `sekisho key` makes a key and prints the line";
            here.refuse(field, &holder.place, "the key is missing", remedy)
        }
    }
}

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut digest = [0; 32];
    for (byte, at) in digest.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(digest)
}

/// The list in a file.
fn read(named: &At<String>, here: &mut Here<'_>, context: &Context<'_>) -> Option<Vec<At<Holder>>> {
    let text = here.file("file", named, context)?;
    match sekisho_yaml::parse(named, &text) {
        Ok(root) => {
            let path = format!("{}.file", here.path);
            sekisho_yaml::read(&root, &path, here.problems)
        }
        Err(problems) => {
            here.problems.extend(problems);
            None
        }
    }
}

/// Nothing is put into a file of keys, so what looks like a reference would itself be the key.
fn in_file(holder: &At<Holder>, index: usize, here: &mut Here<'_>) -> Option<()> {
    let key =
        holder.key.as_ref().filter(|key| key.expose().contains("${") || key.expose().starts_with("file:"));
    let Some(key) = key else { return Some(()) };
    here.problems.push(
        Problem::error(
            key.place.clone(),
            format!("{}.file[{index}].key", here.path),
            "variables and files are not put into a file of keys",
        )
        .remedy("write its `hash`, or move this key into `keys`"),
    );
    None
}
