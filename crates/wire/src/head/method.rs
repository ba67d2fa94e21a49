//! Methods (RFC 9110 §9, RFC 5789) and versions.

/// A request method.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub enum Method {
    /// `GET`
    #[default]
    Get,
    /// `HEAD`
    Head,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `DELETE`
    Delete,
    /// `PATCH`
    Patch,
    /// `OPTIONS`
    Options,
    /// `TRACE`
    Trace,
    /// `CONNECT`
    Connect,
    /// Any other token; its bytes are in [`HeadView::method_bytes`](crate::HeadView::method_bytes).
    Other,
}

impl Method {
    /// The method spelled so; methods are case-sensitive (RFC 9110 §9.1).
    #[inline]
    #[must_use]
    pub fn of(name: &[u8]) -> Method {
        match name {
            b"GET" => Method::Get,
            b"HEAD" => Method::Head,
            b"POST" => Method::Post,
            b"PUT" => Method::Put,
            b"DELETE" => Method::Delete,
            b"PATCH" => Method::Patch,
            b"OPTIONS" => Method::Options,
            b"TRACE" => Method::Trace,
            b"CONNECT" => Method::Connect,
            _ => Method::Other,
        }
    }

    /// The method's name, `OTHER` for [`Method::Other`].
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
            Method::Patch => "PATCH",
            Method::Options => "OPTIONS",
            Method::Trace => "TRACE",
            Method::Connect => "CONNECT",
            Method::Other => "OTHER",
        }
    }

    /// Whether it asks only to read (RFC 9110 §9.2.1).
    #[must_use]
    pub const fn is_safe(self) -> bool {
        matches!(self, Method::Get | Method::Head | Method::Options | Method::Trace)
    }

    /// Whether repeating it has the effect of sending it once (RFC 9110 §9.2.2).
    #[must_use]
    pub const fn is_idempotent(self) -> bool {
        self.is_safe() || matches!(self, Method::Put | Method::Delete)
    }
}

/// The version of HTTP a head was received in. Heads of HTTP/2 are laid out as HTTP/1.1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    #[default]
    Http11,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_case_sensitive_and_round_trip() {
        for name in ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"] {
            assert_eq!(Method::of(name.as_bytes()).as_str(), name);
            assert_eq!(Method::of(name.to_ascii_lowercase().as_bytes()), Method::Other);
        }
        assert_eq!(Method::of(b"PURGE").as_str(), "OTHER");
    }

    #[test]
    fn safe_methods_are_idempotent_and_post_is_neither() {
        let safe = [Method::Get, Method::Head, Method::Options, Method::Trace];
        assert!(safe.iter().all(|m| m.is_safe() && m.is_idempotent()));
        assert!([Method::Put, Method::Delete].iter().all(|m| !m.is_safe() && m.is_idempotent()));
        assert!(
            [Method::Post, Method::Patch, Method::Connect, Method::Other].iter().all(|m| !m.is_idempotent())
        );
    }
}
