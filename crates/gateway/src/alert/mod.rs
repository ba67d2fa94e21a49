//! Whom to tell what happens: the channels of a configuration, ready to be used. Using them is the upper floor's business.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sekisho_exchange::{EventName, Peer};
use sekisho_units::{Rate, Secret};

pub use crate::document::AlertFormat as Format;

/// The channels of a configuration.
#[derive(Debug, Default)]
pub struct Alerting {
    /// In the order written; their names differ.
    pub channels: Box<[Arc<Channel>]>,
    /// A line for each that is written but has nobody to tell.
    pub left_out: Box<[String]>,
}

/// Somebody who is told.
#[derive(Debug)]
pub struct Channel {
    /// The name in metrics and logs.
    pub name: Box<str>,
    /// All that is written of it, secrets included, as a number: the same number, the same channel.
    pub identity: u64,
    /// The events that it is told.
    pub on: Box<[EventName]>,
    /// How it is told.
    pub way: Way,
    /// How long an attempt may take.
    pub timeout: Duration,
    /// How often a failed attempt is made again.
    pub retries: u32,
    /// The wait before the first of them.
    pub backoff: Duration,
    /// In which time equal events are told once; zero for each.
    pub dedupe: Duration,
    /// Most alerts.
    pub rate: Rate,
}

/// How somebody is told.
#[derive(Debug)]
pub enum Way {
    /// By a request.
    Webhook(Webhook),
    /// By running a program.
    Command(Command),
}

/// A request for each alert.
pub struct Webhook {
    /// Whom to ask.
    pub peer: Arc<dyn Peer>,
    /// Path and query, which may hold secrets.
    pub target: String,
    /// More header fields.
    pub headers: Vec<(String, Secret)>,
    /// What the body is signed with.
    pub secret: Option<Secret>,
    /// What the body is.
    pub format: Format,
}

/// A program for each alert.
pub struct Command {
    /// Its name or path.
    pub program: String,
    /// What it is called with, which may hold secrets.
    pub arguments: Vec<String>,
}

impl Way {
    /// Its kind in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Command(_) => "command",
        }
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("format", &self.format).finish_non_exhaustive()
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command").field("program", &self.program).finish_non_exhaustive()
    }
}
