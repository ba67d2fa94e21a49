//! The list that `Cache-Control` is (RFC 9111 §5.2), read so that nothing malformed becomes a permission.
//!
//! Both forms of an argument are taken, token and quoted string. What is neither is [`Argument::Bad`]: a directive
//! that forbids forbids all the same, one that gives a time gives none.

/// One directive as it stands in a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Item<'a> {
    /// The name in whatever case; may be empty if the item begins with no token.
    pub(crate) name: &'a [u8],
    pub(crate) argument: Argument<'a>,
}

/// What follows a directive's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Argument<'a> {
    None,
    Token(&'a [u8]),
    /// What stands between the quotation marks, escapes left as they are.
    Quoted(&'a [u8]),
    Bad,
}

/// 2^31 seconds stand for all that is longer (RFC 9111 §1.2.2).
pub(crate) const LONGEST: u32 = 1 << 31;

impl Item<'_> {
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

impl<'a> Argument<'a> {
    /// The argument as seconds (RFC 9111 §1.2.2), if it is digits and nothing else.
    pub(crate) fn seconds(self) -> Option<u32> {
        match self {
            Argument::Token(text) | Argument::Quoted(text) => seconds(text),
            Argument::None | Argument::Bad => None,
        }
    }

    /// The argument as a list of field names; `None` if there is none, or not all of it are names.
    pub(crate) fn names(self) -> Option<impl Iterator<Item = &'a [u8]>> {
        let (Argument::Token(text) | Argument::Quoted(text)) = self else { return None };
        let good = sekisho_wire::list_items(text).all(sekisho_wire::is_field_name);
        (good && sekisho_wire::list_items(text).next().is_some()).then(|| sekisho_wire::list_items(text))
    }
}

/// Digits as seconds, at most [`LONGEST`].
pub(crate) fn seconds(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u32, |sum, digit| {
        let digit = digit.is_ascii_digit().then(|| u32::from(digit - b'0'))?;
        Some(sum.saturating_mul(10).saturating_add(digit).min(LONGEST))
    })
}

/// The directives of one line.
pub(crate) fn items(line: &[u8]) -> Items<'_> {
    Items { rest: line, broken: false }
}

/// An iterator over the directives of one line.
pub(crate) struct Items<'a> {
    rest: &'a [u8],
    broken: bool,
}

impl Items<'_> {
    /// Whether a quotation mark was opened and never closed. What follows it was then read as if it were not there.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        while let [b' ' | b'\t' | b',', rest @ ..] = self.rest {
            self.rest = rest;
        }
        if self.rest.is_empty() {
            return None;
        }
        let closed = if self.broken { None } else { comma(self.rest) };
        let end = closed.unwrap_or_else(|| {
            // From here on quotation marks mean nothing, also so that no text is looked through twice.
            self.broken = true;
            self.rest.iter().position(|&b| b == b',').unwrap_or(self.rest.len())
        });
        let (item, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(one(item.trim_ascii_end()))
    }
}

/// Where the next comma outside of quotation marks is, or the end; `None` if a quotation mark is not closed.
pub(crate) fn comma(text: &[u8]) -> Option<usize> {
    let (mut quoted, mut at) = (false, 0);
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => quoted = !quoted,
            b'\\' if quoted => at += 1,
            b',' if !quoted => return Some(at),
            _ => {}
        }
        at += 1;
    }
    (!quoted).then_some(text.len())
}

fn one(item: &[u8]) -> Item<'_> {
    let end = item.iter().position(|&b| !sekisho_wire::is_field_name(&[b])).unwrap_or(item.len());
    let (name, rest) = item.split_at(end);
    let argument = match rest {
        [] => Argument::None,
        [b'=', b'"', inner @ .., b'"'] if comma(inner).is_some() && !inner.contains(&b'"') => {
            Argument::Quoted(inner)
        }
        [b'=', token @ ..] if sekisho_wire::is_field_name(token) => Argument::Token(token),
        _ => Argument::Bad,
    };
    Item { name, argument }
}

#[cfg(test)]
mod tests {
    use super::{Argument, LONGEST, items, seconds};

    #[test]
    fn reads_lists_however_they_are_written() {
        use Argument::{Bad, None, Quoted, Token};
        let x = |text: &'static str| text.as_bytes();
        for (line, want) in [
            ("", vec![]),
            (" , ,\t", vec![]),
            ("no-store", vec![("no-store", None)]),
            ("a=1,b=\"2\" ,, c", vec![("a", Token(x("1"))), ("b", Quoted(x("2"))), ("c", None)]),
            ("a=\"x, y\", b", vec![("a", Quoted(x("x, y"))), ("b", None)]),
            ("a=\"x\\\", y\", b", vec![("a", Bad), ("b", None)]),
            ("a =1, b= 1, c=, d=1 2", vec![("a", Bad), ("b", Bad), ("c", Bad), ("d", Bad)]),
            ("no-store; x=1", vec![("no-store", Bad)]),
            ("a='1'", vec![("a", Token(x("'1'")))]),
            ("=1", vec![("", Token(x("1")))]),
            ("a=\"x, no-store", vec![("a", Bad), ("no-store", None)]),
        ] {
            let found: Vec<_> = items(line.as_bytes())
                .map(|item| (std::str::from_utf8(item.name).unwrap(), item.argument))
                .collect();
            assert_eq!(found, want, "{line}");
        }
    }

    #[test]
    fn tells_a_quotation_that_never_ends() {
        for (line, want) in [("a=\"x, b", true), ("a=\"x\", b", false), ("a=\"x\\\"", true)] {
            let mut items = items(line.as_bytes());
            items.by_ref().for_each(drop);
            assert_eq!(items.is_broken(), want, "{line}");
        }
    }

    #[test]
    fn a_hostile_list_is_read_once() {
        // Each mark seems to open a quotation that reaches to the end.
        let line = b"\"\\\",".repeat(200_000);
        assert_eq!(items(&line).count(), 200_000);
    }

    #[test]
    fn huge_numbers_are_as_long_as_can_be() {
        for (text, want) in [
            ("0", Some(0)),
            ("003600", Some(3600)),
            ("2147483647", Some(LONGEST - 1)),
            ("2147483648", Some(LONGEST)),
            ("4294967296", Some(LONGEST)),
            ("99999999999999999999999999", Some(LONGEST)),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1.0", None),
            ("1a", None),
            ("a1", None),
        ] {
            assert_eq!(seconds(text.as_bytes()), want, "{text}");
        }
    }
}
