//! Field lines rendered once but for the numbers in them, such as how much of a limit is left.

use crate::field::{BadField, is_field_value};
use crate::head::{Known, KnownSet};

/// A part of a value.
#[derive(Clone, Copy, Debug)]
pub enum Part<'t> {
    /// The same in every line.
    Text(&'t str),
    /// The number of this index among those that are filled in.
    Number(usize),
}

/// Lines ready to be sent but for their numbers, and the names whose other lines they replace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// What stands before each number, and which one it is.
    numbers: Vec<(Box<[u8]>, usize)>,
    /// What stands behind the last.
    end: Box<[u8]>,
    known: KnownSet,
}

impl Form {
    /// Renders lines.
    ///
    /// # Errors
    /// [`BadField`] of the first that would not be one line.
    pub fn new(lines: &[(Known, &[Part<'_>])]) -> Result<Self, BadField> {
        let (mut form, mut text) = (Self::default(), Vec::new());
        for (name, parts) in lines {
            if *name == Known::Unknown {
                return Err(BadField::Name);
            }
            // A number is never what makes a value a bad one.
            let shown = |part: &Part<'_>| match part {
                Part::Text(text) => (*text).to_owned(),
                Part::Number(_) => "0".to_owned(),
            };
            if !is_field_value(parts.iter().map(shown).collect::<String>().as_bytes()) {
                return Err(BadField::Value);
            }
            form.known.insert(*name);
            text.extend_from_slice(name.name().as_bytes());
            text.extend_from_slice(b": ");
            for part in *parts {
                match part {
                    Part::Text(more) => text.extend_from_slice(more.as_bytes()),
                    Part::Number(index) => form.numbers.push((std::mem::take(&mut text).into(), *index)),
                }
            }
            text.extend_from_slice(b"\r\n");
        }
        form.end = text.into();
        Ok(form)
    }

    #[inline]
    pub(super) fn known(&self) -> KnownSet {
        self.known
    }

    /// Appends the lines. A number that is missing is 0.
    #[inline]
    pub(super) fn write(&self, numbers: &[u64], out: &mut Vec<u8>) {
        for (before, index) in &self.numbers {
            out.extend_from_slice(before);
            let number = numbers.get(*index).copied().unwrap_or_default();
            out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        }
        out.extend_from_slice(&self.end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Edits;

    #[test]
    fn numbers_stand_where_they_belong_and_other_lines_give_way() {
        let form = Form::new(&[
            (Known::RateLimitLimit, &[Part::Text("100")]),
            (Known::RateLimitRemaining, &[Part::Number(0)]),
            (
                Known::RateLimit,
                &[Part::Text("\"a\";r="), Part::Number(0), Part::Text(";t="), Part::Number(1)],
            ),
        ])
        .unwrap();
        let mut edits = Edits::default();
        edits.set(Known::RateLimitRemaining, b"1").unwrap();
        edits.add("X-Other", b"o").unwrap();
        edits.fill(&form, &[u64::MAX, 7]);
        let mut out = Vec::new();
        edits.write_added(&mut out);
        let want = "X-Other: o\r\nRateLimit-Limit: 100\r\nRateLimit-Remaining: 18446744073709551615\r\n\
                    RateLimit: \"a\";r=18446744073709551615;t=7\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), want);
        assert!(edits.removes(Known::RateLimit) && edits.touches(Known::RateLimitLimit));
        assert_eq!(edits.get(Known::RateLimit), Some(&b"\"a\";r=18446744073709551615;t=7"[..]));
    }

    #[test]
    fn what_would_be_more_than_a_line_is_refused() {
        for text in ["a\r\nX: y", " a", "a\n"] {
            assert_eq!(
                Form::new(&[(Known::RateLimit, &[Part::Text(text)])]),
                Err(BadField::Value),
                "{text:?}"
            );
        }
        assert_eq!(Form::new(&[(Known::Unknown, &[Part::Number(0)])]), Err(BadField::Name));
    }
}
