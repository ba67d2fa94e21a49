//! What the operator decides where the RFC leaves a choice.

/// The operator's choices. They are few: everything else is the origin's to say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Seconds an answer is fresh if its origin says nothing (RFC 9111 §4.2.2); only of status codes that may be
    /// cached by default and are no errors, or with `public`. `None`: such an answer is asked about each time.
    ///
    /// An error may be the fault of the one request that brought it: a field that is part of no key, and that the origin
    /// would not have. Stored without anybody's word, it would be everybody's error.
    pub ttl: Option<u32>,
    /// The same for status codes one by one; it comes before `ttl`, and makes those that it names cacheable.
    pub ttl_of: TtlOf,
    /// Ten-thousandths of the time since `Last-Modified` that an answer is fresh, at most [a day](HEURISTIC_MOST), if its origin
    /// says nothing (§4.2.2); of all status codes that may be cached by default, and in place of `ttl`. 0: not so.
    pub heuristic: u16,
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
    /// What cookies of requests mean for answers whose origin says nothing.
    pub cookies: Cookies,
}

impl Default for Policy {
    /// What CONTRACT says: 300 seconds, nothing stale unless the origin allows it, no cookies.
    fn default() -> Policy {
        Policy {
            ttl: Some(300),
            ttl_of: TtlOf::NONE,
            heuristic: 0,
            stale_while_revalidate: 0,
            stale_if_error: 0,
            set_cookie: SetCookie::Refuse,
            clients: Clients::Heard,
            cookies: Cookies::Heeded,
        }
    }
}

/// Most seconds that are guessed from `Last-Modified`.
pub const HEURISTIC_MOST: u32 = 24 * 60 * 60;

/// How long answers are fresh by their status.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TtlOf {
    /// First and last status of a row, and seconds; the rows that are not used are of no status.
    rows: [(u16, u16, u32); TtlOf::MOST],
    used: usize,
}

impl TtlOf {
    /// Most rows.
    pub const MOST: usize = 16;
    /// No rows.
    pub const NONE: TtlOf = TtlOf { rows: [(0, 0, 0); TtlOf::MOST], used: 0 };

    /// Adds a row for the status codes from `first` to `last`; `false` if there are [too many](TtlOf::MOST).
    #[must_use]
    pub fn push(&mut self, first: u16, last: u16, seconds: u32) -> bool {
        let Some(row) = self.rows.get_mut(self.used) else { return false };
        *row = (first, last, seconds);
        self.used += 1;
        true
    }

    /// Seconds for that status, by the narrowest row that has it, so that `404` counts before `4xx`.
    #[must_use]
    pub fn of(&self, status: u16) -> Option<u32> {
        let rows =
            self.rows.iter().take(self.used).filter(|(first, last, _)| (*first..=*last).contains(&status));
        rows.min_by_key(|(first, last, _)| last - first).map(|(_, _, seconds)| *seconds)
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

/// What it means that a request has cookies, where the origin gives no time and no other sign that its answer is for all
/// (`public`, `Vary: Cookie`). A session may be in them, and what is stored on the operator's assumption alone would be one
/// user's page for everybody.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Cookies {
    /// Nothing is assumed: such a request is neither served by an assumption nor does its answer become one.
    #[default]
    Heeded,
    /// They mean nothing.
    Ignored,
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
