//! The walk without sockets: a request's bytes in, a fixed answer's bytes out, through the whole connection.
//!
//! The connection is polled by hand over a stream in memory, so that what is measured is the gateway and no runtime.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use arc_swap::ArcSwap;
use criterion::{Criterion, criterion_group, criterion_main};
use sekisho_exchange::{Io, Scheme};
use sekisho_gateway::compile::{Carry, Source, compile};
use sekisho_gateway::{Caller, Door, Worker, serve};
use sekisho_units::Clock;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose two ends the bench holds.
#[derive(Clone, Default)]
struct Memory {
    input: Rc<RefCell<Vec<u8>>>,
    output: Rc<RefCell<Vec<u8>>>,
}

impl AsyncRead for Memory {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut input = self.input.borrow_mut();
        if input.is_empty() {
            return Poll::Pending;
        }
        buffer.put_slice(&input);
        input.clear();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Memory {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.output.borrow_mut().extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Io for Memory {
    fn poll_readable(&mut self, _: &mut Context<'_>) -> Poll<()> {
        if self.input.borrow().is_empty() { Poll::Pending } else { Poll::Ready(()) }
    }
    fn is_readable(&self) -> bool {
        !self.input.borrow().is_empty()
    }
    fn abort(&mut self) {}
}

const BROWSER: &str = "GET /api/orders/7?page=2 HTTP/1.1\r\nHost: shop.example\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36\r\n\
    Accept: application/json, text/plain, */*\r\nAccept-Language: en-US,en;q=0.9\r\nAccept-Encoding: gzip, br\r\n\
    Origin: https://shop.example\r\nReferer: https://shop.example/cart\r\nCookie: sid=4f9d2c7be1a34; theme=dark\r\n\r\n";
const SMALL: &str = "GET /api/orders/7 HTTP/1.1\r\nHost: shop.example\r\n\r\n";

fn walk(c: &mut Criterion) {
    let bare = "policies: { request_id: off, access_log: off, body_limit: off }";
    let full = "policies: { access_log: { to: /dev/null }, security_headers: {}, cors: { origins: ['*'] } }";
    for (name, policies, request) in [
        ("bare", bare, SMALL),
        ("bare, browser", bare, BROWSER),
        ("policies", full, SMALL),
        ("policies, browser", full, BROWSER),
    ] {
        let text = format!(
            "{policies}\nroutes: [{{ path: '/api/orders/*', respond: {{ body: '{{{{}}}}' }} }}]\nworkers: 1\n"
        );
        let source = Source {
            name: "bench.yaml",
            text: &text,
            env: &|_| None,
            read_file: &|_| Err(io::ErrorKind::NotFound.into()),
            folder: std::path::Path::new(""),
        };
        let carry = Carry::default();
        let (site, problems) = compile(&source, &carry);
        let site = site.unwrap_or_else(|| panic!("{problems}"));
        carry.sinks.open_all().expect("/dev/null opens");
        let worker = Worker::new(0, Clock::system(), Arc::new(ArcSwap::from_pointee(site)), Arc::default());
        let stream = Memory::default();
        let door = Door::new(Arc::clone(&worker.site.load().settings.listen[0]));
        let caller = Caller { peer: ([192, 0, 2, 1], 4711).into(), scheme: Scheme::Http, door };
        let mut serving = pin!(serve(stream.clone(), caller, worker));
        let mut cx = Context::from_waker(Waker::noop());
        c.bench_function(&format!("walk: {name}"), |b| {
            b.iter(|| {
                stream.input.borrow_mut().extend_from_slice(request.as_bytes());
                assert!(serving.as_mut().poll(&mut cx).is_pending());
                let mut output = stream.output.borrow_mut();
                assert!(output.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&output));
                output.clear();
            });
        });
    }
}

criterion_group!(benches, walk);
criterion_main!(benches);
