//! The services: what they have in common laid beneath each of them, then each checked and made.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use sekisho_units::{At, Place, Problem, Problems, nearest};
use sekisho_upstream::{Carry, Config, Files as UpstreamFiles, Scheme, Service, prepare};
use sekisho_wire::Limits;
use sekisho_yaml::{Key, Kind, Node, Scalar, Style, join, read};

use super::files::Files;
use crate::document::Document;

/// The services by name.
pub(super) struct Services {
    all: Vec<Named>,
    by_name: HashMap<Arc<str>, usize>,
}

/// One service as far as it could be compiled.
pub(super) struct Named {
    /// Its name.
    pub(super) name: Arc<str>,
    /// Where the name stands.
    pub(super) place: Place,
    /// The service; `None` if there is a problem with it.
    service: Option<Arc<Service>>,
    used: Cell<bool>,
}

impl Services {
    pub(super) fn compile(
        document: &Document<'_>,
        carry: &Carry,
        limits: Limits,
        files: &Files<'_>,
        problems: &mut Problems,
    ) -> Self {
        let files = files.of_services();
        let defaults = document.service_defaults.filter(|node| defaults_are_good(node, files, problems));
        let mut all = Vec::new();
        for (key, node) in document.services {
            let path = join("services", &key.text);
            let mut node = node.clone();
            if node.is_null() {
                node.kind = Kind::Map(Vec::new());
            }
            // Its own, not what it shares with services that need it.
            let tls = node.get("tls").map(|tls| tls.place.clone());
            if let Some(defaults) = defaults {
                lay_beneath(&mut node, defaults);
            }
            let service = read::<Config>(&node, &path, problems).and_then(|config| {
                config.check(&node.place, &path, problems);
                if let Some(place) = tls {
                    idle_tls(&config, place, &path, problems);
                }
                let prepared = prepare(&config, &path, files, problems)?;
                Some(Arc::new(Service::new(&key.text, &config, prepared, carry, limits)))
            });
            all.push(Named {
                name: key.text.clone(),
                place: key.place.clone(),
                service,
                used: Cell::new(false),
            });
        }
        let by_name = all.iter().enumerate().map(|(index, named)| (named.name.clone(), index)).collect();
        Self { all, by_name }
    }

    /// The service of a name. An unknown one is reported; one that has problems of its own is not again.
    pub(super) fn find(
        &self,
        name: &At<String>,
        path: &str,
        problems: &mut Problems,
    ) -> Option<Arc<Service>> {
        if let Some(index) = self.by_name.get(name.value.as_str()) {
            let named = &self.all[*index];
            named.used.set(true);
            return named.service.clone();
        }
        let message = format!("unknown service `{}`", name.value);
        let remedy = match nearest(&name.value, self.by_name.keys().map(|known| &**known)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "describe it under `services`".to_owned(),
        };
        problems.push(Problem::error(name.place.clone(), path, message).remedy(remedy));
        None
    }

    /// All of them that have no problem.
    pub(super) fn all(&self) -> impl Iterator<Item = Arc<Service>> {
        self.all.iter().filter_map(|named| named.service.clone())
    }

    /// Those that no route and no policy names.
    pub(super) fn unused(&self) -> impl Iterator<Item = &Named> {
        self.all.iter().filter(|named| !named.used.get())
    }

    pub(super) fn into_all(self) -> Box<[Arc<Service>]> {
        self.all.into_iter().filter_map(|named| named.service).collect()
    }
}

/// Reads the defaults as if they were a service, so that a mistake in them is reported once and not with every service.
fn defaults_are_good(node: &Node, files: UpstreamFiles<'_>, problems: &mut Problems) -> bool {
    let before = problems.len();
    let each = |key: &&(Key, Node)| matches!(&*key.0.text, "endpoints" | "discover");
    if let Some((Key { place, text }, _)) = node.entries().iter().find(each) {
        let path = format!("service_defaults.{text}");
        let problem = Problem::error(place.clone(), path, "services share no endpoints");
        problems.push(problem.remedy(format!("write `{text}` in each service")));
        return false;
    }
    let mut whole = node.clone();
    if let Kind::Map(entries) = &mut whole.kind {
        entries.push(some_endpoint(&node.place));
    }
    if let Some(config) = read::<Config>(&whole, "service_defaults", problems) {
        config.check(&node.place, "service_defaults", problems);
        // Their endpoint is in the clear, so this only looks at the files.
        prepare(&config, "service_defaults", files, problems);
    }
    problems.len() == before
}

/// Warns of TLS settings that no endpoint uses.
fn idle_tls(config: &Config, place: Place, path: &str, problems: &mut Problems) {
    let mut written = config.endpoints.iter();
    if config.discover.is_none() && written.all(|endpoint| endpoint.value.authority.scheme == Scheme::Http) {
        let message = "no endpoint of this service is asked over TLS";
        let problem = Problem::warning(place, join(path, "tls"), message);
        problems.push(problem.remedy("write `https://` in `endpoints`, or remove it"));
    }
}

/// `endpoints`, which a service must have.
fn some_endpoint(place: &Place) -> (Key, Node) {
    let node = |kind| Node { place: place.clone(), kind };
    let url = Scalar {
        text: "http://127.0.0.1".into(),
        style: Style::Plain,
        origin: sekisho_yaml::Origin::Written,
    };
    let key = Key { place: place.clone(), text: "endpoints".into() };
    (key, node(Kind::List(vec![node(Kind::Scalar(url))])))
}

/// Adds to a map what it does not say itself, map by map.
fn lay_beneath(own: &mut Node, defaults: &Node) {
    let Kind::Map(entries) = &mut own.kind else { return };
    for (key, default) in defaults.entries() {
        match entries.iter_mut().find(|(known, _)| known.text == key.text) {
            Some((_, value)) => lay_beneath(value, default),
            None => entries.push((key.clone(), default.clone())),
        }
    }
}
