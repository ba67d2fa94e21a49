//! Several commands at once: one round trip, whatever their number.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use redis::{Cmd, Value};

use super::link::{NoScript, odd};
use super::{Away, Command, Link, Reply};

impl Link {
    /// Asks for several things at once, within the time of one operation and in the place of one. A server does them in their
    /// order; the nodes of a cluster each in its own. What is refused fails by itself.
    ///
    /// # Errors
    /// [`Away`] if none was answered.
    pub async fn run(&self, worker: usize, commands: &[Command]) -> Result<Vec<Result<Reply, Away>>, Away> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let words: Vec<Cmd> = commands.iter().map(|command| command.words.clone()).collect();
        let mut answers = self.ask_all(worker, &words).await?;
        if answers.iter().any(|answer| matches!(answer, Ok(Err(NoScript)))) {
            // A server that has just started, or was told to forget; all nodes of a cluster learn them.
            let load = |script: &super::Script| {
                let mut load = redis::cmd("SCRIPT");
                load.arg("LOAD").arg(&*script.text);
                load
            };
            let loads: Vec<Cmd> =
                commands.iter().filter_map(|command| command.script.as_ref()).map(load).collect();
            self.ask_all(worker, &loads).await?;
            answers = self.ask_all(worker, &words).await?;
        }
        let read = |answer: Answer| Reply::read(answer?.map_err(|NoScript| odd())?);
        Ok(answers.into_iter().map(read).collect())
    }
}

/// What came of one of several commands.
pub(super) type Answer = Result<Result<Value, NoScript>, Away>;

/// All of them, which go on side by side.
pub(super) async fn all<T>(mut futures: Vec<Pin<Box<dyn Future<Output = T> + Send + '_>>>) -> Vec<T> {
    let mut done: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    poll_fn(|cx| {
        let mut pending = false;
        for (future, done) in futures.iter_mut().zip(&mut done) {
            if done.is_none() {
                match future.as_mut().poll(cx) {
                    Poll::Ready(value) => *done = Some(value),
                    Poll::Pending => pending = true,
                }
            }
        }
        if pending { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    done.into_iter().flatten().collect()
}
