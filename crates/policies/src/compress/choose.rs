//! Which coding a client takes (RFC 9110 §12.5.3).

use std::cmp::Ordering;

use schemars::JsonSchema;
use sekisho_wire::{HeadView, Known, list_items};
use serde::{Deserialize, Serialize};

use crate::coding::{self, Coding as _};

/// How a body is made smaller.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Coding {
    /// Zstandard (RFC 8878): nearly as small as Brotli, and by far the least work.
    Zstd,
    /// Brotli (RFC 7932).
    Br,
    /// Gzip (RFC 1952), which every client takes.
    Gzip,
}

impl coding::Coding for Coding {
    fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Br => "br",
            Self::Gzip => "gzip",
        }
    }
}

/// What `Accept-Encoding` says of one coding, in thousandths: 0 for "not acceptable".
type Weight = u16;

/// The coding that the client likes best, of several that it likes alike the first of `offered`. `None`: the body goes as it is, since the
/// client says nothing, takes none of them, or likes it better so.
pub(super) fn choose(request: HeadView<'_>, offered: &[Coding]) -> Option<Coding> {
    request.get(Known::AcceptEncoding)?;
    let weight = |wanted: &dyn Fn(&[u8]) -> bool| {
        let items = request.all(Known::AcceptEncoding).flat_map(list_items);
        items.map(item).find(|(name, _)| wanted(name)).map(|(_, weight)| weight)
    };
    let others = weight(&|name| name == b"*");
    let mut best: Option<(Coding, Weight)> = None;
    for coding in offered {
        let weight = weight(&|name| coding.is_called(name)).or(others).unwrap_or(0);
        if weight.cmp(&best.map_or(0, |(_, weight)| weight)) == Ordering::Greater {
            best = Some((*coding, weight));
        }
    }
    let (coding, liked) = best?;
    let as_it_is = weight(&|name| name.eq_ignore_ascii_case(b"identity")).unwrap_or(0);
    (liked >= as_it_is).then_some(coding)
}

/// The coding and its weight in one item such as `br;q=0.5`. A weight that is none is taken for 0, so that nobody gets what he may
/// not be able to read.
fn item(item: &[u8]) -> (&[u8], Weight) {
    let mut parts = item.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix(b"q=").or_else(|| part.strip_prefix(b"Q=")));
    (name, weight.map_or(1_000, |weight| thousandths(weight).unwrap_or(0)))
}

/// A weight of RFC 9110 §12.4.2: from 0 to 1 with three digits at most behind the point.
fn thousandths(text: &[u8]) -> Option<Weight> {
    let (whole, rest) = text.split_first()?;
    let digits = match rest {
        [] => rest,
        [b'.', digits @ ..] if digits.len() <= 3 && digits.iter().all(u8::is_ascii_digit) => digits,
        _ => return None,
    };
    let behind =
        (0..3).fold(0, |sum, at| sum * 10 + digits.get(at).map_or(0, |digit| u16::from(digit - b'0')));
    match whole {
        b'0' => Some(behind),
        b'1' if behind == 0 => Some(1_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sekisho_wire::HeadBuf;

    use super::*;

    const ALL: [Coding; 3] = [Coding::Zstd, Coding::Br, Coding::Gzip];

    fn chosen(lines: &[&[u8]], offered: &[Coding]) -> Option<Coding> {
        let mut head = HeadBuf::default();
        head.request(b"GET", b"/").unwrap();
        for line in lines {
            head.push("Accept-Encoding", line).unwrap();
        }
        choose(head.view(), offered)
    }

    #[test]
    fn the_clients_weights_decide_and_then_our_order() {
        for (says, want) in [
            ("gzip, deflate, br, zstd", Some(Coding::Zstd)),
            ("gzip, deflate, br", Some(Coding::Br)),
            ("gzip", Some(Coding::Gzip)),
            ("X-GZIP", Some(Coding::Gzip)),
            ("br;q=0.5, gzip;q=0.8", Some(Coding::Gzip)),
            ("br; q=0.5 ,gzip ;Q=0.123", Some(Coding::Br)),
            ("*", Some(Coding::Zstd)),
            ("zstd;q=0, *;q=0.1", Some(Coding::Br)),
            ("gzip;q=0.5, identity", None),
            ("gzip, identity", Some(Coding::Gzip)),
            ("gzip;q=1.000, identity;q=0", Some(Coding::Gzip)),
            ("deflate, compress", None),
            ("gzip;q=0", None),
            ("gzip;q=0.000", None),
            ("*;q=0", None),
            ("gzip;q=2, br;q=-1, zstd;q=0.1234", None),
            ("gzip;q=1.5, zstd;q=", None),
            ("gzipped", None),
            (",,;,;q=1,", None),
            ("", None),
        ] {
            assert_eq!(chosen(&[says.as_bytes()], &ALL), want, "{says}");
        }
        assert_eq!(chosen(&[], &ALL), None, "who says nothing gets no surprise");
        assert_eq!(chosen(&[b"br;q=0.1", b"gzip"], &ALL), Some(Coding::Gzip), "two lines are one list");
        assert_eq!(chosen(&[b"gzip, br, zstd"], &[Coding::Gzip, Coding::Br]), Some(Coding::Gzip));
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm_and_none_is_chosen_that_was_not_offered(line in prop::collection::vec(any::<u8>(), 0..60), count in 0_usize..3) {
            let line: Vec<u8> = line.into_iter().filter(|byte| !byte.is_ascii_control()).collect();
            let got = chosen(&[line.trim_ascii()], &ALL[..count]);
            prop_assert!(got.is_none_or(|coding| ALL[..count].contains(&coding)));
        }

        #[test]
        fn a_coding_that_is_not_named_is_not_chosen_unless_all_are(names in prop::collection::vec("[a-y]{1,5}", 0..5)) {
            let line = names.join(", ");
            let named = |coding: Coding| names.iter().any(|name| coding.is_called(name.as_bytes()));
            if let Some(coding) = chosen(&[line.as_bytes()], &ALL) {
                prop_assert!(named(coding));
            }
        }
    }
}
