//! An endpoint as a service registers it under a key: its URL, or JSON with its share and place.

use serde::Deserialize;

use crate::fleet::EndpointConfig;

/// Longest value, in bytes.
const LONGEST: usize = 4096;

/// What may stand in the JSON; further members are for others.
#[derive(Deserialize)]
struct Registered {
    url: String,
    #[serde(default = "one")]
    weight: u32,
    #[serde(default)]
    priority: u32,
    #[serde(default)]
    zone: Option<String>,
}

fn one() -> u32 {
    1
}

/// The endpoint that a value names.
///
/// # Errors
/// Why it names none.
pub(super) fn endpoint(value: &[u8]) -> Result<EndpointConfig, String> {
    if value.len() > LONGEST {
        return Err(format!("its value is longer than {LONGEST} bytes"));
    }
    let text = std::str::from_utf8(value).map_err(|_| "its value is no text".to_owned())?.trim();
    if !text.starts_with('{') {
        return EndpointConfig::at(text.to_owned());
    }
    let read = serde_json::from_str::<Registered>(text);
    let Registered { url, weight, priority, zone } = read.map_err(|error| error.to_string())?;
    Ok(EndpointConfig { weight, priority, zone, ..EndpointConfig::at(url)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_a_url_or_json() {
        let plain = endpoint(b" http://10.0.0.1:80\n").unwrap();
        assert_eq!((plain.url.as_str(), plain.weight, plain.priority), ("http://10.0.0.1:80", 1, 0));
        let full = br#"{"url":"https://a:1","weight":5,"priority":2,"zone":"b","version":"1.2"}"#;
        let full = endpoint(full).unwrap();
        assert_eq!((full.weight, full.priority, full.zone.as_deref()), (5, 2, Some("b")));
    }

    #[test]
    fn what_is_neither_says_why() {
        for (value, want) in [
            (&b""[..], "has no scheme"),
            (b"10.0.0.1:80", "has no scheme"),
            (b"\xff\xfe", "no text"),
            (b"{", "EOF"),
            (br#"{"weight":1}"#, "url"),
            (br#"{"url":"http://a","weight":-1}"#, "weight"),
            (br#"{"url":"http://u:secret@a"}"#, "user name"),
        ] {
            let said = endpoint(value).unwrap_err();
            assert!(said.contains(want) || said.contains("invalid value"), "{value:?}: {said}");
            assert!(!said.contains("secret"), "{said}");
        }
        assert!(endpoint(&[b'x'; 5000]).unwrap_err().contains("longer"));
    }
}
