//! What a response head means, or why it is not believed.

use super::{connection, framing};
use crate::body::Framing;
use crate::refusal::Malformed;
use crate::{HeadView, Method, Version};

/// What a response head means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ResponseFacts {
    /// Where the body ends.
    pub framing: Framing,
    /// Whether the connection may be used again once the body has ended.
    pub keep_alive: bool,
}

/// Decides what a parsed response to a request with `request_method` means (RFC 9112 §6.3). A 101 has no body;
/// that the connection is no longer HTTP after it is for the caller to see from the status.
///
/// # Errors
/// [`Malformed`] for framing fields that could be read in more than one way, even where there is no body.
pub fn check_response(view: HeadView<'_>, request_method: Method) -> Result<ResponseFacts, Malformed> {
    let options = connection::options(view);
    if options.malformed {
        return Err(Malformed::BadConnection);
    }
    let declared = framing::declared(view)?;
    let mut keep_alive = !options.close && (view.version() == Version::Http11 || options.keep_alive);
    let never = matches!(view.status(), 100..=199 | 204);
    let framing = if never || request_method == Method::Head || view.status() == 304 {
        // A service that announces a body with 204 or 1xx may well send it, where the next answer would begin.
        if never && !matches!(declared, None | Some(Framing::Length(0))) {
            keep_alive = false;
        }
        Framing::None
    } else {
        declared.unwrap_or(Framing::UntilClose)
    };
    if framing == Framing::UntilClose {
        keep_alive = false;
    }
    Ok(ResponseFacts { framing, keep_alive })
}

impl From<framing::Fault> for Malformed {
    fn from(fault: framing::Fault) -> Malformed {
        match fault {
            framing::Fault::LengthAndCoding => Malformed::LengthAndCoding,
            framing::Fault::ManyLengths => Malformed::ManyLengths,
            framing::Fault::BadLength => Malformed::BadLength,
            framing::Fault::BadCoding | framing::Fault::UnknownCoding => Malformed::BadCoding,
            framing::Fault::CodingInHttp10 => Malformed::CodingInHttp10,
        }
    }
}
