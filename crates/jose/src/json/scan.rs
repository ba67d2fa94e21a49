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
    let mut members = Members { list: Vec::with_capacity(8), escaped: false };
    let mut scanner = Scanner { text, bytes: text.as_bytes(), nested, names: Vec::new() };
    let end = scanner.outermost(&mut members).ok_or(Malformed)?;
    if end == text.len() && u32::try_from(end).is_ok() { Ok(members) } else { Err(Malformed) }
}

impl Members {
    /// Each name as written, with the value behind it. `text` is what was scanned.
    pub(crate) fn iter<'a>(&'a self, text: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.list.iter().map(move |member| (part(text, member.name), part(text, member.value)))
    }

    /// The value of the member `name`, compared after escapes.
    pub(crate) fn get<'a>(&self, text: &'a str, name: &str) -> Option<&'a str> {
        let named = |member: &&Member| {
            if self.escaped {
                return says(part(text, member.name), name);
            }
            // Most names differ in length, which is seen without a look at the text.
            member.name.1 as usize - member.name.0 as usize == name.len() && part(text, member.name) == name
        };
        let member = self.list.iter().find(named)?;
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

/// Each step takes the position where it begins and gives the one behind it, `None` if the text is no JSON: a
/// position that is handed on stays in a register.
struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
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
    fn outermost(&mut self, members: &mut Members) -> Option<usize> {
        let mut at = self.space(self.expect(self.space(0), b'{')?);
        if self.peek(at) == Some(b'}') {
            return Some(self.space(at + 1));
        }
        loop {
            let (name, start) = self.name(at, &mut members.escaped)?;
            if members.list.len() == MAX_MEMBERS
                || members.list.iter().any(|other| self.alike(other.name, name, members.escaped))
            {
                return None;
            }
            at = self.value(start, 1)?;
            members.list.push(Member { name, value: (position(start), position(at)) });
            at = self.space(at);
            match self.peek(at)? {
                b',' => at = self.space(at + 1),
                b'}' => return Some(self.space(at + 1)),
                _ => return None,
            }
        }
    }

    /// An object behind its brace, at some depth.
    fn object(&mut self, at: usize, depth: usize) -> Option<usize> {
        let mut at = self.space(at);
        if self.peek(at) == Some(b'}') {
            return Some(at + 1);
        }
        let base = self.names.len();
        let mut escaped = false;
        loop {
            let (name, start) = self.name(at, &mut escaped)?;
            if self.nested == Nested::Strict {
                let before = self.names.get(base..).unwrap_or_default();
                if before.len() == MAX_MEMBERS || before.iter().any(|&other| self.alike(other, name, escaped))
                {
                    return None;
                }
                self.names.push(name);
            }
            at = self.value(start, depth)?;
            at = self.space(at);
            match self.peek(at)? {
                b',' => at = self.space(at + 1),
                b'}' => {
                    self.names.truncate(base);
                    return Some(at + 1);
                }
                _ => return None,
            }
        }
    }

    /// An array behind its bracket.
    fn array(&mut self, at: usize, depth: usize) -> Option<usize> {
        let mut at = self.space(at);
        if self.peek(at) == Some(b']') {
            return Some(at + 1);
        }
        loop {
            at = self.value(at, depth)?;
            at = self.space(at);
            match self.peek(at)? {
                b',' => at = self.space(at + 1),
                b']' => return Some(at + 1),
                _ => return None,
            }
        }
    }

    /// A name without its quotes, and where the value begins.
    #[inline]
    fn name(&self, at: usize, escaped: &mut bool) -> Option<((u32, u32), usize)> {
        let start = self.expect(at, b'"')?;
        let end = self.string(start, escaped)?;
        let name = (position(start), position(end - 1));
        Some((name, self.space(self.expect(self.space(end), b':')?)))
    }

    /// Whether two names are one.
    #[inline]
    fn alike(&self, one: (u32, u32), other: (u32, u32), escaped: bool) -> bool {
        let length = |(start, end): (u32, u32)| end - start;
        if !escaped && length(one) != length(other) {
            return false;
        }
        let (one, other) = (part(self.text, one), part(self.text, other));
        if escaped { same(one, other) } else { one == other }
    }

    #[inline]
    fn value(&mut self, at: usize, depth: usize) -> Option<usize> {
        match self.peek(at)? {
            b'"' => self.string(at + 1, &mut false),
            b'-' | b'0'..=b'9' => self.number(at),
            b'{' if depth < MAX_DEPTH => self.object(at + 1, depth + 1),
            b'[' if depth < MAX_DEPTH => self.array(at + 1, depth + 1),
            b't' => self.word(at, "true"),
            b'f' => self.word(at, "false"),
            b'n' => self.word(at, "null"),
            _ => None,
        }
    }

    /// A string behind its first quote; notes whether it holds an escape.
    #[inline]
    fn string(&self, mut at: usize, escaped: &mut bool) -> Option<usize> {
        loop {
            at += plain(self.bytes.get(at..)?);
            match self.peek(at)? {
                b'"' => return Some(at + 1),
                b'\\' => at = self.escape(at + 1)?,
                _ => return None,
            }
            *escaped = true;
        }
    }

    /// What stands behind a backslash.
    fn escape(&self, at: usize) -> Option<usize> {
        match self.peek(at)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 1),
            b'u' => match self.hex(at + 1)? {
                // A high surrogate is half a character: the other half must follow.
                0xD800..=0xDBFF => {
                    let low = self.expect(self.expect(at + 5, b'\\')?, b'u')?;
                    matches!(self.hex(low)?, 0xDC00..=0xDFFF).then_some(low + 4)
                }
                0xDC00..=0xDFFF => None,
                _ => Some(at + 5),
            },
            _ => None,
        }
    }

    fn hex(&self, at: usize) -> Option<u32> {
        let digits = self.bytes.get(at..at + 4)?;
        digits.iter().try_fold(0, |sum, &digit| Some(sum << 4 | char::from(digit).to_digit(16)?))
    }

    fn number(&self, start: usize) -> Option<usize> {
        let whole = start + usize::from(self.peek(start) == Some(b'-'));
        let mut at = self.digits(whole);
        if at == whole || (at > whole + 1 && self.peek(whole) == Some(b'0')) {
            return None;
        }
        let mut finite = at - whole < 300;
        if self.peek(at) == Some(b'.') {
            let fraction = at + 1;
            at = self.digits(fraction);
            if at == fraction {
                return None;
            }
        }
        if matches!(self.peek(at), Some(b'e' | b'E')) {
            let exponent = at + 1 + usize::from(matches!(self.peek(at + 1), Some(b'-' | b'+')));
            at = self.digits(exponent);
            if at == exponent {
                return None;
            }
            finite = false;
        }
        // What is beyond an `f64` would be read as infinite by some and refused by others.
        finite = finite || self.text.get(start..at)?.parse::<f64>().is_ok_and(f64::is_finite);
        finite.then_some(at)
    }

    /// Behind all digits that stand here.
    #[inline]
    fn digits(&self, mut at: usize) -> usize {
        while matches!(self.peek(at), Some(b'0'..=b'9')) {
            at += 1;
        }
        at
    }

    fn word(&self, at: usize, word: &str) -> Option<usize> {
        self.bytes.get(at..)?.starts_with(word.as_bytes()).then_some(at + word.len())
    }

    /// Behind all space that stands here.
    #[inline]
    fn space(&self, mut at: usize) -> usize {
        while matches!(self.peek(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            at += 1;
        }
        at
    }

    #[inline]
    fn peek(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    #[inline]
    fn expect(&self, at: usize, byte: u8) -> Option<usize> {
        (self.peek(at)? == byte).then_some(at + 1)
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
