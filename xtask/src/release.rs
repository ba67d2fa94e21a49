//! The binary as it is given away: built with what a rehearsal told about which ways are taken (profile-guided optimisation).
//!
//! Of a gateway's code a request takes a small part, and that the same part each time. The compiler cannot know which: told so,
//! it lays the taken ways beside each other and inlines along them. The rehearsal is the benchmark's own load of all kinds
//! (plain, bodies, large answers, the whole chain, TLS, handshakes, tunnels), with a browser's headers and without.

use std::ffi::OsString;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hasher};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bench;
use crate::command::{capture, cargo, stream};
use crate::failure::{Failure, no_arguments};
use crate::tools;
use crate::workspace::{self, Reach};

/// The program that merges profiles, where the toolchain has none of its own: Debian's, of this version of LLVM or a later one,
/// read what our compiler writes.
const MERGER: (&str, &str) = ("llvm-profdata-19", "llvm-19");
/// Later versions, which read it as well.
const LATER: std::ops::RangeInclusive<u32> = 20..=40;

/// `cargo xtask release`.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    no_arguments("release", arguments)?;
    let root = workspace::root();
    let target = workspace::load(&root, Reach::Members)?.target;
    let binary = released(&root, &target)?;
    println!("{}", binary.display());
    Ok(())
}

/// Builds one package's program for release as `cargo build --release` does, apart from all others so that none lends it its
/// features.
pub(crate) fn plain(root: &Path, target: &Path, package: &str) -> Result<PathBuf, String> {
    stream(cargo(root).args(["build", "--release", "--package", package]))?;
    Ok(target.join("release").join(package))
}

/// Builds the gateway twice, with a rehearsal between. What was built of the same commit before is taken again.
pub(crate) fn released(root: &Path, target: &Path) -> Result<PathBuf, String> {
    let folder = target.join("released");
    let cannot = |e: std::io::Error| format!("cannot write to {}: {e}", folder.display());
    let (binary, built_of) = (folder.join("sekisho"), folder.join("commit"));
    let commit = clean_commit(root);
    if let Some(commit) = &commit
        && binary.exists()
        && fs::read_to_string(&built_of).is_ok_and(|known| known == *commit)
    {
        return Ok(binary);
    }
    let merger = merger(root)?;
    let profiles = folder.join("profiles");
    if profiles.exists() {
        fs::remove_dir_all(&profiles).map_err(cannot)?;
    }
    fs::create_dir_all(&profiles).map_err(cannot)?;
    eprintln!("==> 1/3 a binary that counts which ways are taken");
    let counting =
        build(root, &folder.join("counting"), &format!("-Cprofile-generate={}", profiles.display()))?;
    eprintln!("==> 2/3 the rehearsal");
    bench::rehearse(root, target, &counting)?;
    let profile = merge(&merger, &folder, &profiles).map_err(|error| {
        format!("{error}\ninstall `{}` or run `rustup component add llvm-tools`", MERGER.1)
    })?;
    eprintln!("==> 3/3 the binary to give away");
    let built = build(root, &folder.join("guided"), &format!("-Cprofile-use={}", profile.display()))?;
    fs::copy(built, &binary).map_err(cannot)?;
    match commit {
        Some(commit) => fs::write(&built_of, commit).map_err(cannot)?,
        None if built_of.exists() => fs::remove_file(&built_of).map_err(cannot)?,
        None => {}
    }
    Ok(binary)
}

/// Builds with one more flag, for this machine's own kind by name: flags are then not for what runs while building.
fn build(root: &Path, target: &Path, flag: &str) -> Result<PathBuf, String> {
    let host = host(root)?;
    let mut flags = std::env::var_os("RUSTFLAGS").unwrap_or_default();
    flags.push(OsString::from(format!(" {flag}")));
    let mut command = cargo(root);
    command.args(["build", "--release", "--package", "sekisho", "--target", &host]);
    stream(command.env("RUSTFLAGS", flags).env("CARGO_TARGET_DIR", target))?;
    Ok(target.join(host).join("release/sekisho"))
}

/// One profile of all that were written, named by what it holds: another profile is another flag, so that cargo builds anew.
fn merge(merger: &Path, folder: &Path, profiles: &Path) -> Result<PathBuf, String> {
    let merged = folder.join("merged.profdata");
    capture(Command::new(merger).arg("merge").arg("-o").arg(&merged).arg(profiles))?;
    let cannot = |e: std::io::Error| format!("cannot read {}: {e}", merged.display());
    let mut bytes = Vec::new();
    File::open(&merged).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(cannot)?;
    let mut hasher = DefaultHasher::new();
    hasher.write(&bytes);
    let named = profiles.join(format!("{:016x}.profdata", hasher.finish()));
    fs::rename(&merged, &named).map_err(cannot)?;
    Ok(named)
}

/// The toolchain's own program if it is there, else the system's.
fn merger(root: &Path) -> Result<PathBuf, String> {
    let sysroot = capture(Command::new("rustc").current_dir(root).args(["--print", "sysroot"]))?;
    let own = Path::new(sysroot.trim()).join("lib/rustlib").join(host(root)?).join("bin/llvm-profdata");
    if own.is_file() {
        return Ok(own);
    }
    let later = LATER.rev().find_map(|version| tools::find(&format!("llvm-profdata-{version}")));
    if let Some(later) = later {
        return Ok(later);
    }
    tools::ensure(&[MERGER])?;
    tools::find(MERGER.0).ok_or_else(|| format!("there is no {}", MERGER.0))
}

/// The kind of machine that the compiler builds for by itself.
fn host(root: &Path) -> Result<String, String> {
    let said = capture(Command::new("rustc").current_dir(root).arg("-vV"))?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc does not say what it builds for".to_owned())
}

/// The commit, if the checkout is exactly that but for measurements that were kept since.
fn clean_commit(root: &Path) -> Option<String> {
    let git = |arguments: &[&str]| capture(Command::new("git").current_dir(root).args(arguments)).ok();
    git(&["status", "--porcelain", "--", ".", ":!bench/results"])
        .filter(|changes| changes.trim().is_empty())?;
    git(&["rev-parse", "HEAD"])
}
