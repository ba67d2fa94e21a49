//! The command line, asked as a person or a script asks it: results on standard output, the rest on standard error, and
//! 0 for yes, 1 for no, 2 for wrong use.

mod check;
mod key;
mod plan;
mod run;
mod token;

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;

use crate::harness::{Lines, binary, temp_dir, until};

/// A folder with files, which is gone when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(temp_dir());
        for (name, text) in files {
            std::fs::write(folder.0.join(name), text).unwrap();
        }
        folder
    }

    /// Runs the program here to its end.
    #[track_caller]
    fn ask(&self, arguments: &[&str]) -> Said {
        self.ask_with(arguments, &[])
    }

    /// With these variables, and without those that could be meant for it.
    #[track_caller]
    fn ask_with(&self, arguments: &[&str], env: &[(&str, &str)]) -> Said {
        let mut child = binary()
            .args(arguments)
            .current_dir(&self.0)
            .env_remove("JWT_SECRET")
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let out = Lines::collect(child.stdout.take().unwrap());
        let err = Lines::collect(child.stderr.take().unwrap());
        let mut tries = 0;
        let code = until("the program to end", || {
            tries += 1;
            // So that a test that fails leaves no process behind.
            if tries == 4_000 {
                let _ = child.kill();
            }
            child.try_wait().unwrap()
        });
        Said { code: code.code(), out: out.to_end(), err: err.to_end() }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What the program said, in lines, and how it ended.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: Vec<String>,
    err: Vec<String>,
}

impl Said {
    #[track_caller]
    fn json(&self) -> Value {
        let text = self.out.join("\n");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
    }
}

#[test]
fn wrong_use_is_2_and_says_what_is_right() {
    let folder = Folder::new(&[]);
    for arguments in [
        &["fly"][..],
        &[],
        &["check", "--format", "xml"],
        &["plan", "GET"],
        &["run", "extra"],
        &["token", "--secret", "s", "--ttl", "soon"],
        &["demo", "--listen", "nowhere"],
    ] {
        let said = folder.ask(arguments);
        assert_eq!((said.code, said.out.len()), (Some(2), 0), "{arguments:?}: {said:?}");
        assert!(
            said.err.iter().any(|line| line.contains("--help") || line.contains("Usage")),
            "{arguments:?}: {said:?}"
        );
    }
}

#[test]
fn help_is_a_result() {
    let said = Folder::new(&[]).ask(&["--help"]);
    assert_eq!((said.code, said.err.len()), (Some(0), 0));
    for command in ["run", "check", "plan", "schema", "token", "key", "demo", "version"] {
        assert!(said.out.iter().any(|line| line.trim_start().starts_with(command)), "{command}");
    }
}

#[test]
fn version_tells_the_version_in_both_formats() {
    let folder = Folder::new(&[]);
    let said = folder.ask(&["version"]);
    assert_eq!((said.code, said.out), (Some(0), vec![format!("sekisho {}", env!("CARGO_PKG_VERSION"))]));
    let json = folder.ask(&["version", "--format", "json"]).json();
    assert_eq!((&json["name"], &json["version"]), (&"sekisho".into(), &env!("CARGO_PKG_VERSION").into()));
    assert_eq!(folder.ask(&["--version"]).out, [format!("sekisho {}", env!("CARGO_PKG_VERSION"))]);
}

#[test]
fn the_schema_is_json_and_knows_every_policy() {
    let said = Folder::new(&[]).ask(&["schema"]);
    assert_eq!((said.code, said.err.len()), (Some(0), 0));
    let schema = said.json();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    for policy in sekisho_policies::NAMES {
        assert!(schema["$defs"]["Policies"]["properties"][policy].is_object(), "{policy}");
    }
    for word in ["listen", "admin", "services", "routes", "policies", "limits", "client", "drain"] {
        assert!(schema["properties"][word].is_object(), "{word}");
    }
}

#[test]
fn completions_are_there_for_a_shell() {
    let said = Folder::new(&[]).ask(&["completions", "bash"]);
    assert_eq!(said.code, Some(0));
    assert!(said.out.iter().any(|line| line.contains("sekisho")));
}

#[test]
fn the_usual_file_is_found_without_being_named() {
    let folder = Folder::new(&[("sekisho.yaml", "routes: [{ path: /, respond: hi }]")]);
    assert_eq!(folder.ask(&["check"]).out, ["sekisho.yaml: fine"]);
}
