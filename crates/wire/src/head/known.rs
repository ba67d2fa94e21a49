//! The field names the gateway itself has an opinion on, as small numbers.
//!
//! A name is recognised by one hash of its first and last eight characters, a table load and a comparison,
//! which for names of up to sixteen characters is one of the two words that were hashed. The hash's seed is
//! searched for at compile time, so adding a name never needs tuning.

use crate::field::word;

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
    XRequestDeadline = "X-Request-Deadline",
    GrpcTimeout = "grpc-timeout",
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
        let (start, end) = match (name.first_chunk::<8>(), name.last_chunk::<8>()) {
            (Some(start), Some(end)) => {
                (folded(u64::from_le_bytes(*start)), folded(u64::from_le_bytes(*end)))
            }
            _ => (folded(word(name)), 0),
        };
        let entry = &ENTRIES[usize::from(TABLE[bucket(start, end, len, SEED)]) % SLOTS];
        let same = entry.start == start && entry.end == end && usize::from(entry.len) == len;
        if same && (len <= 16 || same_middle(&entry.lower, name)) { entry.known } else { Known::Unknown }
    }

    /// The usual spelling; empty for [`Known::Unknown`].
    #[inline]
    #[must_use]
    pub const fn name(self) -> &'static str {
        NAMES[self as usize]
    }

    /// The usual spelling, a colon and a space, filled up to a fixed length, and how long it is without that.
    #[inline]
    pub(crate) fn lead(self) -> (&'static [u8; LEAD], usize) {
        let lead = &LEADS[self as usize % SLOTS];
        (&lead.0, usize::from(lead.1))
    }

    /// All known names, without [`Known::Unknown`].
    pub fn all() -> impl Iterator<Item = Known> {
        ALL.iter().copied().skip(1)
    }

    /// The name's bit in a [`KnownSet`]; none for [`Known::Unknown`].
    #[inline]
    const fn bit(self) -> u128 {
        // Halves, since shifting the whole costs twice as much.
        let bit = (1u64 << (self as u8 % 64)) as u128;
        if self as u8 >= 64 { bit << 64 } else { bit & !1 }
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
        KnownSet(self.0 | name.bit())
    }

    /// Adds a member.
    #[inline]
    pub fn insert(&mut self, name: Known) {
        *self = self.with(name);
    }

    /// Takes a member out.
    #[inline]
    pub fn remove(&mut self, name: Known) {
        self.0 &= !name.bit();
    }

    /// Whether `name` is a member.
    #[inline]
    #[must_use]
    pub const fn contains(self, name: Known) -> bool {
        let half = if (name as u8) < 64 { self.0 as u64 } else { (self.0 >> 64) as u64 };
        (half >> (name as u8 % 64)) & 1 == 1
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
    #[inline]
    pub fn iter(self) -> impl Iterator<Item = Known> {
        bits(self.0).map(|index| Known::from_index(index as u8))
    }
}

/// The indices of the bits that are set, ascending.
#[inline]
pub(crate) fn bits(set: u128) -> impl Iterator<Item = usize> {
    // In halves, since arithmetic on the whole costs twice as much.
    let (mut low, mut high) = (set as u64, (set >> 64) as u64);
    std::iter::from_fn(move || {
        let (half, start) = if low != 0 { (&mut low, 0) } else { (&mut high, 64) };
        if *half == 0 {
            return None;
        }
        let index = start + half.trailing_zeros() as usize;
        *half &= *half - 1;
        Some(index)
    })
}

const _: () = assert!(NAMES.len() <= SLOTS, "a KnownSet has one bit for each known name");

const SEED: u64 = find_seed();
const TABLE: [u8; BUCKETS] = match fill(SEED) {
    Some(table) => table,
    None => panic!("the seed was found by filling the table"),
};

/// Bucket of a name from its first and its last eight characters, the latter zero for shorter names, and its
/// length.
#[inline]
const fn bucket(start: u64, end: u64, len: usize, seed: u64) -> usize {
    let key = (start ^ end.rotate_left(29)).wrapping_add(len as u64).wrapping_mul(seed);
    (key >> (64 - BUCKETS.trailing_zeros())) as usize
}

/// Eight characters with letters in lower case. Two that fold to the same are the same but for case if one of
/// them is a letter or a hyphen: only bytes from 0x40 on are changed.
#[inline]
const fn folded(word: u64) -> u64 {
    word | ((word >> 1) & 0x2020_2020_2020_2020)
}

/// Longest known name, in bytes.
const LONGEST: usize = 40;

/// A known name for comparison, in lower case.
#[derive(Clone, Copy)]
struct Entry {
    /// The first eight bytes, filled up with zeros, and the last eight, or zero if there are not as many.
    start: u64,
    end: u64,
    len: u8,
    known: Known,
    lower: [u8; LONGEST],
}

/// Room for a name, a colon and a space, in whole vector registers.
const LEAD: usize = 48;

/// Beginnings of lines by number.
static LEADS: [([u8; LEAD], u8); SLOTS] = {
    let mut leads = [([0; LEAD], 0); SLOTS];
    let mut i = 1;
    while i < NAMES.len() {
        let name = NAMES[i].as_bytes();
        let (text, len) = &mut leads[i];
        let (start, rest) = text.split_at_mut(name.len());
        start.copy_from_slice(name);
        rest[0] = b':';
        rest[1] = b' ';
        *len = name.len() as u8 + 2;
        i += 1;
    }
    leads
};

/// By number; filled up to [`SLOTS`], so that no index needs a check. The first one is no name at all.
static ENTRIES: [Entry; SLOTS] = {
    let none = Entry { start: 0, end: 0, len: 0, known: Known::Unknown, lower: [0; LONGEST] };
    let mut entries = [none; SLOTS];
    let mut i = 1;
    while i < NAMES.len() {
        entries[i] = entry(ALL[i]);
        i += 1;
    }
    entries
};

const fn entry(known: Known) -> Entry {
    let name = known.name().as_bytes();
    assert!(!name.is_empty() && name.len() <= LONGEST);
    let mut lower = [0; LONGEST];
    let mut at = 0;
    while at < name.len() {
        assert!(name[at].is_ascii_alphabetic() || name[at] == b'-', "`folded` knows only these");
        lower[at] = name[at].to_ascii_lowercase();
        at += 1;
    }
    let start = match lower.first_chunk::<8>() {
        Some(start) => u64::from_le_bytes(*start),
        None => 0,
    };
    let end = match lower.split_at(name.len()).0.last_chunk::<8>() {
        Some(end) => u64::from_le_bytes(*end),
        None => 0,
    };
    Entry { start, end, len: name.len() as u8, known, lower }
}

/// Whether `name`, of at most [`LONGEST`] bytes, is `lower` but for case, in all but the first and last eight.
#[inline]
fn same_middle(lower: &[u8; LONGEST], name: &[u8]) -> bool {
    let words = name.as_chunks::<8>().0.iter().zip(lower.as_chunks::<8>().0).skip(1);
    words.fold(0, |differ, (name, lower)| {
        differ | (folded(u64::from_le_bytes(*name)) ^ u64::from_le_bytes(*lower))
    }) == 0
}

/// The hashed parts of each name, reckoned once: the search for the seed reads them some hundred times.
const KEYS: [(u64, u64); NAMES.len()] = {
    let mut keys = [(0, 0); NAMES.len()];
    let mut i = 1;
    while i < NAMES.len() {
        keys[i] = (ENTRIES[i].start, ENTRIES[i].end);
        i += 1;
    }
    keys
};

const fn fill(seed: u64) -> Option<[u8; BUCKETS]> {
    let mut table = [0; BUCKETS];
    let mut i = 1;
    while i < NAMES.len() {
        let at = bucket(KEYS[i].0, KEYS[i].1, NAMES[i].len(), seed);
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
