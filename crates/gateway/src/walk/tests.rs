//! What only shows in an exchange that is over, since nobody outside is told of it.

use std::net::TcpListener;
use std::sync::Arc;

use arc_swap::ArcSwap;
use sekisho_exchange::{Client, Decider, Exchange, Scheme};
use sekisho_units::Clock;
use sekisho_upstream::Nobody;
use sekisho_wire::{Framing, HeadBuf};
use tokio::task::LocalSet;

use super::{Desk, Start, walk};
use crate::basis::Basis;
use crate::compile::tests::site;
use crate::forward::Lines;
use crate::listener::Door;
use crate::worker::Worker;

/// Walks a request whose time ends while `forward_auth`, in that mode, waits for somebody who never answers. Gives whether the
/// header that the policy takes off is still taken off when all is over.
async fn is_taken_off(mode: &str) -> bool {
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let text = format!(
        "services: {{ a: {{ endpoints: ['http://{}'] }} }}\nroutes:\n\
         - {{ path: /*, service: a, timeout: 50ms, policies: {{ forward_auth: {{ mode: {mode}, service: a, path: /, \
         copy: [X-Tenant], timeout: 1h }} }} }}\n",
        mute.local_addr().unwrap()
    );
    let worker =
        Worker::new(0, Clock::system(), Arc::new(ArcSwap::from_pointee(site(&text))), Arc::default());
    worker.start();
    let door = Door::new(Arc::clone(&worker.site.load().settings.listen[0]));
    let (alarm, mut head) = (worker.local.alarms.alarm(), HeadBuf::default());
    head.request(b"GET", b"/").unwrap();
    head.push("X-Tenant", b"mine").unwrap();
    let client = Client::direct(([192, 0, 2, 7], 4711).into(), Scheme::Http);
    let (view, now) = (head.view(), worker.local.clock.now());
    let basis = Basis::of(worker.site(), Some(0), view);
    let mut exchange = Exchange::new(view, ("/", None, "a"), Framing::None, client, now, &worker.local);
    let way = basis.way(&mut exchange, (&worker, &alarm, &door));
    let (mut lines, mut reply) = (Lines::default(), HeadBuf::default());
    let desk = Desk { lines: &mut lines, reply: &mut reply };
    walk(&way, &mut exchange, Start::Plan, &mut Nobody::with(Vec::new()), desk).await;
    assert_eq!((exchange.facts.decided_by, exchange.facts.attempts), (Decider::Upstream, 0));
    exchange.to_service.removes("X-Tenant")
}

#[test]
fn what_a_step_in_shadow_changed_before_it_waited_is_undone_when_the_time_ends() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        assert!(is_taken_off("enforce").await, "else nothing would show");
        assert!(!is_taken_off("shadow").await);
    });
}
