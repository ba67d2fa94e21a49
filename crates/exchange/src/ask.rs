//! How a policy asks somebody else: a service of the configuration, or a URL. What upper floors supply is [`Peer`].

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use sekisho_wire::HeadBuf;

use crate::{Event, Events, Local};

/// A request of the gateway's own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ask {
    /// The method, such as `GET`.
    pub method: &'static str,
    /// Path and query, normalised and percent-encoded, with the leading slash.
    pub target: String,
    /// Header lines beside `Host` and what delimits the body: names and values that a line may hold.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, whole; none if it is empty.
    pub body: Vec<u8>,
    /// For the whole answer, from the choice of the endpoint to the body's last byte.
    pub timeout: Duration,
    /// Most bytes of the answer's body; a longer answer is a failure.
    pub max: usize,
}

/// What came back.
pub struct Answered {
    /// Status and header lines.
    pub head: HeadBuf,
    /// The body, whole.
    pub body: Vec<u8>,
}

/// Why there is no answer. The words are for the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unanswered {
    /// Nobody is there, or nobody answered in time: nothing that the question could have brought about.
    #[error("{0}")]
    Absent(&'static str),
    /// The question could not be asked, or what came back is no answer: whoever the question is about may have brought that about.
    #[error("{0}")]
    Unclear(&'static str),
}

impl Unanswered {
    /// The word for the log.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Absent(reason) | Self::Unclear(reason) => reason,
        }
    }
}

/// The answer to come. It belongs to the thread that asked; dropping it gives up.
pub type Asking = Pin<Box<dyn Future<Output = Result<Answered, Unanswered>>>>;

/// Somebody who can be asked.
pub trait Peer: Send + Sync {
    /// The name in logs and problem documents.
    fn name(&self) -> &str;

    /// Asks, by the connections of the thread whose things `local` are.
    fn ask(self: Arc<Self>, local: &Local, ask: Ask) -> Asking;
}

/// Finds whoever is at a URL that no configuration names, such as one that a discovery document tells of.
pub trait Dial: Send + Sync {
    /// Whoever is at `url`, called `name` in logs, and the target to ask for.
    ///
    /// # Errors
    /// What is wrong with the URL.
    fn dial(&self, name: &'static str, url: &str) -> Result<(Arc<dyn Peer>, String), String>;
}

/// Work that no request waits for, begun on a thread that serves none.
pub type Errand = Box<dyn FnOnce(Rc<Local>) -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// Who runs errands, and tells operators what came of them.
pub trait Errands: Events {
    /// Begins `errand` soon. Where nothing runs, as when a configuration is only checked, it is dropped.
    fn send(&self, errand: Errand);
}

/// Runs nothing.
pub struct NoErrands;

impl Errands for NoErrands {
    fn send(&self, _: Errand) {}
}

impl Events for NoErrands {
    fn tell(&self, _: Event) {}
}
