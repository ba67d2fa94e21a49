//! Cache keys with the `Vary` header field (§4.1).

use sekisho_caching::{Choice, Needed};

use crate::heads::{SILENT, choose, request, store};

#[test]
fn an_answer_serves_the_requests_that_its_vary_says() {
    for (paragraph, vary, first, second, want) in [
        ("§4.1 match", "Foo", "Foo: 1", "Foo: 1", true),
        ("§4.1 match", "foo", "Foo: 1", "fOO: 1", true),
        ("§4.1 differ", "Foo", "Foo: 1", "Foo: 2", false),
        ("§4.1 differ", "Foo", "Foo: 1", "Foo: 11", false),
        ("§4.1 differ", "Foo", "Foo: 11", "Foo: 1", false),
        ("§4.1 omitted", "Foo", "Foo: 1", "", false),
        ("§4.1 omitted", "Foo", "", "Foo: 1", false),
        ("§4.1 omitted", "Foo", "", "", true),
        ("§4.1 empty", "Foo", "Foo:", "", false),
        ("§4.1 empty", "Foo", "Foo:", "Foo:", true),
        ("§4.1 empty", "Foo", "Foo:", "Foo: 1", false),
        ("§4.1 others", "Foo", "Foo: 1\nOther: 2", "Foo: 1\nOther: 3", true),
        ("§4.1 two", "Foo, Bar", "Foo: 1\nBar: a", "Bar: a\nFoo: 1", true),
        ("§4.1 two", "Foo, Bar", "Foo: 1\nBar: a", "Foo: 2\nBar: a", false),
        ("§4.1 two", "Foo\nVary: Bar", "Foo: 1\nBar: a", "Foo: 1\nBar: b", false),
        ("§4.1 three", "Foo, Bar, Baz", "Foo: 1\nBaz: 3", "Foo: 1\nBaz: 3", true),
        ("§4.1 three", "Foo, Bar, Baz", "Foo: 1\nBar: a4\nBaz: 3", "Foo: 1\nBar: a\nBaz: 3", false),
        ("§4.1 twice", "Foo, foo", "Foo: 1", "Foo: 1", true),
        ("§4.1 spaces", "Foo", "Foo: 1,2", "Foo: 1, 2", true),
        ("§4.1 spaces", "Foo", "Foo: 1 ,, 2", "Foo: 1,2", true),
        ("§4.1 lines", "Foo", "Foo: 1, 2", "Foo: 1\nFoo: 2", true),
        ("§4.1 lines", "Foo", "Foo: 1\nFoo: 2", "Foo: 1, 2", true),
        ("§4.1 lines", "Foo", "Foo: 1\nFoo: 2", "Foo: 2\nFoo: 1", false),
        ("§4.1 more", "Foo", "Foo: 1", "Foo: 1, 2", false),
        ("§4.1 more", "Foo", "Foo: 1, 2", "Foo: 1", false),
        ("§4.1 case", "Foo", "Foo: a", "Foo: A", false),
        ("§4.1 quoted", "Foo", "Foo: \"a,b\"", "Foo: \"a, b\"", false),
        ("§4.1 language", "Accept-Language", "Accept-Language: en, de", "Accept-Language: eN,De", true),
        ("§4.1 language", "Accept-Language", "Accept-Language: en, de", "Accept-Language: de, en", false),
        ("§4.1 coding", "Accept-Encoding", "Accept-Encoding: gzip, br", "Accept-Encoding: br,GZIP", true),
        (
            "§4.1 coding",
            "Accept-Encoding",
            "Accept-Encoding: gzip, br",
            "Accept-Encoding: gzip, br, zstd",
            false,
        ),
        (
            "§4.1 coding",
            "Accept-Encoding",
            "Accept-Encoding: gzip;q=1, br",
            "Accept-Encoding: gzip, br",
            false,
        ),
        ("§4.1 coding", "Accept-Encoding", "Accept-Encoding: a, a, b", "Accept-Encoding: a, b, b", false),
        ("§4.1 coding", "Accept-Encoding", "", "Accept-Encoding: gzip", false),
        ("§4.1 whole", "User-Agent", "User-Agent: a (b, c)", "User-Agent: a (b,c)", false),
        ("§4.1 whole", "Cookie", "Cookie: a=1", "Cookie: a=1", true),
        ("§4.1 whole", "Cookie", "Cookie: a=1", "Cookie: a=2", false),
        ("§4.1 origin", "Origin", "Origin: https://a", "Origin: https://b", false),
        ("§4.1 host", "Host", "Host: a", "Host: b", true),
    ] {
        let stored = store(first, &format!("Cache-Control: max-age=60\nVary: {vary}"), &SILENT).unwrap();
        let matches = stored.vary().matches(request(second).view());
        assert_eq!(matches, want, "{paragraph}: {vary}: {first} / {second}");
        let served = matches!(choose(second, &[stored], 0), Choice::Serve { .. });
        assert_eq!(served, want, "{paragraph}: {vary}: {first} / {second}");
    }
}

#[test]
fn variants_stand_side_by_side() {
    let variant =
        |foo: &str| store(&format!("Foo: {foo}"), "Cache-Control: max-age=60\nVary: Foo", &SILENT).unwrap();
    let stored = [variant("1"), variant("2")];
    for (foo, want) in [("1", Some(0)), ("2", Some(1)), ("3", None)] {
        let index = match choose(&format!("Foo: {foo}"), &stored, 0) {
            Choice::Serve { index, .. } => Some(index),
            Choice::Ask { index: None, why: Needed::Variant } => None,
            other => panic!("{foo}: {other:?}"),
        };
        assert_eq!(index, want, "{foo}");
    }
    assert!(stored[0].vary().is_same(variant("1").vary()) && !stored[0].vary().is_same(stored[1].vary()));
    let other = store("Foo: 1", "Cache-Control: max-age=60\nVary: Bar", &SILENT).unwrap();
    assert!(!stored[0].vary().is_same(other.vary()) && !other.vary().is_empty());
    assert_eq!(stored[0].vary().names().collect::<Vec<_>>(), ["foo"]);
}

#[test]
fn what_clients_sent_is_never_printed() {
    let stored =
        store("Cookie: secret\nX-Token: secret", "Cache-Control: max-age=60\nVary: Cookie, X-Token", &SILENT);
    let text = format!("{:?}", stored.unwrap());
    assert!(text.contains("Cookie") && text.contains("x-token") && !text.contains("secret"), "{text}");
}

#[test]
fn variants_have_one_digest_where_they_are_the_same_and_no_other_has_it() {
    let variants = [
        ("", ""),
        ("Foo", ""),
        ("Foo", "Foo:"),
        ("Foo", "Foo: 1"),
        ("foo", "Foo:  1 ,,"),
        ("Foo, Bar", "Foo: 1"),
        ("Foo, Bar", "Foo: 1\nBar: 2"),
        ("Bar, Foo", "Bar: 2\nFoo: 1"),
        ("Bar, Foo", "Bar: 1\nFoo: 2"),
        ("Foo", "Foo: 1, 2"),
        ("Accept-Encoding", "Accept-Encoding: gzip"),
        ("accept-encoding", "Accept-Encoding: gzip"),
        ("Accept-Language", "Accept-Language: gzip"),
    ];
    let stored = variants.map(|(vary, asked)| {
        let vary = if vary.is_empty() { String::new() } else { format!("Vary: {vary}") };
        store(asked, &format!("Cache-Control: max-age=60\n{vary}"), &SILENT).unwrap()
    });
    let mut same = 0;
    for one in &stored {
        for two in &stored {
            assert_eq!(one.vary().is_same(two.vary()), one.vary().digest() == two.vary().digest());
            same += usize::from(one.vary().is_same(two.vary()));
        }
    }
    assert_eq!(same, variants.len() + 6, "three pairs");
}
