//! What a plain scalar's text means where nothing particular is asked (YAML 1.2 core schema, §10.3.2).
//!
//! `on`, `off`, `yes` and `no` stay texts: they are words of the configuration language.

/// The meaning of a plain text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Resolved {
    Bool(bool),
    /// A whole number of zero or more.
    Unsigned(u64),
    /// A whole number below zero.
    Signed(i64),
    Float(f64),
    Text,
}

/// The meaning of a plain text that is not null.
pub(crate) fn resolve(text: &str) -> Resolved {
    match text {
        "true" | "True" | "TRUE" => return Resolved::Bool(true),
        "false" | "False" | "FALSE" => return Resolved::Bool(false),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
        return Resolved::Text;
    }
    integer(text).or_else(|| float(text).map(Resolved::Float)).unwrap_or(Resolved::Text)
}

fn integer(text: &str) -> Option<Resolved> {
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            let digits = digits.strip_prefix('+').map_or(digits, |_| "");
            return u64::from_str_radix(digits, radix).ok().map(Resolved::Unsigned);
        }
    }
    if text.starts_with('-') {
        return text
            .parse()
            .ok()
            .map(|n: i64| u64::try_from(n).map_or(Resolved::Signed(n), Resolved::Unsigned));
    }
    text.parse().ok().map(Resolved::Unsigned)
}

/// A number with a point or an exponent, `.inf` or `.nan`; whole numbers too large for 64 bits as well.
pub(crate) fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    match unsigned {
        ".inf" | ".Inf" | ".INF" if text.starts_with('-') => return Some(f64::NEG_INFINITY),
        ".inf" | ".Inf" | ".INF" => return Some(f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" if unsigned == text => return Some(f64::NAN),
        _ => {}
    }
    // Rust reads `inf`, `nan` and `infinity` too, which are words here.
    let numeric = unsigned.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    let digits = unsigned.bytes().any(|b| b.is_ascii_digit());
    if numeric && digits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_core_schema() {
        for (text, want) in [
            ("true", Resolved::Bool(true)),
            ("False", Resolved::Bool(false)),
            ("on", Resolved::Text),
            ("off", Resolved::Text),
            ("yes", Resolved::Text),
            ("no", Resolved::Text),
            ("0", Resolved::Unsigned(0)),
            ("-0", Resolved::Unsigned(0)),
            ("+7", Resolved::Unsigned(7)),
            ("-7", Resolved::Signed(-7)),
            ("010", Resolved::Unsigned(10)),
            ("0x1F", Resolved::Unsigned(31)),
            ("0o17", Resolved::Unsigned(15)),
            ("0x+1", Resolved::Text),
            ("1.5", Resolved::Float(1.5)),
            (".5", Resolved::Float(0.5)),
            ("1e3", Resolved::Float(1000.0)),
            ("-.inf", Resolved::Float(f64::NEG_INFINITY)),
            ("18446744073709551616", Resolved::Float(18_446_744_073_709_551_616.0)),
            ("1_000", Resolved::Text),
            ("inf", Resolved::Text),
            ("-inf", Resolved::Text),
            ("1.2.3.4", Resolved::Text),
            ("30s", Resolved::Text),
            ("-", Resolved::Text),
            (".", Resolved::Text),
            ("e5", Resolved::Text),
        ] {
            assert_eq!(resolve(text), want, "{text}");
        }
    }
}
