//! A route whose interface has versions: each a branch of its own, and one more for requests that mean none of them.
//!
//! What is said of versions is handed down: the words of `version` one by one, the versions themselves as a whole, with their
//! policies and what their clients are told, but not with what answers.

mod edition;
mod words;

use std::sync::Arc;

use sekisho_units::{OrOff, Pattern, Place, Problem, Problems, Segment};
use sekisho_yaml::join;

use self::words::{Unsaid, Words};
use super::narrow::Asked;
use super::target::{self, Written};
use super::{Branch, Walk};
use crate::compile::steps::{Chain, Links};
use crate::document::{Document, EditionDocument, RouteConfig, RouteDocument};
use crate::plan::Target;
use crate::route::{ApiVersion, Edition, Entry, Lead, Served, Source, Split, Versions};

/// What is said of versions at some point of the document.
#[derive(Clone, Default)]
pub(super) struct Versioning {
    pub(super) words: Words,
    /// The versions of the routes here, if they have any.
    pub(super) held: Option<Arc<Held>>,
}

/// The versions that hold at some point of the document.
pub(super) struct Held {
    /// Where they are written.
    place: Place,
    path: String,
    list: Vec<One>,
    /// Whether all that is written could be understood.
    is_whole: bool,
}

struct One {
    /// Which one it is; `None` for the entry that takes all others.
    version: Option<ApiVersion>,
    edition: Arc<Edition>,
    /// The policies that hold for it here.
    chain: Arc<Chain>,
    /// Which of the route's own entries it is, where it is not inherited.
    own: Option<usize>,
}

/// Whether a version of the route names something that answers.
pub(super) fn answers(route: &RouteDocument) -> bool {
    let configs = route.versions.iter().flatten().filter_map(|one| one.config.as_ref());
    configs.into_iter().any(|config| Written::from(config).all().next().is_some())
}

/// The entries of a route for paths that begin with a version: those that are served, and any.
pub(super) fn leads(entry: &Entry, versions: &Versions) -> Vec<Entry> {
    if !versions.order.contains(&Source::Path) {
        return Vec::new();
    }
    let pattern = &entry.pattern;
    let mut name = "version".to_owned();
    while pattern.params().any(|known| known == name) {
        name.push('_');
    }
    let served = versions.served.iter().map(|served| (served.version.to_string(), Lead::Literal));
    let all = served.chain([(format!("{{{name}}}"), Lead::Any)]);
    let led = all.filter_map(|(first, lead)| {
        // A pattern that becomes too long is longer than any path.
        let pattern = Pattern::parse(&format!("/{first}{pattern}")).ok()?;
        Some(Entry { pattern, lead, ..entry.clone() })
    });
    led.collect()
}

impl Walk<'_> {
    /// What is said at the top.
    pub(super) fn versions_at_the_top(&mut self, document: &Document<'_>) -> Versioning {
        let mut words = Words::default();
        if let Some(at) = document.top.as_ref().and_then(|top| top.version.as_ref())
            && let OrOff::On(config) = &at.value
        {
            words = words.with((config, &at.place), "version", self.problems);
        }
        Versioning { words, held: None }
    }

    /// What holds on a route and beneath it, where `above` holds above it. `links` are the route's own policies, `chain` those that
    /// hold on it.
    pub(super) fn versions(
        &mut self,
        route: &RouteDocument,
        above: &Versioning,
        (chain, links): (&Arc<Chain>, &Links),
        asked: &Asked,
    ) -> Versioning {
        let mut words = above.words.clone();
        let mut is_off = false;
        if let Some(at) = route.config.as_ref().and_then(|config| config.version.as_ref()) {
            match &at.value {
                OrOff::Off => is_off = true,
                OrOff::On(config) => {
                    words = words.with((config, &at.place), &join(&route.path, "version"), self.problems);
                }
            }
        }
        let held = match (&route.versions, &above.held) {
            (Some(written), _) => {
                if is_off {
                    let message = "the route has versions, and `version` is off";
                    let problem = Problem::error(route.place.clone(), join(&route.path, "version"), message);
                    self.problems.push(problem.remedy("keep one of them"));
                }
                Some(Arc::new(self.held(route, written, chain, asked)))
            }
            (None, _) if is_off => None,
            (None, Some(held)) => Some(Arc::new(held.beneath(links))),
            (None, None) => None,
        };
        Versioning { words, held }
    }

    fn held(
        &mut self,
        route: &RouteDocument,
        written: &[EditionDocument],
        chain: &Arc<Chain>,
        asked: &Asked,
    ) -> Held {
        let mut list: Vec<One> = Vec::new();
        for (index, one) in written.iter().enumerate() {
            let links = Links::compile(
                (&format!("{} version {}", asked.scope(), one.key.text), &one.policies),
                self.context,
                self.problems,
            );
            let version = version_of(one, self.problems);
            let lines = one.config.as_ref().map(|config| edition::lines(config, &one.path, self.problems));
            let Some(version) = version else { continue };
            let same = list.iter().find(|known| known.version == version);
            if let Some(same) = same.filter(|_| version.is_some()) {
                let message = format!("`{}` and `{}` are one version", same.edition.name, one.key.text);
                let problem = Problem::error(one.key.place.clone(), one.path.as_str(), message);
                self.problems.push(problem.remedy("keep one of them"));
                continue;
            }
            let edition = Edition { name: (*one.key.text).into(), lines: lines.unwrap_or_default() };
            let chain = if links.is_empty() { Arc::clone(chain) } else { Arc::new(chain.with(&links)) };
            list.push(One { version, edition: Arc::new(edition), chain, own: Some(index) });
        }
        let place = written.first().map_or_else(|| route.place.clone(), |one| one.key.place.clone());
        let is_whole = !written.is_empty() && list.len() == written.len();
        Held { place, path: join(&route.path, "versions"), list, is_whole }
    }

    /// The branches of a route that answers, and which request takes which. `None` if there is a problem.
    pub(super) fn versioned(
        &mut self,
        route: &RouteDocument,
        config: &RouteConfig,
        chain: &Arc<Chain>,
        (held, words): (&Held, &Words),
    ) -> Option<(Vec<Branch>, Option<Versions>)> {
        if !held.is_whole {
            return None;
        }
        let served: Arc<[Box<str>]> = held
            .list
            .iter()
            .filter(|one| one.version.is_some())
            .map(|one| one.edition.name.clone())
            .collect();
        let nowhere = Edition { name: "".into(), lines: Box::default() };
        let mut branches = vec![Branch {
            edition: Some(Arc::new(nowhere)),
            ..Branch::alone(chain, (vec![Target::Unversioned(served)], None))
        }];
        let (mut served, mut others, mut way) = (Vec::new(), None, 1);
        // What the route itself names is looked up for each version that has nothing of its own, but told of once.
        let mut uses = 0;
        for one in &held.list {
            let Some((targets, split)) = self.answering(route, config, one, &mut uses) else { continue };
            match one.version {
                Some(version) => served.push(Served { name: one.edition.name.clone(), version, way }),
                None => others = Some(way),
            }
            way += targets.len();
            let (chain, edition) = (Arc::clone(&one.chain), Some(Arc::clone(&one.edition)));
            branches.push(Branch { chain, targets, split, edition });
        }
        if uses == 0 {
            self.unused(route, config);
        }
        if branches.len() <= held.list.len() {
            return None;
        }
        let unsaid = self.unsaid(config, held, words, (&served, others));
        let versions = words.versions(served, others, unsaid?);
        self.check_path(route, config, &versions);
        Some((branches, Some(versions)))
    }

    /// What answers in a version: what it names, else what the route does.
    fn answering(
        &mut self,
        route: &RouteDocument,
        config: &RouteConfig,
        one: &One,
        uses: &mut usize,
    ) -> Option<(Vec<Target>, Option<Split>)> {
        let own = one.own.and_then(|index| route.versions.as_ref()?.get(index));
        if let Some(own) = own {
            // What cannot be read may name something.
            let written = Written::from(own.config.as_ref()?);
            if written.all().next().is_some() {
                return target::compile(&written, &own.path, self.services, self.problems);
            }
        }
        let written = Written::from(config);
        if written.all().next().is_none() {
            let (place, path) = own.map_or((&route.place, &route.path), |own| (&own.key.place, &own.path));
            let message = format!("nothing answers in version `{}`", one.edition.name);
            let problem = Problem::error(place.clone(), path.as_str(), message);
            self.problems.push(problem.remedy(
                "add `service`, `split`, `redirect` or `respond` to it, or to the route for all versions",
            ));
            return None;
        }
        *uses += 1;
        let mut again = Problems::new();
        let problems = if *uses == 1 { &mut *self.problems } else { &mut again };
        target::compile(&written, &route.path, self.services, problems)
    }

    fn unused(&mut self, route: &RouteDocument, config: &RouteConfig) {
        if let Some((word, place)) = Written::from(config).all().next() {
            let message = "every version names what answers, so this answers nobody";
            let problem = Problem::warning(place.clone(), join(&route.path, word), message);
            self.problems.push(problem.remedy("remove it, or what a version names"));
        }
    }

    /// Where requests go that say no version: to a plan, or nowhere. `None` if there is a problem.
    fn unsaid(
        &mut self,
        config: &RouteConfig,
        held: &Held,
        words: &Words,
        (served, others): (&[Served], Option<usize>),
    ) -> Option<Option<usize>> {
        let way = |version| served.iter().find(|one| one.version == version).map(|one| one.way);
        let names = || served.iter().map(|one| format!("`{}`", one.name)).collect::<Vec<_>>().join(", ");
        match &words.unsaid {
            Some(Unsaid { version: None, .. }) => Some(None),
            Some(Unsaid { version: Some(version), place, path }) => {
                let way = way(*version);
                if way.is_none() {
                    let message = format!(
                        "`{version}` is no version of `{}`, which has {}",
                        config.path.value,
                        names()
                    );
                    let problem = Problem::error(place.clone(), &**path, message);
                    self.problems.push(problem.remedy("name one of those, or write `off`"));
                }
                way.map(Some)
            }
            None => {
                let way = ApiVersion::read(b"1").and_then(way).or(others);
                if way.is_none() {
                    let message =
                        format!("requests of `{}` that say no version go nowhere", config.path.value);
                    let example = served.last().map_or("v1", |one| &*one.name);
                    let problem = Problem::error(held.place.clone(), held.path.as_str(), message);
                    self.problems.push(problem.remedy(format!(
                        "write `version: {{ default: {example} }}`, or `default: off` to refuse them with 400"
                    )));
                }
                way.map(Some)
            }
        }
    }

    /// A route whose own path begins with a version would take `/v1/v1/…`.
    fn check_path(&mut self, route: &RouteDocument, config: &RouteConfig, versions: &Versions) {
        let pattern = &config.path.value;
        let Some(Segment::Literal(first)) = pattern.segments().first() else { return };
        if versions.order.contains(&Source::Path) && ApiVersion::of_segment(first).is_some() {
            let message =
                format!("`{pattern}` begins with a version, and the route takes versions before its path");
            let problem = Problem::error(config.path.place.clone(), join(&route.path, "path"), message);
            let rest = pattern.as_str().get(1 + first.len()..).filter(|rest| !rest.is_empty()).unwrap_or("/");
            self.problems.push(
                problem.remedy(format!("write `{rest}`, or leave `path` out of the `order` of `version`")),
            );
        }
    }
}

impl Held {
    /// As they hold on a route beneath with these policies.
    fn beneath(&self, links: &Links) -> Self {
        let list = self.list.iter().map(|one| One {
            version: one.version,
            edition: Arc::clone(&one.edition),
            chain: if links.is_empty() { Arc::clone(&one.chain) } else { Arc::new(one.chain.with(links)) },
            own: None,
        });
        Self {
            place: self.place.clone(),
            path: self.path.clone(),
            list: list.collect(),
            is_whole: self.is_whole,
        }
    }
}

/// Which version an entry is: `Some(None)` for the one that takes all others; `None` if there is a problem.
fn version_of(one: &EditionDocument, problems: &mut Problems) -> Option<Option<ApiVersion>> {
    let name = &*one.key.text;
    if name == "default" {
        return Some(None);
    }
    let version = ApiVersion::read(name.as_bytes());
    if version.is_none() {
        let problem =
            Problem::error(one.key.place.clone(), one.path.as_str(), format!("`{name}` is no version"));
        problems.push(problem.remedy(
            "write one such as `v2` or `v2.1`, or `default` for the entry that takes versions not listed",
        ));
    }
    version.map(Some)
}
