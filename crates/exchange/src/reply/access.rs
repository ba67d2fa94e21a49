//! The answers to those who may not pass: who they are, what they may do, how often.

use std::borrow::Cow;

use sekisho_units::Span;
use serde_json::Value;

use super::{Content, Reply};
use crate::Challenges;

/// What a refused client may learn of permissions.
#[derive(Clone, Copy, Debug)]
pub struct Needed<'a> {
    /// Those that the route asks for.
    pub required: &'a [&'a str],
    /// Those that the client has.
    pub current: &'a [&'a str],
}

/// The rows of the contract for 401, 403, 429 and for what decides about them.
impl Reply {
    /// 401: there is no credential. `challenge` says which one would do (RFC 9110 §11.6.1).
    pub fn auth_missing(detail: &'static str, challenge: impl Into<Cow<'static, str>>) -> Self {
        Self::problem(401, "AUTH_MISSING_TOKEN", "Missing or invalid authorization header", detail)
            .header("WWW-Authenticate", challenge)
            .because("no_credential")
    }

    /// 401: there is a credential, and it is not good. Why is for the log alone.
    pub fn auth_failed(
        challenge: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::problem(
            401,
            "AUTH_FAILED",
            "Authentication failed",
            "The credential was not accepted; get a new one and send the request again.",
        )
        .header("WWW-Authenticate", challenge)
        .because(reason)
    }

    /// 401: the credential, for which the policy `by` vouches, is good, but its user is unknown or not active.
    pub fn auth_invalid_user(challenges: &Challenges, by: &str, reason: &'static str) -> Self {
        let reply = Self::problem(
            401,
            "AUTH_INVALID_TOKEN",
            "Invalid or expired token",
            "The credential names a user who cannot be served; sign in again.",
        );
        reply.challenging(challenges.to_one_known(by)).because(reason)
    }

    /// 401: the route asks for permissions, and nobody has said who the client is.
    pub fn auth_required(challenges: &Challenges) -> Self {
        let reply = Self::problem(
            401,
            "AUTH_REQUIRED",
            "Authentication required",
            "Only known users may do this; send a credential.",
        );
        reply.challenging(challenges.to_nobody()).because("not_authenticated")
    }

    /// With a line for each challenge.
    fn challenging(self, challenges: impl Iterator<Item = Cow<'static, str>>) -> Self {
        challenges.fold(self, |reply, challenge| reply.header("WWW-Authenticate", challenge))
    }

    /// 403: the user may not do this; with `needed`, what would be needed.
    pub fn forbidden(needed: Option<Needed<'_>>, reason: impl Into<Cow<'static, str>>) -> Self {
        let reply = Self::problem(
            403,
            "AUTH_FORBIDDEN",
            "Insufficient permissions",
            "This user may not do this; ask for the permission.",
        )
        .because(reason);
        let list =
            |texts: &[&str]| Value::from(texts.iter().map(|text| Value::from(*text)).collect::<Vec<_>>());
        match needed {
            Some(Needed { required, current }) => {
                reply.member("required", list(required)).member("current", list(current))
            }
            None => reply,
        }
    }

    /// 403: no client of this address is served.
    pub fn ip_forbidden(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::problem(
            403,
            "IP_FORBIDDEN",
            "Address not allowed",
            "Requests from this address are not served.",
        )
        .because(reason)
    }

    /// 429: too many requests of whoever `of` says, as in `IP` or `user`, for so long still. `period` is the limit's.
    pub fn rate_limited(of: RateOf, period: Span, after: Span) -> Self {
        let error = match of {
            RateOf::Ip => "Too many requests from this IP",
            RateOf::User => "Too many requests for this user",
            RateOf::Other => "Too many requests",
        };
        Self::problem(429, "RATE_LIMITED", error, "The limit is used up; wait as long as `Retry-After` says.")
            .member("retryAfter", period.words())
            .header("Retry-After", after.as_secs_ceil().max(1).to_string())
            .because("over_the_limit")
    }

    /// 401, 403 or a redirection: what a service that was asked about the client has to say to it, with these of its header
    /// lines and its body (media type and bytes). An error without a body is a problem document.
    pub fn said_elsewhere(
        status: u16,
        lines: Vec<(Cow<'static, str>, Cow<'static, str>)>,
        body: Option<(String, Vec<u8>)>,
    ) -> Self {
        let mut reply = match status {
            401 => Self::auth_failed("", "refused_elsewhere"),
            403 => Self::forbidden(None, "refused_elsewhere"),
            _ => Self::plain(status, Content::Empty, "sent_elsewhere"),
        };
        reply.headers = lines;
        if let Some((content_type, bytes)) = body {
            reply.content = Content::Bytes { content_type: content_type.into(), bytes: bytes.into() };
        }
        reply
    }

    /// 503: something that decides about requests cannot be asked, and without it nobody may pass.
    pub fn dependency_unavailable(dependency: &str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::problem(
            503,
            "DEPENDENCY_UNAVAILABLE",
            "Service temporarily unavailable",
            "Something that decides about requests cannot be asked; try again shortly.",
        )
        .member("dependency", dependency)
        .because(reason)
    }
}

/// Whose requests a limit counts, as the answer says it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RateOf {
    /// Those of an address.
    Ip,
    /// Those of a user.
    User,
    /// Others.
    Other,
}
