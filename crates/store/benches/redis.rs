//! How many decisions a second two workers get from a Redis server, and what one costs this process.
//!
//! Each worker is a thread with its own runtime and connection, as in the gateway, and has a number of requests under way at any
//! time. That number decides how much goes out by one write: more under way, fewer system calls each.

#![allow(missing_docs, reason = "a benchmark has no users")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot run need not go on")]
#![allow(clippy::print_stdout, reason = "its result")]
#![allow(clippy::disallowed_methods, reason = "it measures by the real clock")]

#[path = "../tests/server/mod.rs"]
mod server;

use std::sync::Arc;
use std::time::{Duration, Instant};

use sekisho_store::redis::{Address, Limits, Link, Options};
use sekisho_store::{Algorithm, Key, Memory, OnFailure, Rule, Ruling, Space, Store, Taken};
use sekisho_units::{Rate, Span, Tick};
use server::RedisServer;
use tokio::task::JoinSet;

const WORKERS: usize = 2;
const TIME: Duration = Duration::from_secs(3);

fn main() {
    // `cargo test --benches` runs it with another argument, and only wants to see that it starts.
    let time = if std::env::args().any(|arg| arg == "--bench") { TIME } else { Duration::from_millis(20) };
    let server = RedisServer::start();
    for algorithm in [Algorithm::SlidingWindow, Algorithm::TokenBucket, Algorithm::FixedWindow] {
        for under_way in [1, 8, 32, 128] {
            let rate = Rate::new(1_000_000_000, Span::from_secs(900)).unwrap();
            let rule = Rule::new(algorithm, rate, None).unwrap();
            measure(&server, rule, under_way, time);
        }
    }
}

fn measure(server: &RedisServer, rule: Rule, under_way: usize, time: Duration) {
    let options = Options { timeout: Duration::from_secs(1), ..Options::default() };
    let link = Link::new(&Address::parse(&server.url()).unwrap(), options, WORKERS).unwrap();
    let store = Arc::new(Store::redis(Limits::new(link), Memory::new(1_000)));
    let (began, before) = (Instant::now(), spent());
    let threads: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let store = Arc::clone(&store);
            std::thread::spawn(move || run(&store, worker, rule, under_way, time))
        })
        .collect();
    let decisions: u64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    let (took, cost) = (began.elapsed().as_secs_f64(), spent() - before);
    println!(
        "{:?}, {under_way:>3} under way a worker: {:>7.0} decisions/s, {:>5.1} us of processor time each",
        rule.algorithm(),
        decisions as f64 / took,
        cost.as_secs_f64() * 1e6 / decisions as f64,
    );
}

/// One worker: gives how many decisions it got.
fn run(store: &Arc<Store>, worker: usize, rule: Rule, under_way: usize, time: Duration) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let ends = Instant::now() + time;
        let mut tasks = JoinSet::new();
        for client in 0..under_way {
            let store = Arc::clone(store);
            tasks.spawn(async move {
                let mut decisions = 0_u64;
                while Instant::now() < ends {
                    let name = [worker as u8, client as u8, decisions as u8, (decisions >> 8) as u8];
                    let key = Key { space: Space::of("bench"), name: &name };
                    let ruling = match store.take(&rule, key, 1, Tick::ZERO, worker, OnFailure::Local) {
                        Taken::Later(later) => later.await,
                        Taken::Now(ruling) => ruling,
                    };
                    assert!(matches!(ruling, Ruling::Decided(_)), "{ruling:?}");
                    decisions += 1;
                }
                decisions
            });
        }
        tasks.join_all().await.into_iter().sum()
    })
}

/// Processor time of this process so far.
fn spent() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // After the name, which may hold blanks, in brackets: user and system time are the 12th and 13th.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}
