//! Which protocols a client asks for, which of them the service is offered, and which it has chosen.

use sekisho_wire::{HeadView, Known, Version, is_field_name, list_items};

/// What of the request's `Upgrade` the service is offered: the protocols whose names are `allowed` (in lower case), as the
/// client wrote them. Empty if there are none.
pub fn offer(view: HeadView<'_>, allowed: &[Box<str>]) -> Vec<u8> {
    let mut offer = Vec::new();
    for item in view.all(Known::Upgrade).flat_map(list_items) {
        let may = |name: &[u8]| allowed.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name));
        if name_of(item).is_some_and(may) {
            append(&mut offer, item);
        }
    }
    offer
}

/// What a 101 says that the connection has switched to; `None` unless all of it was offered.
pub fn chosen(view: HeadView<'_>, offered: &[u8]) -> Option<Vec<u8>> {
    let mut chosen = Vec::new();
    for item in view.all(Known::Upgrade).flat_map(list_items) {
        let name = name_of(item)?;
        list_items(offered).filter_map(name_of).find(|known| known.eq_ignore_ascii_case(name))?;
        append(&mut chosen, item);
    }
    (!chosen.is_empty()).then_some(chosen)
}

/// Whether a 101 is one that was asked for.
pub(crate) fn agrees(view: HeadView<'_>, offered: &[u8]) -> bool {
    view.version() == Version::Http11 && chosen(view, offered).is_some()
}

/// The name in `name[/version]`; `None` where it is no such thing.
fn name_of(item: &[u8]) -> Option<&[u8]> {
    let mut parts = item.splitn(2, |byte| *byte == b'/');
    let name = parts.next().filter(|name| is_field_name(name))?;
    parts.next().is_none_or(is_field_name).then_some(name)
}

fn append(list: &mut Vec<u8>, item: &[u8]) {
    if !list.is_empty() {
        list.extend_from_slice(b", ");
    }
    list.extend_from_slice(item);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sekisho_wire::{Head, HeadBuf, Limits, parse_request, parse_response};

    use super::*;

    #[test]
    fn only_what_is_allowed_is_offered() {
        let allowed = ["websocket".into(), "chat".into()];
        for (lines, want) in [
            ("Upgrade: websocket", "websocket"),
            ("Upgrade: h2c, WebSocket/13 ,, chat/2", "WebSocket/13, chat/2"),
            ("Upgrade: h2c\r\nUpgrade: chat", "chat"),
            ("Upgrade: h2c", ""),
            ("Upgrade: websocket/", ""),
            ("Upgrade: websocket /13", ""),
            ("Upgrade: websocket/1/3", ""),
            ("Upgrade: /websocket", ""),
            ("Upgrade:", ""),
            ("X: websocket", ""),
        ] {
            let bytes = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n");
            let mut head = Head::default();
            parse_request(bytes.as_bytes(), &mut head, &Limits::default()).unwrap();
            assert_eq!(offer(head.view(bytes.as_bytes()), &allowed), want.as_bytes(), "{lines}");
        }
    }

    #[test]
    fn a_service_may_choose_only_among_what_it_was_offered() {
        for (version, lines, want) in [
            ("1.1", "Upgrade: websocket", Some("websocket")),
            ("1.1", "upgrade: WebSocket", Some("WebSocket")),
            ("1.1", "Upgrade: chat, websocket", Some("chat, websocket")),
            ("1.1", "Upgrade: chat, h2c", None),
            ("1.1", "Upgrade: h2c", None),
            ("1.1", "Upgrade: websocket@", None),
            ("1.1", "Upgrade:", None),
            ("1.1", "X: websocket", None),
            ("1.0", "Upgrade: websocket", None),
        ] {
            let bytes = format!("HTTP/{version} 101 Switching Protocols\r\n{lines}\r\n\r\n");
            let mut head = Head::default();
            parse_response(bytes.as_bytes(), &mut head, &Limits::default()).unwrap();
            let view = head.view(bytes.as_bytes());
            let offered = b"websocket/13, chat";
            assert_eq!(agrees(view, offered), want.is_some(), "{version} {lines}");
            if let Some(want) = want {
                assert_eq!(chosen(view, offered).as_deref(), Some(want.as_bytes()));
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_not_allowed_is_never_offered_and_what_is_not_offered_never_chosen(
            asked in proptest::collection::vec("(websocket|chat|h2c|[a-z]{1,3}|[ -~]{0,4})(/[0-9 ]{0,2})?(, ?(chat|[ -~]{0,5}))?", 0..3),
            answered in "(websocket|chat|h2c|[ -~]{0,6})(/1)?(,(chat|[ -~]{0,5}))?",
        ) {
            let allowed = ["websocket".into(), "chat".into()];
            let (mut request, mut response) = (HeadBuf::default(), HeadBuf::default());
            request.request(b"GET", b"/").unwrap();
            for value in &asked {
                request.push("Upgrade", value.trim().as_bytes()).unwrap();
            }
            response.response(101);
            response.push("Upgrade", answered.trim().as_bytes()).unwrap();
            let offered = offer(request.view(), &allowed);
            let names = |list: &[u8]| -> Vec<String> {
                let text = String::from_utf8(list.to_ascii_lowercase()).unwrap();
                text.split(", ").filter(|item| !item.is_empty()).map(|item| item.split('/').next().unwrap().to_owned()).collect()
            };
            prop_assert!(names(&offered).iter().all(|name| name == "websocket" || name == "chat"), "{:?}", offered);
            if let Some(chosen) = chosen(response.view(), &offered) {
                prop_assert!(names(&chosen).iter().all(|name| names(&offered).contains(name)), "{:?} of {:?}", chosen, offered);
            }
        }
    }
}
