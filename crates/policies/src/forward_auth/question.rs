//! What the service is told of a request.

use sekisho_exchange::Exchange;
use sha2::{Digest as _, Sha256};

use super::known::{By, Key};

/// What is sent along.
pub(super) struct Question {
    /// What the service is asked for.
    pub(super) target: String,
    /// The client's headers.
    pub(super) send: Vec<Box<str>>,
    /// Which requests an answer is for.
    pub(super) by: By,
}

impl Question {
    /// The lines of the question.
    pub(super) fn headers(&self, exchange: &Exchange<'_>) -> Vec<(String, Vec<u8>)> {
        let mut headers: Vec<_> = self.about(exchange).map(|(name, value)| (name.to_owned(), value)).into();
        // It changes with the action, so it is no part of what an answer is remembered by.
        if let Some(ids) = &exchange.ids {
            headers.push(("X-Correlation-ID".to_owned(), ids.correlation.as_str().as_bytes().to_vec()));
        }
        headers.extend(self.sent(exchange).map(|(name, value)| (name.to_owned(), value.to_vec())));
        headers
    }

    /// What the client asks for. The path is the normalised one, by which the route was found.
    fn about(&self, exchange: &Exchange<'_>) -> [(&'static str, Vec<u8>); 5] {
        let mut uri = exchange.path.as_bytes().to_vec();
        if let Some(query) = exchange.query {
            uri.push(b'?');
            uri.extend_from_slice(query.as_bytes());
        }
        [
            ("X-Forwarded-Method", exchange.head.method_bytes().to_vec()),
            ("X-Forwarded-Proto", exchange.client.scheme.as_str().into()),
            ("X-Forwarded-Host", exchange.host.into()),
            ("X-Forwarded-Uri", uri),
            ("X-Forwarded-For", exchange.client.ip.to_string().into()),
        ]
    }

    fn sent<'e>(&'e self, exchange: &Exchange<'e>) -> impl Iterator<Item = (&'e str, &'e [u8])> {
        let head = exchange.head;
        self.send.iter().flat_map(move |name| head.find_all(name).map(move |value| (&**name, value)))
    }

    /// What an answer is remembered by: a digest, so that no credential lies about in memory. None, if there is nothing to
    /// go by.
    pub(super) fn key(&self, exchange: &Exchange<'_>) -> Option<Key> {
        let mut digest = Sha256::new();
        let mut part = |text: &[u8]| {
            // With its length, so that no two rows of parts look alike.
            digest.update((text.len() as u64).to_le_bytes());
            digest.update(text);
        };
        let mut credentials = 0;
        for (name, value) in self.sent(exchange) {
            credentials += 1;
            part(name.as_bytes());
            part(value);
        }
        match self.by {
            By::Credentials if credentials == 0 => return None,
            By::Credentials => {}
            By::Request => {
                for (name, value) in self.about(exchange) {
                    part(name.as_bytes());
                    part(&value);
                }
            }
        }
        Some(digest.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    fn question(by: By) -> Question {
        let send = ["Authorization", "Cookie"].map(Into::into).into();
        Question { target: "/check".to_owned(), send, by }
    }

    #[test]
    fn it_is_told_what_the_client_asks_for_and_what_it_shows() {
        let fixture = Fixture::new(
            "PURGE /a/../b%2d?c=d HTTP/1.1\nHost: shop.example\nCookie: a=1\nauthorization: Bearer x\nCookie: b=2\nX-Other: 1\n\
             X-Forwarded-Uri: /elsewhere\nX-Forwarded-For: 198.51.100.1\n",
        );
        let headers = question(By::Request).headers(&fixture.exchange());
        let shown: Vec<_> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)))
            .collect();
        let want = [
            "X-Forwarded-Method: PURGE",
            "X-Forwarded-Proto: https",
            "X-Forwarded-Host: shop.example",
            "X-Forwarded-Uri: /b-?c=d",
            "X-Forwarded-For: 192.0.2.7",
            "Authorization: Bearer x",
            "Cookie: a=1",
            "Cookie: b=2",
        ];
        assert_eq!(shown, want);
    }

    #[test]
    fn an_answer_is_for_what_the_question_was_about() {
        let key = |by, head: &str| question(by).key(&Fixture::new(head).exchange());
        let base = "GET /a HTTP/1.1\nHost: h\nCookie: a=1\n";
        for (other, same_request, same_credentials) in [
            ("GET /a HTTP/1.1\nHost: h\nX-Other: 1\ncookie: a=1\n", true, true),
            ("GET /a?b HTTP/1.1\nHost: h\nCookie: a=1\n", false, true),
            ("POST /a HTTP/1.1\nHost: h\nCookie: a=1\n", false, true),
            ("GET /a HTTP/1.1\nHost: i\nCookie: a=1\n", false, true),
            ("GET /a HTTP/1.1\nHost: h\nCookie: a=2\n", false, false),
            ("GET /a HTTP/1.1\nHost: h\nAuthorization: a=1\n", false, false),
            ("GET /a HTTP/1.1\nHost: h\nCookie: a=1\nCookie: b=1\n", false, false),
            ("GET /a HTTP/1.1\nHost: h\nCookie: a=1Cookieb=1\n", false, false),
        ] {
            assert_eq!(key(By::Request, base) == key(By::Request, other), same_request, "{other}");
            assert_eq!(
                key(By::Credentials, base) == key(By::Credentials, other),
                same_credentials,
                "{other}"
            );
        }
        let anonymous = "GET /a HTTP/1.1\nHost: h\n";
        assert!(key(By::Request, anonymous).is_some());
        assert!(
            key(By::Credentials, anonymous).is_none(),
            "nobody shares an answer with all who show nothing"
        );
    }
}
