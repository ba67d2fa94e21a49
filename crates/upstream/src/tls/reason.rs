//! The log's words for what went wrong with TLS.

use std::io;

use rustls::{AlertDescription, CertificateError, Error};

/// Anything that has no word of its own, such as a port on which nobody speaks TLS.
const HANDSHAKE: &str = "tls_handshake";
/// The service wants a certificate of ours, or another one.
const OURS: &str = "tls_client_certificate";

/// Why the greeting failed; `asked` tells whether the service has asked for a certificate.
pub(super) fn of(error: &io::Error, asked: bool) -> &'static str {
    match cause(error) {
        // All that TLS 1.2 has for a certificate that is missing.
        Some(Error::AlertReceived(AlertDescription::HandshakeFailure)) if asked => OURS,
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
        // It is an authority itself, and nobody else's.
        CertificateError::Other(other) if other.to_string() == "CaUsedAsEndEntity" => "tls_unknown_ca",
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
        let told = Error::AlertReceived;
        for (error, asked, want, refuses) in [
            (bad(CertificateError::UnknownIssuer), false, "tls_unknown_ca", false),
            (bad(CertificateError::BadSignature), false, "tls_unknown_ca", false),
            (bad(CertificateError::NotValidForName), false, "tls_wrong_name", false),
            (bad(CertificateError::Expired), false, "tls_expired", false),
            (bad(CertificateError::NotValidYet), false, "tls_not_yet_valid", false),
            (bad(CertificateError::BadEncoding), true, "tls_handshake", false),
            (told(AlertDescription::CertificateRequired), false, "tls_client_certificate", true),
            (told(AlertDescription::UnknownCA), true, "tls_client_certificate", true),
            (told(AlertDescription::HandshakeFailure), true, "tls_client_certificate", false),
            (told(AlertDescription::HandshakeFailure), false, "tls_handshake", false),
            (told(AlertDescription::InternalError), true, "tls_handshake", false),
            (Error::HandshakeNotComplete, false, "tls_handshake", false),
        ] {
            let error = io::Error::new(io::ErrorKind::InvalidData, error);
            assert_eq!((of(&error, asked), refusal(&error).is_some()), (want, refuses), "{error}");
        }
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        assert_eq!((of(&reset, true), refusal(&reset)), ("tls_handshake", None));
    }
}
