//! What continuous integration runs: every step in a fixed order, stopping at the first that fails.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::command::{capture, cargo, show, stream};
use crate::docs::{self, Mode};
use crate::failure::Failure;
use crate::workspace::{self, Reach};
use crate::{tidy, tools};

/// Programs that tests and checks call, with the Debian package of each.
const NEEDED: &[(&str, &str)] = &[("git", "git"), ("redis-server", "redis-server"), ("etcd", "etcd-server")];

/// How a step ended, if it did not fail.
enum Done {
    Passed,
    /// Not possible here, with the reason.
    Skipped(String),
}

struct Step {
    name: &'static str,
    what: &'static str,
    run: fn(&Path) -> Result<Done, String>,
}

/// Cheap steps come first, so that a slip is told within seconds.
const STEPS: &[Step] = &[
    Step { name: "tools", what: "programs that the tests call", run: |_| tools::ensure(NEEDED).map(passed) },
    Step { name: "format", what: "cargo fmt --all --check", run: format },
    Step { name: "clippy", what: "cargo clippy --workspace --all-targets -- -D warnings", run: clippy },
    Step { name: "tidy", what: "cargo xtask tidy", run: |root| tidy::check(root).map(passed) },
    Step { name: "tests", what: "cargo test --workspace", run: |root| tests(root, &[]).map(passed) },
    Step { name: "fuzz", what: "the fuzz targets compile", run: fuzz },
    Step {
        name: "docs",
        what: "cargo xtask docs --check",
        run: |root| docs::generate(root, Mode::Check).map(passed),
    },
    Step { name: "rustdoc", what: "cargo doc --workspace --no-deps, warnings denied", run: rustdoc },
    Step { name: "deny", what: "cargo deny check", run: deny },
];

/// `cargo xtask test [NAME…]`.
pub(crate) fn run(names: &[String]) -> Result<(), Failure> {
    let root = workspace::root();
    if let Some(option) = names.iter().find(|name| name.starts_with('-')) {
        return Err(Failure::Usage(format!("`test` takes names of tests, not the option `{option}`")));
    }
    if !names.is_empty() {
        return Ok(tests(&root, names)?);
    }
    Ok(walk(STEPS, &root)?)
}

fn walk(steps: &[Step], root: &Path) -> Result<(), String> {
    let begun = Instant::now();
    let mut skipped = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        eprintln!("==> {}/{} {}: {}", index + 1, steps.len(), step.name, step.what);
        let since = Instant::now();
        match (step.run)(root) {
            Ok(Done::Passed) => {
                eprintln!("    {} passed in {:.1} s", step.name, since.elapsed().as_secs_f64());
            }
            Ok(Done::Skipped(reason)) => {
                eprintln!("    {} skipped: {reason}", step.name);
                skipped.push(step.name);
            }
            Err(error) => return Err(summary(steps, index, since.elapsed().as_secs_f64(), &error)),
        }
    }
    let but = if skipped.is_empty() { String::new() } else { format!(" (skipped: {})", skipped.join(", ")) };
    eprintln!("==> all {} steps passed in {:.1} s{but}", steps.len(), begun.elapsed().as_secs_f64());
    Ok(())
}

fn summary(steps: &[Step], failed: usize, seconds: f64, error: &str) -> String {
    let list = |part: &[Step]| {
        let names: Vec<_> = part.iter().map(|step| step.name).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    let step = &steps[failed];
    format!(
        "{error}\n==> FAILED at step `{}` ({}) after {seconds:.1} s\n    passed: {}\n    not run: {}",
        step.name,
        step.what,
        list(&steps[..failed]),
        list(&steps[failed + 1..]),
    )
}

fn passed(_: ()) -> Done {
    Done::Passed
}

fn format(root: &Path) -> Result<Done, String> {
    stream(cargo(root).args(["fmt", "--all", "--check"]))
        .map(passed)
        .map_err(|error| format!("{error}; run `cargo fmt --all`"))
}

fn clippy(root: &Path) -> Result<Done, String> {
    stream(cargo(root).args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])).map(passed)
}

/// Unit, integration and doc tests; `names` select among them.
fn tests(root: &Path, names: &[String]) -> Result<(), String> {
    let mut command = cargo(root);
    command.args(["test", "--workspace"]);
    if !names.is_empty() {
        command.arg("--").args(names);
    }
    stream(&mut command)
}

/// The fuzz package stands outside the workspace; without this step nobody would notice it breaking.
fn fuzz(root: &Path) -> Result<Done, String> {
    let manifest = root.join("fuzz/Cargo.toml");
    if !manifest.exists() {
        return Ok(Done::Skipped("there is no fuzz/Cargo.toml".to_owned()));
    }
    let mut command = cargo(root);
    command.args(["check", "--manifest-path", "fuzz/Cargo.toml"]).env("CARGO_TARGET_DIR", target(root)?);
    stream(&mut command).map(passed)
}

fn rustdoc(root: &Path) -> Result<Done, String> {
    stream(cargo(root).args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
        .map(passed)
}

/// Licences are checked by `tidy`; this adds published advisories, where cargo-deny and its data can be had.
fn deny(root: &Path) -> Result<Done, String> {
    let deny = |arguments: &[&str]| -> Command {
        let mut command = cargo(root);
        command.arg("deny").args(arguments);
        command
    };
    if capture(&mut deny(&["--version"])).is_err() {
        return Ok(Done::Skipped("cargo-deny is not installed (`cargo install cargo-deny`)".to_owned()));
    }
    if let Err(error) = capture(&mut deny(&["fetch", "db"])) {
        let last = error.lines().last().unwrap_or_default();
        return Ok(Done::Skipped(format!("its advisory data cannot be had: {last}")));
    }
    let what = if root.join("deny.toml").exists() { "all" } else { "advisories" };
    let mut check = deny(&["check", what]);
    eprintln!("    {}", show(&check));
    stream(&mut check).map(passed)
}

fn target(root: &Path) -> Result<PathBuf, String> {
    workspace::load(root, Reach::Members).map(|workspace| workspace.target)
}

#[cfg(test)]
mod tests {
    use super::{Done, STEPS, Step, walk};
    use std::path::Path;

    const FINE: Step = Step { name: "fine", what: "holds", run: |_| Ok(Done::Passed) };
    const OPTIONAL: Step =
        Step { name: "optional", what: "absent", run: |_| Ok(Done::Skipped("none".into())) };
    const BROKEN: Step = Step { name: "broken", what: "fails", run: |_| Err("it broke".into()) };
    const LATER: Step = Step { name: "later", what: "unreached", run: |_| panic!("ran after a failure") };

    #[test]
    fn stops_at_the_first_failure_and_says_where() {
        let error = walk(&[FINE, OPTIONAL, BROKEN, LATER], Path::new("/")).unwrap_err();
        for part in ["it broke", "`broken`", "passed: fine, optional", "not run: later"] {
            assert!(error.contains(part), "{part} in {error}");
        }
    }

    #[test]
    fn passes_when_steps_pass_or_are_skipped() {
        assert!(walk(&[FINE, OPTIONAL], Path::new("/")).is_ok());
    }

    #[test]
    fn steps_stand_in_the_promised_order() {
        let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        let want = ["tools", "format", "clippy", "tidy", "tests", "fuzz", "docs", "rustdoc", "deny"];
        assert_eq!(names, want);
    }
}
