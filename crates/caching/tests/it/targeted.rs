//! `CDN-Cache-Control` (RFC 9213).

use sekisho_caching::{NotStored, Policy};

use crate::heads::{SILENT, at, store};

#[test]
fn the_targeted_field_overrules_if_it_can_be_read() {
    use NotStored::{NoStore, Private};
    const LONG: i64 = 1 << 31;
    for (paragraph, answer, want) in [
        ("§2.2", "CDN-Cache-Control: max-age=60", Ok(60)),
        ("§2.2", "CDN-Cache-Control: max-age=60\nCache-Control: max-age=1", Ok(60)),
        ("§2.2", "CDN-Cache-Control: max-age=1\nCache-Control: max-age=60", Ok(1)),
        ("§2.2", "CDN-Cache-Control: max-age=60\nCache-Control: no-store", Ok(60)),
        ("§2.2", "CDN-Cache-Control: max-age=60\nExpires: 0", Ok(60)),
        ("§2.2", "CDN-Cache-Control: max-age=0\nExpires: {60}", Ok(0)),
        ("§2.2", "CDN-Cache-Control: no-store\nCache-Control: max-age=60", Err(NoStore)),
        ("§2.2", "CDN-Cache-Control: private\nCache-Control: max-age=60", Err(Private)),
        ("§2.2", "CDN-Cache-Control: foo\nCache-Control: max-age=60", Ok(300)),
        ("§2.2", "CDN-Cache-Control: foo\nExpires: {60}", Ok(300)),
        ("prudence", "CDN-Cache-Control: foo\nCache-Control: no-store", Ok(0)),
        ("prudence", "CDN-Cache-Control: foo\nCache-Control: private", Ok(0)),
        ("§2.1 unknown", "CDN-Cache-Control: foobar, max-age=60", Ok(60)),
        ("§2.1 huge", "CDN-Cache-Control: max-age=2147483648", Ok(LONG)),
        ("§2.1 huge", "CDN-Cache-Control: max-age=99999999999", Ok(LONG)),
        ("§2.1 negative", "CDN-Cache-Control: max-age=-5", Ok(0)),
        ("§2.1 last", "CDN-Cache-Control: max-age=1, max-age=60", Ok(60)),
        ("§2.1 lines", "CDN-Cache-Control: max-age=60\nCDN-Cache-Control: s-maxage=9", Ok(9)),
        ("§2.1 false", "CDN-Cache-Control: max-age=60, no-store=?0", Ok(60)),
        ("§2.1 empty", "CDN-Cache-Control:\nCache-Control: max-age=60", Ok(60)),
        ("§2.1 invalid", "CDN-Cache-Control: max-age=60, &&&\nCache-Control: no-store", Err(NoStore)),
        ("§2.1 invalid", "CDN-Cache-Control: max-age=\"60\"\nCache-Control: no-store", Err(NoStore)),
        ("§2.1 invalid", "CDN-Cache-Control: max-age=60.5\nCache-Control: max-age=9", Ok(9)),
        ("§2.1 invalid", "CDN-Cache-Control: max-age\nCache-Control: max-age=9", Ok(9)),
        ("§2.1 invalid", "CDN-Cache-Control: max-age =60\nCache-Control: max-age=9", Ok(9)),
        ("§2.1 invalid", "CDN-Cache-Control: max-age= 60\nCache-Control: max-age=9", Ok(9)),
        ("§2.1 invalid", "CDN-Cache-Control: MaX-aGe=60\nCache-Control: max-age=9", Ok(9)),
        ("§2.1 invalid", "CDN-Cache-Control: max-age=60, no-store, &\nCache-Control: max-age=9", Ok(9)),
        ("§2.1 odd", "CDN-Cache-Control: max-age=60, no-store=1", Err(NoStore)),
        ("§2.1 odd", "CDN-Cache-Control: max-age=60, private=tok", Err(Private)),
        ("§2.1 list", "CDN-Cache-Control: max-age=60, private=\"x-id\"", Ok(60)),
        ("age", "CDN-Cache-Control: max-age=60\nAge: 70", Ok(-10)),
    ] {
        let policy = Policy { ttl: Some(300), ..SILENT };
        let stored = store("", &format!("{answer}\nETag: \"a\""), &policy);
        assert_eq!(stored.map(|stored| stored.remaining(at(0))), want, "RFC 9213 {paragraph}: {answer}");
    }
}
