//! The workspace as `cargo metadata` describes it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command::{capture, cargo};

/// Folders and packages of the workspace.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// Where build results go, as cargo decides it.
    pub(crate) target: PathBuf,
    /// Members, and the packages they depend on if these were asked for.
    pub(crate) packages: Vec<Package>,
}

/// One package with what its manifest says.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) origin: Origin,
    /// The SPDX expression, if there is one.
    pub(crate) licence: Option<String>,
    /// Path of its manifest, relative to the root for a member.
    pub(crate) manifest: String,
    pub(crate) dependencies: Vec<Dependency>,
}

/// Whether a package is written here or comes from a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Member,
    Registry,
}

/// A line under one of the dependency tables of a manifest.
#[derive(Debug, Clone)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) origin: Origin,
}

/// The table a dependency stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Build,
    Dev,
}

/// How far to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The workspace's own packages.
    Members,
    /// Everything the lock file holds.
    Everything,
}

/// The folder of the workspace: above this package's own, wherever the checkout lies now.
pub(crate) fn root() -> PathBuf {
    let own = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let own = PathBuf::from(own);
    own.parent().map_or_else(|| own.clone(), Path::to_path_buf)
}

/// Asks cargo about the workspace at `root`.
pub(crate) fn load(root: &Path, reach: Reach) -> Result<Workspace, String> {
    let mut command = cargo(root);
    command.args(["metadata", "--format-version", "1", "--quiet"]);
    if reach == Reach::Members {
        command.arg("--no-deps");
    }
    let text = capture(&mut command)?;
    let value = serde_json::from_str(&text).map_err(|e| format!("cargo metadata is not JSON: {e}"))?;
    Ok(read(root, &value))
}

fn read(root: &Path, value: &Value) -> Workspace {
    let packages = items(value, "packages").map(|package| read_package(root, package)).collect();
    Workspace { target: PathBuf::from(text(value, "target_directory")), packages }
}

fn read_package(root: &Path, package: &Value) -> Package {
    let manifest = text(package, "manifest_path");
    let relative = Path::new(&manifest).strip_prefix(root).ok().and_then(Path::to_str).map(str::to_owned);
    Package {
        name: text(package, "name"),
        version: text(package, "version"),
        origin: if package["source"].is_null() { Origin::Member } else { Origin::Registry },
        licence: package["license"].as_str().map(str::to_owned),
        manifest: relative.unwrap_or(manifest),
        dependencies: items(package, "dependencies").map(read_dependency).collect(),
    }
}

fn read_dependency(dependency: &Value) -> Dependency {
    Dependency {
        name: text(dependency, "name"),
        kind: match dependency["kind"].as_str() {
            Some("dev") => Kind::Dev,
            Some("build") => Kind::Build,
            _ => Kind::Normal,
        },
        origin: if dependency["path"].is_null() { Origin::Registry } else { Origin::Member },
    }
}

fn items<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value[field].as_array().into_iter().flatten()
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Kind, Origin, read};
    use serde_json::json;
    use std::path::Path;

    #[test]
    fn reads_members_and_their_dependencies() {
        let value = json!({"target_directory": "/t", "packages": [
            {"name": "sekisho-wire", "version": "0.1.0", "source": null, "license": "Apache-2.0",
             "manifest_path": "/w/crates/wire/Cargo.toml", "dependencies": [
                {"name": "httparse", "kind": null, "source": "registry+x"},
                {"name": "sekisho-units", "kind": "dev", "path": "/w/crates/units"}]},
            {"name": "httparse", "version": "1.0.0", "source": "registry+x", "manifest_path": "/r/h/Cargo.toml",
             "dependencies": []}]});
        let workspace = read(Path::new("/w"), &value);
        let [wire, httparse] = &workspace.packages[..] else { panic!("{workspace:?}") };
        assert_eq!((wire.origin, wire.manifest.as_str()), (Origin::Member, "crates/wire/Cargo.toml"));
        assert_eq!((httparse.origin, httparse.licence.as_deref()), (Origin::Registry, None));
        let [outside, inside] = &wire.dependencies[..] else { panic!("{wire:?}") };
        assert_eq!((outside.kind, outside.origin), (Kind::Normal, Origin::Registry));
        assert_eq!((inside.kind, inside.origin), (Kind::Dev, Origin::Member));
    }
}
