//! The scanner: checks a whole text once, and notes the members of its outermost object.

use super::text::{same, says};

/// Objects and arrays within each other. A claim needs three or four; the limit is what recursion may cost.
const MAX_DEPTH: usize = 32;

/// Members of one object. Names are compared with all before them, which must stay cheap for hostile texts too.
const MAX_MEMBERS: usize = 256;

/// The text is not one JSON object as this crate takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Where names must differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nested {
    /// In every object.
    Strict,
    /// In the outermost one; those within are scanned again by themselves, so that each is refused alone.
    Later,
}

/// Where a member stands: the name without its quotes, the value with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    name: (u32, u32),
    value: (u32, u32),
}

/// The members of the outermost object, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members {
    list: Vec<Member>,
    /// Whether a name holds an escape, so that names must be read before they are compared.
    escaped: bool,
}

/// Checks that `text` is one JSON object with nothing behind it, and finds its members.
pub(crate) fn scan(text: &str, nested: Nested) -> Result<Members, Malformed> {
    if u32::try_from(text.len()).is_err() {
        return Err(Malformed);
    }
    let mut scanner = Scanner { text, bytes: text.as_bytes(), at: 0, nested, names: Vec::new() };
    scanner.space();
    scanner.expect(b'{')?;
    let members = scanner.outermost()?;
    scanner.space();
    if scanner.at == text.len() { Ok(members) } else { Err(Malformed) }
}

impl Members {
    /// Each name as written, with the value behind it. `text` is what was scanned.
    pub(crate) fn iter<'a>(&'a self, text: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.list.iter().map(move |member| (part(text, member.name), part(text, member.value)))
    }

    /// The value of the member `name`, compared after escapes.
    pub(crate) fn get<'a>(&self, text: &'a str, name: &str) -> Option<&'a str> {
        let named = |own: &str| if self.escaped { says(own, name) } else { own == name };
        let member = self.list.iter().find(|member| named(part(text, member.name)))?;
        Some(part(text, member.value))
    }

    /// Whether a name is written with an escape.
    pub(crate) const fn escaped(&self) -> bool {
        self.escaped
    }
}

#[inline]
fn part(text: &str, (start, end): (u32, u32)) -> &str {
    text.get(start as usize..end as usize).unwrap_or_default()
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    nested: Nested,
    /// The names of all objects within the outermost one that are open.
    names: Vec<(u32, u32)>,
}

/// How many bytes of a string come before the next quote, backslash or control character, a word at a time.
#[inline]
fn plain(text: &[u8]) -> usize {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let mut at = 0;
    while let Some(chunk) = text.get(at..).and_then(<[u8]>::first_chunk) {
        let word = u64::from_le_bytes(*chunk);
        let (quote, slash) = (word ^ (LOW * 0x22), word ^ (LOW * 0x5C));
        // A borrow can only mark bytes above one that is rightly marked, so the lowest mark is true.
        let quote = quote.wrapping_sub(LOW) & !quote;
        let slash = slash.wrapping_sub(LOW) & !slash;
        let control = word.wrapping_sub(LOW * 0x20) & !word;
        let marks = (quote | slash | control) & HIGH;
        if marks != 0 {
            return at + (marks.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|&&byte| byte >= 0x20 && byte != b'"' && byte != b'\\').count()
}

impl Scanner<'_> {
    fn outermost(&mut self) -> Result<Members, Malformed> {
        let mut members = Members { list: Vec::with_capacity(8), escaped: false };
        self.space();
        if self.take(b'}') {
            return Ok(members);
        }
        loop {
            let (name, escaped) = self.name()?;
            members.escaped |= escaped;
            if members.list.len() == MAX_MEMBERS
                || members.list.iter().any(|other| self.alike(other.name, name, members.escaped))
            {
                return Err(Malformed);
            }
            let start = self.at;
            self.value(1)?;
            members.list.push(Member { name, value: (position(start), position(self.at)) });
            if self.last(b'}')? {
                return Ok(members);
            }
        }
    }

    /// An object behind its brace, at some depth.
    fn object(&mut self, depth: usize) -> Result<(), Malformed> {
        self.space();
        if self.take(b'}') {
            return Ok(());
        }
        let base = self.names.len();
        let mut any_escaped = false;
        loop {
            let (name, escaped) = self.name()?;
            any_escaped |= escaped;
            if self.nested == Nested::Strict {
                let before = self.names.get(base..).unwrap_or_default();
                if before.len() == MAX_MEMBERS
                    || before.iter().any(|&other| self.alike(other, name, any_escaped))
                {
                    return Err(Malformed);
                }
                self.names.push(name);
            }
            self.value(depth)?;
            if self.last(b'}')? {
                self.names.truncate(base);
                return Ok(());
            }
        }
    }

    /// An array behind its bracket.
    fn array(&mut self, depth: usize) -> Result<(), Malformed> {
        self.space();
        if self.take(b']') {
            return Ok(());
        }
        loop {
            self.value(depth)?;
            if self.last(b']')? {
                return Ok(());
            }
        }
    }

    /// A name and its colon, up to the value; the name without quotes, and whether it holds an escape.
    #[inline]
    fn name(&mut self) -> Result<((u32, u32), bool), Malformed> {
        self.expect(b'"')?;
        let start = self.at;
        let escaped = self.string()?;
        let name = (position(start), position(self.at - 1));
        self.space();
        self.expect(b':')?;
        self.space();
        Ok((name, escaped))
    }

    /// Whether two names are one.
    #[inline]
    fn alike(&self, one: (u32, u32), other: (u32, u32), escaped: bool) -> bool {
        let (one, other) = (part(self.text, one), part(self.text, other));
        if escaped { same(one, other) } else { one == other }
    }

    /// What stands behind a value: the end (true), or a comma and the next.
    #[inline]
    fn last(&mut self, end: u8) -> Result<bool, Malformed> {
        self.space();
        if self.take(b',') {
            self.space();
            return Ok(false);
        }
        self.expect(end).map(|()| true)
    }

    #[inline]
    fn value(&mut self, depth: usize) -> Result<(), Malformed> {
        let byte = self.peek().ok_or(Malformed)?;
        match byte {
            b'"' => {
                self.at += 1;
                self.string().map(drop)
            }
            b'-' | b'0'..=b'9' => self.number(),
            b'{' | b'[' if depth < MAX_DEPTH => {
                self.at += 1;
                if byte == b'{' { self.object(depth + 1) } else { self.array(depth + 1) }
            }
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => Err(Malformed),
        }
    }

    /// A string behind its first quote; whether it holds an escape.
    #[inline]
    fn string(&mut self) -> Result<bool, Malformed> {
        let mut escaped = false;
        loop {
            self.at += plain(self.bytes.get(self.at..).unwrap_or_default());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                _ => return Err(Malformed),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Malformed> {
        self.at += 1;
        let kind = self.peek().ok_or(Malformed)?;
        self.at += 1;
        match kind {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(()),
            b'u' => match self.hex()? {
                // A high surrogate is half a character: the other half must follow.
                0xD800..=0xDBFF => {
                    self.expect(b'\\')?;
                    self.expect(b'u')?;
                    if matches!(self.hex()?, 0xDC00..=0xDFFF) { Ok(()) } else { Err(Malformed) }
                }
                0xDC00..=0xDFFF => Err(Malformed),
                _ => Ok(()),
            },
            _ => Err(Malformed),
        }
    }

    fn hex(&mut self) -> Result<u32, Malformed> {
        let digits = self.bytes.get(self.at..self.at + 4).ok_or(Malformed)?;
        self.at += 4;
        digits.iter().try_fold(0, |sum, &digit| {
            char::from(digit).to_digit(16).map(|digit| sum << 4 | digit).ok_or(Malformed)
        })
    }

    fn number(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        self.take(b'-');
        let whole = self.digits();
        let first = self.bytes.get(self.at - whole);
        if whole == 0 || (whole > 1 && first == Some(&b'0')) {
            return Err(Malformed);
        }
        let mut plain = whole < 300;
        if self.take(b'.') && self.digits() == 0 {
            return Err(Malformed);
        }
        if self.take(b'e') || self.take(b'E') {
            plain = false;
            if !self.take(b'-') {
                self.take(b'+');
            }
            if self.digits() == 0 {
                return Err(Malformed);
            }
        }
        let finite =
            || self.text.get(start..self.at)?.parse::<f64>().ok().filter(|number| number.is_finite());
        if plain || finite().is_some() { Ok(()) } else { Err(Malformed) }
    }

    /// How many digits stand here; they are passed.
    #[inline]
    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn word(&mut self, word: &str) -> Result<(), Malformed> {
        let found = self.bytes.get(self.at..).unwrap_or_default().starts_with(word.as_bytes());
        self.at += word.len();
        if found { Ok(()) } else { Err(Malformed) }
    }

    #[inline]
    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.take(byte) { Ok(()) } else { Err(Malformed) }
    }
}

/// A position within a text whose length was checked.
#[inline]
const fn position(at: usize) -> u32 {
    at as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_objects_and_finds_their_members() {
        for (text, want) in [
            ("{}", &[][..]),
            (" { } ", &[]),
            (r#"{"a":1}"#, &[("a", "1")]),
            (" {\t\"a\" :\n1 , \"b\":\r\"x\" } ", &[("a", "1"), ("b", "\"x\"")]),
            (
                r#"{"a":{"b":[1,{"c":null}]},"d":[],"e":{}}"#,
                &[("a", r#"{"b":[1,{"c":null}]}"#), ("d", "[]"), ("e", "{}")],
            ),
            (r#"{"a":-0.5e+10,"b":true,"c":false}"#, &[("a", "-0.5e+10"), ("b", "true"), ("c", "false")]),
            (r#"{"":"\ud83d\ude00\"\\\/\b\f\n\r\t"}"#, &[("", r#""\ud83d\ude00\"\\\/\b\f\n\r\t""#)]),
            (r#"{"a":{"x":1},"b":{"x":1}}"#, &[("a", r#"{"x":1}"#), ("b", r#"{"x":1}"#)]),
        ] {
            let members = scan(text, Nested::Strict).unwrap_or_else(|_| panic!("{text}"));
            assert_eq!(members.iter(text).collect::<Vec<_>>(), want, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_one_object() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        let many: Vec<_> = (0..=MAX_MEMBERS).map(|n| format!("\"{n}\":0")).collect();
        let many = format!("{{{}}}", many.join(","));
        for text in [
            "",
            " ",
            "[]",
            "1",
            "null",
            "{",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":1",
            "{\"a\":1,",
            "{\"a\":1,}",
            "{,}",
            "{\"a\" 1}",
            "{a:1}",
            "{'a':1}",
            "{}{}",
            "{} x",
            "\u{feff}{}",
            "{\"a\":01}",
            "{\"a\":-}",
            "{\"a\":1.}",
            "{\"a\":.5}",
            "{\"a\":1e}",
            "{\"a\":+1}",
            "{\"a\":1e999}",
            "{\"a\":NaN}",
            "{\"a\":nul}",
            "{\"a\":truex}",
            "{\"a\":\"\n\"}",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\\u12\"}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":\"\\udc00\"}",
            "{\"a\":\"\\ud800\\u0041\"}",
            "{\"a\":[1,]}",
            "{\"a\":[1 2]}",
            "{\"a\":1,\"a\":2}",
            "{\"a\":1,\"\\u0061\":2}",
            "{\"\\u0061\":1,\"a\":2}",
            "{\"x\":{\"a\":1,\"a\":2}}",
            "{\"x\":[{\"a\":1,\"\\u0061\":2}]}",
            "{\"a\":/**/1}",
            &deep,
            &many,
        ] {
            assert!(scan(text, Nested::Strict).is_err(), "{text}");
        }
        assert!(scan("{\"x\":{\"a\":1,\"a\":2}}", Nested::Later).is_ok());
        assert!(scan("{\"a\":1,\"a\":2}", Nested::Later).is_err());
    }

    #[test]
    fn a_string_ends_where_it_should_at_every_distance() {
        for length in 0..40 {
            for byte in 0..=0x7F_u8 {
                let text = [&vec![0xC3; length][..], &[byte], &[0; 9]].concat();
                let ends = byte < 0x20 || byte == b'"' || byte == b'\\';
                assert_eq!(plain(&text), length + usize::from(!ends), "{length} {byte}");
                assert_eq!(plain(&text[..length]), length, "{length}");
            }
        }
    }

    #[test]
    fn a_member_is_found_by_its_name_however_it_is_written() {
        let text = r#"{"exp":1,"\u0073ub":"x","a\/b":2}"#;
        let members = scan(text, Nested::Strict).unwrap();
        assert!(members.escaped());
        for (name, want) in [("exp", Some("1")), ("sub", Some("\"x\"")), ("a/b", Some("2")), ("su", None)] {
            assert_eq!(members.get(text, name), want, "{name}");
        }
    }
}
