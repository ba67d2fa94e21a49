//! The `Connection` field (RFC 9110 §7.6.1).

use crate::field::{is_field_name, list_items};
use crate::{HeadView, Known, KnownSet, Version};

/// Names that `Connection` must not nominate in a request: removing them would change who is asked, by whom,
/// or where the body ends.
pub(super) const PROTECTED: KnownSet = KnownSet::of(&[
    Known::Host,
    Known::ContentLength,
    Known::TransferEncoding,
    Known::Authorization,
    Known::Expect,
    Known::Via,
    Known::Forwarded,
    Known::XForwardedFor,
    Known::XForwardedProto,
    Known::XForwardedHost,
    Known::XForwardedPort,
    Known::XRealIp,
    Known::XClientIp,
    Known::XRequestId,
    Known::XCorrelationId,
    Known::XUserId,
    Known::XUserEmail,
    Known::XUserRoles,
    Known::XUserPermissions,
    Known::XGatewayTimestamp,
]);

/// What the `Connection` lines say.
#[derive(Clone, Copy, Default)]
pub(super) struct Options {
    pub(super) close: bool,
    pub(super) keep_alive: bool,
    pub(super) upgrade: bool,
    /// Some name of [`PROTECTED`] is nominated.
    pub(super) protected: bool,
    /// Some item is no token.
    pub(super) malformed: bool,
}

/// Reads the `Connection` lines.
#[inline]
pub(super) fn options(view: HeadView<'_>) -> Options {
    let mut options = Options::default();
    if !view.present().contains(Known::Connection) {
        return options;
    }
    if view.only(Known::Connection).is_some() {
        read(view.get(Known::Connection).unwrap_or_default(), &mut options);
    } else {
        read_all(view, &mut options);
    }
    options
}

/// Whether a request asks to change protocols, and may: HTTP/1.1, `Connection: upgrade` and `Upgrade` (RFC 9110 §7.8).
#[must_use]
pub fn asks_to_upgrade(view: HeadView<'_>) -> bool {
    view.present().contains(Known::Upgrade) && view.version() == Version::Http11 && options(view).upgrade
}

#[cold]
fn read_all(view: HeadView<'_>, options: &mut Options) {
    for value in view.all(Known::Connection) {
        read(value, options);
    }
}

#[inline]
fn read(value: &[u8], options: &mut Options) {
    // What nearly all clients and services send.
    match value {
        b"keep-alive" => options.keep_alive = true,
        b"close" => options.close = true,
        _ => read_list(value, options),
    }
}

fn read_list(value: &[u8], options: &mut Options) {
    for item in list_items(value) {
        if item.eq_ignore_ascii_case(b"close") {
            options.close = true;
        } else if item.eq_ignore_ascii_case(b"keep-alive") {
            options.keep_alive = true;
        } else {
            match Known::of(item) {
                Known::Upgrade => options.upgrade = true,
                Known::Unknown => options.malformed |= !is_field_name(item),
                known => options.protected |= PROTECTED.contains(known),
            }
        }
    }
}
