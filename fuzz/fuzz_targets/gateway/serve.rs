//! A whole connection: whatever a client sends, and however that is cut, nothing panics, and the same requests are answered alike.
#![no_main]

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};

use arc_swap::ArcSwap;
use libfuzzer_sys::fuzz_target;
use sekisho_exchange::{Io, Scheme};
use sekisho_gateway::compile::{Carry, Source, compile};
use sekisho_gateway::{Caller, Door, Site, Worker, serve};
use sekisho_units::Clock;
use sekisho_wire::{Head, Limits, Parsed, parse_response};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const CONFIG: &str = "
limits: { head: 2KiB, target: 1KiB, fields: 20 }
via: a
trusted_proxies: [192.0.2.0/24]
workers: 1
policies: { request_id: off, access_log: off, body_limit: { max: 64B }, security_headers: , cors: { origins: ['http://b'] } }
routes:
  - { path: /a/*, respond: { body: hello } }
  - { path: '/{id}', methods: [POST, PUT], respond: { status: 204 } }
  - { path: /to, redirect: { to: 'https://{request.host}/{request.?query}' } }
  - { hosts: [b], path: /*, policies: { api_key: { keys: [{ id: a, hash: 'sha256:0000000000000000000000000000000000000000000000000000000000000000' }] } }, respond: { body: '' } }
";

static SITE: LazyLock<Arc<ArcSwap<Site>>> = LazyLock::new(|| {
    let read_file = |_: &str| Err(io::ErrorKind::NotFound.into());
    let source = Source {
        name: "fuzz.yaml",
        text: CONFIG,
        env: &|_| None,
        read_file: &read_file,
        folder: Path::new(""),
    };
    let (site, problems) = compile(&source, &Carry::default());
    Arc::new(ArcSwap::from_pointee(site.unwrap_or_else(|| panic!("{problems}"))))
});

/// What the client has sent, piece by piece, and what it got.
#[derive(Clone, Default)]
struct Client {
    pieces: Rc<RefCell<Vec<Vec<u8>>>>,
    got: Rc<RefCell<Vec<u8>>>,
}

impl AsyncRead for Client {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut pieces = self.pieces.borrow_mut();
        // Behind the last one is the end.
        let Some(piece) = pieces.last_mut() else { return Poll::Ready(Ok(())) };
        if piece.is_empty() {
            pieces.pop();
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let count = piece.len().min(buffer.remaining());
        buffer.put_slice(&piece[..count]);
        piece.drain(..count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Client {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.got.borrow_mut().extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Io for Client {
    fn poll_readable(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
    fn is_readable(&self) -> bool {
        self.pieces.borrow().last().is_some_and(|piece| !piece.is_empty())
    }
    fn abort(&mut self) {}
}

/// The statuses of the answers to these pieces, of which the last one is sent first.
fn answers(pieces: Vec<Vec<u8>>) -> Vec<u16> {
    let worker = Worker::new(0, Clock::manual(), Arc::clone(&SITE), Arc::default());
    let turns = 100 + 4 * pieces.len();
    let client = Client { pieces: Rc::new(RefCell::new(pieces)), ..Client::default() };
    let door = Door::new(Arc::clone(&worker.site.load().settings.listen[0]));
    let caller = Caller { peer: ([192, 0, 2, 1], 4711).into(), scheme: Scheme::Http, door };
    let mut serving = pin!(serve(client.clone(), caller, worker));
    let mut cx = Context::from_waker(Waker::noop());
    // One that lingers waits for its alarm, which nobody rings here.
    let _ended = (0..turns).any(|_| serving.as_mut().poll(&mut cx).is_ready());
    let got = client.got.borrow();
    let mut starts: Vec<_> =
        got.windows(9).enumerate().filter(|(_, nine)| nine == b"HTTP/1.1 ").map(|(at, _)| at).collect();
    assert!(got.is_empty() || starts.first() == Some(&0));
    starts.push(got.len());
    let mut statuses = Vec::new();
    for range in starts.windows(2) {
        let (bytes, mut head) = (&got[range[0]..range[1]], Head::default());
        let parsed = parse_response(bytes, &mut head, &Limits::default());
        assert!(
            matches!(parsed, Ok(Parsed::Complete(_))),
            "{parsed:?} of {}",
            String::from_utf8_lossy(bytes)
        );
        statuses.push(head.view(bytes).status());
    }
    // Who sends its body unasked is not told to go on.
    statuses.retain(|status| *status != 100);
    statuses
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, bytes) = input;
    let whole = answers(vec![bytes.to_vec()]);
    let pieces: Vec<_> = bytes.chunks(usize::from(size) + 1).rev().map(<[u8]>::to_vec).collect();
    let cut = answers(pieces);
    // What is wrong with the last one may be noticed sooner or later, and so be called otherwise.
    let alike = whole == cut
        || matches!((whole.split_last(), cut.split_last()), (Some((one, all)), Some((other, same)))
            if all == same && *one >= 400 && *other >= 400);
    assert!(alike, "{whole:?} and {cut:?} of {}", String::from_utf8_lossy(bytes));
});
