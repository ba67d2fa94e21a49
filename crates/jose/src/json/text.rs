//! Strings whose escapes the scanner has checked: read, and compared without being read whole.

use std::borrow::Cow;

/// Whether two strings, without their quotes, say the same once their escapes are read.
pub(crate) fn same(one: &str, other: &str) -> bool {
    Characters(one).eq(Characters(other))
}

/// Whether a string, without its quotes, says `plain`, which has no escapes.
#[inline]
pub(crate) fn says(text: &str, plain: &str) -> bool {
    if memchr::memchr(b'\\', text.as_bytes()).is_none() {
        text == plain
    } else {
        Characters(text).eq(plain.chars())
    }
}

/// What a string says; borrowed where nothing is escaped.
pub(crate) fn read(text: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\\', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(Characters(text).collect())
}

/// The characters of a string, escapes read.
struct Characters<'a>(&'a str);

impl Characters<'_> {
    fn next_char(&mut self) -> Option<char> {
        let mut rest = self.0.chars();
        let next = rest.next()?;
        self.0 = rest.as_str();
        Some(next)
    }

    fn hex(&mut self) -> u32 {
        (0..4).fold(0, |sum, _| sum << 4 | self.next_char().and_then(|digit| digit.to_digit(16)).unwrap_or(0))
    }
}

impl Iterator for Characters<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let plain = self.next_char()?;
        if plain != '\\' {
            return Some(plain);
        }
        Some(match self.next_char()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let mut code = self.hex();
                if let 0xD800..=0xDBFF = code {
                    // The scanner saw `\u` and a low surrogate behind it.
                    self.0 = self.0.get(2..).unwrap_or_default();
                    code = 0x1_0000 + ((code & 0x3FF) << 10 | (self.hex() & 0x3FF));
                }
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            itself => itself,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read_as_rfc_8259_section_7_says() {
        for (text, want) in [
            ("", ""),
            ("abc é", "abc é"),
            (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
            (r"\u0041\u00e9\u20AC", "Aé€"),
            (r"x\ud83d\ude00y", "x😀y"),
            (r"\u0000", "\0"),
        ] {
            assert_eq!(read(text), want, "{text}");
            assert!(says(text, want) && same(text, text), "{text}");
        }
        assert!(same(r"a\u0062", "ab") && same(r"\/", "/") && same(r"\\", r"\u005c"));
        assert!(!same("ab", "abc") && !same("abc", "ab") && !same("a", "b"));
        assert!(
            !says(r"\\", r"\\") && !says(r"\u0061", r"\u0061") && !says("ab", "a") && !says("a", r"\u0061")
        );
        assert!(matches!(read("plain"), Cow::Borrowed(_)));
    }
}
