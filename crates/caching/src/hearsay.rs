//! Fields by which a request says that it is another one than it seems: the classic ways to make a service write an answer
//! that is then stored for everybody. RFC 9111 does not speak of them, since they should be in `Vary`, and never are.
//!
//! Those that change the method or the path are not for caches at all ([`overrides`]). Those that speak of host, scheme or path
//! before some proxy are part of the key ([`hearsay`]): proxies of the operator's write the same on every request, and whoever
//! writes something else fills a place of his own.

use sekisho_wire::{HeadView, Known};

/// "Read me as another request."
const OVERRIDES: [&str; 7] = [
    "X-HTTP-Method-Override",
    "X-HTTP-Method",
    "X-Method-Override",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-Original-URI",
    "X-Rewrite-URI",
];

/// "I was another one before I came here."
const HEARSAY: [&str; 17] = [
    "X-Forwarded-Server",
    "X-Forwarded-Scheme",
    "X-Forwarded-Protocol",
    "X-Forwarded-Ssl",
    "X-Forwarded-Prefix",
    "X-Forwarded-Path",
    "X-Forwarded-Uri",
    "X-Forwarded-Method",
    "X-Host",
    "X-Original-Host",
    "X-HTTP-Host-Override",
    "X-Scheme",
    "X-Url-Scheme",
    "X-Script-Name",
    "X-Proxy-Url",
    "X-Requested-With",
    "Front-End-Https",
];

/// Whether the request asks to be read as another.
pub(crate) fn overrides(view: HeadView<'_>) -> bool {
    view.lines()
        .any(|(name, _, known)| known == Known::Unknown && is_suspect(name) && is_in(name, &OVERRIDES))
}

/// What a request says of itself that no other part of its key tells and that its service may believe, for
/// [`KeyParts::more`](crate::KeyParts::more); empty for nearly all. From a `trusted` proxy the gateway passes on
/// `X-Forwarded-Host` and `X-Forwarded-Port` too; from anybody else it does not.
#[must_use]
pub fn hearsay(view: HeadView<'_>, trusted: bool) -> Vec<u8> {
    let mut told = Vec::new();
    for (name, value, known) in view.lines() {
        let counts = match known {
            Known::XForwardedHost | Known::XForwardedPort => trusted,
            Known::Unknown => is_suspect(name) && is_in(name, &HEARSAY),
            _ => false,
        };
        if counts {
            told.extend(name.iter().map(|byte| plain(*byte)));
            told.push(b':');
            told.extend_from_slice(value);
            // No value holds one.
            told.push(b'\n');
        }
    }
    told
}

/// Whether it is worth comparing with the lists.
fn is_suspect(name: &[u8]) -> bool {
    matches!(name, [b'x' | b'X', b'-' | b'_' | b'.', ..] | [b'f' | b'F', b'r' | b'R', ..])
        && (6..=24).contains(&name.len())
}

/// Many services take all that is no letter for the same: their environment knows no other.
fn is_in(name: &[u8], list: &[&str]) -> bool {
    list.iter().any(|one| {
        one.len() == name.len() && one.bytes().zip(name).all(|(one, other)| plain(one) == plain(*other))
    })
}

fn plain(byte: u8) -> u8 {
    if matches!(byte, b'_' | b'.') { b'-' } else { byte.to_ascii_lowercase() }
}

#[cfg(test)]
mod tests {
    use sekisho_wire::HeadBuf;

    use super::{hearsay, overrides};

    #[test]
    fn only_what_sways_services_is_told() {
        for (name, overriding, told, trusted) in [
            ("X-HTTP-Method-Override", true, "", ""),
            ("x_http_method_override", true, "", ""),
            ("X-Original-URL", true, "", ""),
            ("X-Forwarded-Server", false, "x-forwarded-server:a\n", "x-forwarded-server:a\n"),
            ("X_Forwarded.Scheme", false, "x-forwarded-scheme:a\n", "x-forwarded-scheme:a\n"),
            ("Front-End-Https", false, "front-end-https:a\n", "front-end-https:a\n"),
            ("X-Forwarded-Host", false, "", "x-forwarded-host:a\n"),
            ("X-Forwarded-Port", false, "", "x-forwarded-port:a\n"),
            ("X-Forwarded-For", false, "", ""),
            ("X-Hosts", false, "", ""),
            ("X-Request-ID", false, "", ""),
            ("From", false, "", ""),
            ("Accept", false, "", ""),
        ] {
            let mut head = HeadBuf::default();
            head.request(b"GET", b"/").unwrap();
            head.push(name, b"a").unwrap();
            let view = head.view();
            let found = (overrides(view), hearsay(view, false), hearsay(view, true));
            assert_eq!(found, (overriding, told.into(), trusted.into()), "{name}");
        }
    }
}
