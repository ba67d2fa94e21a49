//! Rows of the contract: the whole head, the whole body, and what the log says. Here are those that refuse a client with 401, 403
//! or 429, in its order; those in which a service fails stand in `failures`, the page about services in `health`. A row that is
//! missing is a promise that nobody keeps.

mod failures;
mod health;
mod rows;

use serde_json::{Map, Value, json};

use self::rows::Row;
use crate::access::api_key::hash;
use crate::access::basic_auth::HASH;
use crate::harness::{Answer, Client, Gateway, Service, ok};
use crate::jwt::HS256;
use crate::policies::heads::HELMET;

/// A key for `/key`; its digest stands in the configuration.
const KEY: &str = "sk_0123456789abcdefghijklmnop";

/// Who a token may be about: `ghost` is unknown, `sleeper` is not active, all others are known and may read orders.
fn users() -> Service {
    Service::answering(|request| {
        let id = request.target.rsplit('/').next().unwrap_or_default();
        match id {
            "ghost" => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
            _ => {
                let user = json!({"id": id, "isActive": id != "sleeper", "permissions": ["order:read"], "roles": []});
                ok("application/json", user.to_string())
            }
        }
    })
}

/// A route for each way to be refused, and one that lets everybody pass.
fn config(service: &Service, users: &Service) -> String {
    let token = format!("jwt: {{ {HS256}, issuer: 'https://id.test', audience: shop, leeway: 0s }}");
    let key =
        |more: &str| format!("api_key: {{ keys: [{{ id: by-key, hash: 'sha256:{}' }}]{more} }}", hash(KEY));
    let password = |more: &str| format!("basic_auth: {{ users: [{{ name: ghost, hash: '{HASH}' }}]{more} }}");
    let lookup = "user_lookup: { service: users }";
    let write = "authorize: { any: ['order:write', 'order:admin']";
    let optional = ", required: false";
    let limit = "{ rate: 1/15m, algorithm: fixed_window }";
    let routes = [
        ("/token", token.clone()),
        ("/user", format!("{token}, {lookup}")),
        ("/user/password", format!("{}, {lookup}", password(""))),
        ("/nobody", format!("{write} }}")),
        ("/nobody/password", format!("{}, {write} }}", password(optional))),
        ("/nobody/several", format!("{}, {}, {write} }}", key(optional), password(optional))),
        ("/permission", format!("{token}, {write} }}")),
        ("/permission/quiet", format!("{token}, {write}, disclose: false }}")),
        ("/limit/address", format!("rate_limit: {limit}")),
        ("/limit/user", format!("{token}, quota: {limit}")),
        ("/address", "ip_filter: { deny: [127.0.0.2] }".to_owned()),
        ("/key", key("")),
        ("/password", password("")),
    ];
    let mut text = format!(
        "services: {{ a: {{ endpoints: [{}] }}, users: {{ endpoints: [{}] }} }}\n\
         policies: {{ security_headers: {{}} }}\nroutes:\n",
        service.url(),
        users.url()
    );
    for (path, policies) in routes {
        text.push_str(&format!(
            "- {{ path: {path}, service: a, public: true, policies: {{ {policies} }} }}\n"
        ));
    }
    text
}

#[track_caller]
fn send(gateway: &Gateway, method: &str, row: &Row) -> Answer {
    let mut client = Client::connect_from(row.from, gateway.addr);
    client.send(format!(
        "{method} {} HTTP/1.1\r\nHost: a\r\nX-Request-ID: mine\r\n{}\r\n",
        row.path, row.lines
    ));
    if method == "HEAD" { client.answer_to_head() } else { client.answer() }
}

#[test]
fn each_refusal_is_whole() {
    let (service, users) = (Service::echo(), users());
    let gateway = Gateway::start(&config(&service, &users));
    for row in rows::all() {
        for status in row.before {
            let answer = send(&gateway, "GET", &row);
            assert_eq!(answer.status, *status, "{}: {}", row.says, answer.text());
        }
        let seen = service.requests();
        assert_row(&gateway, &row);
        assert_eq!(service.requests(), seen, "{}: the service learns nothing of it", row.says);
    }
}

/// The whole answer, and what the log says of it.
#[track_caller]
fn assert_row(gateway: &Gateway, row: &Row) {
    let answer = send(gateway, "GET", row);
    assert_eq!(answer.status, row.status, "{}: {}", row.says, answer.text());
    assert_body(&answer, row);
    assert_head(&answer, row);
    let line = gateway.wait_log_of(&answer);
    assert_eq!(line["decided_by"], row.by, "{}: {line}", row.says);
    assert!(row.why.split('|').any(|why| line["reason"] == why), "{}: {line}", row.says);
    assert_eq!(line["statusCode"], row.status, "{}", row.says);
    // HEAD is refused as GET is, without the body (RFC 9110 §9.3.2).
    let head = send(gateway, "HEAD", row);
    assert_eq!((head.status, names(&head)), (row.status, names(&answer)), "{}", row.says);
}

/// The body: these members, no others, each with its value.
#[track_caller]
fn assert_body(answer: &Answer, row: &Row) {
    let body = answer.json();
    let mut want = Map::new();
    want.insert("type".into(), "about:blank".into());
    want.insert("title".into(), row.title().into());
    want.insert("status".into(), row.status.into());
    want.insert("detail".into(), row.detail.into());
    want.insert("error".into(), row.error.into());
    want.insert("code".into(), row.code.into());
    want.extend(row.members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    want.insert("request_id".into(), answer.header("x-request-id").into());
    let timestamp = body["timestamp"].as_str().unwrap_or_default();
    let shape: String = timestamp.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000Z", "{}: {timestamp}", row.says);
    want.insert("timestamp".into(), timestamp.into());
    assert_eq!(body, Value::Object(want), "{}", row.says);
    let order = ["type", "title", "status", "detail", "error", "code"];
    let places = order.map(|name| answer.text().find(&format!("\"{name}\":")));
    assert!(places.is_sorted() && places[0] == Some(1), "{}: {}", row.says, answer.text());
}

/// The head: these lines, no others, each once.
#[track_caller]
fn assert_head(answer: &Answer, row: &Row) {
    let mut lines = vec![("content-type", "application/problem+json"), ("cache-control", "no-store")];
    lines.extend(row.challenges.iter().map(|challenge| ("www-authenticate", *challenge)));
    if row.closes {
        lines.push(("connection", "close"));
    }
    let after = answer.header("retry-after").unwrap_or_default();
    if let Some(range) = &row.retry {
        let seconds = after.parse::<u64>();
        assert!(seconds.is_ok_and(|seconds| range.contains(&seconds)), "{}: {after}", row.says);
        lines.push(("retry-after", after));
    }
    let (policy, limit) = match row.limited_by {
        Some(policy) => (format!("\"{policy}\";q=1;w=900"), format!("\"{policy}\";r=0;t={after}")),
        None => Default::default(),
    };
    if row.limited_by.is_some() {
        lines.extend([("ratelimit-limit", "1"), ("ratelimit-remaining", "0"), ("ratelimit-reset", after)]);
        lines.extend([("ratelimit-policy", &*policy), ("ratelimit", &*limit)]);
    }
    assert_head_with(answer, row.says, &lines);
}

/// The head: these lines and those that every answer has, no others.
#[track_caller]
fn assert_head_with(answer: &Answer, says: &str, lines: &[(&str, &str)]) {
    assert_lines(answer, says, &[HELMET, lines].concat());
}

/// The head: these lines, the ids, the date and the length, no others.
#[track_caller]
fn assert_lines(answer: &Answer, says: &str, lines: &[(&str, &str)]) {
    let value = |name: &str| answer.header(name).unwrap_or_default();
    for name in ["x-request-id", "x-correlation-id"] {
        let id = value(name);
        assert!(id.len() == 36 && id.matches('-').count() == 4, "{says}: {name}: {id}");
    }
    assert!(value("date").ends_with(" GMT"), "{says}");
    let length = answer.body.len().to_string();
    let mut want = ["date", "x-request-id", "x-correlation-id"].map(|name| (name, value(name))).to_vec();
    want.push(("content-length", &length));
    want.extend(lines);
    let lower: Vec<_> = answer.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    let mut got: Vec<_> = lower
        .iter()
        .map(String::as_str)
        .zip(answer.headers.iter().map(|(_, value)| value.as_str()))
        .collect();
    // Those of one name keep their order.
    got.sort_by_key(|line| line.0);
    want.sort_by_key(|line| line.0);
    assert_eq!(got, want, "{says}");
}

fn names(answer: &Answer) -> Vec<String> {
    answer.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect()
}
