//! From a document to a [`Site`]: everything is checked, and every problem reported, before anything runs.
//!
//! [`compile`] is the whole of it. Each part of a document has a file here; none stops at its first problem, and a part
//! that cannot be compiled does not keep the others from being checked.

mod alerts;
mod ambiguity;
mod counters;
mod files;
mod lints;
mod listen;
mod peers;
mod routes;
mod services;
mod settings;
mod steps;
mod store;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sekisho_exchange::{Errands, NoErrands};
use sekisho_policies::access_log::Sinks;
use sekisho_policies::{Context, Kept};
use sekisho_units::{At, Place, Problem, Problems};
use sekisho_upstream::Carry as Endpoints;
use sekisho_yaml::Node;

pub use crate::document::schema;
use crate::document::{Document, TopConfig};
use crate::listener::Tickets;
use crate::mark::Mark;
use crate::outline::{Outline, digest_of_text};
use crate::plan::{About, Plan, Target};
use crate::route::Router;
use crate::site::{Settings, Site};
use counters::Counters;
use files::Files;
use peers::Known;
use routes::Compiled;
pub(crate) use routes::usual_upgrades;
use services::Services;

/// A document and the world it refers to.
pub struct Source<'a> {
    /// The document's name, shown in places.
    pub name: &'a str,
    /// The document.
    pub text: &'a str,
    /// Gives the value of an environment variable.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// Gives the text of a file that the document names.
    pub read_file: &'a dyn Fn(&str) -> io::Result<String>,
    /// From where paths of files count that are watched apart from the document.
    pub folder: &'a Path,
}

/// What outlives a configuration, by identity: a reload drops no connection and forgets no count.
#[derive(Clone)]
pub struct Carry {
    /// The log sinks of the process, by destination.
    pub sinks: Arc<Sinks>,
    /// Pools and connection counts of endpoints, by service and URL.
    pub endpoints: Arc<Endpoints>,
    /// What policies keep.
    pub kept: Arc<Kept>,
    /// Who does what policies want done apart from requests; nobody, where a configuration is only looked at.
    pub errands: Arc<dyn Errands>,
    /// The keys of session tickets.
    pub tickets: Arc<Tickets>,
    /// The configuration in force, whose routes' counters go on and whose number of workers holds; none at the start.
    pub running: Option<Arc<Site>>,
}

impl Default for Carry {
    fn default() -> Self {
        Self {
            sinks: Arc::default(),
            endpoints: Arc::default(),
            kept: Arc::default(),
            errands: Arc::new(NoErrands),
            tickets: Arc::default(),
            running: None,
        }
    }
}

/// What came of a file.
pub struct Loaded {
    /// The site, unless there is an error.
    pub site: Option<Site>,
    /// What is wrong or odd.
    pub problems: Problems,
    /// The files that it was made of, the document among them, as they were just before they were read; whether or not they
    /// could be.
    pub files: HashMap<PathBuf, Mark>,
}

/// Why a file could not be compiled at all.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{}`: {}", path.display(), why(cause))]
pub struct Unreadable {
    /// The file.
    pub path: PathBuf,
    /// What reading it gave.
    #[source]
    pub cause: io::Error,
}

/// What to do about a file that the gateway may not read.
const MAY_NOT_READ: &str = "let the user read it that the gateway runs as, and enter the folders above it";

fn why(cause: &io::Error) -> String {
    let remedy = match cause.kind() {
        io::ErrorKind::NotFound => "write it, or name another with `--config`",
        io::ErrorKind::PermissionDenied => MAY_NOT_READ,
        _ => "name a YAML file with `--config`",
    };
    format!("{}; {remedy}", sekisho_yaml::unreadable(cause))
}

/// The problems without what came from the environment or a file: it may be a secret, and logs are no place for one.
fn hidden(problems: Problems, root: &Node) -> Problems {
    const HIDDEN: &str = "(value hidden)";
    /// A text so long does not stand in a message by chance.
    const TELLING: usize = 8;
    let mut outside = Vec::new();
    root.visit(&mut |node| {
        if let Some(scalar) = node.scalar().filter(|scalar| scalar.is_secret() && !scalar.text.is_empty()) {
            outside.push((node.place.clone(), scalar.text.clone()));
        }
    });
    let mut hidden = Problems::new();
    for mut problem in problems {
        for (place, text) in &outside {
            if *place == problem.place || text.len() >= TELLING {
                problem.message = problem.message.replace(&**text, HIDDEN);
                problem.remedy = problem.remedy.map(|remedy| remedy.replace(&**text, HIDDEN));
            }
        }
        hidden.push(problem);
    }
    hidden
}

/// Compiles a document. The problems are sorted by place; with an error among them there is no site, with warnings
/// there is one.
pub fn compile(source: &Source<'_>, carry: &Carry) -> (Option<Site>, Problems) {
    let mut problems = Problems::new();
    // A key that stands twice is a problem already, and hides no other.
    let site = match sekisho_yaml::parse_on(source.name, source.text, &mut problems) {
        Some(mut root) if !root.is_null() => {
            let digests = RefCell::new(BTreeMap::new());
            let read_file = |path: &str| {
                let text = (source.read_file)(path)?;
                digests.borrow_mut().insert(path.into(), digest_of_text(&text));
                Ok(text)
            };
            sekisho_yaml::substitute(&mut root, source.env, &read_file, &mut problems);
            let mut further = Problems::new();
            let document = Document::read(&root, &mut further);
            let mut site = site(&document, &Files::new(&read_file, source.folder), carry, &mut further);
            site.outline = Outline::of(&root, digests.take());
            // What is wrong with a text only because nothing could be put into it is no problem of its own.
            let unfilled: HashSet<Place> = problems.iter().map(|problem| problem.place.clone()).collect();
            problems.extend(further.into_iter().filter(|problem| !unfilled.contains(&problem.place)));
            problems = hidden(problems, &root);
            Some(site)
        }
        Some(empty) => {
            let problem = Problem::error(empty.place, "", "the document is empty");
            problems.push(problem.remedy("write at least `services` and `routes`"));
            None
        }
        None => None,
    };
    problems.sort();
    (site.filter(|_| !problems.has_errors()), problems)
}

/// Compiles a file with the environment of the process; files that it names are looked for beside it.
///
/// # Errors
/// [`Unreadable`] if the file itself cannot be read. What is wrong in it is among the problems.
pub fn load(path: &Path, carry: &Carry) -> Result<Loaded, Unreadable> {
    let unreadable = |cause| Unreadable { path: path.to_owned(), cause };
    let folder = path.parent().unwrap_or(Path::new(""));
    let files = RefCell::new(HashMap::new());
    let note = |path: PathBuf| {
        let mark = Mark::of(&path);
        // Of a file that is read twice the first look counts: a change in between must show.
        files.borrow_mut().entry(path).or_insert(mark);
    };
    note(path.to_owned());
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let name = path.to_string_lossy();
    let read = sekisho_yaml::files_in(folder);
    let read_file = |named: &str| {
        note(folder.join(named));
        read(named)
    };
    let source = Source {
        name: &name,
        text: &text,
        env: &|name| std::env::var(name).ok(),
        read_file: &read_file,
        folder,
    };
    let (site, problems) = compile(&source, carry);
    Ok(Loaded { site, problems, files: files.take() })
}

/// The site as far as it can be made, so that a problem in one part hides none in another.
fn site(document: &Document<'_>, files: &Files<'_>, carry: &Carry, problems: &mut Problems) -> Site {
    let top = document.top.as_ref();
    let mut settings =
        settings::compile(top.unwrap_or(&TopConfig::default()), files, &carry.tickets, problems);
    if let Some(running) = &carry.running {
        keep_workers(top, &mut settings, running, problems);
    }
    let unwritten = At::default();
    let written = top.map_or(&unwritten, |top| &top.store);
    let store = store::compile(written, settings.workers, &carry.kept, files, problems);
    let services = Services::compile(document, &carry.endpoints, settings.head_limits, files, problems);
    let alerts = alerts::compile(top.map_or(&[], |top| &top.alerts), &carry.endpoints, files, problems);
    let context = Context {
        workers: settings.workers,
        sinks: &carry.sinks,
        kept: &carry.kept,
        store: &store,
        read_file: files.reader(),
        peers: &Known { services: &services, carry: &carry.endpoints },
        errands: &carry.errands,
    };
    let page = top.and_then(|top| top.health.as_ref());
    let top = steps::Chain::default_on(&context, problems).with(&steps::Links::compile(
        ("", &document.policies),
        &context,
        problems,
    ));
    let mut compiled = Compiled::new(document, &top, (&services, &carry.endpoints), &context, problems);
    if let Some(page) = page {
        compiled.add_health(page, (&top, &services), &carry.errands, problems);
    }
    ambiguity::check(&compiled, problems);
    lints::check(document, &compiled, &services, problems);
    let counters = Counters::of(carry.running.as_deref(), settings.workers);
    let (entries, plans) = compiled.finish(&counters);
    let counted = counters.fallback();
    let steps = top.plan_steps(&counted);
    let fallback = Plan {
        route: "".into(),
        about: Arc::new(About {
            identity: "".into(),
            digest: 0,
            place: Place::none(),
            challenges: Plan::challenges(&steps),
        }),
        params: Box::default(),
        authenticators: Plan::authenticators(&steps),
        steps,
        target: Target::Nothing,
        fork: None,
        edition: None,
        handed: Arc::default(),
        meter: counted.meter(),
    };
    let outline = Outline::default();
    let services = services.into_all();
    Site { router: Router::new(entries), plans, fallback, services, store, alerts, settings, outline }
}

/// Threads are started once: another number of them holds from the next start on.
fn keep_workers(top: Option<&TopConfig>, settings: &mut Settings, running: &Site, problems: &mut Problems) {
    let now = running.settings.workers;
    if settings.workers != now {
        let place = top.and_then(|top| top.workers.as_ref()).map_or_else(Place::none, |at| at.place.clone());
        let problem =
            Problem::warning(place, "workers", format!("{now} run, and it stays so until the next start"));
        problems.push(problem.remedy("restart the gateway"));
        settings.workers = now;
    }
}

#[cfg(test)]
pub(crate) mod tests;
