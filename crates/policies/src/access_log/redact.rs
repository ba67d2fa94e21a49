//! Query values that are never written: those of parameters whose name says that they are secret.

/// Written in place of a secret.
const HIDDEN: &[u8] = b"***";

/// Names of query parameters whose values are secret, in lower case.
#[derive(Clone, Debug)]
pub(super) struct Redact {
    names: Box<[String]>,
}

impl Redact {
    pub(super) fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        Self { names: names.into_iter().map(str::to_ascii_lowercase).collect() }
    }

    /// Gives the query to `put` in runs, with `***` where a secret stands.
    ///
    /// A name counts whatever its case and percent-encoding, with or without `[…]` behind it, and after `;` as after `&`,
    /// since some services separate by it. A secret ends at `&` only: a `;` may be part of it.
    pub(super) fn query(&self, query: &[u8], mut put: impl FnMut(&[u8])) {
        let mut from = 0;
        let mut at = 0;
        while at < query.len() {
            let rest = &query[at..];
            let end = rest.iter().position(|b| matches!(b, b'&' | b';')).unwrap_or(rest.len());
            let name_len = rest[..end].iter().position(|&b| b == b'=');
            match name_len {
                Some(len) if self.is_secret(&rest[..len]) => {
                    put(&query[from..=at + len]);
                    put(HIDDEN);
                    let all = rest.iter().position(|&b| b == b'&').unwrap_or(rest.len());
                    from = at + all;
                    at = from + 1;
                }
                _ => at += end + 1,
            }
        }
        if from < query.len() {
            put(&query[from..]);
        }
    }

    /// The same for a whole URI, such as a `Referer`.
    pub(super) fn uri(&self, uri: &[u8], mut put: impl FnMut(&[u8])) {
        let Some(mark) = uri.iter().position(|b| matches!(b, b'?' | b'#')) else { return put(uri) };
        put(&uri[..=mark]);
        // A fragment may carry a token in the form of a query as well.
        for (index, part) in uri[mark + 1..].split(|b| matches!(b, b'?' | b'#')).enumerate() {
            if index > 0 {
                put(b"#");
            }
            self.query(part, &mut put);
        }
    }

    fn is_secret(&self, name: &[u8]) -> bool {
        self.names.iter().any(|secret| {
            name.len() >= secret.len() && {
                let decoded = Decoded(name).map(|b| b.to_ascii_lowercase()).take_while(|&b| b != b'[');
                decoded.eq(secret.bytes())
            }
        })
    }
}

/// The bytes of a name with percent-encoding undone; a percent sign without two digits stands for itself.
struct Decoded<'a>(&'a [u8]);

impl Iterator for Decoded<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let digit = |b: u8| char::from(b).to_digit(16);
        if let [b'%', high, low, rest @ ..] = self.0
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            self.0 = rest;
            return Some((high * 16 + low) as u8);
        }
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn redacted(query: &str) -> String {
        let mut out = Vec::new();
        Redact::new(["token", "API_key"]).query(query.as_bytes(), |part| out.extend_from_slice(part));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn hides_secrets_in_every_spelling() {
        for (query, want) in [
            ("", ""),
            ("a=1&b=2", "a=1&b=2"),
            ("token=abc", "token=***"),
            ("token=", "token=***"),
            ("token", "token"),
            ("a=1&token=abc&b=2", "a=1&token=***&b=2"),
            ("TOKEN=abc&api_KEY=x", "TOKEN=***&api_KEY=***"),
            ("%74oken=abc", "%74oken=***"),
            ("token[]=abc&token%5B0%5D=d", "token[]=***&token%5B0%5D=***"),
            ("a=1;token=b;c&d=e", "a=1;token=***&d=e"),
            ("tokens=1&xtoken=2", "tokens=1&xtoken=2"),
            ("token=a=b&c", "token=***&c"),
            ("&&token=x&&", "&&token=***&&"),
            ("%7=1&%", "%7=1&%"),
        ] {
            assert_eq!(redacted(query), want, "{query}");
        }
    }

    #[test]
    fn hides_secrets_in_uris() {
        for (uri, want) in [
            ("https://a.example/b", "https://a.example/b"),
            ("https://a.example/?token=x&c=d", "https://a.example/?token=***&c=d"),
            ("https://a.example/#token=x", "https://a.example/#token=***"),
            ("/?a=b#c&token=x", "/?a=b#c&token=***"),
        ] {
            let mut out = Vec::new();
            Redact::new(["token"]).uri(uri.as_bytes(), |part| out.extend_from_slice(part));
            assert_eq!(String::from_utf8(out).unwrap(), want, "{uri}");
        }
    }

    proptest! {
        #[test]
        fn no_secret_survives(before in "[a-c=&;%]{0,12}", after in "[a-c=&;%]{0,12}") {
            let query = format!("{before}&token=SECRET;SECRET&{after}");
            prop_assert!(!redacted(&query).contains("SECRET"));
        }

        #[test]
        fn what_is_not_secret_is_unchanged(query in "[a-d=&;%\\[]{0,40}") {
            prop_assert_eq!(redacted(&query), query);
        }
    }
}
