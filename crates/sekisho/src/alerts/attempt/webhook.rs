//! Telling by a request: a POST through the gateway's own client, from the thread that runs errands.

use std::sync::Arc;
use std::time::Duration;

use sekisho_exchange::{Ask, Local};
use sekisho_gateway::alert::Webhook;
use sekisho_wire::Known;

use super::signature::{NAME, sign};
use super::{Outcome, of_status};
use crate::alerts::alert::Alert;

/// Most bytes of an answer: nobody reads them, but a connection whose answer was read can be used again.
const LARGEST: usize = 64 * 1024;

/// One attempt.
pub(in crate::alerts) async fn post(
    webhook: &Webhook,
    alert: &Alert,
    gateway: &str,
    timeout: Duration,
    local: &Local,
) -> Outcome {
    let now = local.clock.wall();
    let body = alert.body(webhook.format, gateway);
    let mut headers = vec![("Content-Type".to_owned(), b"application/json".to_vec())];
    if let Some(secret) = &webhook.secret {
        headers.push((NAME.to_owned(), sign(secret, now, &body).into_bytes()));
    }
    headers.extend(
        webhook.headers.iter().map(|(name, value)| (name.clone(), value.expose().as_bytes().to_vec())),
    );
    let target = webhook.target.clone();
    let ask = Ask { method: "POST", target, headers, body, timeout, max: LARGEST };
    match Arc::clone(&webhook.peer).ask(local, ask).await {
        Ok(answered) => {
            let head = answered.head.view();
            let retry_after = head.get(Known::RetryAfter).and_then(|value| std::str::from_utf8(value).ok());
            of_status(head.status(), retry_after, now)
        }
        Err(unanswered) => Outcome::Failed(unanswered.to_string(), None),
    }
}
