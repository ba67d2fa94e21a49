//! Programs from the system that a command needs: found, installed where we may, or named exactly.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{capture, stream};

/// Makes sure that each program is there, given as (program, Debian package).
///
/// As root on a Debian system what is missing is installed; elsewhere the error says what to install.
pub(crate) fn ensure(needed: &[(&str, &str)]) -> Result<(), String> {
    let missing = missing(needed, |program| find(program).is_some());
    if missing.is_empty() {
        return Ok(());
    }
    if !may_install() {
        return Err(format!("programs are missing; install these packages: {}", missing.join(" ")));
    }
    eprintln!("installing {}", missing.join(" "));
    stream(Command::new("apt-get").args(["update", "--quiet"]))?;
    let mut install = Command::new("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive").args(["install", "-y", "--no-install-recommends"]);
    stream(install.args(&missing))
}

/// Where a program lies: the folders of `PATH`, then those for administrators, which a user's `PATH` often lacks.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Whether this process runs as root.
pub(crate) fn is_root() -> bool {
    capture(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

fn missing<'a>(needed: &[(&'a str, &'a str)], present: impl Fn(&str) -> bool) -> Vec<&'a str> {
    let mut packages = Vec::new();
    for (program, package) in needed {
        if !present(program) && !packages.contains(package) {
            packages.push(*package);
        }
    }
    packages
}

fn may_install() -> bool {
    Path::new("/etc/debian_version").exists() && find("apt-get").is_some() && is_root()
}

#[cfg(test)]
mod tests {
    use super::{find, missing};

    #[test]
    fn names_each_missing_package_once() {
        let needed = [("sh", "dash"), ("taskset", "util-linux"), ("prlimit", "util-linux")];
        assert_eq!(missing(&needed, |program| program == "sh"), ["util-linux"]);
        assert!(missing(&needed, |_| true).is_empty());
    }

    #[test]
    fn finds_programs_by_name() {
        assert!(find("sh").is_some());
        assert!(find("no-such-program-here").is_none());
    }
}
