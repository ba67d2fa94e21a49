//! What all sources have in common.

use std::pin::Pin;
use std::time::Duration;

use super::dns::{self, DnsConfig};
use super::etcd;
use super::file;
use crate::fleet::EndpointConfig;

/// Somebody who knows where a service runs.
pub(super) trait Source {
    /// What there is to tell: at once at first, then whenever it may have changed. Dropping the future loses nothing but
    /// time.
    fn next(&mut self) -> Next<'_>;

    /// How long to wait after so many failures in a row.
    fn pause(&self, failures: u32) -> Duration {
        let longest = FIRST * (1 << failures.saturating_sub(1).min(16));
        let longest = longest.min(LAST);
        // Not all gateways at once.
        longest / 2 + longest.mul_f64(fastrand::f64() / 2.0)
    }
}

/// The longest wait after the first failure; each further is twice as long.
const FIRST: Duration = Duration::from_millis(500);
/// The longest wait.
const LAST: Duration = Duration::from_secs(15);

/// An answer to come, or why there is none.
pub(super) type Next<'a> = Pin<Box<dyn Future<Output = Result<Answer, String>> + 'a>>;

/// What a source tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// Who is there.
    pub(super) found: Vec<EndpointConfig>,
    /// What could not be understood, but keeps nobody else from being found.
    pub(super) odd: Vec<String>,
}

/// Which source, and how.
#[derive(Hash)]
pub(super) enum Settings {
    File(file::Settings),
    Dns(DnsConfig),
    Etcd(Box<etcd::Settings>),
}

impl Settings {
    /// As metrics name it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Dns(_) => "dns",
            Self::Etcd(_) => "etcd",
        }
    }

    /// What is asked, for people.
    pub(super) fn about(&self) -> String {
        match self {
            Self::File(file) => file.path.display().to_string(),
            Self::Dns(dns) => dns.name.clone(),
            Self::Etcd(etcd) => etcd.about(),
        }
    }

    /// Somebody to ask.
    pub(super) fn begin(self) -> Box<dyn Source> {
        match self {
            Self::File(settings) => Box::new(file::File::new(settings)),
            Self::Dns(settings) => Box::new(dns::Dns::new(settings)),
            Self::Etcd(settings) => Box::new(etcd::Etcd::new(*settings)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nobody;

    impl Source for Nobody {
        fn next(&mut self) -> Next<'_> {
            Box::pin(async { Ok(Answer::default()) })
        }
    }

    #[test]
    fn pauses_grow_to_a_bound() {
        for (failures, most) in
            [(1, 500), (2, 1_000), (3, 2_000), (6, 15_000), (40, 15_000), (u32::MAX, 15_000)]
        {
            let pause = Nobody.pause(failures).as_millis();
            assert!((most / 2..=most).contains(&pause), "{failures}: {pause} ms");
        }
    }
}
