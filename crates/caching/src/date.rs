//! Dates of HTTP (RFC 9110 §5.6.7) as seconds since 1970, in all three forms.

use std::time::UNIX_EPOCH;

use sekisho_wire::{HeadView, Known};

/// The date in a value; `None` if it is none.
pub(crate) fn seconds(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    let time = httpdate::parse_http_date(text).ok()?;
    time.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}

/// The date in the first line of that name.
pub(crate) fn of(view: HeadView<'_>, name: Known) -> Option<u64> {
    view.get(name).and_then(seconds)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn reads_three_forms_and_no_fourth() {
        let when = Some(784_111_777);
        for (text, want) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", when),
            ("Sunday, 06-Nov-94 08:49:37 GMT", when),
            ("Sun Nov  6 08:49:37 1994", when),
            ("Sun, 06 Nov 1994 08:49:37 UTC", None),
            ("Sun 06 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06  Nov  1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 8:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08.49.37 GMT", None),
            ("Thu, 01 Jan 1960 00:00:00 GMT", None),
            ("0", None),
            ("-1", None),
            ("", None),
            ("now", None),
        ] {
            assert_eq!(seconds(text.as_bytes()), want, "{text}");
        }
        assert_eq!(seconds(b"\xff\xfe"), None);
    }
}
