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
    BranchConfig, EditionConfig, Fields, HeaderConfig, MirrorConfig, RedirectConfig, RespondConfig,
    RouteConfig, SegmentConfig, ShownConfig, SourceConfig, SplitConfig, UpgradeConfig, VersionConfig,
};
pub use schema::schema;
use sekisho_units::{Place, Problem, Problems};
use sekisho_yaml::{Key, Kind, Node, join, read};
pub(crate) use store::MEMORY;
pub use store::{StoreConfig, StoreTlsConfig};
pub use top::{ClientConfig, Detail, DrainConfig, IdentityConfig, LimitsConfig, ReloadConfig, TopConfig};

use crate::outline::{digest, digest_without};

/// A document as written.
#[derive(Debug)]
pub struct Document<'n> {
    /// The words at the top, without those that cannot be read; `None` if it is no map.
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
    /// Its `versions`; `None` if there are none.
    pub versions: Option<Vec<EditionDocument>>,
    /// Its `routes`; `None` if there are none. Those that cannot be read are left out.
    pub routes: Option<Vec<RouteDocument>>,
    /// What is written of it and above it: two routes that say the same have the same.
    pub digest: u64,
}

/// A version of a route as written, with its policies.
#[derive(Debug)]
pub struct EditionDocument {
    /// Its name, and where it stands.
    pub key: Key,
    /// Its dotted path, such as `routes[2].versions.v1`.
    pub path: String,
    /// Its words; `None` if some of them cannot be read.
    pub config: Option<EditionConfig>,
    /// Its `policies`.
    pub policies: Vec<PolicyEntry>,
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
            top: read_top(root, problems),
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

/// The words at the top. Where some cannot be read the others are all the same, so that what `compile` has to say of them is
/// said at once.
fn read_top(root: &Node, problems: &mut Problems) -> Option<TopConfig> {
    /// These are judged by each other: without one of them, something wrong would be said of the rest.
    const TOGETHER: [&str; 4] = ["listen", "tls", "admin", "trusted_proxies"];
    /// These are read by themselves, and may be long.
    const APART: [&str; 4] = ["service_defaults", "services", "policies", "routes"];
    let mut found = Problems::new();
    let top = read(root, "", &mut found);
    problems.extend(found.into_iter().map(with_the_place_of_a_policy));
    if top.is_some() {
        return top;
    }
    let map = |entries| Node { place: root.place.clone(), kind: Kind::Map(entries) };
    let (together, alone): (Vec<_>, Vec<_>) = root
        .entries()
        .iter()
        .filter(|(key, _)| !APART.contains(&&*key.text))
        .cloned()
        .partition(|(key, _)| TOGETHER.contains(&&*key.text));
    let pieces = alone.into_iter().map(|entry| vec![entry]).chain([together]);
    let sound = |piece: &Vec<_>| read::<TopConfig>(&map(piece.clone()), "", &mut Problems::new()).is_some();
    read(&map(pieces.filter(sound).flatten().collect()), "", &mut Problems::new())
}

/// Says where a policy belongs whose name stands at the top itself.
fn with_the_place_of_a_policy(mut problem: Problem) -> Problem {
    if problem.remedy.is_none() && sekisho_policies::NAMES.contains(&problem.path.as_str()) {
        problem.remedy = Some("it is a policy; write it into `policies`".to_owned());
    }
    problem
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
            versions: read_versions(route.get("versions"), &format!("{path}.versions"), problems),
            routes: read_routes(route.get("routes"), &format!("{path}.routes"), digest, problems),
            path,
            digest,
        }
    });
    Some(routes.collect())
}

fn read_versions(node: Option<&Node>, path: &str, problems: &mut Problems) -> Option<Vec<EditionDocument>> {
    let node = node.filter(|node| !node.is_null())?;
    if !node.is_map() || node.entries().is_empty() {
        let found = if node.is_map() { "an empty one".to_owned() } else { node.describe() };
        let problem =
            Problem::error(node.place.clone(), path, format!("expected a map of versions, found {found}"));
        problems.push(problem.remedy("write `{ v1: { service: … } }`"));
    }
    let versions = node.entries().iter().map(|(key, version)| {
        let path = join(path, &key.text);
        // Nothing need be said of a version but its name.
        let config = match version.is_null() {
            true => Some(EditionConfig::default()),
            false => read(version, &path, problems),
        };
        let policies =
            policies::read_policies(version.get("policies"), &format!("{path}.policies"), problems);
        EditionDocument { key: key.clone(), path, config, policies }
    });
    Some(versions.collect())
}
