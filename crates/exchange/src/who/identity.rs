//! Who makes a request, once that is proved.

use std::fmt;

use serde_json::Value;

/// A user or client, as a token, a key or a service described it. It is shared: a cache may hand the same one to many
/// requests.
///
/// Texts that end up in header lines hold no control characters: a name or permission that has one is left out, for nothing
/// good can be meant by it.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// The policy that proved it: `jwt`, `api_key`, `basic_auth` or `forward_auth`.
    pub by: &'static str,
    /// All texts, one behind another, in the order of `ends`; each entry of a list ends in a line feed.
    texts: String,
    /// Where each text ends.
    ends: [u32; PARTS],
    /// What else is known, as a JSON object.
    claims: Option<Box<[u8]>>,
}

/// Subject, email, tier, roles, permissions.
const PARTS: usize = 5;
/// Longest subject that is taken, in bytes.
const LONGEST: usize = 1024;

/// A subject that cannot name anybody: empty, too long, with control characters, or with blanks around it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "the subject is empty, longer than {LONGEST} bytes, has blanks around it, or holds control characters"
)]
pub struct BadSubject;

/// An identity in the making. Parts are given in this order and each once at most: `email`, `tier`, `roles`, `permissions`.
pub struct Described {
    identity: Identity,
    next: usize,
}

impl Identity {
    /// Begins with whoever `by` proved `subject` to be. `room` is about how many bytes the texts will have.
    ///
    /// # Errors
    /// [`BadSubject`].
    pub fn of(by: &'static str, subject: &str, room: usize) -> Result<Described, BadSubject> {
        if subject.is_empty() || subject.len() > LONGEST || !fits_a_line(subject) {
            return Err(BadSubject);
        }
        let mut texts = String::with_capacity(room.max(subject.len()));
        texts.push_str(subject);
        let end = texts.len() as u32;
        Ok(Described { identity: Self { by, texts, ends: [end; PARTS], claims: None }, next: 1 })
    }

    /// Who it is: the user's id.
    pub fn subject(&self) -> &str {
        self.part(0)
    }

    /// The mail address, or an empty text.
    pub fn email(&self) -> &str {
        self.part(1)
    }

    /// What limits go by, or an empty text.
    pub fn tier(&self) -> &str {
        self.part(2)
    }

    /// The roles.
    pub fn roles(&self) -> Entries<'_> {
        Entries(self.part(3))
    }

    /// The permissions.
    pub fn permissions(&self) -> Entries<'_> {
        Entries(self.part(4))
    }

    /// What is known beside all this, as the JSON object that it came in.
    pub fn claims(&self) -> Option<&[u8]> {
        self.claims.as_deref()
    }

    /// A claim by name; one that is nested by its path, as in `realm_access.roles`. A name that is there as a whole wins, dots
    /// or not. Reads the JSON each time, so it is for what few requests ask.
    pub fn claim(&self, name: &str) -> Option<Value> {
        let Ok(Value::Object(claims)) = serde_json::from_slice(self.claims.as_deref()?) else { return None };
        nested(&claims, name).cloned()
    }

    fn part(&self, index: usize) -> &str {
        let begin = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        &self.texts[begin..self.ends[index] as usize]
    }
}

fn nested<'v>(claims: &'v serde_json::Map<String, Value>, name: &str) -> Option<&'v Value> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    name.match_indices('.').find_map(|(dot, _)| match claims.get(&name[..dot]) {
        Some(Value::Object(inner)) => nested(inner, &name[dot + 1..]),
        _ => None,
    })
}

impl Described {
    /// The mail address.
    #[inline]
    pub fn email(self, email: &str) -> Self {
        self.text(1, email)
    }

    /// What limits go by.
    #[inline]
    pub fn tier(self, tier: &str) -> Self {
        self.text(2, tier)
    }

    /// The roles.
    pub fn roles<'t>(self, roles: impl IntoIterator<Item = &'t str>) -> Self {
        self.list(3, roles)
    }

    /// The permissions.
    pub fn permissions<'t>(self, permissions: impl IntoIterator<Item = &'t str>) -> Self {
        self.list(4, permissions)
    }

    /// The roles that `tell` gives.
    #[inline]
    pub fn roles_by(self, tell: impl FnOnce(&mut dyn FnMut(&str))) -> Self {
        self.list_by(3, tell)
    }

    /// The permissions that `tell` gives.
    #[inline]
    pub fn permissions_by(self, tell: impl FnOnce(&mut dyn FnMut(&str))) -> Self {
        self.list_by(4, tell)
    }

    /// What else is known: a JSON object.
    #[inline]
    pub fn claims(mut self, object: Box<[u8]>) -> Self {
        self.identity.claims = Some(object);
        self
    }

    /// The whole.
    #[inline]
    pub fn done(self) -> Identity {
        self.identity
    }

    #[inline]
    fn text(mut self, part: usize, text: &str) -> Self {
        if fits_a_line(text) {
            self.identity.texts.push_str(text);
        }
        self.end(part)
    }

    fn list<'t>(self, part: usize, entries: impl IntoIterator<Item = &'t str>) -> Self {
        self.list_by(part, |take| entries.into_iter().for_each(take))
    }

    #[inline]
    fn list_by(mut self, part: usize, tell: impl FnOnce(&mut dyn FnMut(&str))) -> Self {
        let texts = &mut self.identity.texts;
        tell(&mut |entry| {
            if !entry.is_empty() && fits_a_line(entry) {
                texts.push_str(entry);
                texts.push('\n');
            }
        });
        self.end(part)
    }

    #[inline]
    fn end(mut self, part: usize) -> Self {
        assert!(part >= self.next, "the parts of an identity are given in their order");
        let end = u32::try_from(self.identity.texts.len()).expect("tokens and answers are bounded far below");
        self.identity.ends[part..].fill(end);
        self.next = part + 1;
        self
    }
}

/// A field value (RFC 9110 §5.5) without tabs: all of it is looked at at once, as it is short and hardly ever bad.
#[inline]
fn fits_a_line(text: &str) -> bool {
    let bytes = text.as_bytes();
    let bad = bytes.iter().fold(false, |bad, &byte| bad | (byte < b' ') | (byte == 0x7F));
    !bad && bytes.first() != Some(&b' ') && bytes.last() != Some(&b' ')
}

/// Some texts of an identity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Entries<'a>(&'a str);

impl<'a> Entries<'a> {
    /// Whether `entry` is one of them.
    pub fn has(self, entry: &str) -> bool {
        self.iter().any(|known| known == entry)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// One after another.
    #[inline]
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let end = memchr::memchr(b'\n', rest.as_bytes())?;
            let (entry, behind) = rest.split_at(end);
            rest = behind.get(1..).unwrap_or_default();
            Some(entry)
        })
    }

    /// All in one, with commas, but for those that hold a comma themselves: nobody could tell them from two.
    pub fn joined(self) -> String {
        let mut joined = String::with_capacity(self.0.len());
        for entry in self.iter().filter(|entry| !entry.contains(',')) {
            if !joined.is_empty() {
                joined.push(',');
            }
            joined.push_str(entry);
        }
        joined
    }
}

impl fmt::Debug for Entries<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Without the claims, which may hold what is nobody's business.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("by", &self.by)
            .field("subject", &self.subject())
            .field("email", &self.email())
            .field("tier", &self.tier())
            .field("roles", &self.roles())
            .field("permissions", &self.permissions())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ada() -> Identity {
        let described = Identity::of("jwt", "u-1", 64).unwrap();
        described.email("a@b.c").tier("premium").roles(["admin"]).permissions(["a:read", "a:write"]).done()
    }

    #[test]
    fn every_part_reads_back() {
        let ada = ada();
        assert_eq!((ada.subject(), ada.email(), ada.tier()), ("u-1", "a@b.c", "premium"));
        assert_eq!(ada.roles().iter().collect::<Vec<_>>(), ["admin"]);
        assert_eq!(ada.permissions().joined(), "a:read,a:write");
        assert!(
            ada.permissions().has("a:write") && !ada.permissions().has("a:w") && !ada.permissions().has("")
        );
        let bare = Identity::of("api_key", "k", 0).unwrap().done();
        assert_eq!((bare.subject(), bare.email(), bare.tier()), ("k", "", ""));
        assert!(bare.roles().is_empty() && bare.permissions().is_empty());
        let one = Identity::of("jwt", "u", 0).unwrap().permissions(["p"]).done();
        assert!(one.roles().is_empty() && one.permissions().has("p"));
    }

    #[test]
    fn what_would_break_a_line_is_left_out() {
        for subject in ["", " a", "a ", "a\tb", "a\nb", "a\u{0}", "\u{7f}", &"x".repeat(LONGEST + 1)] {
            assert_eq!(Identity::of("jwt", subject, 0).err(), Some(BadSubject), "{subject:?}");
        }
        let odd =
            Identity::of("jwt", "ü", 0).unwrap().email("a\r\nX: y").roles(["r\nadmin", "", "ok"]).done();
        assert_eq!((odd.subject(), odd.email(), odd.roles().joined().as_str()), ("ü", "", "ok"));
        assert!(!odd.roles().has("admin"));
        let comma = Identity::of("jwt", "u", 0).unwrap().roles(["a,admin", "b"]).done();
        assert_eq!((comma.roles().joined().as_str(), comma.roles().has("a,admin")), ("b", true));
    }

    proptest::proptest! {
        #[test]
        fn what_fits_a_line_is_a_field_value_without_tabs(text in "[ -~\\t\\n\\x7fü]{0,6}") {
            let value = sekisho_wire::is_field_value(text.as_bytes()) && !text.contains('\t');
            proptest::prop_assert_eq!(fits_a_line(&text), value);
        }
    }

    #[test]
    fn a_claim_is_found_by_its_name_or_path() {
        let claims = br#"{"a.b": 1, "a": {"b": 2, "c.d": {"e": 3}}, "realm_access": {"roles": ["x"]}}"#;
        let who = Identity::of("jwt", "u", 0).unwrap().claims(claims[..].into()).done();
        for (name, want) in [
            ("a.b", Some("1")),
            ("a.c.d.e", Some("3")),
            ("realm_access.roles", Some(r#"["x"]"#)),
            ("a.x", None),
            ("a.b.c", None),
            ("", None),
        ] {
            assert_eq!(who.claim(name).map(|value| value.to_string()).as_deref(), want, "{name}");
        }
        assert_eq!(ada().claim("a"), None);
    }

    #[test]
    fn claims_do_not_print() {
        let who = Identity::of("jwt", "u", 0).unwrap().claims(br#"{"secret": "s3cret"}"#[..].into()).done();
        assert!(!format!("{who:?}").contains("s3cret"));
    }
}
