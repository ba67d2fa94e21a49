//! The field names the gateway itself has an opinion on, as small numbers.
//!
//! A name is recognised by one hash of four of its characters and its length, one table load and one
//! comparison. The hash's seed is searched for at compile time, so adding a name never needs tuning.

/// Most names there may be: a [`KnownSet`] has one bit for each.
const SLOTS: usize = 128;
/// Buckets of the lookup table; wide enough that a seed without collisions is found in a few hundred tries.
const BUCKETS: usize = 1024;

macro_rules! known {
    ($($variant:ident = $text:literal,)+) => {
        /// A field name the gateway knows, or [`Known::Unknown`].
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default)]
        #[repr(u8)]
        pub enum Known {
            /// Any other name.
            #[default]
            Unknown = 0,
            $(#[doc = concat!("`", $text, "`")] $variant,)+
        }

        const ALL: &[Known] = &[Known::Unknown, $(Known::$variant,)+];
        const NAMES: &[&str] = &["", $($text,)+];
    };
}

known! {
    Host = "Host",
    Connection = "Connection",
    ContentLength = "Content-Length",
    TransferEncoding = "Transfer-Encoding",
    Te = "TE",
    Trailer = "Trailer",
    Upgrade = "Upgrade",
    KeepAlive = "Keep-Alive",
    ProxyConnection = "Proxy-Connection",
    ProxyAuthenticate = "Proxy-Authenticate",
    ProxyAuthorization = "Proxy-Authorization",
    Expect = "Expect",
    Authorization = "Authorization",
    Cookie = "Cookie",
    SetCookie = "Set-Cookie",
    Origin = "Origin",
    AccessControlRequestMethod = "Access-Control-Request-Method",
    AccessControlRequestHeaders = "Access-Control-Request-Headers",
    AccessControlRequestPrivateNetwork = "Access-Control-Request-Private-Network",
    AccessControlAllowOrigin = "Access-Control-Allow-Origin",
    AccessControlAllowCredentials = "Access-Control-Allow-Credentials",
    AccessControlAllowMethods = "Access-Control-Allow-Methods",
    AccessControlAllowHeaders = "Access-Control-Allow-Headers",
    AccessControlAllowPrivateNetwork = "Access-Control-Allow-Private-Network",
    AccessControlExposeHeaders = "Access-Control-Expose-Headers",
    AccessControlMaxAge = "Access-Control-Max-Age",
    Vary = "Vary",
    UserAgent = "User-Agent",
    Referer = "Referer",
    Accept = "Accept",
    AcceptEncoding = "Accept-Encoding",
    AcceptLanguage = "Accept-Language",
    AcceptRanges = "Accept-Ranges",
    ContentType = "Content-Type",
    ContentEncoding = "Content-Encoding",
    ContentRange = "Content-Range",
    CacheControl = "Cache-Control",
    CacheStatus = "Cache-Status",
    Pragma = "Pragma",
    Date = "Date",
    Server = "Server",
    XPoweredBy = "X-Powered-By",
    Via = "Via",
    Forwarded = "Forwarded",
    XForwardedFor = "X-Forwarded-For",
    XForwardedProto = "X-Forwarded-Proto",
    XForwardedHost = "X-Forwarded-Host",
    XForwardedPort = "X-Forwarded-Port",
    XRealIp = "X-Real-IP",
    XClientIp = "X-Client-IP",
    XRequestId = "X-Request-ID",
    XCorrelationId = "X-Correlation-ID",
    XUserId = "X-User-ID",
    XUserEmail = "X-User-Email",
    XUserRoles = "X-User-Roles",
    XUserPermissions = "X-User-Permissions",
    XGatewayTimestamp = "X-Gateway-Timestamp",
    XApiKey = "X-API-Key",
    XCache = "X-Cache",
    XCacheKey = "X-Cache-Key",
    Traceparent = "traceparent",
    Tracestate = "tracestate",
    Location = "Location",
    Allow = "Allow",
    Etag = "ETag",
    LastModified = "Last-Modified",
    IfMatch = "If-Match",
    IfNoneMatch = "If-None-Match",
    IfModifiedSince = "If-Modified-Since",
    IfUnmodifiedSince = "If-Unmodified-Since",
    IfRange = "If-Range",
    Range = "Range",
    Age = "Age",
    Expires = "Expires",
    RetryAfter = "Retry-After",
    WwwAuthenticate = "WWW-Authenticate",
    ApiVersion = "API-Version",
    IdempotencyKey = "Idempotency-Key",
    Deprecation = "Deprecation",
    Sunset = "Sunset",
    RateLimit = "RateLimit",
    RateLimitPolicy = "RateLimit-Policy",
    RateLimitLimit = "RateLimit-Limit",
    RateLimitRemaining = "RateLimit-Remaining",
    RateLimitReset = "RateLimit-Reset",
    ContentSecurityPolicy = "Content-Security-Policy",
    CrossOriginOpenerPolicy = "Cross-Origin-Opener-Policy",
    CrossOriginResourcePolicy = "Cross-Origin-Resource-Policy",
    CrossOriginEmbedderPolicy = "Cross-Origin-Embedder-Policy",
    OriginAgentCluster = "Origin-Agent-Cluster",
    ReferrerPolicy = "Referrer-Policy",
    StrictTransportSecurity = "Strict-Transport-Security",
    XContentTypeOptions = "X-Content-Type-Options",
    XDnsPrefetchControl = "X-DNS-Prefetch-Control",
    XDownloadOptions = "X-Download-Options",
    XFrameOptions = "X-Frame-Options",
    XPermittedCrossDomainPolicies = "X-Permitted-Cross-Domain-Policies",
    XXssProtection = "X-XSS-Protection",
    PermissionsPolicy = "Permissions-Policy",
}

impl Known {
    /// How many there are, [`Known::Unknown`] included.
    pub const COUNT: usize = NAMES.len();

    /// The known name spelled so, whatever its case; [`Known::Unknown`] for any other bytes.
    #[inline]
    #[must_use]
    pub fn of(name: &[u8]) -> Known {
        let len = name.len();
        if !(SHORTEST..=LONGEST).contains(&len) {
            return Known::Unknown;
        }
        let entry = &ENTRIES[usize::from(TABLE[bucket(name, SEED)]) % SLOTS];
        if usize::from(entry.len) == len && same(&entry.lower, name) { entry.known } else { Known::Unknown }
    }

    /// The usual spelling; empty for [`Known::Unknown`].
    #[inline]
    #[must_use]
    pub const fn name(self) -> &'static str {
        NAMES[self as usize]
    }

    /// All known names, without [`Known::Unknown`].
    pub fn all() -> impl Iterator<Item = Known> {
        ALL.iter().copied().skip(1)
    }

    /// The name with this number, if there is one.
    #[inline]
    pub(crate) fn from_index(index: u8) -> Known {
        ALL.get(usize::from(index)).copied().unwrap_or(Known::Unknown)
    }
}

/// A set of known names. [`Known::Unknown`] is never a member: it stands for many names.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KnownSet(u128);

impl KnownSet {
    /// The set without members.
    #[must_use]
    pub const fn empty() -> KnownSet {
        KnownSet(0)
    }

    /// The set with these members.
    #[must_use]
    pub const fn of(names: &[Known]) -> KnownSet {
        let mut set = KnownSet(0);
        let mut i = 0;
        while i < names.len() {
            set = set.with(names[i]);
            i += 1;
        }
        set
    }

    /// This set and one more member.
    #[must_use]
    pub const fn with(self, name: Known) -> KnownSet {
        KnownSet((self.0 | (1 << name as u8)) & !1)
    }

    /// Adds a member.
    #[inline]
    pub fn insert(&mut self, name: Known) {
        *self = self.with(name);
    }

    /// Takes a member out.
    #[inline]
    pub fn remove(&mut self, name: Known) {
        self.0 &= !(1 << name as u8);
    }

    /// Whether `name` is a member.
    #[inline]
    #[must_use]
    pub const fn contains(self, name: Known) -> bool {
        (self.0 >> name as u8) & 1 == 1
    }

    /// Members of either.
    #[inline]
    #[must_use]
    pub const fn union(self, other: KnownSet) -> KnownSet {
        KnownSet(self.0 | other.0)
    }

    /// Members of both.
    #[inline]
    #[must_use]
    pub const fn intersection(self, other: KnownSet) -> KnownSet {
        KnownSet(self.0 & other.0)
    }

    /// Whether there are no members.
    #[inline]
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The set of which the first number holds the members 0 to 63, and the second the others.
    #[inline]
    pub(crate) const fn from_halves(halves: [u64; 2]) -> KnownSet {
        KnownSet((halves[0] as u128 | (halves[1] as u128) << 64) & !1)
    }

    /// The members, in the order of [`Known`].
    pub fn iter(self) -> impl Iterator<Item = Known> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            if left == 0 {
                return None;
            }
            let index = left.trailing_zeros() as u8;
            left &= left - 1;
            Some(Known::from_index(index))
        })
    }
}

const _: () = assert!(NAMES.len() <= SLOTS, "a KnownSet has one bit for each known name");

const SEED: u64 = find_seed();
const TABLE: [u8; BUCKETS] = match fill(SEED) {
    Some(table) => table,
    None => panic!("the seed was found by filling the table"),
};

/// Bucket of a name of two bytes or more, from its length and two bytes each of its start, middle and end.
/// Letters hash alike in either case.
#[inline]
const fn bucket(name: &[u8], seed: u64) -> usize {
    let len = name.len();
    let (_, from_middle) = name.split_at(len / 2 - 1);
    let (Some(start), Some(middle), Some(end)) =
        (name.first_chunk::<2>(), from_middle.first_chunk::<2>(), name.last_chunk::<2>())
    else {
        return 0;
    };
    let letters = (u16::from_le_bytes(*start) as u64)
        | (u16::from_le_bytes(*middle) as u64) << 16
        | (u16::from_le_bytes(*end) as u64) << 32;
    let key = letters | 0x2020_2020_2020 | (len as u64) << 48;
    (key.wrapping_mul(seed) >> (64 - BUCKETS.trailing_zeros())) as usize
}

/// Shortest and longest known name, in bytes.
const SHORTEST: usize = 2;
const LONGEST: usize = 40;

/// A known name for comparison.
#[derive(Clone, Copy)]
struct Entry {
    /// In lower case.
    lower: [u8; LONGEST],
    len: u8,
    known: Known,
}

/// By number; filled up to [`SLOTS`], so that no index needs a check.
static ENTRIES: [Entry; SLOTS] = {
    let mut entries = [Entry { lower: [0; LONGEST], len: 0, known: Known::Unknown }; SLOTS];
    let mut i = 1;
    while i < NAMES.len() {
        let name = NAMES[i].as_bytes();
        assert!(name.len() >= SHORTEST && name.len() <= LONGEST);
        let mut at = 0;
        while at < name.len() {
            assert!(name[at].is_ascii_alphabetic() || name[at] == b'-', "`differs` knows only these");
            entries[i].lower[at] = name[at].to_ascii_lowercase();
            at += 1;
        }
        entries[i].len = name.len() as u8;
        entries[i].known = ALL[i];
        i += 1;
    }
    entries
};

/// Whether `name`, of at most [`LONGEST`] bytes, is `lower` but for case. A word at a time, the last one
/// overlapping those before: a call of `memcmp` costs more than most names take here.
#[inline]
fn same(lower: &[u8; LONGEST], name: &[u8]) -> bool {
    let lower = &lower[..name.len()];
    if let (Some(name_end), Some(lower_end)) = (name.last_chunk::<8>(), lower.last_chunk::<8>()) {
        let words = name.as_chunks::<8>().0.iter().zip(lower.as_chunks::<8>().0);
        words.fold(differs(*name_end, *lower_end), |bad, (name, lower)| bad | differs(*name, *lower)) == 0
    } else if let (Some(name_end), Some(lower_end)) = (name.last_chunk::<4>(), lower.last_chunk::<4>()) {
        let start = (name.first_chunk::<4>(), lower.first_chunk::<4>());
        let (Some(name), Some(lower)) = start else { return false };
        differs(pair(*name, *name_end), pair(*lower, *lower_end)) == 0
    } else {
        name.eq_ignore_ascii_case(lower)
    }
}

#[inline]
fn pair(a: [u8; 4], b: [u8; 4]) -> [u8; 8] {
    (u64::from(u32::from_le_bytes(a)) << 32 | u64::from(u32::from_le_bytes(b))).to_le_bytes()
}

/// Zero if eight bytes are the same but for the case of letters. The case bit may differ only in bytes from
/// 0x40 on; that it then is a letter follows from `lower` being letters and hyphens.
#[inline]
fn differs(name: [u8; 8], lower: [u8; 8]) -> u64 {
    let (name, lower) = (u64::from_le_bytes(name), u64::from_le_bytes(lower));
    (name ^ lower) & !((name >> 1) & 0x2020_2020_2020_2020)
}

const fn fill(seed: u64) -> Option<[u8; BUCKETS]> {
    let mut table = [0; BUCKETS];
    let mut i = 1;
    while i < NAMES.len() {
        let at = bucket(NAMES[i].as_bytes(), seed);
        if table[at] != 0 {
            return None;
        }
        table[at] = i as u8;
        i += 1;
    }
    Some(table)
}

const fn find_seed() -> u64 {
    let mut seed: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut tries = 0;
    while tries < 4096 {
        if fill(seed).is_some() {
            return seed;
        }
        seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f) | 1;
        tries += 1;
    }
    panic!("no seed separates the known names: widen BUCKETS or hash other characters")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_every_name_in_any_case() {
        for known in Known::all() {
            let name = known.name();
            for spelling in [name.to_owned(), name.to_ascii_lowercase(), name.to_ascii_uppercase()] {
                assert_eq!(Known::of(spelling.as_bytes()), known, "{spelling}");
            }
        }
    }

    #[test]
    fn takes_no_other_spelling_for_a_known_name() {
        for known in Known::all() {
            let name = known.name();
            for other in
                [format!("{name}x"), format!("x{name}"), name[1..].to_owned(), name.replace('-', "_")]
            {
                if other != name && !Known::all().any(|k| k.name().eq_ignore_ascii_case(&other)) {
                    assert_eq!(Known::of(other.as_bytes()), Known::Unknown, "{other}");
                }
            }
            for i in 0..name.len() {
                let mut other = name.as_bytes().to_vec();
                for bit in [0x80, 0x40, 0x10, 1] {
                    other[i] = name.as_bytes()[i] ^ bit;
                    if !Known::all().any(|k| k.name().as_bytes().eq_ignore_ascii_case(&other)) {
                        assert_eq!(Known::of(&other), Known::Unknown, "{other:?}");
                    }
                }
            }
        }
        for other in [&b""[..], b"x", b"xx", b"content\rlength", b"CONTENT\rLENGTH", b"t\x25", &[b'x'; 99]] {
            assert_eq!(Known::of(other), Known::Unknown, "{other:?}");
        }
    }

    #[test]
    fn a_set_never_holds_the_unknown() {
        let mut set = KnownSet::of(&[Known::Unknown, Known::Host]);
        set.insert(Known::Unknown);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Known::Host]);
        assert!(!set.contains(Known::Unknown));
        set.remove(Known::Host);
        assert!(set.is_empty());
    }
}
