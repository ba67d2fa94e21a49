//! [`Value`]: a part of a text that the scanner has checked, read on demand.

use std::borrow::Cow;

use super::text::{read, says};

/// A JSON value as it is written in claims that were checked. Copying it copies a reference.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Value<'a>(&'a str);

/// The items of an array, in their order.
#[derive(Clone, Debug)]
pub struct Items<'a> {
    rest: &'a str,
}

impl<'a> Value<'a> {
    /// `raw` is a value of a text that was scanned, without space around it.
    pub(crate) const fn new(raw: &'a str) -> Self {
        Self(raw)
    }

    /// The value as written, with quotes and escapes.
    pub const fn raw(self) -> &'a str {
        self.0
    }

    /// What a string says; `None` if this is no string.
    pub fn text(self) -> Option<Cow<'a, str>> {
        self.quoted().map(read)
    }

    /// Whether this is a string that says `text`.
    pub fn is(self, text: &str) -> bool {
        self.quoted().is_some_and(|own| says(own, text))
    }

    /// What a string says, or a number, `true` or `false` as written: for ids that some write as numbers. `None`
    /// for null, arrays and objects.
    pub fn plain(self) -> Option<Cow<'a, str>> {
        match self.first() {
            b'"' => self.text(),
            b'{' | b'[' | b'n' => None,
            _ => Some(Cow::Borrowed(self.0)),
        }
    }

    /// A number; a fraction or exponent counts.
    pub fn number(self) -> Option<f64> {
        if matches!(self.first(), b'-' | b'0'..=b'9') { self.0.parse().ok() } else { None }
    }

    /// `true` or `false`.
    pub fn boolean(self) -> Option<bool> {
        self.0.parse().ok()
    }

    /// Whether this is an object.
    pub fn is_object(self) -> bool {
        self.first() == b'{'
    }

    /// The items of an array.
    pub fn items(self) -> Option<Items<'a>> {
        let inner = self.0.strip_prefix('[')?.strip_suffix(']')?;
        Some(Items { rest: inner })
    }

    /// The words of a list: the strings of an array, whose other items are left out, or a string taken apart at
    /// its spaces as OAuth's `scope` is (RFC 6749 §3.3). `None` if this is neither.
    pub fn list(self) -> Option<Vec<Cow<'a, str>>> {
        if let Some(items) = self.items() {
            return Some(items.filter_map(Value::text).collect());
        }
        Some(match self.text()? {
            Cow::Borrowed(text) => words(text).map(Cow::Borrowed).collect(),
            Cow::Owned(text) => words(&text).map(|word| Cow::Owned(word.to_owned())).collect(),
        })
    }

    /// Gives each word of [`Value::list`], without gathering them.
    pub fn each_word(self, mut take: impl FnMut(&str)) {
        match self.items() {
            Some(items) => items.filter_map(Value::text).for_each(|word| take(&word)),
            None => self.text().iter().for_each(|text| words(text).for_each(&mut take)),
        }
    }

    /// The value of an object's member.
    pub fn get(self, name: &str) -> Option<Value<'a>> {
        let mut rest = self.0.strip_prefix('{')?.strip_suffix('}')?.trim_start();
        while !rest.is_empty() {
            let (own, behind) = split(rest);
            let behind = behind.trim_start().strip_prefix(':')?.trim_start();
            let (value, behind) = split(behind);
            if Value(own).is(name) {
                return Some(Value(value));
            }
            rest = next(behind);
        }
        None
    }

    /// The value at a path of names joined by dots, as `realm_access.roles`. A member whose whole name is the path
    /// goes before, however many dots it holds.
    pub fn at(self, path: &str) -> Option<Value<'a>> {
        descend(path, |name| self.get(name))
    }

    #[inline]
    fn quoted(self) -> Option<&'a str> {
        self.0.strip_prefix('"')?.strip_suffix('"')
    }

    #[inline]
    fn first(self) -> u8 {
        self.0.bytes().next().unwrap_or_default()
    }
}

/// Looks a path up: by its whole name, else from each member that its beginning names.
pub(crate) fn descend<'a>(path: &str, get: impl Fn(&str) -> Option<Value<'a>>) -> Option<Value<'a>> {
    if let Some(value) = get(path) {
        return Some(value);
    }
    memchr::memchr_iter(b'.', path.as_bytes()).find_map(|dot| {
        let (outer, inner) = (path.get(..dot)?, path.get(dot + 1..)?);
        get(outer)?.at(inner)
    })
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(' ');
        let (word, behind) = rest.split_at(memchr::memchr(b' ', rest.as_bytes()).unwrap_or(rest.len()));
        rest = behind;
        (!word.is_empty()).then_some(word)
    })
}

/// The value that a checked text begins with, and what is behind it.
fn split(text: &str) -> (&str, &str) {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => {
                at += quoted(bytes.get(at..).unwrap_or_default());
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            // Of a number or a word, up to what ends it.
            _ if depth == 0 => {
                let rest = bytes.get(at..).unwrap_or_default();
                at += rest.iter().take_while(|byte| !b" \t\r\n,:]}".contains(byte)).count();
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    text.split_at_checked(at).unwrap_or((text, ""))
}

/// The length of the rest of a string with its closing quote.
fn quoted(rest: &[u8]) -> usize {
    let mut at = 0;
    while let Some(byte) = rest.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    rest.len()
}

/// What is behind the comma, if there is one.
fn next(behind: &str) -> &str {
    behind.trim_start().strip_prefix(',').unwrap_or_default().trim_start()
}

impl<'a> Iterator for Items<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        let text = self.rest.trim_start();
        if text.is_empty() {
            return None;
        }
        let (value, behind) = split(text);
        self.rest = next(behind);
        Some(Value(value))
    }
}

impl std::fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_by_kind() {
        for (raw, text, plain, number, boolean) in [
            (r#""a\/b""#, Some("a/b"), Some("a/b"), None, None),
            ("42", None, Some("42"), Some(42.0), None),
            ("-1.5e3", None, Some("-1.5e3"), Some(-1500.0), None),
            ("true", None, Some("true"), None, Some(true)),
            ("null", None, None, None, None),
            ("{}", None, None, None, None),
            ("[1]", None, None, None, None),
        ] {
            let value = Value::new(raw);
            assert_eq!(value.text().as_deref(), text, "{raw}");
            assert_eq!(value.plain().as_deref(), plain, "{raw}");
            assert_eq!(value.number(), number, "{raw}");
            assert_eq!(value.boolean(), boolean, "{raw}");
        }
        assert!(Value::new(r#""a\u0062""#).is("ab") && Value::new("\"ab\"").is("ab"));
        assert!(!Value::new("\"ab\"").is("a") && !Value::new("1").is("1"));
    }

    #[test]
    fn lists_are_arrays_of_strings_or_words() {
        for (raw, want) in [
            (r#"["a","b c", "d\"e" ]"#, Some(&["a", "b c", "d\"e"][..])),
            ("[]", Some(&[])),
            ("[ ]", Some(&[])),
            (r#"["a", 1, null, {"x":["y"]}, ["z"], "b"]"#, Some(&["a", "b"])),
            (r#""openid  profile ""#, Some(&["openid", "profile"])),
            (r#""a\u0020b""#, Some(&["a", "b"])),
            (r#""""#, Some(&[])),
            ("1", None),
            ("{}", None),
        ] {
            let mut each = Vec::new();
            Value::new(raw).each_word(|word| each.push(word.to_owned()));
            let list = Value::new(raw).list();
            assert_eq!(each, list.clone().unwrap_or_default(), "{raw}");
            assert_eq!(
                list.as_ref().map(|list| list.iter().map(|word| &**word).collect::<Vec<_>>()),
                want.map(<[_]>::to_vec),
                "{raw}"
            );
        }
    }

    #[test]
    fn paths_prefer_a_literal_name() {
        let object = Value::new(
            r#"{ "a.b" : 1, "a" : {"b" : 2, "c" : {"d":[3]}, "e.f":{"g.h":4} } , "x.y":{"z":5},"https://acme.com/roles":["r"],"s":"}"}"#,
        );
        for (path, want) in [
            ("a.b", Some("1")),
            ("a.c.d", Some("[3]")),
            ("a.e.f.g.h", Some("4")),
            ("x.y.z", Some("5")),
            ("https://acme.com/roles", Some("[\"r\"]")),
            ("s", Some("\"}\"")),
            ("s.t", None),
            ("a.x", None),
            ("", None),
            (".", None),
        ] {
            assert_eq!(object.at(path).map(Value::raw), want, "{path}");
        }
    }
}
