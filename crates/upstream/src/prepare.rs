//! What a service needs of files and of the world before it can be made: certificates, and where its endpoints are found.

use std::path::Path;

use sekisho_units::Problems;

use crate::config::Config;
use crate::discover::{self, Plan};
use crate::tls::{ReadFile, Securing, secure};

/// Files that a configuration names.
#[derive(Clone, Copy)]
pub struct Files<'a> {
    /// Gives the text of one.
    pub read: ReadFile<'a>,
    /// From where their paths count.
    pub folder: &'a Path,
}

impl Files<'_> {
    /// There are none.
    pub fn none() -> Self {
        Self { read: &|_| Err(std::io::ErrorKind::NotFound.into()), folder: Path::new("") }
    }
}

/// What a service needs beside its configuration.
pub struct Prepared {
    pub(crate) tls: Securing,
    pub(crate) discover: Option<Plan>,
}

/// Prepares what `service`, which stands at `path`, needs.
///
/// What is wrong with it goes to `problems`; with an error among it there is nothing.
pub fn prepare(service: &Config, path: &str, files: Files<'_>, problems: &mut Problems) -> Option<Prepared> {
    let tls = secure(service, path, files.read, problems);
    let plan = |config| discover::plan(config, &format!("{path}.discover"), files, problems);
    let discover = service.discover.as_ref().map(plan);
    Some(Prepared { tls: tls?, discover: discover.map_or(Some(None), |plan| plan.map(Some))? })
}
