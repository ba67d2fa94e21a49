//! Every row of the contract that refuses a client with 401, 403 or 429, in its order: the whole head, the whole body, and what
//! the log says. A row that is missing here is a promise that nobody keeps.

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
        for _ in 0..row.passes {
            let answer = send(&gateway, "GET", &row);
            assert_eq!(answer.status, 200, "{}: {}", row.says, answer.text());
        }
        let seen = service.requests();
        let answer = send(&gateway, "GET", &row);
        assert_eq!(answer.status, row.status, "{}: {}", row.says, answer.text());
        assert_body(&answer, &row);
        assert_head(&answer, &row);
        let line = gateway.wait_log_of(&answer);
        assert_eq!(
            (line["decided_by"].as_str(), line["reason"].as_str()),
            (Some(row.by), Some(row.why)),
            "{}",
            row.says
        );
        assert_eq!(line["statusCode"], row.status, "{}", row.says);
        // HEAD is refused as GET is, without the body (RFC 9110 §9.3.2).
        let head = send(&gateway, "HEAD", &row);
        assert_eq!((head.status, names(&head)), (row.status, names(&answer)), "{}", row.says);
        assert_eq!(service.requests(), seen, "{}: the service learns nothing of it", row.says);
    }
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
    let value = |name: &str| answer.header(name).unwrap_or_default().to_owned();
    for name in ["x-request-id", "x-correlation-id"] {
        let id = value(name);
        assert!(id.len() == 36 && id.matches('-').count() == 4, "{}: {name}: {id}", row.says);
    }
    assert!(value("date").ends_with(" GMT"), "{}", row.says);
    let mut want: Vec<(String, String)> =
        ["date", "x-request-id", "x-correlation-id"].map(|name| (name.to_owned(), value(name))).into();
    let mut line = |name: &str, value: &str| want.push((name.to_owned(), value.to_owned()));
    line("content-type", "application/problem+json");
    line("content-length", &answer.body.len().to_string());
    line("cache-control", "no-store");
    HELMET.iter().for_each(|(name, value)| line(name, value));
    row.challenges.iter().for_each(|challenge| line("www-authenticate", challenge));
    if let Some(policy) = row.limited_by {
        let after = value("retry-after");
        assert!(
            after.parse().is_ok_and(|seconds: u64| (840..=900).contains(&seconds)),
            "{}: {after}",
            row.says
        );
        line("retry-after", &after);
        line("ratelimit-limit", "1");
        line("ratelimit-remaining", "0");
        line("ratelimit-reset", &after);
        line("ratelimit-policy", &format!("\"{policy}\";q=1;w=900"));
        line("ratelimit", &format!("\"{policy}\";r=0;t={after}"));
    }
    let mut got: Vec<(String, String)> =
        answer.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
    // Those of one name keep their order.
    got.sort_by(|one, other| one.0.cmp(&other.0));
    want.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(got, want, "{}", row.says);
}

fn names(answer: &Answer) -> Vec<String> {
    answer.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect()
}
