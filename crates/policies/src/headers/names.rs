//! Names that belong to the gateway, which no configuration may set or remove.

use sekisho_wire::FRAMING;

/// Which head is changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    /// The one that goes to the service.
    Request,
    /// The one that goes to the client.
    Response,
}

/// What to do instead of setting or removing `name`, if it is the gateway's own.
///
/// Spellings with `_` or `.` for `-` count as well, since services behind may read them as the same name.
pub(crate) fn remedy(name: &str, side: Side) -> Option<&'static str> {
    let plain = name.to_ascii_lowercase().replace(['_', '.'], "-");
    if FRAMING.contains(&plain.as_str()) {
        return Some("the gateway writes it as the message needs; take it out");
    }
    match plain.as_str() {
        "x-request-id" | "x-correlation-id" => return Some("use the policy `request_id`"),
        "via" => return Some("the gateway writes it; take it out"),
        _ => {}
    }
    match (side, plain.as_str()) {
        (Side::Response, _) => None,
        (_, "host") => Some("use `preserve_host` of the service"),
        (_, "x-client-ip" | "x-gateway-timestamp" | "forwarded") => {
            Some("the gateway writes it, and services trust it; take it out")
        }
        (_, plain) if plain.starts_with("x-forwarded-") => {
            Some("the gateway writes it by `trusted_proxies`; take it out")
        }
        (_, plain) if plain.starts_with("x-user-") => Some("it tells services who the user is; take it out"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateways_own_names_are_known_in_every_spelling() {
        for (name, request, response) in [
            ("Content-Length", true, true),
            ("content_length", true, true),
            ("TE", true, true),
            ("Upgrade", true, true),
            ("X-Request-ID", true, true),
            ("Host", true, false),
            ("X_User.Id", true, false),
            ("X-User-Anything", true, false),
            ("X-Forwarded-Prefix", true, false),
            ("Authorization", false, false),
            ("X-Userland", false, false),
            ("Server", false, false),
        ] {
            assert_eq!(remedy(name, Side::Request).is_some(), request, "{name}");
            assert_eq!(remedy(name, Side::Response).is_some(), response, "{name}");
        }
    }
}
