//! Entity tags (RFC 9110 §8.8.3) and how they are compared (§8.8.3.2).

/// An entity tag as it stands in a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Tag<'a> {
    pub(crate) weak: bool,
    /// With its quotation marks.
    pub(crate) opaque: &'a [u8],
}

impl<'a> Tag<'a> {
    /// Reads a whole value; `None` if it is no entity tag.
    pub(crate) fn read(value: &'a [u8]) -> Option<Tag<'a>> {
        match first(value)? {
            (tag, []) => Some(tag),
            _ => None,
        }
    }

    /// Whether both stand for the same bytes.
    pub(crate) fn is_strongly(self, other: Tag<'_>) -> bool {
        !self.weak && !other.weak && self.opaque == other.opaque
    }

    /// Whether both stand for what can replace one another.
    pub(crate) fn is_weakly(self, other: Tag<'_>) -> bool {
        self.opaque == other.opaque
    }
}

/// Whether a list of tags, or `*`, names `tag` by the weak comparison. What is malformed names nothing from there on.
pub(crate) fn names(list: &[u8], tag: Option<Tag<'_>>) -> bool {
    let mut rest = list.trim_ascii();
    if rest == b"*" {
        return true;
    }
    let Some(tag) = tag else { return false };
    loop {
        while let [b' ' | b'\t' | b',', more @ ..] = rest {
            rest = more;
        }
        let Some((found, more)) = first(rest) else { return false };
        if found.is_weakly(tag) {
            return true;
        }
        rest = more.trim_ascii_start();
        if !matches!(rest, [b',', ..]) {
            return false;
        }
    }
}

/// The tag at the beginning, and what follows it.
fn first(text: &[u8]) -> Option<(Tag<'_>, &[u8])> {
    let (weak, text) = match text {
        [b'W', b'/', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let [b'"', inner @ ..] = text else { return None };
    let end = inner.iter().position(|&b| !matches!(b, 0x21 | 0x23..=0x7e | 0x80..))?;
    if inner[end] != b'"' {
        return None;
    }
    let (opaque, rest) = text.split_at(end + 2);
    Some((Tag { weak, opaque }, rest))
}

#[cfg(test)]
mod tests {
    use super::{Tag, names};

    #[test]
    fn reads_tags_and_nothing_like_them() {
        for (text, want) in [
            ("\"a\"", Some((false, "\"a\""))),
            ("W/\"a\"", Some((true, "\"a\""))),
            ("\"\"", Some((false, "\"\""))),
            ("w/\"a\"", None),
            ("a", None),
            ("\"a", None),
            ("\"a b\"", None),
            ("\"a\"x", None),
            ("*", None),
            ("", None),
        ] {
            let tag = Tag::read(text.as_bytes());
            assert_eq!(tag, want.map(|(weak, opaque)| Tag { weak, opaque: opaque.as_bytes() }), "{text}");
        }
    }

    #[test]
    fn compares_as_the_table_of_section_8_8_3_2_does() {
        for (one, two, strong, weak) in [
            ("W/\"1\"", "W/\"1\"", false, true),
            ("W/\"1\"", "W/\"2\"", false, false),
            ("W/\"1\"", "\"1\"", false, true),
            ("\"1\"", "\"1\"", true, true),
        ] {
            let (a, b) = (Tag::read(one.as_bytes()).unwrap(), Tag::read(two.as_bytes()).unwrap());
            assert_eq!((a.is_strongly(b), a.is_weakly(b)), (strong, weak), "{one} {two}");
        }
    }

    #[test]
    fn finds_a_tag_wherever_it_stands_in_a_list() {
        let tag = Tag::read(b"\"b,c\"");
        for (list, want) in [
            ("\"b,c\"", true),
            ("\"a\", W/\"b,c\" ,\"d\"", true),
            (",, \"a\",\"b,c\"", true),
            ("*", true),
            ("\"a\"", false),
            ("b,c", false),
            ("\"a\" \"b,c\"", false),
            ("*, \"a\"", false),
            ("", false),
        ] {
            assert_eq!(names(list.as_bytes(), tag), want, "{list}");
        }
        assert!(!names(b"\"a\"", None) && names(b"*", None));
    }
}
