//! What the operator decides where the RFC leaves a choice.

/// The operator's choices. They are few: everything else is the origin's to say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Seconds an answer is fresh if its origin says nothing (RFC 9111 §4.2.2); only of status codes that may be
    /// cached by default, or with `public`. `None`: such an answer is asked about each time.
    pub ttl: Option<u32>,
    /// Seconds past its freshness that an answer may be sent while it is renewed, where the origin does not say
    /// (RFC 5861 §3).
    pub stale_while_revalidate: u32,
    /// Seconds past its freshness that an answer may be sent instead of a failure, where the origin does not say
    /// (RFC 5861 §4).
    pub stale_if_error: u32,
    /// What becomes of an answer with `Set-Cookie`.
    pub set_cookie: SetCookie,
    /// Whether clients have a say.
    pub clients: Clients,
}

impl Default for Policy {
    /// What CONTRACT says: 300 seconds, nothing stale unless the origin allows it, no cookies.
    fn default() -> Policy {
        Policy {
            ttl: Some(300),
            stale_while_revalidate: 0,
            stale_if_error: 0,
            set_cookie: SetCookie::Refuse,
            clients: Clients::Heard,
        }
    }
}

/// What becomes of an answer that sets a cookie. The RFC lets it be stored (§7.3), and everybody who asks would then
/// be given the cookie of the first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SetCookie {
    /// It is not stored.
    #[default]
    Refuse,
    /// It is stored without the cookie.
    Drop,
    /// It is stored as it is.
    Keep,
}

/// Whether the directives of requests count (RFC 9111 §5.2.1). They are wishes, and a cache that protects a service
/// from its clients may leave them unheard. `only-if-cached` and `no-store` count always.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Clients {
    /// They count.
    #[default]
    Heard,
    /// They do not.
    Ignored,
}

/// Who may be sent what is stored under a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sharing {
    /// Whoever asks. An answer to a request with `Authorization` needs the origin's leave (RFC 9111 §3.5).
    Everyone,
    /// The user who is part of the key, and nobody else; the operator's word stands for the origin's.
    OneUser,
}
