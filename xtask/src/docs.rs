//! What is generated from the program itself, so that it cannot fall behind: now the schema of the configuration.

use std::fs;
use std::path::Path;

use crate::command::{capture, cargo, show};
use crate::failure::Failure;
use crate::workspace::root;

/// Generated files and the subcommand of `sekisho` that prints each.
const GENERATED: &[(&str, &str)] = &[("examples/sekisho.schema.json", "schema")];

/// Whether to write the files or only to compare them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Write,
    Check,
}

/// `cargo xtask docs [--check]`.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let mode = match arguments {
        [] => Mode::Write,
        [only] if only == "--check" => Mode::Check,
        _ => return Err(Failure::Usage("`docs` takes nothing but `--check`".to_owned())),
    };
    Ok(generate(&root(), mode)?)
}

/// Writes every generated file, or reports those that differ from what the program prints.
pub(crate) fn generate(root: &Path, mode: Mode) -> Result<(), String> {
    let mut stale = Vec::new();
    for (path, subcommand) in GENERATED {
        let mut command = cargo(root);
        command.args(["run", "--quiet", "--package", "sekisho", "--", subcommand]);
        let printed = capture(&mut command)?;
        if printed.trim().is_empty() {
            return Err(format!("`{}` printed nothing; {path} is made of its output", show(&command)));
        }
        let file = root.join(path);
        match mode {
            Mode::Write => write(&file, path, &printed)?,
            Mode::Check if fs::read_to_string(&file).ok().as_deref() != Some(&printed) => stale.push(*path),
            Mode::Check => {}
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    Err(format!("not up to date: {}; run `cargo xtask docs`", stale.join(", ")))
}

fn write(file: &Path, path: &str, text: &str) -> Result<(), String> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(|e| format!("cannot make {}: {e}", folder.display()))?;
    }
    fs::write(file, text).map_err(|e| format!("cannot write {path}: {e}"))?;
    eprintln!("wrote {path}");
    Ok(())
}
