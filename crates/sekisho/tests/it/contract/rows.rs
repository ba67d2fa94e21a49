//! The rows, with the contract's words for when each holds.

use std::ops::RangeInclusive;

use serde_json::{Value, json};

use super::KEY;
use crate::access::basic_auth::line as password;
use crate::jwt::signer::{claims, hs256, now, token};

/// One way to be refused, and the answer to it.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) says: &'static str,
    pub(super) path: &'static str,
    /// Header lines of the request.
    pub(super) lines: String,
    /// The client's address.
    pub(super) from: &'static str,
    /// The statuses of such requests before it.
    pub(super) before: &'static [u16],
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) error: &'static str,
    pub(super) detail: &'static str,
    pub(super) members: Vec<(&'static str, Value)>,
    pub(super) challenges: &'static [&'static str],
    /// The policy whose limit is told.
    pub(super) limited_by: Option<&'static str>,
    /// What `Retry-After` may say, in seconds.
    pub(super) retry: Option<RangeInclusive<u64>>,
    /// Whether the client's connection ends with it.
    pub(super) closes: bool,
    /// Who decided, as the log says.
    pub(super) by: &'static str,
    /// Why, as the log says; alternatives with `|` between them.
    pub(super) why: &'static str,
}

const BEARER: &[&str] = &["Bearer"];
const INVALID: &[&str] = &["Bearer error=\"invalid_token\""];
const API_KEY: &[&str] = &["ApiKey realm=\"sekisho\""];
const BASIC: &[&str] = &["Basic realm=\"sekisho\", charset=\"UTF-8\""];
const BOTH: &[&str] = &[API_KEY[0], BASIC[0]];

const PRESENT_A_TOKEN: &str =
    "This needs a token; send it as `Authorization: Bearer TOKEN`, or as the service's documentation says.";
const GET_ANOTHER: &str = "The credential was not accepted; get a new one and send the request again.";

impl Row {
    pub(super) const fn of(
        (status, code, error, detail): (u16, &'static str, &'static str, &'static str),
        says: &'static str,
        path: &'static str,
    ) -> Self {
        Self {
            says,
            path,
            lines: String::new(),
            from: "127.0.0.1",
            before: &[],
            status,
            code,
            error,
            detail,
            members: Vec::new(),
            challenges: &[],
            limited_by: None,
            retry: None,
            closes: false,
            by: "",
            why: "",
        }
    }

    pub(super) fn with(mut self, lines: impl Into<String>) -> Self {
        self.lines = lines.into();
        self
    }

    const fn challenging(mut self, challenges: &'static [&'static str]) -> Self {
        self.challenges = challenges;
        self
    }

    pub(super) const fn decided(mut self, by: &'static str, why: &'static str) -> Self {
        (self.by, self.why) = (by, why);
        self
    }

    /// The status in words (RFC 9110 §15, RFC 6585 §4).
    pub(super) fn title(&self) -> &'static str {
        match self.status {
            401 => "Unauthorized",
            403 => "Forbidden",
            429 => "Too Many Requests",
            502 => "Bad Gateway",
            503 => "Service Unavailable",
            504 => "Gateway Timeout",
            status => panic!("no row of this kind: {status}"),
        }
    }
}

pub(super) type Kind = (u16, &'static str, &'static str, &'static str);

const MISSING: Kind = (401, "AUTH_MISSING_TOKEN", "Missing or invalid authorization header", PRESENT_A_TOKEN);
const FAILED: Kind = (401, "AUTH_FAILED", "Authentication failed", GET_ANOTHER);
const INVALID_USER: Kind = (
    401,
    "AUTH_INVALID_TOKEN",
    "Invalid or expired token",
    "The credential names a user who cannot be served; sign in again.",
);
const REQUIRED: Kind =
    (401, "AUTH_REQUIRED", "Authentication required", "Only known users may do this; send a credential.");
const FORBIDDEN: Kind =
    (403, "AUTH_FORBIDDEN", "Insufficient permissions", "This user may not do this; ask for the permission.");
const LIMITED: &str = "The limit is used up; wait as long as `Retry-After` says.";
const ADDRESS_LIMITED: Kind = (429, "RATE_LIMITED", "Too many requests from this IP", LIMITED);
const USER_LIMITED: Kind = (429, "RATE_LIMITED", "Too many requests for this user", LIMITED);
const ADDRESS: Kind =
    (403, "IP_FORBIDDEN", "Address not allowed", "Requests from this address are not served.");

pub(super) fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

fn signed_by(secret: &str, algorithm: &str) -> String {
    let header = json!({"alg": algorithm, "typ": "JWT"}).to_string();
    bearer(&hs256(secret.as_bytes(), &header, &claims(&json!({})).to_string()))
}

/// All of them, in the contract's order.
pub(super) fn all() -> Vec<Row> {
    let mut rows = tokens();
    rows.extend(users());
    rows.extend(permissions());
    rows.extend(limits());
    rows.extend(others());
    rows
}

fn tokens() -> Vec<Row> {
    let missing = |says, lines: &str| {
        Row::of(MISSING, says, "/token").with(lines).challenging(BEARER).decided("jwt", "no_credential")
    };
    let failed = |says, lines: String, why| {
        Row::of(FAILED, says, "/token").with(lines).challenging(INVALID).decided("jwt", why)
    };
    let claiming = |claims: Value| bearer(&token(&claims));
    vec![
        missing("no `Authorization: Bearer …`: no header", ""),
        missing("no `Authorization: Bearer …`: another scheme", "Authorization: Basic YTpi\r\n"),
        missing("no `Authorization: Bearer …`: no token", "Authorization: Bearer\r\n"),
        failed("signature wrong", signed_by("another secret of thirty-two byte", "HS256"), "bad_signature"),
        failed("expiry wrong", claiming(json!({"exp": now() - 1})), "expired"),
        failed("audience wrong", claiming(json!({"aud": "till"})), "audience"),
        failed("issuer wrong", claiming(json!({"iss": "https://other.test"})), "issuer"),
        failed("algorithm wrong", signed_by(crate::jwt::signer::SECRET, "HS512"), "algorithm"),
    ]
}

fn users() -> Vec<Row> {
    let refused = |says, name: &str, why| {
        let row = Row::of(INVALID_USER, says, "/user").with(bearer(&token(&json!({"sub": name}))));
        row.challenging(INVALID).decided("user_lookup", why)
    };
    vec![
        refused("token good, user unknown", "ghost", "unknown_user"),
        refused("token good, user not active", "sleeper", "user_not_active"),
        Row::of(INVALID_USER, "password good, user unknown", "/user/password")
            .with(password("ghost", "correct horse"))
            .challenging(BASIC)
            .decided("user_lookup", "unknown_user"),
    ]
}

fn permissions() -> Vec<Row> {
    let nobody = |says, path, challenges| {
        Row::of(REQUIRED, says, path).challenging(challenges).decided("authorize", "not_authenticated")
    };
    let reader = |says, path| {
        let token = token(&json!({"permissions": ["order:read"]}));
        Row::of(FORBIDDEN, says, path).with(bearer(&token)).decided("authorize", "lacks_permission")
    };
    let mut disclosed = reader("none of the permissions", "/permission");
    disclosed.members =
        vec![("required", json!(["order:write", "order:admin"])), ("current", json!(["order:read"]))];
    vec![
        nobody("authorisation on a route that nobody authenticated on", "/nobody", BEARER),
        nobody("the same where a password would do", "/nobody/password", BASIC),
        nobody("the same where a key or a password would do", "/nobody/several", BOTH),
        disclosed,
        reader("none of the permissions, hidden by `disclose: false`", "/permission/quiet"),
    ]
}

fn limits() -> Vec<Row> {
    let limited = |row: Row, by| Row {
        before: &[200],
        members: vec![("retryAfter", "15 minutes".into())],
        limited_by: Some(by),
        retry: Some(840..=900),
        by,
        why: "over_the_limit",
        ..row
    };
    let ada = bearer(&token(&json!({"sub": "ada"})));
    vec![
        limited(Row::of(ADDRESS_LIMITED, "over a limit, of an address", "/limit/address"), "rate_limit"),
        limited(Row::of(USER_LIMITED, "over a limit, of a user", "/limit/user").with(ada), "quota"),
    ]
}

fn others() -> Vec<Row> {
    let address = Row::of(ADDRESS, "address not allowed", "/address").decided("ip_filter", "denied");
    let key = |says, lines: String, why| {
        Row::of(FAILED, says, "/key").with(lines).challenging(API_KEY).decided("api_key", why)
    };
    let basic = |says, lines: String, why| {
        Row::of(FAILED, says, "/password").with(lines).challenging(BASIC).decided("basic_auth", why)
    };
    vec![
        Row { from: "127.0.0.2", ..address },
        key("API key wrong", "X-API-Key: sk_another_key_of_the_same_size\r\n".into(), "unknown_key"),
        key("API key twice", format!("X-API-Key: {KEY}\r\n").repeat(2), "duplicate"),
        basic("basic credentials wrong: password", password("ghost", "wrong"), "wrong_password"),
        basic("basic credentials wrong: user", password("nobody", "correct horse"), "unknown_user"),
    ]
}
