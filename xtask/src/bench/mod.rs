//! What Sekisho costs, measured beside nginx on the same machine in the same minute.
//!
//! Throughput on a shared machine says little; the CPU time a gateway spends on a request, as a ratio to nginx under
//! the same load in the same round, hardly moves. The method is described in bench/README.md.

mod certificates;
mod cpu;
mod http;
pub(crate) mod load;
mod measure;
mod processes;
mod report;
mod scenarios;
mod targets;
mod templates;
mod wrk;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::capture;
use crate::failure::{Failure, number};
use crate::workspace::{self, Reach};
use crate::{release, tools};
use report::Section;
use scenarios::{SCENARIOS, Scenario};
use targets::{Peer, Stage};

const NEEDED: &[(&str, &str)] = &[
    ("nginx", "nginx-light"),
    ("wrk", "wrk"),
    ("taskset", "util-linux"),
    ("setpriv", "util-linux"),
    ("prlimit", "util-linux"),
];

/// Open files that the idle connections need, with some room.
const OPEN_FILES: u64 = 12_000;

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Options {
    scenarios: Vec<&'static Scenario>,
    rounds: u64,
    /// Of each load, and of the whole of a soak; what the scenario takes for itself if nothing is said.
    seconds: Option<u64>,
    headers: Headers,
    peers: Vec<Peer>,
    gateway: Gateway,
}

impl Options {
    /// How long each load lasts.
    fn load_seconds(&self) -> u64 {
        self.seconds.unwrap_or(3)
    }
}

/// Which headers the load carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Headers {
    Few,
    /// What a browser sends with every call.
    Browser,
}

/// The Sekisho that is measured.
#[derive(Debug, PartialEq, Eq)]
enum Gateway {
    /// Built from this checkout, as cargo does it.
    Built,
    /// Built from this checkout as it is given away.
    Released,
    /// A binary built before, to compare two versions.
    At(PathBuf),
    /// None: only peers, which shows how far the measuring itself can be trusted.
    None,
}

/// `cargo xtask bench`.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let options = options(arguments)?;
    let root = workspace::root();
    prepare()?;
    if options.peers.contains(&Peer::Haproxy) {
        tools::ensure(&[("haproxy", "haproxy")])?;
    }
    let target = workspace::load(&root, Reach::Members)?.target;
    let binary = binary(&root, &target, &options.gateway)?;
    let _lock = lock(&target)?;
    let sections = sections(&root, &target, binary, &options)?;
    let run = report::Run::now(&root, arguments, &sections);
    print!("{}", run.page());
    // Results are kept only of what the named commit built.
    if matches!(options.gateway, Gateway::Built | Gateway::Released) {
        run.keep(&root.join("bench/results"))?;
    }
    match sections.iter().filter(|section| !section.problems.is_empty()).count() {
        0 => Ok(()),
        bad => Err(Failure::Failed(format!("{bad} of {} scenarios are INVALID; see above", sections.len()))),
    }
}

/// Measures one scenario after the other.
fn sections(
    root: &Path,
    target: &Path,
    binary: Option<PathBuf>,
    options: &Options,
) -> Result<Vec<Section>, String> {
    let loader = options.scenarios.iter().any(|scenario| scenario.needs_loader());
    let loader = if loader { Some(release::plain(root, target, "xtask")?) } else { None };
    let stage = Stage::set_up(&root.join("bench"), binary, loader)?;
    let measured = options.scenarios.iter().map(|scenario| {
        eprintln!("==> {}: {}", scenario.name, scenario.what);
        // What cannot be measured makes its own scenario invalid, not those measured before it.
        let section = measure::measure(&stage, scenario, options)
            .unwrap_or_else(|error| Section::failed(scenario, error));
        eprintln!("    {}", section.outcome());
        section
    });
    Ok(measured.collect())
}

/// Puts a short load of each kind on `binary`, which counts which ways are taken.
pub(crate) fn rehearse(root: &Path, target: &Path, binary: &Path) -> Result<(), String> {
    prepare()?;
    let _lock = lock(target)?;
    for headers in [Headers::Few, Headers::Browser] {
        let options = Options {
            scenarios: SCENARIOS.iter().filter(|scenario| scenario.is_ratio()).collect(),
            rounds: 1,
            seconds: Some(1),
            headers,
            peers: Vec::new(),
            gateway: Gateway::At(binary.to_owned()),
        };
        let sections = sections(root, target, Some(binary.to_owned()), &options)?;
        if let Some(problem) = sections.iter().find_map(|section| section.problems.first()) {
            return Err(format!("the rehearsal failed: {problem}"));
        }
    }
    Ok(())
}

/// What every run needs of the machine.
fn prepare() -> Result<(), String> {
    tools::ensure(NEEDED)?;
    two_cores()?;
    raise_open_files()
}

fn options(arguments: &[String]) -> Result<Options, Failure> {
    let mut options = Options {
        scenarios: Vec::new(),
        rounds: 5,
        seconds: None,
        headers: Headers::Few,
        peers: Vec::new(),
        gateway: Gateway::Built,
    };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--rounds" => options.rounds = number(word, words.next(), 1000)?,
            "--seconds" => options.seconds = Some(number(word, words.next(), 100_000)?),
            "--browser" => options.headers = Headers::Browser,
            "--released" => options.gateway = Gateway::Released,
            "--only-peers" => options.gateway = Gateway::None,
            "--peer" => options.peers.push(Peer::parse(words.next().map_or("", String::as_str))?),
            "--binary" => {
                let path = words.next().ok_or_else(|| Failure::Usage("--binary needs a path".to_owned()))?;
                options.gateway = Gateway::At(PathBuf::from(path));
            }
            name => options.scenarios.push(scenarios::named(name)?),
        }
    }
    let without = options.gateway == Gateway::None;
    if options.scenarios.is_empty() {
        options.scenarios = SCENARIOS.iter().filter(|one| !(without && one.needs_sekisho())).collect();
    }
    if without && options.peers.is_empty() {
        return Err(Failure::Usage("--only-peers needs at least one --peer".to_owned()));
    }
    match options.scenarios.iter().find(|one| without && one.needs_sekisho()) {
        Some(scenario) => {
            Err(Failure::Usage(format!("`{}` cannot be measured without Sekisho", scenario.name)))
        }
        None => Ok(options),
    }
}

/// Builds what is to be measured, unless it was built before or is not wanted.
fn binary(root: &Path, target: &Path, gateway: &Gateway) -> Result<Option<PathBuf>, String> {
    match gateway {
        Gateway::None => Ok(None),
        Gateway::At(path) => {
            fs::canonicalize(path).map(Some).map_err(|e| format!("--binary {}: {e}", path.display()))
        }
        Gateway::Built => release::plain(root, target, "sekisho").map(Some),
        Gateway::Released => release::released(root, target).map(Some),
    }
}

/// Two measurements at once would measure each other.
fn lock(target: &Path) -> Result<File, String> {
    let path = target.join("bench.lock");
    let file = File::create(&path).map_err(|e| format!("cannot create {}: {e}", path.display()))?;
    file.try_lock().map_err(|_| "another bench is running; wait for its end".to_owned())?;
    Ok(file)
}

/// Load and gateway must not share a core.
fn two_cores() -> Result<(), String> {
    match std::thread::available_parallelism() {
        Ok(cores) if cores.get() < 2 => {
            Err("two cores are needed: one for the gateway, one for the load".to_owned())
        }
        _ => Ok(()),
    }
}

/// Raises the limit of open files for this process and so for all it starts.
fn raise_open_files() -> Result<(), String> {
    let pid = std::process::id().to_string();
    let limit = |column| {
        capture(Command::new("prlimit").args([
            "--pid",
            &pid,
            "--nofile",
            "--raw",
            "--noheadings",
            "-o",
            column,
        ]))
    };
    let read = |text: String| text.trim().parse().unwrap_or(u64::MAX);
    if read(limit("SOFT")?) >= OPEN_FILES {
        return Ok(());
    }
    let wanted = OPEN_FILES.min(read(limit("HARD")?));
    let argument = format!("--nofile={wanted}:");
    capture(Command::new("prlimit").args(["--pid", &pid, &argument]))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Gateway, Headers, options};

    fn read(text: &str) -> Option<super::Options> {
        options(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).ok()
    }

    #[test]
    fn without_names_every_scenario_is_measured() {
        let all = read("").unwrap();
        assert_eq!(all.scenarios.len(), super::SCENARIOS.len());
        assert_eq!((all.rounds, all.seconds, all.headers), (5, None, Headers::Few));
        let peers = read("--peer nginx --only-peers").unwrap();
        assert_eq!(peers.gateway, Gateway::None);
        assert!(peers.scenarios.iter().all(|scenario| !scenario.needs_sekisho()));
    }

    #[test]
    fn measures_what_is_given_away_if_asked_to() {
        assert_eq!(read("full1k --released").unwrap().gateway, Gateway::Released);
        assert_eq!(read("full1k").unwrap().gateway, Gateway::Built);
    }

    #[test]
    fn reads_scenarios_and_numbers() {
        let chosen = read("get1k --rounds 7 idle --seconds 2 --browser --peer haproxy").unwrap();
        let names: Vec<_> = chosen.scenarios.iter().map(|scenario| scenario.name).collect();
        assert_eq!(names, ["get1k", "idle"]);
        assert_eq!((chosen.rounds, chosen.seconds, chosen.headers), (7, Some(2), Headers::Browser));
    }

    #[test]
    fn refuses_what_cannot_be_measured() {
        for text in [
            "fast",
            "--rounds 0",
            "--peer apache",
            "--only-peers",
            "start --only-peers --peer nginx",
            "reload --only-peers --peer nginx",
            "--fast",
        ] {
            assert!(read(text).is_none(), "{text}");
        }
    }
}
