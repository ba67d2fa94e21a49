//! What a request head means, or why it is refused.

use super::authority::{Scheme, is_authority, same_authority};
use super::{connection, framing};
use crate::body::Framing;
use crate::refusal::Refusal;
use crate::{HeadView, Known, Method, Span, Version};

/// How the target is written (RFC 9112 §3.2). Authority-form is only for CONNECT, which is not served.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TargetForm {
    /// A path with an optional query.
    Origin,
    /// A URI.
    Absolute {
        /// Where in the target path and query begin, in bytes; the target's length if there are none.
        path_start: u16,
        /// Its scheme.
        scheme: Scheme,
    },
    /// `*`: the server as a whole.
    Asterisk,
}

/// What a request head means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestFacts {
    /// Where the body ends. Never [`Framing::UntilClose`].
    pub framing: Framing,
    /// Whether the client wants to use the connection again.
    pub keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub expect_continue: bool,
    /// Whether the client asks to change protocols, and may: HTTP/1.1, `Connection: upgrade` and `Upgrade`.
    pub upgrade: bool,
    /// The authority asked for, a place in [`HeadView::bytes`]. Only HTTP/1.0 may lack one.
    pub host: Option<Span>,
    /// How the target is written.
    pub form: TargetForm,
}

/// Decides what a parsed request means.
///
/// # Errors
/// [`Refusal`] for whatever two servers might read differently. Since RFC 9112 §3.2.2 lets a proxy rewrite Host
/// from an absolute target, refusing the difference is stricter than it asks for.
pub fn check_request(view: HeadView<'_>) -> Result<RequestFacts, Refusal> {
    let http11 = view.version() == Version::Http11;
    match view.method() {
        Method::Connect => return Err(Refusal::Connect),
        Method::Trace => return Err(Refusal::Trace),
        _ => {}
    }
    let mut host = host(view, http11)?;
    let target = view.target();
    let form = match target {
        [b'/', ..] => TargetForm::Origin,
        b"*" if view.method() == Method::Options => TargetForm::Asterisk,
        b"*" => return Err(Refusal::BadAsterisk),
        _ => absolute(view, target, &mut host)?,
    };
    let options = connection::options(view);
    if options.malformed {
        return Err(Refusal::BadConnection);
    }
    if options.protected {
        return Err(Refusal::ProtectedNomination);
    }
    let framing = framing::declared(view)?.unwrap_or(Framing::None);
    let expected = view.present().contains(Known::Expect);
    if expected && !view.all(Known::Expect).all(|value| value.eq_ignore_ascii_case(b"100-continue")) {
        return Err(Refusal::BadExpect);
    }
    Ok(RequestFacts {
        framing,
        keep_alive: !options.close && (http11 || options.keep_alive),
        // RFC 9110 §10.1.1: to be ignored in HTTP/1.0, and without a body there is nothing to wait for.
        expect_continue: expected && http11 && !matches!(framing, Framing::None | Framing::Length(0)),
        upgrade: options.upgrade && http11 && view.present().contains(Known::Upgrade),
        host,
        form,
    })
}

/// The path and query of a target, to be sent in origin-form; `"/"` where an absolute target has no path.
///
/// If an absolute target has a query but no path (`http://a?b`), a slash must come before what is returned;
/// [`split_target`](crate::split_target) and [`normalise`](crate::normalise) see to that.
#[must_use]
pub fn origin_form(target: &[u8], form: TargetForm) -> &[u8] {
    match form {
        TargetForm::Origin | TargetForm::Asterisk => target,
        TargetForm::Absolute { path_start, .. } => match target.get(usize::from(path_start)..) {
            None | Some([]) => b"/",
            Some(rest) => rest,
        },
    }
}

fn host(view: HeadView<'_>, http11: bool) -> Result<Option<Span>, Refusal> {
    let Some(line) = view.first(Known::Host) else {
        return if http11 { Err(Refusal::NoHost) } else { Ok(None) };
    };
    if view.count(Known::Host) > 1 {
        return Err(Refusal::ManyHosts);
    }
    if !is_authority(line.value.of(view.bytes())) {
        return Err(Refusal::BadHost);
    }
    Ok(Some(line.value))
}

/// An absolute target whose authority agrees with `host`, or becomes it.
fn absolute(view: HeadView<'_>, target: &[u8], host: &mut Option<Span>) -> Result<TargetForm, Refusal> {
    let Some(colon) = target.windows(3).position(|w| w == b"://") else {
        return Err(Refusal::BadForm);
    };
    let scheme = match &target[..colon] {
        s if s.eq_ignore_ascii_case(b"http") => Scheme::Http,
        s if s.eq_ignore_ascii_case(b"https") => Scheme::Https,
        _ => return Err(Refusal::BadScheme),
    };
    let start = colon + 3;
    let rest = &target[start..];
    let len = rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
    let authority = &rest[..len];
    if authority.contains(&b'@') {
        return Err(Refusal::UserInfo);
    }
    if !is_authority(authority) {
        return Err(Refusal::BadForm);
    }
    match host {
        Some(host) if !same_authority(host.of(view.bytes()), authority, scheme) => {
            return Err(Refusal::HostMismatch);
        }
        Some(_) => {}
        None => {
            let at = usize::from(view.target_span().start) + start;
            *host = Some(Span::between(at, at + len));
        }
    }
    Ok(TargetForm::Absolute { path_start: (start + len) as u16, scheme })
}

impl From<framing::Fault> for Refusal {
    fn from(fault: framing::Fault) -> Refusal {
        match fault {
            framing::Fault::LengthAndCoding => Refusal::LengthAndCoding,
            framing::Fault::ManyLengths => Refusal::ManyLengths,
            framing::Fault::BadLength => Refusal::BadLength,
            framing::Fault::BadCoding => Refusal::BadCoding,
            framing::Fault::UnknownCoding => Refusal::UnknownCoding,
            framing::Fault::CodingInHttp10 => Refusal::CodingInHttp10,
        }
    }
}
