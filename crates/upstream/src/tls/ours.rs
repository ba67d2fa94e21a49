//! The certificate that the gateway shows to a service that asks for one.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;

thread_local! {
    /// Whether a service has asked since this was last looked at.
    static ASKED: Cell<bool> = const { Cell::new(false) };
}

/// The certificate, if there is one.
#[derive(Debug)]
pub(super) struct Ours(pub(super) Option<Arc<CertifiedKey>>);

impl ResolvesClientCert for Ours {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        ASKED.set(true);
        self.0.clone()
    }

    fn has_certs(&self) -> bool {
        self.0.is_some()
    }
}

/// Waits for a greeting to end, and tells whether the service has asked for a certificate in it.
///
/// rustls asks [`Ours`] within a poll and does not say for which connection, so each poll is looked at by itself.
pub(super) async fn heeding<F: Future + Unpin>(mut greeting: F) -> (F::Output, bool) {
    let mut asked = false;
    let output = poll_fn(|cx| {
        ASKED.set(false);
        let polled = Pin::new(&mut greeting).poll(cx);
        asked |= ASKED.get();
        polled
    })
    .await;
    (output, asked)
}
