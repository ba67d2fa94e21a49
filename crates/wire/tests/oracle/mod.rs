//! The same bytes read by this crate and by hyper. Also used by the fuzz target of the same purpose.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use sekisho_wire::{
    BodyReader, Head, Limits, Parsed, Step, TargetForm, check_request, origin_form, parse_request,
};
use tokio::io::AsyncWriteExt;

/// One request as somebody read it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query, or `*`.
    pub(crate) target: String,
    /// Names in lower case, in alphabetical order; lines of one name in the order received.
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

/// What this crate makes of a connection's bytes.
pub(crate) struct Ours {
    pub(crate) seen: Vec<Seen>,
    /// Whether reading stopped since the last request asked to close, and not since a request was refused or
    /// unfinished.
    pub(crate) closed: bool,
}

/// Reads requests until one is refused, unfinished, or the last.
pub(crate) fn ours(bytes: &[u8]) -> Ours {
    let (mut at, mut head, mut seen) = (0, Head::default(), Vec::new());
    loop {
        let rest = &bytes[at..];
        let Ok(Parsed::Complete(len)) = parse_request(rest, &mut head, &Limits::default()) else { break };
        let view = head.view(rest);
        let Ok(facts) = check_request(view) else { break };
        at += len;
        let Some((body, used)) = read_body(BodyReader::new(facts.framing), &bytes[at..]) else { break };
        at += used;
        let mut target = origin_form(view.target(), facts.form).to_vec();
        if matches!(facts.form, TargetForm::Absolute { .. }) && target.starts_with(b"?") {
            target.insert(0, b'/');
        }
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("checked to be ASCII");
        let fields = view.lines().map(|(name, value, _)| (text(name), value.to_vec()));
        seen.push(Seen {
            method: text(view.method_bytes()),
            target: text(&target),
            fields: in_order(fields),
            body,
        });
        if !facts.keep_alive {
            return Ours { seen, closed: true };
        }
    }
    Ours { seen, closed: false }
}

fn read_body(mut reader: BodyReader, bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut at, mut body) = (0, Vec::new());
    loop {
        match reader.next(&bytes[at..]) {
            Ok(Step::Data { skip, len }) => {
                at += skip;
                body.extend_from_slice(&bytes[at..at + len]);
                reader.consumed(len);
                at += len;
            }
            Ok(Step::Done { skip }) => return Some((body, at + skip)),
            Ok(Step::More { .. }) | Err(_) => return None,
        }
    }
}

/// What hyper makes of the same bytes. A request whose body it could not read to the end is not counted.
pub(crate) fn hypers(bytes: &[u8]) -> Vec<Seen> {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let service = service_fn(|request: Request<Incoming>| {
        let seen = Rc::clone(&seen);
        async move {
            let (head, body) = request.into_parts();
            if let Ok(body) = body.collect().await {
                let target = head.uri.path_and_query().map_or("*", |target| target.as_str());
                // An absolute URI without a path.
                let slash = if target.starts_with('?') { "/" } else { "" };
                let fields = head.headers.iter().map(|(n, v)| (n.as_str().to_owned(), v.as_bytes().to_vec()));
                seen.borrow_mut().push(Seen {
                    method: head.method.as_str().to_owned(),
                    target: format!("{slash}{target}"),
                    fields: in_order(fields),
                    body: body.to_bytes().to_vec(),
                });
            }
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers");
    runtime.block_on(async {
        // Room for all, so that nobody has to wait for anybody.
        let (mut client, server) = tokio::io::duplex(bytes.len() + 64 * 1024);
        client.write_all(bytes).await.expect("the pipe has room");
        client.shutdown().await.expect("the pipe is open");
        let mut builder = hyper::server::conn::http1::Builder::new();
        // That hyper gives up is an outcome like others: what it has read until then is what counts.
        let _ = builder.half_close(true).serve_connection(TokioIo::new(server), service).await;
        drop(client);
    });
    seen.take()
}

fn in_order(fields: impl Iterator<Item = (String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    let mut fields: Vec<_> = fields.map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    fields.sort_by(|a, b| a.0.cmp(&b.0));
    fields
}

/// Says how the two readings differ, if they do. hyper may read further than this crate, which is stricter,
/// but what this crate has read hyper must have read alike, and where this crate saw the last request hyper must
/// not see another.
pub(crate) fn difference(bytes: &[u8]) -> Result<usize, String> {
    let ours = ours(bytes);
    if ours.seen.is_empty() {
        return Ok(0);
    }
    let hypers = hypers(bytes);
    for (i, seen) in ours.seen.iter().enumerate() {
        match hypers.get(i) {
            Some(other) if other == seen => {}
            // The target's bytes are not interpreted here; hyper's URI type refuses some of them.
            None if !is_uri(&seen.target) => return Ok(i),
            other => return Err(format!("request {i}: {seen:?} here, but {other:?} for hyper")),
        }
    }
    if ours.closed && hypers.len() > ours.seen.len() {
        return Err(format!("hyper reads on after the last request: {:?}", hypers[ours.seen.len()]));
    }
    Ok(ours.seen.len())
}

fn is_uri(target: &str) -> bool {
    target.parse::<hyper::Uri>().is_ok()
}
