//! What a cache decides over whatever heads: no panic, nothing is stored or served against a plain word, and parts lie
//! within the body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_caching::{
    Asked, Choice, Failure, Key, KeyParts, Policy, Served, Shape, Sharing, Times, admit, answers_for,
    confirms, freshen, invalidated, kept, may_stand_in, shape, validate,
};
use sekisho_units::Wall;
use sekisho_wire::{
    Edits, Head, HeadBuf, Known, Limits, Parsed, PathRules, parse_request, parse_response, split_target,
};

fuzz_target!(|input: (u64, u64, u16, &[u8])| {
    let (received, later, length, heads) = input;
    // The three are separated by NUL, which no head holds.
    let mut heads = heads.splitn(3, |byte| *byte == 0);
    let mut next = || heads.next().unwrap_or_default();
    let (first, answer, second) = (next(), next(), next());
    let limits = Limits::default();
    let (mut request, mut response, mut again) = (Head::default(), Head::default(), Head::default());
    let Ok(Parsed::Complete(_)) = parse_request(first, &mut request, &limits) else { return };
    let Ok(Parsed::Complete(_)) = parse_response(answer, &mut response, &limits) else { return };
    let (request, response) = (request.view(first), response.view(answer));
    let policy = Policy::default();

    let (path, query) = split_target(request.target());
    let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
    let key = Key::of(&KeyParts { path: text(path), query: query.map(text), ..KeyParts::default() });
    assert_eq!(Key::from_hex(&key.hex()), Some(key));
    let targets = invalidated(request, b"host", b"/a?b", PathRules::default(), response);
    assert!(targets.into_iter().flatten().all(|target| target.starts_with('/')));
    let _lines = kept(response, &policy);
    let mut merged = HeadBuf::default();
    let _fits = freshen(response, response, &mut merged);

    let received = Wall::from_millis(received);
    let times = Times { asked: received, received };
    let Ok(stored) = admit(request, &Edits::default(), response, times, Sharing::Everyone, &policy) else {
        return;
    };
    assert!(!matches!(response.status(), 206 | 304) && response.get(Known::SetCookie).is_none());
    assert!(stored.vary().matches(request));
    let now = Wall::from_millis(received.as_millis().saturating_add(later));
    let _may = may_stand_in(&stored, Failure::Unreachable, now);
    let _says = (confirms(&stored, response), answers_for(&stored, response, response));
    validate(&stored, &mut Edits::default());

    let Ok(Parsed::Complete(_)) = parse_request(second, &mut again, &limits) else { return };
    let again = again.view(second);
    let Ok(asked) = Asked::read(again, &policy) else { return };
    if let Choice::Serve { age, why, .. } = asked.choose([&stored], now) {
        assert!(stored.vary().matches(again));
        assert_eq!((age, why == Served::Fresh), (stored.age(now), stored.remaining(now) > 0));
    }
    let parts = match shape(again, &stored, length.into()) {
        Shape::Part(part) => vec![part],
        Shape::Parts(parts) => parts,
        _ => return,
    };
    assert!(parts.iter().all(|part| part.first <= part.last && part.last < length.into()));
});
