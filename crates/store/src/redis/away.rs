//! Why an operation failed, and what is known of the server.

use std::sync::Arc;

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Why the server has not done what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Away {
    /// There is no connection. It is being remade, and until then nothing is asked.
    #[error("redis is away: {0}")]
    Gone(Arc<str>),
    /// It did not answer in time.
    #[error("redis did not answer in time")]
    Late,
    /// As many operations of this worker are under way as may be.
    #[error("too many operations on redis are under way")]
    Busy,
    /// It answered, with an error or with something that is no answer.
    #[error("redis refused: {0}")]
    Refused(Arc<str>),
}

impl Away {
    /// All that [`Away::word`] gives.
    pub const WORDS: [&'static str; 4] = ["gone", "late", "busy", "refused"];

    /// One word of it, for logs and metrics.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Gone(_) => "gone",
            Self::Late => "late",
            Self::Busy => "busy",
            Self::Refused(_) => "refused",
        }
    }

    /// Whether the key that was asked for holds a thing of another type than the command is for.
    pub fn is_wrong_type(&self) -> bool {
        matches!(self, Self::Refused(why) if why.contains("WRONGTYPE"))
    }
}

/// What is known of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Nobody has asked yet.
    Untried,
    /// Every worker that has asked it has its connection.
    Here,
    /// At least one worker has lost it, for this reason.
    Gone(Away),
}

/// What an error means for the connection that it came by.
pub(super) enum Fault {
    /// The server does not know the script yet.
    NoScript,
    /// It has answered; the connection is fine.
    Answer(Away),
    /// The connection broke, and a new one may well be better.
    Broken(Arc<str>),
    /// The server is there, but of no use for a while, or none to us.
    Unfit(Arc<str>),
}

/// Sorts an error. Its text is the server's or the crate's, neither of which repeats credentials.
pub(super) fn fault(error: &RedisError) -> Fault {
    let text = || Arc::from(error.to_string());
    match error.kind() {
        ErrorKind::Server(ServerErrorKind::NoScript) => Fault::NoScript,
        ErrorKind::Server(
            ServerErrorKind::BusyLoading
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::MasterDown
            | ServerErrorKind::ReadOnly,
        )
        | ErrorKind::AuthenticationFailed
        | ErrorKind::ClusterConnectionNotFound => Fault::Unfit(text()),
        ErrorKind::Io | ErrorKind::Parse | ErrorKind::Client => Fault::Broken(text()),
        // Without a log-in that holds, nothing else will be answered either.
        ErrorKind::Extension if matches!(error.code(), Some("NOAUTH" | "WRONGPASS")) => Fault::Unfit(text()),
        _ => Fault::Answer(Away::Refused(text())),
    }
}
