//! The operators' port: liveness, readiness, metrics, plans, reloads, forgetting users, and purging stored answers.
//!
//! It runs on hyper and on the background runtime, apart from traffic, and takes few connections at once.

mod answer;
mod breakers;
mod cache;
mod discovery;
mod pages;
mod services;
mod users;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use self::pages::Pages;
use crate::server::State;

/// Connections at once; more wait in the system's queue.
const CONNECTIONS: usize = 64;
/// Longest time for a request's head, and between two requests.
const HEAD: Duration = Duration::from_secs(10);
/// Largest head.
const LARGEST: usize = 16 * 1024;
/// Pause after a failure to accept, so that it is not tried in a busy loop.
const PAUSE: Duration = Duration::from_millis(50);

/// Answers operators as long as the background runtime lives.
///
/// # Errors
/// The port cannot be watched.
pub(crate) fn serve(
    listener: std::net::TcpListener,
    state: Arc<State>,
) -> io::Result<impl Future<Output = ()> + Send> {
    let listener = TcpListener::from_std(listener)?;
    Ok(async move {
        let pages = Arc::new(Pages::new(state));
        let free = Arc::new(Semaphore::new(CONNECTIONS));
        while let Ok(permit) = Arc::clone(&free).acquire_owned().await {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let pages = Arc::clone(&pages);
            tokio::spawn(async move {
                connection(stream, &pages).await;
                drop(permit);
            });
        }
    })
}

async fn connection(stream: TcpStream, pages: &Pages) {
    let service = service_fn(|request| async move { Ok::<_, Infallible>(pages.answer(request).await) });
    // What goes wrong on an operator's connection ends it, and concerns nobody else.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(LARGEST)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
