//! What is measured: each target rendered from the templates under bench/, started on the gateways' core.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use super::processes::{GATEWAY_CORE, LOAD_CORE, Process, free_ports};
use super::scenarios::{BODY, FILE};
use super::wrk::route_path;
use crate::failure::Failure;
use crate::tools;

/// A gateway that others are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    Nginx,
    Haproxy,
}

/// Anything that can stand between load and upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    Nginx,
    /// nginx once more: its ratio to itself is the error of the measurement.
    NginxAgain,
    Haproxy,
    Sekisho(Site),
}

/// What Sekisho is set up to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Site {
    Plain,
    Policies,
    Routes(usize),
}

impl Peer {
    /// Reads the value of `--peer`.
    pub(super) fn parse(name: &str) -> Result<Peer, Failure> {
        match name {
            "nginx" => Ok(Peer::Nginx),
            "haproxy" => Ok(Peer::Haproxy),
            _ => Err(Failure::Usage(format!("--peer must be nginx or haproxy, not `{name}`"))),
        }
    }

    pub(super) fn subject(self) -> Subject {
        match self {
            Peer::Nginx => Subject::NginxAgain,
            Peer::Haproxy => Subject::Haproxy,
        }
    }
}

impl Subject {
    /// The name in tables, and of the target's files.
    pub(super) fn name(self) -> String {
        match self {
            Subject::Nginx => "nginx".to_owned(),
            Subject::NginxAgain => "nginx-again".to_owned(),
            Subject::Haproxy => "haproxy".to_owned(),
            Subject::Sekisho(Site::Plain) => "sekisho".to_owned(),
            Subject::Sekisho(Site::Policies) => "sekisho-policies".to_owned(),
            Subject::Sekisho(Site::Routes(count)) => format!("sekisho-{count}-routes"),
        }
    }
}

/// The upstream, and the folder in which everything generated lies (bench/run, ignored by git).
#[derive(Debug)]
pub(super) struct Stage {
    templates: PathBuf,
    pub(super) folder: PathBuf,
    pub(super) upstream_port: u16,
    sekisho: Option<PathBuf>,
    _upstream: Process,
}

/// A started gateway.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) subject: Subject,
    pub(super) process: Process,
    pub(super) port: u16,
    /// Sekisho's port for readiness and metrics.
    pub(super) admin: u16,
    /// Where Sekisho writes its access log in the scenario `policies`.
    pub(super) access_log: PathBuf,
}

impl Target {
    /// The name in tables.
    pub(super) fn name(&self) -> String {
        self.subject.name()
    }
}

impl Stage {
    /// Empties bench/run and starts the upstream there.
    pub(super) fn set_up(bench: &Path, sekisho: Option<PathBuf>) -> Result<Stage, String> {
        let folder = bench.join("run");
        let cannot = |e: std::io::Error| format!("cannot prepare {}: {e}", folder.display());
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(cannot)?;
        }
        fs::create_dir_all(&folder).map_err(cannot)?;
        fs::write(folder.join("1m"), vec![b'm'; FILE]).map_err(cannot)?;
        let [port] = free_ports()?;
        let text = render(
            &bench.join("upstream.conf"),
            &[
                ("name", "upstream".to_owned()),
                ("folder", folder.display().to_string()),
                ("port", port.to_string()),
                ("user", nginx_user()),
                ("body", json_body()),
            ],
        )?;
        fs::write(folder.join("upstream.conf"), text).map_err(cannot)?;
        let mut upstream = Process::start(&folder, "upstream", LOAD_CORE, &nginx(&folder, "upstream")?)?;
        upstream.wait_for(port)?;
        Ok(Stage {
            templates: bench.to_path_buf(),
            folder,
            upstream_port: port,
            sekisho,
            _upstream: upstream,
        })
    }

    /// Whether Sekisho is measured at all.
    pub(super) fn has_sekisho(&self) -> bool {
        self.sekisho.is_some()
    }

    /// Starts a target and waits until it listens.
    pub(super) fn start(&self, subject: Subject) -> Result<Target, String> {
        let mut target = self.launch(subject)?;
        target.process.wait_for(target.port)?;
        if let Subject::Sekisho(_) = subject {
            target.process.wait_for(target.admin)?;
        }
        Ok(target)
    }

    /// Starts a target and does not wait.
    pub(super) fn launch(&self, subject: Subject) -> Result<Target, String> {
        let name = subject.name();
        let [port, admin] = free_ports()?;
        let access_log = self.folder.join(format!("{name}.access"));
        let values = [
            ("name", name.clone()),
            ("folder", self.folder.display().to_string()),
            ("port", port.to_string()),
            ("admin", admin.to_string()),
            ("upstream", self.upstream_port.to_string()),
            ("user", nginx_user()),
            ("access_log", access_log.display().to_string()),
            ("routes", routes(subject)),
        ];
        let (template, ending) = match subject {
            Subject::Nginx | Subject::NginxAgain => ("nginx.conf", "conf"),
            Subject::Haproxy => ("haproxy.cfg", "cfg"),
            Subject::Sekisho(Site::Plain) => ("plain.yaml", "yaml"),
            Subject::Sekisho(Site::Policies) => ("policies.yaml", "yaml"),
            Subject::Sekisho(Site::Routes(_)) => ("routes.yaml", "yaml"),
        };
        let file = self.folder.join(format!("{name}.{ending}"));
        let text = render(&self.templates.join(template), &values)?;
        fs::write(&file, text).map_err(|e| format!("cannot write {}: {e}", file.display()))?;
        let argv = self.command(subject, &name, &file)?;
        let process = Process::start(&self.folder, &name, GATEWAY_CORE, &argv)?;
        Ok(Target { subject, process, port, admin, access_log })
    }

    fn command(&self, subject: Subject, name: &str, file: &Path) -> Result<Vec<String>, String> {
        let file = file.display().to_string();
        match subject {
            Subject::Nginx | Subject::NginxAgain => nginx(&self.folder, name),
            Subject::Haproxy => Ok(vec![program("haproxy")?, "-db".to_owned(), "-f".to_owned(), file]),
            Subject::Sekisho(_) => {
                let binary = self.sekisho.as_ref().ok_or("Sekisho is not measured in this run")?;
                Ok(vec![binary.display().to_string(), "run".to_owned(), "-c".to_owned(), file])
            }
        }
    }
}

impl Drop for Stage {
    /// The access log can be hundreds of megabytes; the rest stays to be looked at.
    fn drop(&mut self) {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        for path in
            entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "access"))
        {
            let _ = fs::remove_file(path);
        }
    }
}

fn nginx(folder: &Path, name: &str) -> Result<Vec<String>, String> {
    let file = folder.join(format!("{name}.conf")).display().to_string();
    let errors = folder.join(format!("{name}.errors.log")).display().to_string();
    let prefix = folder.display().to_string();
    let words = ["-p", &prefix, "-e", &errors, "-c", &file].map(str::to_owned);
    Ok([program("nginx")?].into_iter().chain(words).collect())
}

fn program(name: &str) -> Result<String, String> {
    tools::find(name).map(|path| path.display().to_string()).ok_or_else(|| format!("{name} is not installed"))
}

/// Started by root, nginx would hand its work to a user who may not see this folder.
fn nginx_user() -> String {
    if tools::is_root() { "user root;".to_owned() } else { String::new() }
}

/// The upstream's answer: JSON of exactly `BODY` bytes.
fn json_body() -> String {
    let frame = r#"{"items":[""#.len() + r#""]}"#.len();
    format!(r#"{{"items":["{}"]}}"#, "x".repeat(BODY - frame))
}

/// The routes of a site that has many, one a line.
fn routes(subject: Subject) -> String {
    let Subject::Sekisho(Site::Routes(count)) = subject else { return String::new() };
    let mut lines = String::new();
    for route in 0..count {
        let path = route_path(route);
        let pattern = path.rsplit_once('/').map_or("", |(before, _)| before);
        let _ = writeln!(lines, "  - {{ path: {pattern}/*, service: up }}");
    }
    lines
}

/// Replaces each `@name@`; a name without a value is an error, so that no template is half rendered.
fn render(template: &Path, values: &[(&str, String)]) -> Result<String, String> {
    let text =
        fs::read_to_string(template).map_err(|e| format!("cannot read {}: {e}", template.display()))?;
    fill(&text, values).map_err(|name| format!("{}: nothing is known for @{name}@", template.display()))
}

fn fill(text: &str, values: &[(&str, String)]) -> Result<String, String> {
    let mut parts = text.split('@');
    let mut out = parts.next().unwrap_or_default().to_owned();
    while let Some(name) = parts.next() {
        let value = values.iter().find(|(own, _)| *own == name).ok_or(name)?;
        out.push_str(&value.1);
        out.push_str(parts.next().unwrap_or_default());
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::{BODY, Site, Subject, fill, json_body, routes};

    #[test]
    fn fills_templates_whole_or_not_at_all() {
        let values = [("port", "80".to_owned()), ("name", "a".to_owned())];
        assert_eq!(fill("listen @port@; # @name@\n", &values).unwrap(), "listen 80; # a\n");
        assert_eq!(fill("plain", &values).unwrap(), "plain");
        assert_eq!(fill("listen @prot@;", &values).unwrap_err(), "prot");
    }

    #[test]
    fn the_upstream_answers_with_json_of_the_promised_size() {
        let body = json_body();
        assert_eq!(body.len(), BODY);
        assert!(serde_json::from_str::<serde_json::Value>(&body).is_ok());
    }

    #[test]
    fn routes_are_written_one_a_line() {
        let text = routes(Subject::Sekisho(Site::Routes(102)));
        assert_eq!(text.lines().count(), 102);
        assert_eq!(text.lines().last(), Some("  - { path: /area-1/thing-101/*, service: up }"));
        assert_eq!(routes(Subject::Nginx), "");
    }
}
