//! What the gateway tells a service about the client, and whom it believes about that.
//!
//! `X-Forwarded-For/-Proto/-Host` and `Forwarded` (RFC 7239) of a client are replaced; only a trusted proxy's are believed
//! and continued. `X-Client-IP` is the one address that all of this comes down to.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use sekisho_exchange::{Client, Exchange, Scheme};
use sekisho_units::Cidr;
use sekisho_wire::{BadField, Blob, Edits, HeadView, Known, KnownSet, Version, list_items};

/// What only proxies say of a client. From anybody else it must not pass, even where the gateway has nothing to put in its
/// place.
const HEARSAY: KnownSet =
    KnownSet::of(&[Known::XRealIp, Known::XForwardedPort, Known::XForwardedHost, Known::XRequestId]);

/// Who the client is: the peer, or what trusted proxies say of it.
///
/// The addresses in `X-Forwarded-For` are read from the right, as each proxy adds the one it saw; the first that is not
/// itself a trusted proxy is the client.
pub(crate) fn client(view: HeadView<'_>, peer: SocketAddr, scheme: Scheme, trusted: &[Cidr]) -> Client {
    let direct = Client::direct(peer, scheme);
    if trusted.is_empty() || !trusted.iter().any(|range| range.contains(direct.ip)) {
        return direct;
    }
    let scheme = match last_item(view, Known::XForwardedProto) {
        Some(proto) if proto.eq_ignore_ascii_case(b"https") => Scheme::Https,
        Some(proto) if proto.eq_ignore_ascii_case(b"http") => Scheme::Http,
        _ => scheme,
    };
    let chain: Vec<&[u8]> = view.all(Known::XForwardedFor).flat_map(items).collect();
    let mut ip = direct.ip;
    for said in chain.into_iter().rev() {
        // What is no address ends the chain: whoever wrote it cannot be believed further.
        let Some(address) = address(said) else { break };
        ip = address;
        if !trusted.iter().any(|range| range.contains(address)) {
            break;
        }
    }
    Client { ip, trusted: true, scheme, ..direct }
}

fn items(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    list_items(value)
}

fn last_item(view: HeadView<'_>, name: Known) -> Option<&[u8]> {
    view.all(name).flat_map(items).last()
}

/// An address as proxies write it: bare, with a port, or an IPv6 address in brackets.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let ip = text
        .parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()))
        .or_else(|_| text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>())
        .ok()?;
    Some(ip.to_canonical())
}

/// The forwarding lines of one connection, rendered once for as long as its client and host stay the same.
#[derive(Default)]
pub(crate) struct Lines {
    rendered: Option<Rendered>,
}

struct Rendered {
    host: Box<str>,
    scheme: Scheme,
    blob: Blob,
}

impl Lines {
    /// Sets the forwarding lines of the request to the service.
    pub(crate) fn set(&mut self, exchange: &mut Exchange<'_>, via: Option<&Via>) {
        if exchange.client.trusted {
            continued(exchange);
        } else {
            let known = self
                .rendered
                .as_ref()
                .filter(|known| &*known.host == exchange.host && known.scheme == exchange.client.scheme);
            if known.is_none() {
                self.rendered = begun(exchange);
            }
            if let Some(known) = &self.rendered {
                exchange.to_service.apply(&known.blob);
            }
            // What a policy set under these names is the operator's word.
            for name in exchange.head.present().intersection(HEARSAY).iter() {
                if !exchange.to_service.touches(name) {
                    exchange.to_service.remove(name);
                }
            }
        }
        exchange.local.stamped(exchange.started, |stamp, wall| {
            let set = exchange.to_service.set_fixed(Known::XGatewayTimestamp, stamp.rfc3339(wall));
            debug_assert!(set.is_ok(), "a time stamp is a valid value");
        });
        if let Some(via) = via {
            via.add(&mut exchange.to_service, exchange.head);
        }
    }
}

/// What services are told of a known user, beside the id.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Introduction {
    /// `X-User-Email`.
    pub email: bool,
    /// `X-User-Roles`.
    pub roles: bool,
    /// `X-User-Permissions`.
    pub permissions: bool,
}

/// Tells the service who the user is, if that is known. What the client itself says of that never passes.
#[inline]
pub(crate) fn identify(exchange: &mut Exchange<'_>, tell: Introduction) {
    let Some(identity) = &exchange.identity else { return };
    let edits = &mut exchange.to_service;
    let mut ok = edits.set(Known::XUserId, identity.subject().as_bytes()).is_ok();
    if tell.email && !identity.email().is_empty() {
        ok &= edits.set(Known::XUserEmail, identity.email().as_bytes()).is_ok();
    }
    if tell.roles {
        ok &= edits.set(Known::XUserRoles, identity.roles().joined().as_bytes()).is_ok();
    }
    if tell.permissions {
        ok &= edits.set(Known::XUserPermissions, identity.permissions().joined().as_bytes()).is_ok();
    }
    debug_assert!(ok, "an identity takes only what fits into a line");
}

/// The gateway in `Via` (RFC 9110 §7.6.3), as a line for each version of the message that it received.
#[derive(Clone, Debug)]
pub struct Via {
    http10: Blob,
    http11: Blob,
}

impl Via {
    /// The gateway under `pseudonym`.
    ///
    /// # Errors
    /// [`BadField`], if the pseudonym cannot stand in a field's value.
    pub fn new(pseudonym: &str) -> Result<Self, BadField> {
        let line = |version: &str| Blob::new(&[("Via", format!("{version} {pseudonym}"))]);
        Ok(Self { http10: line("1.0")?, http11: line("1.1")? })
    }

    /// The line of a message that was received as HTTP/1.1.
    pub fn line(&self) -> &[u8] {
        self.http11.bytes()
    }

    /// Adds the gateway to what the message `received` says of its way.
    pub(crate) fn add(&self, edits: &mut Edits, received: HeadView<'_>) {
        let line = if received.version() == Version::Http10 { &self.http10 } else { &self.http11 };
        if received.present().contains(Known::Via) {
            let value = line.bytes().trim_ascii_end().strip_prefix(b"Via: ").unwrap_or_default();
            let added = edits.add(Known::Via, value);
            debug_assert!(added.is_ok(), "it was checked when it was made");
        } else {
            edits.apply(line);
        }
    }
}

/// The lines for a client that speaks for itself.
fn begun(exchange: &Exchange<'_>) -> Option<Rendered> {
    let ip = exchange.client.ip.to_string();
    let scheme = exchange.client.scheme;
    let host = exchange.host;
    let mut fields = vec![
        ("X-Client-IP", ip.clone()),
        ("X-Forwarded-For", ip),
        ("X-Forwarded-Proto", scheme.as_str().to_owned()),
        ("Forwarded", element(exchange)),
    ];
    if !host.is_empty() {
        fields.push(("X-Forwarded-Host", host.to_owned()));
    }
    let blob = Blob::new(&fields).ok()?;
    Some(Rendered { host: host.into(), scheme, blob })
}

/// Continues what trusted proxies began.
fn continued(exchange: &mut Exchange<'_>) {
    let view = exchange.head;
    let peer = exchange.client.peer.ip().to_canonical().to_string();
    let mut chain: Vec<u8> = view.all(Known::XForwardedFor).collect::<Vec<_>>().join(&b", "[..]);
    if !chain.is_empty() {
        chain.extend_from_slice(b", ");
    }
    chain.extend_from_slice(peer.as_bytes());
    let mut elements: Vec<u8> = view.all(Known::Forwarded).collect::<Vec<_>>().join(&b", "[..]);
    if !elements.is_empty() {
        elements.extend_from_slice(b", ");
    }
    elements.extend_from_slice(element(exchange).as_bytes());
    let ip = exchange.client.ip.to_string();
    let edits = &mut exchange.to_service;
    let proto = exchange.client.scheme.as_str();
    let mut ok = edits.set(Known::XClientIp, ip.as_bytes()).is_ok();
    ok &= edits.set(Known::XForwardedFor, &chain).is_ok();
    ok &= edits.set(Known::XForwardedProto, proto.as_bytes()).is_ok();
    ok &= edits.set(Known::Forwarded, &elements).is_ok();
    if view.get(Known::XForwardedHost).is_none() && !exchange.host.is_empty() {
        ok &= edits.set(Known::XForwardedHost, exchange.host.as_bytes()).is_ok();
    }
    debug_assert!(ok, "made of received values and addresses, which are valid");
}

/// What this gateway saw, as an element of `Forwarded` (RFC 7239 §4).
fn element(exchange: &Exchange<'_>) -> String {
    let mut text = String::with_capacity(64);
    let peer = exchange.client.peer.ip().to_canonical();
    let written = match peer {
        IpAddr::V4(ip) => write!(text, "for={ip}"),
        IpAddr::V6(ip) => write!(text, "for=\"[{ip}]\""),
    };
    debug_assert!(written.is_ok());
    if !exchange.host.is_empty() {
        // A host may hold a colon, so it is always quoted; it holds neither quote nor backslash.
        text.push_str(";host=\"");
        text.push_str(exchange.host);
        text.push('"');
    }
    text.push_str(";proto=");
    text.push_str(exchange.client.scheme.as_str());
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sekisho_wire::HeadBuf;

    use super::*;

    fn resolved(peer: &str, forwarded_for: &[&str], proto: Option<&str>) -> (String, bool, Scheme) {
        let mut head = HeadBuf::default();
        head.request(b"GET", b"/").unwrap();
        for value in forwarded_for {
            head.push("x-forwarded-for", value.as_bytes()).unwrap();
        }
        if let Some(proto) = proto {
            head.push("x-forwarded-proto", proto.as_bytes()).unwrap();
        }
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let client = client(head.view(), peer.parse().unwrap(), Scheme::Http, &trusted);
        (client.ip.to_string(), client.trusted, client.scheme)
    }

    #[test]
    fn believes_only_trusted_proxies() {
        for (peer, chain, want, trusted) in [
            ("192.0.2.1:1", &["198.51.100.7"][..], "192.0.2.1", false),
            ("10.0.0.1:1", &["198.51.100.7"], "198.51.100.7", true),
            ("10.0.0.1:1", &["203.0.113.9, 198.51.100.7"], "198.51.100.7", true),
            ("10.0.0.1:1", &["203.0.113.9", "198.51.100.7, 10.9.9.9"], "198.51.100.7", true),
            ("10.0.0.1:1", &["10.3.3.3, 10.2.2.2"], "10.3.3.3", true),
            ("10.0.0.1:1", &["203.0.113.9, unknown"], "10.0.0.1", true),
            ("10.0.0.1:1", &["203.0.113.9, unknown, 10.2.2.2"], "10.2.2.2", true),
            ("10.0.0.1:1", &[], "10.0.0.1", true),
            ("10.0.0.1:1", &["198.51.100.7:4711"], "198.51.100.7", true),
            ("[fd00::1]:1", &["[2001:db8::9]:80"], "2001:db8::9", true),
            ("[::ffff:10.0.0.1]:1", &["2001:db8::9"], "2001:db8::9", true),
        ] {
            let (ip, believed, _) = resolved(peer, chain, None);
            assert_eq!((ip.as_str(), believed), (want, trusted), "{peer} {chain:?}");
        }
    }

    #[test]
    fn the_scheme_is_the_trusted_proxys() {
        assert_eq!(resolved("10.0.0.1:1", &[], Some("https")).2, Scheme::Https);
        assert_eq!(resolved("10.0.0.1:1", &[], Some("gopher")).2, Scheme::Http);
        assert_eq!(resolved("192.0.2.1:1", &[], Some("https")).2, Scheme::Http);
    }

    proptest! {
        #[test]
        fn whatever_is_forwarded_a_client_has_an_address_and_only_proxies_are_believed(
            chain in proptest::collection::vec("(10\\.0\\.0\\.[0-9]|198\\.51\\.100\\.7(:[0-9]{1,6})?|\\[?2001:db8::[0-9a-f]{1,5}\\]?(:80)?|[!-~]{0,8}|,){0,3}(, ?(10\\.1\\.1\\.1|unknown|_x))?", 0..3),
            scheme in proptest::option::of("https?|HTTPS|[!-~]{0,6}"),
        ) {
            let lines: Vec<_> = chain.iter().map(|line| line.trim()).collect();
            let stranger = resolved("192.0.2.1:1", &lines, scheme.as_deref());
            prop_assert_eq!(stranger, ("192.0.2.1".to_owned(), false, Scheme::Http));
            let (ip, believed, _) = resolved("10.0.0.1:1", &lines, scheme.as_deref());
            let ip: IpAddr = ip.parse().unwrap();
            // Of what proxies say the address itself stands there.
            let said = lines.iter().any(|line| line.contains(&ip.to_string()));
            prop_assert!(believed && (said || ip.to_string() == "10.0.0.1" || ip.is_ipv6()), "{:?}: {}", lines, ip);
        }
    }
}
