//! Invalidating stored responses (§4.4).

use sekisho_caching::invalidated;
use sekisho_wire::PathRules;

use crate::heads::{request, response};

#[test]
fn a_successful_unsafe_request_makes_targets_doubtful() {
    for (paragraph, asked, answer, want) in [
        ("§4.4 unsafe", "POST /a/b", "200", Some(vec![])),
        ("§4.4 unsafe", "PUT /a/b", "204", Some(vec![])),
        ("§4.4 unsafe", "DELETE /a/b", "303", Some(vec![])),
        ("§4.4 unsafe", "PATCH /a/b", "200", Some(vec![])),
        ("§4.4 unknown", "M-SEARCH /a/b", "200", Some(vec![])),
        ("§4.4 safe", "GET /a/b", "200\nLocation: /x", None),
        ("§4.4 safe", "HEAD /a/b", "200\nLocation: /x", None),
        ("§4.4 safe", "OPTIONS /a/b", "200\nLocation: /x", None),
        ("§4.4 error", "POST /a/b", "400\nLocation: /x", None),
        ("§4.4 error", "POST /a/b", "500\nLocation: /x", None),
        ("§4.4 Location", "POST /a/b", "201\nLocation: /x", Some(vec!["/x"])),
        ("§4.4 Location", "POST /a/b", "201\nContent-Location: /x", Some(vec!["/x"])),
        ("§4.4 both", "POST /a/b", "201\nLocation: /x\nContent-Location: /y?z", Some(vec!["/x", "/y?z"])),
        ("§4.4 both", "POST /a/b", "201\nLocation: /x\nContent-Location: /x", Some(vec!["/x"])),
        ("§4.4 origin", "POST /a/b", "201\nLocation: http://Shop.example/x", Some(vec!["/x"])),
        ("§4.4 origin", "POST /a/b", "201\nLocation: HTTPS://shop.example:443/x?y#z", Some(vec!["/x?y"])),
        ("§4.4 origin", "POST /a/b", "201\nLocation: //shop.example/x", Some(vec!["/x"])),
        ("§4.4 origin", "POST /a/b", "201\nLocation: http://shop.example", Some(vec!["/"])),
        ("§4.4 origin", "POST /a/b", "201\nLocation: http://shop.example?x", Some(vec!["/?x"])),
        ("§4.4 other", "POST /a/b", "201\nLocation: http://other.example/x", Some(vec![])),
        ("§4.4 other", "POST /a/b", "201\nLocation: http://shop.example:8080/x", Some(vec![])),
        ("§4.4 other", "POST /a/b", "201\nLocation: http://shop.example@evil/x", Some(vec![])),
        ("§4.4 other", "POST /a/b", "201\nLocation: //evil/x", Some(vec![])),
        ("§4.4 other", "POST /a/b", "201\nLocation: mailto:x@shop.example", Some(vec![])),
        ("§4.4 other", "POST /a/b", "201\nLocation: http:x", Some(vec![])),
        ("RFC 3986 §5.2", "POST /a/b?q", "201\nLocation: c", Some(vec!["/a/c"])),
        ("RFC 3986 §5.2", "POST /a/b?q", "201\nLocation: ../c", Some(vec!["/c"])),
        ("RFC 3986 §5.2", "POST /a/b?q", "201\nLocation: ?r", Some(vec!["/a/b?r"])),
        ("RFC 3986 §5.2", "POST /a/b?q", "201\nLocation: #r", Some(vec!["/a/b?q"])),
        ("RFC 3986 §5.2", "POST /a/b?q", "201\nLocation: c?d:/e", Some(vec!["/a/c?d:/e"])),
        ("RFC 3986 §6.2.2", "POST /a/b", "201\nLocation: /%78/./y%2f", Some(vec!["/x/y%2F"])),
        ("nonsense", "POST /a/b", "201\nLocation: ../../../x", Some(vec![])),
        ("nonsense", "POST /a/b", "201\nLocation: /a b", Some(vec![])),
        ("nonsense", "POST /a/b", "201\nLocation: /%zz", Some(vec![])),
    ] {
        let (asked, answer) = (request(asked), response(answer));
        let target = asked.view().target();
        let found = invalidated(asked.view(), b"shop.example", target, PathRules::default(), answer.view());
        let want = want.map(|want| want.into_iter().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(found, want, "{paragraph}: {:?}", answer.view().get(sekisho_wire::Known::Location));
    }
}
