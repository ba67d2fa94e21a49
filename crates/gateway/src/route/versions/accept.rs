//! The version in `Accept` (RFC 9110 §12.5.1): `application/vnd.api+json;version=2`.

use super::ApiVersion;

/// Whose parameter `version` counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MediaTypes {
    /// That of any media type.
    Any,
    /// That of these, in lower case.
    Named(Box<[Box<str>]>),
}

/// What a request says of its version in one place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Said<'a> {
    /// Nothing.
    Nothing,
    /// This one, spelled so.
    Version(ApiVersion, &'a str),
    /// Something that is no version, or two things at once.
    Garbage,
}

impl<'a> Said<'a> {
    /// What a value says.
    pub fn by(value: &'a [u8]) -> Self {
        match (ApiVersion::read(value), std::str::from_utf8(value)) {
            (Some(version), Ok(text)) => Self::Version(version, text),
            _ => Self::Garbage,
        }
    }

    /// What two values say together: no version if they differ.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, said) | (said, Self::Nothing) => said,
            (Self::Version(one, text), Self::Version(two, _)) if one == two => Self::Version(one, text),
            _ => Self::Garbage,
        }
    }
}

/// A quality of 1, in thousandths.
const ONE: u16 = 1_000;

impl MediaTypes {
    /// The version that the lines of `Accept` prefer: of those that are `served` the one of the greatest quality, the first
    /// of equals; else of those that are not. Ranges that are refused (`q=0`) or malformed are passed over.
    pub fn version<'a>(
        &self,
        lines: impl Iterator<Item = &'a [u8]>,
        served: impl Fn(ApiVersion) -> bool,
    ) -> Said<'a> {
        let mut best = (0, 0);
        let mut preferred = Said::Nothing;
        for range in lines.flat_map(|line| Parts { rest: Some(line), at: b',' }) {
            let Some((said, quality)) = self.range(range) else { continue };
            let rank = match said {
                Said::Nothing => continue,
                Said::Garbage => 1,
                Said::Version(version, _) => 2 + u8::from(served(version)),
            };
            if quality > 0 && (rank, quality) > best {
                (best, preferred) = ((rank, quality), said);
            }
        }
        preferred
    }

    /// What one range says, and its quality in thousandths.
    fn range<'a>(&self, range: &'a [u8]) -> Option<(Said<'a>, u16)> {
        let mut parts = Parts { rest: Some(range), at: b';' };
        let name = parts.next()?.trim_ascii();
        let counts = match self {
            Self::Any => name.contains(&b'/'),
            Self::Named(types) => types.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name)),
        };
        if !counts {
            return None;
        }
        let (mut said, mut quality) = (Said::Nothing, ONE);
        for part in parts {
            let Some(equals) = part.iter().position(|byte| *byte == b'=') else { continue };
            let (name, value) = (part[..equals].trim_ascii(), part[equals + 1..].trim_ascii());
            if name.eq_ignore_ascii_case(b"version") {
                said = said.and(Said::by(unquoted(value)));
            } else if name.eq_ignore_ascii_case(b"q") {
                quality = thousandths(value)?;
            }
        }
        Some((said, quality))
    }
}

/// What stands between quotation marks, if they are there. No version holds an escape.
fn unquoted(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value)
}

/// A quality (RFC 9110 §12.4.2): `0`, `0.5`, `1.000`.
fn thousandths(text: &[u8]) -> Option<u16> {
    let (whole, fraction) = match text {
        [whole] => (whole, &[][..]),
        [whole, b'.', fraction @ ..] if fraction.len() <= 3 => (whole, fraction),
        _ => return None,
    };
    let digit = |byte: u8| byte.is_ascii_digit().then(|| u16::from(byte - b'0'));
    let mut sum = digit(*whole)?;
    for place in 0..3 {
        sum = sum * 10 + fraction.get(place).map_or(Some(0), |byte| digit(*byte))?;
    }
    (sum <= ONE).then_some(sum)
}

/// The parts of a text between marks that do not stand in quotes.
struct Parts<'a> {
    rest: Option<&'a [u8]>,
    at: u8,
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a [u8];
    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        let (mut quoted, mut escaped) = (false, false);
        for (index, byte) in rest.iter().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = quoted,
                b'"' => quoted = !quoted,
                _ if *byte == self.at && !quoted => {
                    self.rest = Some(&rest[index + 1..]);
                    return Some(&rest[..index]);
                }
                _ => {}
            }
        }
        self.rest = None;
        Some(rest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(types: &MediaTypes, lines: &[&[u8]]) -> String {
        let served =
            |version| ["1", "2"].iter().any(|text| ApiVersion::read(text.as_bytes()) == Some(version));
        match types.version(lines.iter().copied(), served) {
            Said::Nothing => "nothing".to_owned(),
            Said::Garbage => "garbage".to_owned(),
            Said::Version(version, _) => version.to_string(),
        }
    }

    #[test]
    fn the_preferred_version_that_is_served_counts() {
        let types = MediaTypes::Named(Box::new(["application/vnd.api+json".into()]));
        for (line, want) in [
            ("application/vnd.api+json;version=1", "v1"),
            ("application/vnd.api+json; version=2", "v2"),
            ("Application/VND.api+JSON ; Version=\"2.0\" ; q=0.5", "v2"),
            ("text/html, application/vnd.api+json;version=2, */*;q=0.1", "v2"),
            ("application/vnd.api+json;version=1;q=0.3, application/vnd.api+json;version=2;q=0.7", "v2"),
            ("application/vnd.api+json;version=1, application/vnd.api+json;version=2", "v1"),
            ("application/vnd.api+json;version=9, application/vnd.api+json;version=2;q=0.1", "v2"),
            ("application/vnd.api+json;version=9", "v9"),
            ("application/vnd.api+json;version=1;q=0", "nothing"),
            ("application/vnd.api+json;version=1;q=0, application/vnd.api+json;version=2;q=0.001", "v2"),
            ("application/vnd.api+json;version=1;q=2", "nothing"),
            ("application/vnd.api+json;version=1;version=1", "v1"),
            ("application/vnd.api+json;version=1;version=2", "garbage"),
            ("application/vnd.api+json;version=latest", "garbage"),
            ("application/vnd.api+json;version=", "garbage"),
            ("application/vnd.api+json;version=x, application/vnd.api+json;version=2", "v2"),
            ("application/vnd.api+json", "nothing"),
            ("application/vnd.api+json;v=1", "nothing"),
            ("application/json;version=1", "nothing"),
            ("text/plain;a=\",application/vnd.api+json;version=1\"", "nothing"),
            ("application/vnd.api+json;a=\"x;version=1", "nothing"),
            ("application/vnd.api+json;a=\"\\\";version=1\";version=2", "v2"),
            ("*/*", "nothing"),
            ("", "nothing"),
            (",,;;,", "nothing"),
        ] {
            assert_eq!(said(&types, &[line.as_bytes()]), want, "{line}");
        }
        let two: [&[u8]; 2] = [b"text/html", b"application/vnd.api+json;version=2"];
        assert_eq!(said(&types, &two), "v2");
    }

    #[test]
    fn any_media_type_may_carry_it() {
        for (line, want) in
            [("application/json;version=2", "v2"), ("*/*;version=2", "v2"), ("json;version=2", "nothing")]
        {
            assert_eq!(said(&MediaTypes::Any, &[line.as_bytes()]), want, "{line}");
        }
    }

    #[test]
    fn qualities_have_three_places() {
        for (text, want) in [
            ("1", Some(1_000)),
            ("0.5", Some(500)),
            ("0.", Some(0)),
            ("1.000", Some(1_000)),
            ("1.001", None),
            ("0.0001", None),
            ("", None),
            ("0,5", None),
            ("0.x", None),
            ("2", None),
        ] {
            assert_eq!(thousandths(text.as_bytes()), want, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(lines in prop::collection::vec("[ -~]{0,20}|[av/;,=\"\\\\.q0-9 ]{0,60}|\\PC{0,20}", 0..4)) {
            let lines: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
            let first = said(&MediaTypes::Any, &lines);
            prop_assert!(["nothing", "garbage"].contains(&first.as_str()) || first.starts_with('v'));
        }

        #[test]
        fn a_version_is_found_wherever_it_stands(
            before in prop::collection::vec("[a-z]{1,5}/[a-z]{1,5}(;[a-p]=[a-z0-9]{1,3})?", 0..4),
            after in prop::collection::vec("[a-z]{1,5}/[a-z]{1,5}(;q=0\\.[0-9]{1,3})?", 0..4),
            number in 0_u32..1_000,
        ) {
            let own = vec![format!("application/x; version={number}")];
            let line = [before, own, after].concat().join(", ");
            prop_assert_eq!(said(&MediaTypes::Any, &[line.as_bytes()]), format!("v{number}"), "{}", line);
        }
    }
}
