//! From a policy as written to the policy as it runs.

use std::io;
use std::sync::Arc;

use sekisho_exchange::{Dial, Errands, Peer};
use sekisho_store::Store;
use sekisho_units::{At, Place, Problem, Problems};
use sekisho_yaml::MAX_FILE;

use crate::Kept;
use crate::access_log::Sinks;

/// What compilation knows beside the policy's own settings.
pub struct Context<'a> {
    /// Worker threads: the number of shares of every per-worker buffer.
    pub workers: usize,
    /// The log sinks of the process, shared by every `access_log` that writes to the same place.
    pub sinks: &'a Sinks,
    /// What policies keep from one configuration to the next.
    pub kept: &'a Kept,
    /// Where limits are counted.
    pub store: &'a Arc<Store>,
    /// Gives the text of a file that the document names.
    pub read_file: &'a dyn Fn(&str) -> io::Result<String>,
    /// Whom a policy can ask.
    pub peers: &'a dyn Peers,
    /// Who does what no request waits for.
    pub errands: &'a Arc<dyn Errands>,
}

/// Finds those whom a policy asks.
pub trait Peers {
    /// The service of a name. An unknown one is reported at `path`; one that has problems of its own is not again.
    fn service(&self, name: &At<String>, path: &str, problems: &mut Problems) -> Option<Arc<dyn Peer>>;

    /// Whoever is at a URL, and the target to ask for; `name`, the policy's, stands for them in logs and answers. What is
    /// wrong with the URL is reported at `path`.
    fn url(
        &self,
        name: &'static str,
        url: &At<String>,
        path: &str,
        problems: &mut Problems,
    ) -> Option<(Arc<dyn Peer>, String)>;

    /// For URLs that become known only later.
    fn dial(&self) -> Arc<dyn Dial>;
}

/// Finds nobody: for policies that ask none.
pub struct NoPeers;

impl Peers for NoPeers {
    fn service(&self, name: &At<String>, path: &str, problems: &mut Problems) -> Option<Arc<dyn Peer>> {
        problems.error(&name.place, path, "there is nobody to ask");
        None
    }

    fn url(
        &self,
        _: &'static str,
        url: &At<String>,
        path: &str,
        problems: &mut Problems,
    ) -> Option<(Arc<dyn Peer>, String)> {
        problems.error(&url.place, path, "there is nobody to ask");
        None
    }

    fn dial(&self) -> Arc<dyn Dial> {
        Arc::new(Self)
    }
}

impl Dial for NoPeers {
    fn dial(&self, _: &'static str, _: &str) -> Result<(Arc<dyn Peer>, String), String> {
        Err("there is nobody to ask".to_owned())
    }
}

/// Where in the document the settings stand, and where to report what is wrong with them.
pub struct Here<'a> {
    /// The settings' own place.
    pub place: Place,
    /// Their path, as in `routes[0].policies.cors`.
    pub path: String,
    /// The route where they stand, by what tells it from others; empty at the top. With the policy's name it is the identity
    /// by which state goes on from one configuration to the next.
    pub scope: &'a str,
    /// Where problems go.
    pub problems: &'a mut Problems,
}

impl Here<'_> {
    /// Reports that `field` (at `place`) is wrong, and what to write instead. Gives `None`, for `return here.refuse(…)`.
    pub fn refuse<T>(
        &mut self,
        field: &str,
        place: &Place,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Option<T> {
        let path = if field.is_empty() { self.path.clone() } else { format!("{}.{field}", self.path) };
        self.problems.push(Problem::error(place.clone(), path, message).remedy(remedy));
        None
    }
}

impl Here<'_> {
    /// The text of a file that `field` names. What cannot be read is reported.
    pub(crate) fn file(&mut self, field: &str, named: &At<String>, context: &Context<'_>) -> Option<String> {
        const REMEDY: &str = "name a file that can be read; its path counts from the configuration's folder";
        match (context.read_file)(named) {
            Ok(text) if text.len() as u64 <= MAX_FILE => Some(text),
            Ok(_) => {
                let message = format!("the file `{named}` has more than {MAX_FILE} bytes");
                self.refuse(field, &named.place, message, "name a smaller one")
            }
            Err(error) => {
                let reason = sekisho_yaml::unreadable(&error);
                let message = format!("the file `{named}` cannot be read: {reason}");
                self.refuse(field, &named.place, message, REMEDY)
            }
        }
    }
}

/// A policy as written, which becomes one that runs.
pub trait Compile {
    /// The policy as it runs: nothing in it is optional that need not be.
    type Into;

    /// Checks what the types alone could not, and resolves everything that is known before the first request.
    /// Problems are reported through `here`; `None` means that there was at least one.
    fn compile(self, here: &mut Here<'_>, context: &Context<'_>) -> Option<Self::Into>;
}
