//! `sekisho run`: a gateway with a configuration that is wholly good, or none at all.

use std::time::Instant;

use crate::cli::ConfigFile;
use crate::configuration;
use crate::output::{Exit, Failure, report};
use crate::server::{self, ListenError, Start};
use crate::systemd::Sockets;

/// Runs the gateway to its end.
pub(super) fn run(config: &ConfigFile, begun: Instant) -> Result<Exit, Failure> {
    let mut given = Sockets::given();
    let (carry, todo, alerts) = server::carried();
    let loaded = configuration::load(config.config.as_deref(), carry)?;
    if !loaded.problems.is_empty() {
        report(&loaded.problems.to_string());
    }
    let Some(site) = loaded.site else { return Ok(Exit::No) };
    let failure = |error: ListenError| Failure::new(error.to_string());
    let mut open = |address| server::given_or_new(&mut given, address);
    let traffic =
        site.settings.listen.iter().map(|listener| open(listener.address)).collect::<Result<_, _>>();
    let traffic = traffic.map_err(failure)?;
    let admin = site.settings.admin.map(open).transpose().map_err(failure)?;
    given.close_rest();
    let start = Start {
        traffic,
        admin,
        given,
        site,
        carry: loaded.carry,
        todo,
        alerts,
        file: loaded.path.map(|path| (path, loaded.files)),
        begun,
    };
    server::run(start, |_| ())
}
