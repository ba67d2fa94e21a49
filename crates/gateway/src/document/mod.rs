//! The configuration as written: its words and their shapes, each with the place where it stood.
//!
//! A document is read piece by piece (the top, each route, each policy), so that a mistake in one piece hides none in
//! another. What the shapes alone cannot tell is checked by `compile`.

mod address;
mod alerts;
mod health;
mod listen;
mod policies;
mod route;
mod schema;
mod store;
mod top;

pub use address::{Address, BadAddress};
pub use alerts::{AlertConfig, AlertFormat};
pub use health::HealthPageConfig;
pub use listen::{
    CertificateConfig, Listen, ListenerConfig, MinVersion, ProxyProtocolConfig, SecureRedirectConfig,
    TlsConfig, UnknownName,
};
pub use policies::{PolicyEntry, Setting};
pub use route::{
    BranchConfig, Fields, HeaderConfig, MirrorConfig, RedirectConfig, RespondConfig, RouteConfig,
    ShownConfig, SplitConfig, UpgradeConfig,
};
pub use schema::schema;
use sekisho_units::{Place, Problem, Problems};
use sekisho_yaml::{Key, Node, read};
pub(crate) use store::MEMORY;
pub use store::{StoreConfig, StoreTlsConfig};
pub use top::{ClientConfig, Detail, DrainConfig, IdentityConfig, LimitsConfig, ReloadConfig, TopConfig};

use crate::outline::{digest, digest_without};

/// A document as written.
#[derive(Debug)]
pub struct Document<'n> {
    /// The words at the top; `None` if some of them cannot be read.
    pub top: Option<TopConfig>,
    /// `service_defaults`.
    pub service_defaults: Option<&'n Node>,
    /// `services`.
    pub services: &'n [(Key, Node)],
    /// `policies` at the top.
    pub policies: Vec<PolicyEntry>,
    /// `routes`.
    pub routes: Vec<RouteDocument>,
}

/// A route as written, with its policies and the routes beneath it.
#[derive(Debug)]
pub struct RouteDocument {
    /// Where it stands.
    pub place: Place,
    /// Its dotted path, such as `routes[2].routes[0]`.
    pub path: String,
    /// Its words; `None` if some of them cannot be read.
    pub config: Option<RouteConfig>,
    /// Its `policies`.
    pub policies: Vec<PolicyEntry>,
    /// Its `routes`; `None` if there are none. Those that cannot be read are left out.
    pub routes: Option<Vec<RouteDocument>>,
    /// What is written of it and above it: two routes that say the same have the same.
    pub digest: u64,
}

impl<'n> Document<'n> {
    /// Reads a document; what is wrong with its words goes to `problems`.
    pub fn read(root: &'n Node, problems: &mut Problems) -> Self {
        let services = root.get("services").filter(|node| !node.is_null());
        if let Some(node) = services.filter(|node| !node.is_map()) {
            let message = format!("expected a map of services, found {}", node.describe());
            let remedy = "write `{ orders: { endpoints: [http://host:port] } }`";
            problems.push(Problem::error(node.place.clone(), "services", message).remedy(remedy));
        }
        Self {
            top: read(root, "", problems),
            service_defaults: root.get("service_defaults").filter(|node| !node.is_null()),
            services: services.map_or(&[], Node::entries),
            policies: policies::read_policies(root.get("policies"), "policies", problems),
            routes: read_routes(
                root.get("routes"),
                "routes",
                root.get("policies").map_or(0, digest),
                problems,
            )
            .unwrap_or_default(),
        }
    }
}

/// `above` is the digest of what is written above.
fn read_routes(
    node: Option<&Node>,
    path: &str,
    above: u64,
    problems: &mut Problems,
) -> Option<Vec<RouteDocument>> {
    let empty = |node: &Node| node.is_null() || (node.is_list() && node.items().is_empty());
    let node = node.filter(|node| !empty(node))?;
    if !node.is_list() {
        let message = format!("expected a list of routes, found {}", node.describe());
        let remedy = "begin each route with a dash: `- path: /…`";
        problems.push(Problem::error(node.place.clone(), path, message).remedy(remedy));
    }
    let routes = node.items().iter().enumerate().map(|(index, route)| {
        let path = format!("{path}[{index}]");
        let digest = digest_without(above, route, "routes");
        RouteDocument {
            place: route.place.clone(),
            config: read(route, &path, problems),
            policies: policies::read_policies(route.get("policies"), &format!("{path}.policies"), problems),
            routes: read_routes(route.get("routes"), &format!("{path}.routes"), digest, problems),
            path,
            digest,
        }
    });
    Some(routes.collect())
}
