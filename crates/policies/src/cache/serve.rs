//! What is sent of a stored answer, or of one that comes in.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use sekisho_caching::{NOT_MODIFIED_LEAVES_OUT, Shape, Slice, shape};
use sekisho_exchange::{BrokeOff, Inflow, Laid, Load, Serving};
use sekisho_wire::{Framing, HeadBuf, HeadView, Known, KnownSet, Method};

use super::entry::Entry;
use super::flight::{Headed, Reader};

/// What `request` gets of a stored answer.
pub(super) fn entry(request: HeadView<'_>, entry: &Arc<Entry>) -> Serving {
    let length = entry.body.len() as u64;
    match shape(request, &entry.facts, length) {
        Shape::Whole => {
            let head: Arc<dyn Laid> = Arc::<Entry>::clone(entry);
            let load = if request.method() == Method::Head { Bytes::new() } else { entry.body.clone() };
            Serving { framing: framing(&*head, length), head, load: Load::Whole(load) }
        }
        Shape::Part(slice) => {
            let load = Load::Whole(entry.body.slice(slice.first as usize..=slice.last as usize));
            part(entry.head.view(), slice, length, load)
        }
        Shape::Parts(slices) => parts(entry, &slices),
        other => bare(entry.head.view(), &other, length),
    }
}

/// What `request` gets of an answer that comes in.
pub(super) fn coming(request: HeadView<'_>, headed: &Arc<Headed>, reader: Reader) -> Serving {
    let whole = |reader| {
        let head: Arc<dyn Laid> = Arc::<Headed>::clone(headed);
        let framing = match headed.length {
            Some(length) => framing(&*head, length),
            None => Framing::Chunked,
        };
        Serving { head, framing, load: Load::Coming(Box::new(reader)) }
    };
    // Of a body whose length is not known nobody can say what a range of it is; it may be sent as a whole.
    let length = headed.length.unwrap_or(u64::MAX);
    match shape(request, &headed.facts, length) {
        Shape::Part(slice) if headed.length.is_some() => {
            let load = Load::Coming(Box::new(Within { reader, skip: slice.first, left: slice.length() }));
            part(headed.head.view(), slice, length, load)
        }
        Shape::Whole | Shape::Part(_) | Shape::Parts(_) => whole(reader),
        Shape::Unsatisfiable if headed.length.is_none() => whole(reader),
        other => bare(headed.head.view(), &other, length),
    }
}

/// Whether a request that caused an answer to come in gets it as it is.
pub(super) fn is_whole(request: HeadView<'_>, headed: &Headed) -> bool {
    let length = headed.length.unwrap_or(u64::MAX);
    match shape(request, &headed.facts, length) {
        Shape::NotModified => false,
        Shape::Part(_) | Shape::Unsatisfiable => headed.length.is_none(),
        Shape::Whole | Shape::Parts(_) => true,
    }
}

fn framing(head: &dyn Laid, length: u64) -> Framing {
    match head.head().status() {
        204 => Framing::None,
        _ => Framing::Length(length),
    }
}

/// 304 or 416.
fn bare(stored: HeadView<'_>, what: &Shape, length: u64) -> Serving {
    let mut head = HeadBuf::default();
    let framing = if *what == Shape::Unsatisfiable {
        head.response(416);
        copy(stored, NOT_MODIFIED_LEAVES_OUT, &mut head);
        push(&mut head, "Content-Range", format!("bytes */{length}").as_bytes());
        push(&mut head, "Content-Length", b"0");
        Framing::Length(0)
    } else {
        head.response(304);
        copy(stored, NOT_MODIFIED_LEAVES_OUT, &mut head);
        Framing::None
    };
    Serving { head: Arc::new(head), framing, load: Load::Whole(Bytes::new()) }
}

/// 206 with one part.
fn part(stored: HeadView<'_>, slice: Slice, length: u64, load: Load) -> Serving {
    let mut head = HeadBuf::default();
    head.response(206);
    copy(stored, KnownSet::of(&[Known::ContentLength, Known::ContentRange]), &mut head);
    let mut range = Vec::new();
    slice.write_content_range(length, &mut range);
    push(&mut head, "Content-Range", &range);
    push(&mut head, "Content-Length", itoa::Buffer::new().format(slice.length()).as_bytes());
    Serving { head: Arc::new(head), framing: Framing::Length(slice.length()), load }
}

/// 206 with several parts (RFC 9110 §14.6).
fn parts(entry: &Arc<Entry>, slices: &[Slice]) -> Serving {
    let stored = entry.head.view();
    let boundary = boundary();
    let mut load = VecDeque::with_capacity(slices.len() * 2 + 1);
    for slice in slices {
        let mut lead = format!("\r\n--{boundary}\r\n").into_bytes();
        if let Some(kind) = stored.get(Known::ContentType) {
            lead.extend_from_slice(b"Content-Type: ");
            lead.extend_from_slice(kind);
            lead.extend_from_slice(b"\r\n");
        }
        lead.extend_from_slice(b"Content-Range: ");
        slice.write_content_range(entry.body.len() as u64, &mut lead);
        lead.extend_from_slice(b"\r\n\r\n");
        load.push_back(Bytes::from(lead));
        load.push_back(entry.body.slice(slice.first as usize..=slice.last as usize));
    }
    load.push_back(Bytes::from(format!("\r\n--{boundary}--\r\n")));
    let length: usize = load.iter().map(Bytes::len).sum();
    let mut head = HeadBuf::default();
    head.response(206);
    copy(stored, KnownSet::of(&[Known::ContentLength, Known::ContentRange, Known::ContentType]), &mut head);
    push(&mut head, "Content-Type", format!("multipart/byteranges; boundary={boundary}").as_bytes());
    push(&mut head, "Content-Length", itoa::Buffer::new().format(length).as_bytes());
    Serving { head: Arc::new(head), framing: Framing::Length(length as u64), load: Load::Parts(load) }
}

/// A text that stands in no body but by a chance of one in 2^128.
fn boundary() -> String {
    let mut random = [0; 16];
    // Without chance one is still unlikely to stand in a body.
    let _ = getrandom::fill(&mut random);
    format!("{:032x}", u128::from_ne_bytes(random))
}

fn copy(from: HeadView<'_>, but: KnownSet, to: &mut HeadBuf) {
    for (name, value, known) in from.lines().filter(|(_, _, known)| !but.contains(*known)) {
        debug_assert!(known == Known::Unknown || !but.contains(known));
        push(to, std::str::from_utf8(name).unwrap_or_default(), value);
    }
}

/// A line of a head that was valid, or of ours.
fn push(head: &mut HeadBuf, name: &str, value: &[u8]) {
    // One more than a head holds is left out; the rest is no less true.
    let _ = head.push(name, value);
}

/// A part of a body that comes in.
struct Within {
    reader: Reader,
    /// Bytes before it.
    skip: u64,
    /// Bytes of it.
    left: u64,
}

impl Inflow for Within {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BrokeOff>> {
        while self.left > 0 {
            let Some(mut piece) = ready!(self.reader.poll_piece(cx))? else { break };
            let skipped = self.skip.min(piece.len() as u64);
            self.skip -= skipped;
            piece.advance(skipped as usize);
            piece.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
            self.left -= piece.len() as u64;
            if !piece.is_empty() {
                return Poll::Ready(Ok(Some(piece)));
            }
        }
        Poll::Ready(Ok(None))
    }

    fn not_stored(&self) -> Option<&'static str> {
        self.reader.not_stored()
    }
}
