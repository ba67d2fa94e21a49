//! `CDN-Cache-Control` (RFC 9213 §2.1): a dictionary of structured fields (RFC 9651 §3.2), strict where
//! `Cache-Control` is not. A field that does not parse is as good as absent, and then `Cache-Control` speaks.

use sekisho_wire::HeadView;

use super::response::{Response, TARGETED};
use super::scan::{Argument, Item, LONGEST};

/// The directives whose argument is a number.
const TIMES: [&str; 4] = ["max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"];

/// The directives that count; others are only looked at for whether they parse.
const KNOWN: [&str; 11] = [
    "max-age",
    "s-maxage",
    "stale-while-revalidate",
    "stale-if-error",
    "no-store",
    "no-cache",
    "private",
    "public",
    "must-revalidate",
    "proxy-revalidate",
    "must-understand",
];

/// The directives of the targeted field; `None` if there is none, or it is empty or malformed.
pub(crate) fn read(view: HeadView<'_>) -> Option<Response> {
    let mut known = [None; KNOWN.len()];
    let mut any = false;
    for line in view.find_all(TARGETED).filter(|line| !line.is_empty()) {
        dictionary(line, |key, value| {
            any = true;
            if let Some(place) = KNOWN.iter().position(|name| name.as_bytes() == key) {
                // The last one counts (RFC 9651 §4.2.2).
                known[place] = Some(value);
            }
        })?;
    }
    let mut told = Response::default();
    let mut digits = itoa::Buffer::new();
    for (name, value) in KNOWN.iter().zip(known) {
        let Some(value) = value else { continue };
        let argument = match value {
            Bare::Integer(number) => {
                let number = number.clamp(-1, i64::from(LONGEST));
                Argument::Token(digits.format(number).as_bytes())
            }
            Bare::Text(text) => Argument::Quoted(text),
            Bare::True => Argument::None,
            Bare::False => continue,
            Bare::Other => Argument::Bad,
        };
        // A time must be a number, not a text that looks like one.
        if TIMES.contains(name) && !matches!(value, Bare::Integer(_)) {
            return None;
        }
        told.take(&Item { name: name.as_bytes(), argument });
    }
    any.then_some(told)
}

/// A member's value as far as directives need it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Bare<'a> {
    Integer(i64),
    /// A string, escapes left as they are.
    Text(&'a [u8]),
    True,
    False,
    /// Of another type: decimals, tokens, bytes, dates, lists.
    Other,
}

/// Calls `member` for each member; `None` if `text` is no dictionary.
fn dictionary<'a>(text: &'a [u8], mut member: impl FnMut(&'a [u8], Bare<'a>)) -> Option<()> {
    let mut reader = Reader { rest: text };
    reader.spaces();
    loop {
        let key = reader.key()?;
        let value = if reader.eat(b'=') { reader.value()? } else { Bare::True };
        reader.parameters()?;
        member(key, value);
        reader.blanks();
        if reader.rest.is_empty() {
            return Some(());
        }
        if !reader.eat(b',') {
            return None;
        }
        reader.blanks();
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn eat(&mut self, byte: u8) -> bool {
        let found = self.rest.first() == Some(&byte);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    /// As many bytes as `belongs` says.
    fn run(&mut self, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|&b| !belongs(b)).unwrap_or(self.rest.len());
        let (run, rest) = self.rest.split_at(end);
        self.rest = rest;
        run
    }

    fn spaces(&mut self) {
        self.run(|b| b == b' ');
    }

    fn blanks(&mut self) {
        self.run(|b| matches!(b, b' ' | b'\t'));
    }

    fn key(&mut self) -> Option<&'a [u8]> {
        let good =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.' | b'*');
        let key = self.run(good);
        matches!(key.first(), Some(b'a'..=b'z' | b'*')).then_some(key)
    }

    fn value(&mut self) -> Option<Bare<'a>> {
        if !self.eat(b'(') {
            return self.bare();
        }
        loop {
            self.spaces();
            if self.eat(b')') {
                return Some(Bare::Other);
            }
            self.bare()?;
            self.parameters()?;
            if !matches!(self.rest.first(), Some(b' ' | b')')) {
                return None;
            }
        }
    }

    fn parameters(&mut self) -> Option<()> {
        while self.eat(b';') {
            self.spaces();
            self.key()?;
            if self.eat(b'=') {
                self.bare()?;
            }
        }
        Some(())
    }

    fn bare(&mut self) -> Option<Bare<'a>> {
        match *self.rest.first()? {
            b'0'..=b'9' | b'-' => self.number(),
            b'"' => self.text(),
            b'?' => {
                self.eat(b'?');
                let one = self.eat(b'1');
                (one || self.eat(b'0')).then_some(if one { Bare::True } else { Bare::False })
            }
            b'@' => {
                self.eat(b'@');
                self.number().filter(|date| matches!(date, Bare::Integer(_))).map(|_| Bare::Other)
            }
            b':' => {
                self.eat(b':');
                self.run(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='));
                self.eat(b':').then_some(Bare::Other)
            }
            b'%' => {
                self.eat(b'%');
                self.text().map(|_| Bare::Other)
            }
            b'*' | b'A'..=b'Z' | b'a'..=b'z' => {
                self.run(|b| sekisho_wire::is_field_name(&[b]) || matches!(b, b':' | b'/'));
                Some(Bare::Other)
            }
            _ => None,
        }
    }

    /// At most fifteen digits, or twelve, a point and one to three (RFC 9651 §4.2.4).
    fn number(&mut self) -> Option<Bare<'a>> {
        let minus = self.eat(b'-');
        let digits = self.run(|b| b.is_ascii_digit());
        if digits.is_empty() || digits.len() > 15 {
            return None;
        }
        if self.eat(b'.') {
            let fraction = self.run(|b| b.is_ascii_digit());
            return (digits.len() <= 12 && (1..=3).contains(&fraction.len())).then_some(Bare::Other);
        }
        let number = digits.iter().fold(0_i64, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        Some(Bare::Integer(if minus { -number } else { number }))
    }

    fn text(&mut self) -> Option<Bare<'a>> {
        if !self.eat(b'"') {
            return None;
        }
        let start = self.rest;
        loop {
            self.run(|b| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\'));
            if self.eat(b'"') {
                return start.get(..start.len() - self.rest.len() - 1).map(Bare::Text);
            }
            if !self.eat(b'\\') || !(self.eat(b'"') || self.eat(b'\\')) {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Bare, dictionary};

    #[test]
    fn takes_dictionaries_and_nothing_else() {
        for (text, want) in [
            ("max-age=60", Some(vec![("max-age", Bare::Integer(60))])),
            ("a, b;x=1;y , c=?0", Some(vec![("a", Bare::True), ("b", Bare::True), ("c", Bare::False)])),
            ("a=-1,b=1.5", Some(vec![("a", Bare::Integer(-1)), ("b", Bare::Other)])),
            ("a=\"x\\\"y\"", Some(vec![("a", Bare::Text(b"x\\\"y"))])),
            ("a=(1 \"x\";q t), b=:aGk=:", Some(vec![("a", Bare::Other), ("b", Bare::Other)])),
            (
                "a=tok/en, b=@1, c=%\"d\"",
                Some(vec![("a", Bare::Other), ("b", Bare::Other), ("c", Bare::Other)]),
            ),
            ("a=(1  2 )", Some(vec![("a", Bare::Other)])),
            ("", None),
            ("A=1", None),
            ("a =1", None),
            ("a= 1", None),
            ("a=1,", None),
            ("a=1 b", None),
            ("a=1, &&&", None),
            ("a=1.", None),
            ("a=1.2345", None),
            ("a=1234567890123456", None),
            ("a=\"x", None),
            ("a=\"\\x\"", None),
            ("a=(1", None),
            ("a=(1(", None),
            ("a=?2", None),
            ("a=@1.5", None),
        ] {
            let mut found = Vec::new();
            let read = dictionary(text.as_bytes(), |key, value| {
                found.push((std::str::from_utf8(key).unwrap(), value));
            });
            assert_eq!(read.map(|()| found), want, "{text}");
        }
    }
}
