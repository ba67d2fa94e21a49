//! Cache deception: no address makes one user's answer everybody's.

use crate::access::api_key::hash;
use crate::cache::{did, gateway, get};
use crate::harness::{Answer, Gateway, Service, ok};

/// A shop that shows whom it believes to see, by the session in a cookie or by what the gateway tells it, at whatever is beneath
/// `/account`, and says nothing of caches; all else is for everybody.
fn shop(more: &'static str) -> Service {
    Service::answering(move |request| {
        let who = request.header("x-user-id").or(request.header("cookie")).unwrap_or("nobody");
        let body = if request.target.starts_with("/account") {
            format!("secrets of {who}")
        } else {
            "for all".to_owned()
        };
        String::from_utf8(ok("text/css", body))
            .unwrap()
            .replacen("\r\n", &format!("\r\n{more}"), 1)
            .into_bytes()
    })
}

/// What an attacker lets others ask for.
const BAITS: [&str; 10] = [
    "/account/profile.css",
    "/account;profile.css",
    "/account%2Fprofile.css",
    "/account/;/x.js",
    "/account%3Fx.css",
    "/account%23x.css",
    "/account.css",
    "/account?x.css",
    "/account/..%2fstatic.css",
    "/static/../account/x.png",
];

#[test]
fn a_page_of_a_session_is_never_somebody_elses() {
    for more in ["", "ETag: \"a\"\r\n", "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n"] {
        let shop = shop(more);
        for cache in [
            "",
            "ttl: 1h, heuristic: 10%",
            "ttl_of: { 200-599: 1h }, stale_if_error: 1h, stale_while_revalidate: 1h",
        ] {
            let gateway = gateway(&shop, cache, "");
            for bait in BAITS {
                let victim = get(&gateway, bait, "Cookie: session=ada\r\n");
                for lines in ["", "Cookie: session=eve\r\n"] {
                    let attacker = get(&gateway, bait, lines);
                    assert!(
                        !attacker.text().contains("session=ada"),
                        "{cache} {bait}: {} after {}",
                        attacker.text(),
                        victim.text()
                    );
                }
            }
        }
    }
}

#[test]
fn nor_is_the_page_of_nobody_a_sessions() {
    let shop = shop("");
    let gateway = gateway(&shop, "", "");
    assert_eq!(get(&gateway, "/account", "").text(), "secrets of nobody");
    assert_eq!(did(&get(&gateway, "/account", "")), "HIT");
    let ada = get(&gateway, "/account", "Cookie: session=ada\r\n");
    assert_eq!((did(&ada), ada.text().as_str()), ("MISS", "secrets of session=ada"));
    assert_eq!(did(&get(&gateway, "/account", "")), "HIT", "and nobody's is still there");
}

#[test]
fn cookies_mean_nothing_where_the_operator_or_the_service_says_so() {
    let silent = shop("");
    let ignoring = gateway(&silent, "request_cookies: ignored", "");
    for (cookie, word) in [("a=1", "MISS"), ("b=2", "HIT")] {
        assert_eq!(did(&get(&ignoring, "/x", &format!("Cookie: {cookie}\r\n"))), word);
    }
    for said in [
        "Cache-Control: max-age=60\r\n",
        "Cache-Control: public\r\n",
        "Expires: Thu, 18 Aug 2050 02:01:18 GMT\r\n",
    ] {
        let shop = shop(said);
        let gateway = gateway(&shop, "", "");
        for (cookie, word) in [("a=1", "MISS"), ("b=2", "HIT")] {
            assert_eq!(did(&get(&gateway, "/x", &format!("Cookie: {cookie}\r\n"))), word, "{said}");
        }
    }
    let varying = shop("Vary: Cookie\r\n");
    let gateway = gateway(&varying, "", "");
    for (cookie, word) in [("a=1", "MISS"), ("b=2", "MISS"), ("a=1", "HIT")] {
        assert_eq!(did(&get(&gateway, "/account", &format!("Cookie: {cookie}\r\n"))), word);
    }
}

/// The keys of ada and eve, who are known by them; nobody needs one.
fn keys() -> String {
    let key = |id: &str| format!("{{ id: {id}, hash: 'sha256:{}' }}", hash(&format!("k-{id}")));
    format!(", api_key: {{ keys: [{}, {}], required: false }}", key("ada"), key("eve"))
}

fn as_user(gateway: &Gateway, target: &str, user: &str) -> Answer {
    get(gateway, target, &format!("X-API-Key: k-{user}\r\n"))
}

#[test]
fn known_users_are_served_by_nobody_elses_answers() {
    for (said, cache) in [
        ("", ""),
        ("", "authenticated: true"),
        ("Cache-Control: max-age=60\r\n", ""),
        ("Cache-Control: max-age=60\r\n", "authenticated: true"),
        // Even if the service has it so: it cannot know what the gateway tells it of users.
        ("Cache-Control: max-age=60, public\r\n", "authenticated: true"),
        (
            "Cache-Control: s-maxage=60\r\nETag: \"same\"\r\n",
            "authenticated: true, stale_while_revalidate: 1h",
        ),
        ("Cache-Control: max-age=0\r\nETag: \"same\"\r\n", "authenticated: true, stale_if_error: 1h"),
    ] {
        let shop = shop(said);
        let gateway = gateway(&shop, cache, &keys());
        for bait in BAITS {
            let nobodys = get(&gateway, bait, "");
            // Some of them are no paths for the gateway.
            if nobodys.status == 400 {
                continue;
            }
            let beneath = nobodys.text();
            for user in ["ada", "eve", "ada", "eve"] {
                let own = as_user(&gateway, bait, user);
                let want = beneath.replace("nobody", user);
                assert_eq!(own.text(), want, "{said} {cache} {bait} for {user}");
            }
            assert_eq!(get(&gateway, bait, "").text(), beneath, "{said} {cache} {bait} for nobody");
        }
    }
}
