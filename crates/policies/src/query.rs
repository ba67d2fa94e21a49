//! A credential in a parameter of the query: found in every spelling, and taken out before services see it.

use std::borrow::Cow;

use sekisho_exchange::Exchange;
use sekisho_units::At;

use crate::Here;
use crate::access_log::CREDENTIALS;

/// Whether a credential may stand in the parameter `name`: only what the access log hides whatever its settings are.
pub(crate) fn check(name: &At<String>, here: &mut Here<'_>) -> Option<()> {
    if CREDENTIALS.contains(&name.to_ascii_lowercase().as_str()) {
        return Some(());
    }
    let message = format!("the access log would show what stands in `{name}`");
    here.refuse("query", &name.place, message, format!("write one of {}", CREDENTIALS.join(", ")))
}

/// The values of the parameter `name` that are not empty; services do not see it.
pub(crate) fn take_out(exchange: &mut Exchange<'_>, name: &str) -> Vec<Vec<u8>> {
    let Some(query) = exchange.query else { return Vec::new() };
    // Another policy may have taken its own parameter out already.
    let asked = exchange.to_ask.query.as_deref().unwrap_or_default();
    if let Some(rest) = take(asked, name).rest {
        exchange.to_ask.query = (!rest.is_empty()).then_some(Cow::Owned(rest));
    }
    let mut values = take(query, name).values;
    values.retain(|value| !value.is_empty());
    values
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Found {
    /// The parameter's values, with percent-encoding and `+` undone.
    values: Vec<Vec<u8>>,
    /// The query without it, if it was there.
    rest: Option<String>,
}

/// Looks for the parameter `name` among those that `&` separates. A name counts whatever its percent-encoding, as services
/// read it, and in its own case.
fn take(query: &str, name: &str) -> Found {
    let mut found = Found::default();
    let mut rest = Vec::new();
    for parameter in query.split('&') {
        let (written, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if decode(written) == name.as_bytes() {
            found.values.push(decode(value));
        } else {
            rest.push(parameter);
        }
    }
    if !found.values.is_empty() {
        found.rest = Some(rest.join("&"));
    }
    found
}

/// A percent sign without two digits stands for itself.
fn decode(text: &str) -> Vec<u8> {
    let digit = |b: u8| char::from(b).to_digit(16);
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let pair = bytes.get(at + 1).copied().and_then(digit).zip(bytes.get(at + 2).copied().and_then(digit));
        match (byte, pair) {
            (b'%', Some((high, low))) => {
                out.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            _ => out.push(byte),
        }
        at += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn finds_the_parameter_in_every_spelling_and_leaves_the_rest_alone() {
        for (query, values, rest) in [
            ("", &[][..], None),
            ("a=1&b=%20", &[], None),
            ("api_key=x", &["x"], Some("")),
            ("a=1&api_key=x&b=2", &["x"], Some("a=1&b=2")),
            ("%61pi_key=x%2By", &["x+y"], Some("")),
            ("api%5Fkey=x+y", &["x y"], Some("")),
            ("api_key", &[""], Some("")),
            ("api_key=&a", &[""], Some("a")),
            ("api_key=x&api_key=y&", &["x", "y"], Some("")),
            ("api_key=a=b&%&%4", &["a=b"], Some("%&%4")),
            ("API_KEY=x", &[], None),
            ("xapi_key=x&api_keys=y&a;api_key=z", &[], None),
        ] {
            let found = take(query, "api_key");
            let texts: Vec<_> = found.values.iter().map(|value| String::from_utf8_lossy(value)).collect();
            assert_eq!(
                (texts, found.rest.as_deref()),
                (values.iter().map(|v| (*v).into()).collect(), rest),
                "{query}"
            );
        }
    }

    proptest! {
        #[test]
        fn nothing_of_it_is_left(before in "[a-c=&%]{0,12}", after in "[a-c=&%]{0,12}", value in "[x-z%0-9+]{0,8}") {
            let query = format!("{before}&api_key={value}&{after}");
            let rest = take(&query, "api_key").rest.unwrap();
            prop_assert_eq!(&rest, &format!("{before}&{after}"));
            prop_assert_eq!(take(&rest, "api_key"), Found::default());
        }

        #[test]
        fn never_panics(query in "\\PC{0,60}", name in "\\PC{0,10}") {
            take(&query, &name);
        }
    }
}
