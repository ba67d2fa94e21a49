//! [`Rules`]: what a token must be besides well signed (RFC 7519 §4.1, §7.2; RFC 8725 §3).

use std::time::Duration;

use sekisho_units::Wall;

use crate::algorithm::Algorithms;
use crate::claims::Claims;
use crate::error::Error;
use crate::json::{Value, says};

/// What is asked of a token.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The algorithms that a token may be signed by. None by default, so that nothing passes until some are named.
    pub algorithms: Algorithms,
    /// `iss` must be one of these. Empty by default: `iss` is not looked at.
    pub issuers: Vec<String>,
    /// `aud` must hold one of these. Empty by default: `aud` is not looked at.
    pub audiences: Vec<String>,
    /// What `typ` may be.
    pub types: Types,
    /// Whether a token must end some day.
    pub expiry: Expiry,
    /// How far the issuer's clock may be off. Default 30 s.
    pub leeway: Duration,
    /// The longest token, in bytes. Default 16 KiB.
    pub max_token: usize,
}

/// What the header's `typ` may be. Letters of either case are the same, and so is a leading `application/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Types {
    /// Missing, `JWT` or `at+jwt` (RFC 9068).
    #[default]
    Usual,
    /// One of these, and never missing.
    Only(Vec<String>),
}

/// Whether a token must have `exp`. One that has it is refused after it in either case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expiry {
    /// It must.
    #[default]
    Required,
    /// A token without it never expires.
    Optional,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            algorithms: Algorithms::default(),
            issuers: Vec::new(),
            audiences: Vec::new(),
            types: Types::default(),
            expiry: Expiry::default(),
            leeway: Duration::from_secs(30),
            max_token: 16 * 1024,
        }
    }
}

/// The registered claims that rules look at.
#[derive(Default)]
struct Registered<'a> {
    exp: Option<&'a str>,
    nbf: Option<&'a str>,
    iat: Option<&'a str>,
    iss: Option<&'a str>,
    aud: Option<&'a str>,
}

impl Rules {
    /// Judges the header's type.
    pub(crate) fn check_type(&self, typ: Option<&str>) -> Result<(), Error> {
        let fine = match (&self.types, typ) {
            (Types::Usual, None) => true,
            (Types::Only(_), None) => false,
            (Types::Usual, Some(typ)) => ["JWT", "at+jwt"].iter().any(|one| alike(one, typ)),
            (Types::Only(types), Some(typ)) => types.iter().any(|one| alike(one, typ)),
        };
        if fine { Ok(()) } else { Err(Error::Type) }
    }

    /// Judges the claims at a time; when they expire, leeway left aside.
    #[inline]
    pub(crate) fn check(&self, claims: &Claims, now: Wall) -> Result<Option<Wall>, Error> {
        let registered = Registered::of(claims);
        let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        let leeway = i64::try_from(self.leeway.as_millis()).unwrap_or(i64::MAX);
        let expires = match registered.exp {
            Some(exp) => Some(date(exp)?),
            None if self.expiry == Expiry::Required => return Err(Error::NoExpiry),
            None => None,
        };
        if expires.is_some_and(|expires| now >= expires.saturating_add(leeway)) {
            return Err(Error::Expired);
        }
        let latest = now.saturating_add(leeway);
        if let Some(nbf) = registered.nbf
            && date(nbf)? > latest
        {
            return Err(Error::NotYetValid);
        }
        if let Some(iat) = registered.iat
            && date(iat)? > latest
        {
            return Err(Error::IssuedInFuture);
        }
        self.check_issuer(registered.iss.map(Value::new))?;
        self.check_audience(registered.aud.map(Value::new))?;
        Ok(expires.map(|expires| Wall::from_millis(u64::try_from(expires).unwrap_or(0))))
    }

    fn check_issuer(&self, iss: Option<Value<'_>>) -> Result<(), Error> {
        if self.issuers.is_empty() {
            return Ok(());
        }
        let iss = iss.ok_or(Error::Issuer)?;
        if self.issuers.iter().any(|issuer| iss.is(issuer)) {
            return Ok(());
        }
        Err(if iss.text().is_some() { Error::Issuer } else { Error::ClaimType })
    }

    fn check_audience(&self, aud: Option<Value<'_>>) -> Result<(), Error> {
        if self.audiences.is_empty() {
            return Ok(());
        }
        let aud = aud.ok_or(Error::Audience)?;
        let ours = |one: Value<'_>| self.audiences.iter().any(|audience| one.is(audience));
        let fine = match aud.items() {
            Some(mut items) => items.any(ours),
            None if aud.text().is_some() => ours(aud),
            None => return Err(Error::ClaimType),
        };
        if fine { Ok(()) } else { Err(Error::Audience) }
    }
}

impl<'a> Registered<'a> {
    #[inline]
    fn of(claims: &'a Claims) -> Self {
        let mut found = Self::default();
        let members = claims.members();
        for (name, value) in members.iter(claims.json()) {
            let place = match name {
                "exp" => &mut found.exp,
                "nbf" => &mut found.nbf,
                "iat" => &mut found.iat,
                "iss" => &mut found.iss,
                "aud" => &mut found.aud,
                _ if members.escaped() => match found.spelt_out(name) {
                    Some(place) => place,
                    None => continue,
                },
                _ => continue,
            };
            *place = Some(value);
        }
        found
    }

    /// The place of a name that is written with escapes.
    fn spelt_out(&mut self, name: &str) -> Option<&mut Option<&'a str>> {
        let all = [
            ("exp", &mut self.exp),
            ("nbf", &mut self.nbf),
            ("iat", &mut self.iat),
            ("iss", &mut self.iss),
            ("aud", &mut self.aud),
        ];
        all.into_iter().find(|(own, _)| says(name, own)).map(|(_, place)| place)
    }
}

/// A NumericDate (RFC 7519 §2) in milliseconds; dates beyond all reason stay at the last one.
#[inline]
fn date(raw: &str) -> Result<i64, Error> {
    // Nearly all are ten digits.
    if raw.len() <= 12
        && let Some(seconds) = digits(raw)
    {
        return Ok(seconds * 1_000);
    }
    let seconds = Value::new(raw).number().ok_or(Error::ClaimType)?;
    // Saturates, and is finite since the scanner saw it.
    Ok((seconds * 1_000.0) as i64)
}

/// The number that a few digits are.
#[inline]
fn digits(raw: &str) -> Option<i64> {
    raw.bytes().try_fold(0, |sum, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 { Some(sum * 10 + i64::from(digit)) } else { None }
    })
}

fn alike(one: &str, other: &str) -> bool {
    let bare = |typ: &str| {
        typ.split_at_checked(12)
            .filter(|(front, _)| front.eq_ignore_ascii_case("application/"))
            .map_or(0, |_| 12)
    };
    one[bare(one)..].eq_ignore_ascii_case(&other[bare(other)..])
}
