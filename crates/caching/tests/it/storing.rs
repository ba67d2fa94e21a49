//! Storing responses (§3), cacheability by status (RFC 9110 §15.1), authenticated requests (§3.5).

use sekisho_caching::{Choice, Cookies, Needed, NotStored, Policy, SetCookie, Sharing, Times, admit};
use sekisho_wire::Edits;

use crate::heads::{SILENT, at, choose, request, response, store, store_for};

#[test]
fn stores_what_section_3_allows_and_nothing_else() {
    use NotStored::{
        ClientNoStore, Method, NoStore, NotCacheable, Private, SetCookie, Status, Useless, VaryAny,
    };
    let fresh = "Cache-Control: max-age=60";
    for (paragraph, asked, answer, want) in [
        ("§3 method", "GET /", fresh, Ok(())),
        ("§3 method", "HEAD /", fresh, Err(Method)),
        ("§3 method", "POST /", fresh, Err(Method)),
        ("§3 method", "PURGE /", fresh, Err(Method)),
        ("§3 status", "", "206\nCache-Control: max-age=60\nContent-Range: bytes 0-4/10", Err(Status)),
        ("§3 status", "", "304\nCache-Control: max-age=60\nETag: \"a\"", Err(Status)),
        ("§3 status", "", "103\nCache-Control: max-age=60", Err(Status)),
        ("§3 status", "", "599\nCache-Control: max-age=60", Ok(())),
        ("§5.2.2.3", "", "599\nCache-Control: max-age=60, must-understand", Err(Status)),
        ("§5.2.2.3", "", "206\nCache-Control: max-age=60, must-understand", Err(Status)),
        ("§5.2.2.3", "", "Cache-Control: max-age=60, must-understand, no-store", Ok(())),
        ("§5.2.2.3", "", "404\nCache-Control: max-age=60, no-store, must-understand", Ok(())),
        ("§5.2.2.3", "", "599\nCache-Control: max-age=60, no-store, must-understand", Err(Status)),
        ("§5.2.2.5", "", "Cache-Control: no-store", Err(NoStore)),
        ("§5.2.2.5", "", "Cache-Control: No-StOrE, max-age=60", Err(NoStore)),
        ("§5.2.2.5", "", "Cache-Control: max-age=60\nCache-Control: no-store\nExpires: {60}", Err(NoStore)),
        ("§5.2.2.5", "", "Cache-Control: max-age=60, no-store=1", Err(NoStore)),
        ("§5.2.2.5", "", "Cache-Control: max-age=60, no-store; x", Err(NoStore)),
        ("§5.2.2.5", "", "Cache-Control: max-age=60, x=\"no-store\"", Ok(())),
        ("§5.2.2.5", "", "Cache-Control: max-age=60, x=\"a, no-store", Err(NoStore)),
        ("§5.2.2.5", "", "Cache-Control: max-age=60, no-storex", Ok(())),
        ("§5.2.2.7", "", "Cache-Control: private, max-age=60", Err(Private)),
        ("§5.2.2.7", "", "Cache-Control: private=\"x-id\", max-age=60", Ok(())),
        ("§5.2.2.7", "", "Cache-Control: private=x-id, max-age=60", Ok(())),
        ("§5.2.2.7", "", "Cache-Control: private=\"\", max-age=60", Err(Private)),
        ("§5.2.2.7", "", "Cache-Control: private=\"x id\", max-age=60", Err(Private)),
        ("§5.2.2.7", "", "Cache-Control: private=, max-age=60", Err(Private)),
        ("§5.2.2.7", "", "Cache-Control: private=\"a\", private, max-age=60", Err(Private)),
        ("§5.2.1.5", "Cache-Control: no-store", fresh, Err(ClientNoStore)),
        ("§5.2.1.5", "Cache-Control: max-age=0, NO-STORE", fresh, Err(ClientNoStore)),
        ("§3 said", "", "302\nCache-Control: max-age=60", Ok(())),
        ("§3 said", "", "302\nCache-Control: s-maxage=60", Ok(())),
        ("§3 said", "", "503\nExpires: {60}", Ok(())),
        ("§3 said", "", "302\nETag: \"a\"", Err(NotCacheable)),
        ("§3 said", "", "302\nCache-Control: public\nETag: \"a\"", Ok(())),
        ("§3 useful", "", "Cache-Control: max-age=0", Err(Useless)),
        ("§3 useful", "", "Cache-Control: max-age=0\nETag: \"a\"", Ok(())),
        ("§3 useful", "", "Cache-Control: max-age=0\nETag: a", Err(Useless)),
        ("§3 useful", "", "Cache-Control: max-age=0\nLast-Modified: {-9}", Ok(())),
        ("§3 useful", "", "Cache-Control: max-age=0\nLast-Modified: long ago", Err(Useless)),
        ("§3 useful", "", "Cache-Control: max-age=0, stale-while-revalidate=9", Ok(())),
        ("§3 useful", "", "Cache-Control: max-age=0, stale-if-error=9", Ok(())),
        ("§3 useful", "", "Cache-Control: max-age=60\nAge: 60", Err(Useless)),
        ("§3 useful", "", "Cache-Control: max-age=60, no-cache", Err(Useless)),
        ("§3 useful", "", "Cache-Control: max-age=60, no-cache\nETag: W/\"a\"", Ok(())),
        ("§3 useful", "", "Server: x", Err(Useless)),
        ("§4.1", "", "Cache-Control: max-age=60\nVary: *", Err(VaryAny)),
        ("§4.1", "", "Cache-Control: max-age=60\nVary: *, *", Err(VaryAny)),
        ("§4.1", "", "Cache-Control: max-age=60\nVary: , *", Err(VaryAny)),
        ("§4.1", "", "Cache-Control: max-age=60\nVary: Foo, *", Err(VaryAny)),
        ("§4.1", "", "Cache-Control: max-age=60\nVary: *, Foo", Err(VaryAny)),
        ("§4.1", "", "Cache-Control: max-age=60\nVary: Foo\nVary: *", Err(VaryAny)),
        ("§4.1", "", "Cache-Control: max-age=60\nVary:\nVary: *", Err(VaryAny)),
        ("§4.1", "", "Cache-Control: max-age=60\nVary: Foo bar", Err(VaryAny)),
        ("§4.1", "", "Cache-Control: max-age=60\nVary:", Ok(())),
        ("§7.3", "", "Cache-Control: max-age=60\nSet-Cookie: a=b", Err(SetCookie)),
        ("§3", "Cookie: a=b", fresh, Ok(())),
    ] {
        assert_eq!(store(asked, answer, &SILENT).map(drop), want, "{paragraph}: {asked} -> {answer}");
    }
}

#[test]
fn without_a_word_only_some_status_codes_are_stored() {
    let silent = Policy { ttl: Some(300), ..SILENT };
    for status in 200..600 {
        let by_default = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501].contains(&status);
        // Errors are stored only to be asked about, not on a guess.
        let stored = store("", &format!("{status}\nDate: {{0}}"), &silent);
        assert_eq!(stored.is_ok(), by_default && status < 400, "RFC 9110 §15.1: {status}");
        let stored = store("", &format!("{status}\nDate: {{0}}\nETag: \"a\""), &silent);
        assert_eq!(stored.is_ok(), by_default, "RFC 9110 §15.1: {status}");
        let public = store("", &format!("{status}\nCache-Control: public"), &silent);
        assert_eq!(public.is_ok(), !matches!(status, 206 | 304), "§4.2.2 public: {status}");
        let said = store("", &format!("{status}\nCache-Control: max-age=9"), &silent);
        assert_eq!(said.is_ok(), !matches!(status, 206 | 304), "§3 said: {status}");
    }
}

#[test]
fn an_authorised_answer_is_shared_only_with_leave() {
    for (answer, want) in [
        ("Cache-Control: max-age=60", false),
        ("Expires: {60}", false),
        ("Cache-Control: max-age=60, public", true),
        ("Cache-Control: max-age=60, must-revalidate", true),
        ("Cache-Control: max-age=60, proxy-revalidate", false),
        ("Cache-Control: s-maxage=60", true),
        ("Cache-Control: max-age=60, private", false),
        ("Cache-Control: max-age=60, public, x=\"", false),
    ] {
        let asked = "Authorization: Bearer x";
        assert_eq!(store(asked, answer, &SILENT).is_ok(), want, "§3.5: {answer}");
        let own = store_for(Sharing::OneUser, asked, answer, &SILENT).is_ok();
        let forbidden = answer.contains("private") || answer.contains("x=");
        assert_eq!(own, !forbidden, "keyed by user: {answer}");
    }
}

#[test]
fn cookies_are_stored_only_if_the_operator_says_so() {
    for (set_cookie, want) in [(SetCookie::Refuse, false), (SetCookie::Drop, true), (SetCookie::Keep, true)] {
        let policy = Policy { set_cookie, ..SILENT };
        let stored = store("", "Cache-Control: max-age=60\nSet-Cookie: a=b", &policy);
        assert_eq!(stored.is_ok(), want, "{set_cookie:?}");
    }
}

#[test]
fn an_answer_that_varies_by_what_the_gateway_writes_is_not_stored() {
    let mut ours = Edits::default();
    ours.set("X-User-ID", b"7").unwrap();
    ours.set("X-Tenant", b"blue").unwrap();
    ours.remove_name("X-Secret");
    let times = Times { asked: at(0), received: at(0) };
    let asked = request("");
    for (vary, want) in [
        ("X-User-Id", Err(NotStored::VaryOurs)),
        ("Accept, x-tenant", Err(NotStored::VaryOurs)),
        ("X-Secret", Ok(())),
        ("Host", Ok(())),
        ("Accept", Ok(())),
    ] {
        let answer = response(&format!("Cache-Control: max-age=60\nVary: {vary}"));
        let stored = admit(asked.view(), &ours, answer.view(), times, Sharing::Everyone, &SILENT);
        assert_eq!(stored.map(drop), want, "{vary}");
    }
}

#[test]
fn an_answer_that_varies_by_too_much_is_not_stored() {
    let names: Vec<String> = (0..17).map(|n| format!("X-{n}")).collect();
    let vary = |names: &[String]| format!("Cache-Control: max-age=60\nVary: {}", names.join(","));
    assert!(store("", &vary(&names[..16]), &SILENT).is_ok());
    assert_eq!(store("", &vary(&names), &SILENT).map(drop), Err(NotStored::VaryLong));
    let long = format!("Cookie: {}", "x".repeat(9_000));
    assert_eq!(store(&long, &vary(&["Cookie".to_owned()]), &SILENT).map(drop), Err(NotStored::VaryLong));
    assert!(store(&long, &vary(&["Accept".to_owned()]), &SILENT).is_ok());
}

#[test]
fn nothing_is_assumed_of_requests_with_cookies() {
    let assuming = Policy { ttl: Some(300), ..SILENT };
    let ignoring = Policy { cookies: Cookies::Ignored, ..assuming };
    for (policy, answer, want) in [
        (assuming, "Server: x", Err(NotStored::Cookie)),
        (assuming, "ETag: \"a\"", Err(NotStored::Cookie)),
        (assuming, "Cache-Control: public", Ok(())),
        (assuming, "Vary: Accept, cookie", Ok(())),
        (assuming, "Cache-Control: max-age=60", Ok(())),
        (assuming, "Expires: {60}", Ok(())),
        (ignoring, "Server: x", Ok(())),
    ] {
        assert_eq!(store("Cookie: id=7", answer, &policy).map(drop), want, "§4.2.2: {answer}");
        let own = store_for(Sharing::OneUser, "Cookie: id=7", answer, &policy);
        assert!(own.is_ok(), "the user's own: {answer}");
        // Nor are they served what was stored so.
        let stored = store("", answer, &policy).unwrap();
        let served = if answer.contains("cookie") { "Accept: a" } else { "Cookie: id=7" };
        let choice = choose(served, &[stored], 0);
        match want {
            Err(_) => assert_eq!(choice, Choice::Ask { index: None, why: Needed::Cookie }, "{answer}"),
            Ok(()) if answer.contains("Vary") => {
                assert_eq!(choice, Choice::Ask { index: None, why: Needed::Variant }, "{answer}");
            }
            Ok(()) => assert!(matches!(choice, Choice::Serve { .. }), "{answer}"),
        }
    }
}
