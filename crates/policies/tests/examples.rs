//! Each policy's `example.yaml` is read and compiled, so that what the documentation shows is true.

use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use sekisho_exchange::{Ask, Asking, Dial, Errands, Local, NoErrands, Peer, Unanswered};
use sekisho_policies::access_log::Sinks;
use sekisho_policies::{Context, DEFAULT_ON, Here, Kept, NAMES, NoPeers, Peers, Step, schemas};
use sekisho_store::{Memory, Store};
use sekisho_units::{At, Place, Problems};
use sekisho_yaml::Node;

/// Reads what an example names, beside it.
fn fs_in_src(name: &str) -> impl Fn(&str) -> io::Result<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(name);
    move |file| fs::read_to_string(folder.join(file))
}

/// Every service that an example names is there, but answers nothing.
struct Anybody;

impl Peers for Anybody {
    fn service(&self, _: &At<String>, _: &str, _: &mut Problems) -> Option<Arc<dyn Peer>> {
        Some(Arc::new(Self))
    }

    fn url(
        &self,
        _: &'static str,
        _: &At<String>,
        _: &str,
        _: &mut Problems,
    ) -> Option<(Arc<dyn Peer>, String)> {
        Some((Arc::new(Self), "/".to_owned()))
    }

    fn dial(&self) -> Arc<dyn Dial> {
        Arc::new(NoPeers)
    }
}

impl Peer for Anybody {
    fn name(&self) -> &str {
        "anybody"
    }

    fn ask(self: Arc<Self>, _: &Local, _: Ask) -> Asking {
        Box::pin(async { Err(Unanswered::Absent("nobody_there")) })
    }
}

fn compile(name: &str, settings: &Node) -> Result<Step, String> {
    let sinks = Sinks::new();
    let mut problems = Problems::new();
    let mut here = Here { place: Place::none(), path: name.into(), scope: "", problems: &mut problems };
    let errands: Arc<dyn Errands> = Arc::new(NoErrands);
    let (kept, peers, errands) = (&Kept::default(), &Anybody, &errands);
    let store = &Arc::new(Store::memory(Memory::new(1_000)));
    let context =
        Context { workers: 1, sinks: &sinks, kept, store, read_file: &fs_in_src(name), peers, errands };
    match Step::compile(name, settings, &mut here, &context) {
        Some(step) if problems.is_empty() => Ok(step),
        _ => Err(problems.to_string()),
    }
}

#[test]
fn every_example_compiles() {
    for name in NAMES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(name).join("example.yaml");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let document =
            sekisho_yaml::parse("example.yaml", &text).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(document.entries().len(), 1, "{name}: one policy an example");
        let settings =
            document.get(name).unwrap_or_else(|| panic!("{name}: the example is about another policy"));
        let step = compile(name, settings).unwrap_or_else(|problems| panic!("{name}: {problems}"));
        assert_eq!(step.name(), *name);
    }
}

#[test]
fn policies_that_are_on_by_default_take_an_empty_block() {
    let empty = sekisho_yaml::parse("empty.yaml", "{}").unwrap();
    for name in DEFAULT_ON {
        assert!(NAMES.contains(name), "{name}");
        compile(name, &empty).unwrap_or_else(|problems| panic!("{name}: {problems}"));
    }
}

#[test]
fn an_unknown_word_is_refused_where_it_stands() {
    let settings = sekisho_yaml::parse("sekisho.yaml", "{ maxx: 1MiB }").unwrap();
    let problems = compile("body_limit", &settings).map(|_| ()).unwrap_err();
    assert!(problems.starts_with("sekisho.yaml:1:3: error: body_limit"), "{problems}");
}

#[test]
fn every_policy_has_a_documented_schema() {
    let mut generator = schemars::SchemaGenerator::default();
    let schemas = schemas(&mut generator);
    assert_eq!(schemas.iter().map(|(name, _)| *name).collect::<Vec<_>>(), NAMES);
    for definition in generator.definitions().values() {
        let properties = definition.get("properties").and_then(|properties| properties.as_object());
        for (word, property) in properties.into_iter().flatten() {
            assert!(property.get("description").is_some(), "`{word}` says what it does");
        }
    }
}
