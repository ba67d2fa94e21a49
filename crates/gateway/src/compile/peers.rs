//! Whom policies can ask: the document's services, and URLs.

use std::sync::Arc;

use sekisho_exchange::{Dial, Peer};
use sekisho_policies::Peers;
use sekisho_units::{At, Problems};
use sekisho_upstream::{Carry, Dialer, peer_at};

use super::services::Services;

/// All who are known.
pub(super) struct Known<'a> {
    pub(super) services: &'a Services,
    pub(super) carry: &'a Arc<Carry>,
}

impl Peers for Known<'_> {
    fn service(&self, name: &At<String>, path: &str, problems: &mut Problems) -> Option<Arc<dyn Peer>> {
        let service = self.services.find(name, path, problems)?;
        Some(service)
    }

    fn url(
        &self,
        name: &'static str,
        url: &At<String>,
        path: &str,
        problems: &mut Problems,
    ) -> Option<(Arc<dyn Peer>, String)> {
        peer_at(name, url, path, self.carry, problems)
    }

    fn dial(&self) -> Arc<dyn Dial> {
        Arc::new(Dialer::new(Arc::clone(self.carry)))
    }
}
