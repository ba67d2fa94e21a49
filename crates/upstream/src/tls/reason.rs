//! The log's words for what went wrong with TLS.

use std::io;

use rustls::{AlertDescription, CertificateError, Error};

/// Anything that has no word of its own, such as a port on which nobody speaks TLS.
const HANDSHAKE: &str = "tls_handshake";
/// The service wants a certificate of ours, or another one.
const OURS: &str = "tls_client_certificate";

/// Why the greeting failed.
pub(super) fn of(error: &io::Error) -> &'static str {
    match cause(error) {
        Some(Error::InvalidCertificate(wrong)) => certificate(wrong),
        Some(Error::AlertReceived(alert)) if is_about_ours(*alert) => OURS,
        _ => HANDSHAKE,
    }
}

/// The word for a failed read by which the service says that it does not accept our certificate. In TLS 1.3 that comes after
/// the greeting, in place of the first answer.
pub(crate) fn refusal(error: &io::Error) -> Option<&'static str> {
    matches!(cause(error), Some(Error::AlertReceived(alert)) if is_about_ours(*alert)).then_some(OURS)
}

fn cause(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

fn certificate(wrong: &CertificateError) -> &'static str {
    match wrong {
        // A signature does not fit when an authority of the same name has another key: one that was made anew.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => "tls_unknown_ca",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "tls_wrong_name"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "tls_expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "tls_not_yet_valid",
        _ => HANDSHAKE,
    }
}

/// Whether a service says this of a certificate that it was shown, or misses (RFC 8446 §6.2).
fn is_about_ours(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::NoCertificate
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::CertificateRequired
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_a_word() {
        let bad = |wrong| Error::InvalidCertificate(wrong);
        for (error, want, refuses) in [
            (bad(CertificateError::UnknownIssuer), "tls_unknown_ca", false),
            (bad(CertificateError::BadSignature), "tls_unknown_ca", false),
            (bad(CertificateError::NotValidForName), "tls_wrong_name", false),
            (bad(CertificateError::Expired), "tls_expired", false),
            (bad(CertificateError::NotValidYet), "tls_not_yet_valid", false),
            (bad(CertificateError::BadEncoding), "tls_handshake", false),
            (Error::AlertReceived(AlertDescription::CertificateRequired), "tls_client_certificate", true),
            (Error::AlertReceived(AlertDescription::UnknownCA), "tls_client_certificate", true),
            (Error::AlertReceived(AlertDescription::InternalError), "tls_handshake", false),
            (Error::HandshakeNotComplete, "tls_handshake", false),
        ] {
            let error = io::Error::new(io::ErrorKind::InvalidData, error);
            assert_eq!((of(&error), refusal(&error).is_some()), (want, refuses), "{error}");
        }
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        assert_eq!((of(&reset), refusal(&reset)), ("tls_handshake", None));
    }
}
