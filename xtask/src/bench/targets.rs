//! What is measured: each target rendered from the templates under bench/, started on the gateways' core.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::certificates::{self, AUTHORITY, CERTIFICATE, KEY};
use super::http;
use super::load::generator::{Generator, until_told};
use super::load::{Task, Work};
use super::processes::{Cores, Process, free_ports};
use super::scenarios::FILE;
use super::templates::{nginx_user, render, routes, service_body};
use crate::command::capture;
use crate::failure::Failure;
use crate::tools;

/// What tokens are signed with; it guards nothing but this measurement.
const SECRET: &str = "sekisho-bench-secret-sekisho-bench-secret";
/// Nothing that is well takes longer to start.
const READY: Duration = Duration::from_secs(20);

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
    /// nginx with answers kept.
    NginxCache,
    /// The same with the files they lie in kept open.
    NginxCacheOpen,
    Sekisho(Site),
}

/// What Sekisho is set up to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Site {
    Plain,
    Policies,
    /// The whole chain; with tokens remembered once they are verified, or without.
    Full(Remember),
    Routes(usize),
    /// Both a plain port and one of TLS, with so many workers.
    Tls(usize),
    /// The same with one worker on the load's core.
    TlsAtLoad,
    /// A tunnel to the service that echoes.
    Tunnels,
    /// To be reloaded, with so many routes.
    Reload(usize),
    /// All at once: both ports, tunnels, an access log, limits.
    Soak,
    /// A service whose endpoints get into trouble.
    Trouble,
    /// The whole chain, with breaker, balancing and health.
    Careful,
    /// The same with nothing of them.
    Careless,
    /// Answers kept in memory.
    Cache,
}

/// Whether tokens are remembered once they are verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remember {
    Never,
    Always,
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
            Subject::NginxCache => "nginx-cache".to_owned(),
            Subject::NginxCacheOpen => "nginx-cache-open-files".to_owned(),
            Subject::Sekisho(Site::Plain) => "sekisho".to_owned(),
            Subject::Sekisho(Site::Policies) => "sekisho-policies".to_owned(),
            Subject::Sekisho(Site::Full(Remember::Never)) => "sekisho-full".to_owned(),
            Subject::Sekisho(Site::Full(Remember::Always)) => "sekisho-full-remembering".to_owned(),
            Subject::Sekisho(Site::Routes(count)) => format!("sekisho-{count}-routes"),
            Subject::Sekisho(Site::Tls(1)) => "sekisho-tls".to_owned(),
            Subject::Sekisho(Site::Tls(workers)) => format!("sekisho-{workers}-workers"),
            Subject::Sekisho(Site::TlsAtLoad) => "sekisho-tls-at-load".to_owned(),
            Subject::Sekisho(Site::Tunnels) => "sekisho-tunnels".to_owned(),
            Subject::Sekisho(Site::Reload(count)) => format!("sekisho-reload-{count}"),
            Subject::Sekisho(Site::Soak) => "sekisho-soak".to_owned(),
            Subject::Sekisho(Site::Trouble) => "sekisho-trouble".to_owned(),
            Subject::Sekisho(Site::Careful) => "sekisho-careful".to_owned(),
            Subject::Sekisho(Site::Careless) => "sekisho-careless".to_owned(),
            Subject::Sekisho(Site::Cache) => "sekisho-cache".to_owned(),
        }
    }
}

/// The upstream, and the folder in which everything generated lies (bench/run, ignored by git).
#[derive(Debug)]
pub(super) struct Stage {
    templates: PathBuf,
    pub(super) folder: PathBuf,
    pub(super) upstream_port: u16,
    /// Where the service that echoes listens, once it is started.
    pub(super) echo_port: u16,
    sekisho: Option<PathBuf>,
    /// This program, built for release, as the maker of load.
    loader: Option<PathBuf>,
    _upstream: Process,
}

/// A started gateway.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) subject: Subject,
    pub(super) process: Process,
    pub(super) port: u16,
    /// The port of TLS, of those that have one.
    pub(super) tls: u16,
    /// Sekisho's port for readiness and metrics.
    pub(super) admin: u16,
    /// Where Sekisho writes its access log in the scenarios that have one.
    pub(super) access_log: PathBuf,
    /// What its template was filled with, and where the result lies.
    values: Vec<(&'static str, String)>,
    template: &'static str,
    file: PathBuf,
}

impl Target {
    /// The name in tables.
    pub(super) fn name(&self) -> String {
        self.subject.name()
    }

    /// Returns once Sekisho's `/readyz` answers 200.
    pub(super) fn wait_until_ready(&mut self) -> Result<(), String> {
        let admin = self.admin;
        let ready = || http::get(admin, "/readyz", &[]).is_ok_and(|answer| answer.status == 200);
        self.process.wait_until(READY, ready)
    }
}

impl Stage {
    /// Empties bench/run and starts the upstream there.
    pub(super) fn set_up(
        bench: &Path,
        sekisho: Option<PathBuf>,
        loader: Option<PathBuf>,
    ) -> Result<Stage, String> {
        let folder = bench.join("run");
        let cannot = |e: std::io::Error| format!("cannot prepare {}: {e}", folder.display());
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(cannot)?;
        }
        fs::create_dir_all(&folder).map_err(cannot)?;
        fs::write(folder.join("1m"), vec![b'm'; FILE]).map_err(cannot)?;
        certificates::make(&folder)?;
        let [port, echo_port] = free_ports()?;
        let text = render(
            &bench.join("upstream.conf"),
            &[
                ("name", "upstream".to_owned()),
                ("folder", folder.display().to_string()),
                ("port", port.to_string()),
                ("user", nginx_user()),
                ("body", service_body()),
            ],
        )?;
        fs::write(folder.join("upstream.conf"), text).map_err(cannot)?;
        let mut upstream = Process::start(&folder, "upstream", Cores::Load, &nginx(&folder, "upstream")?)?;
        upstream.wait_for(port)?;
        Ok(Stage {
            templates: bench.to_path_buf(),
            folder,
            upstream_port: port,
            echo_port,
            sekisho,
            loader,
            _upstream: upstream,
        })
    }

    /// Whether Sekisho is measured at all.
    pub(super) fn has_sekisho(&self) -> bool {
        self.sekisho.is_some()
    }

    /// Starts a target and waits until it listens, and if it can say so, until it is ready.
    pub(super) fn start(&self, subject: Subject) -> Result<Target, String> {
        self.start_with(subject, Vec::new())
    }

    /// With values for its template that are further, or stand instead of the usual ones.
    pub(super) fn start_with(
        &self,
        subject: Subject,
        further: Vec<(&'static str, String)>,
    ) -> Result<Target, String> {
        let mut target = self.launch_with(subject, further)?;
        target.process.wait_for(target.port)?;
        if let Subject::Sekisho(_) = subject {
            target.wait_until_ready()?;
        }
        Ok(target)
    }

    /// Where a subject's access log is written, in the scenarios that have one.
    pub(super) fn access_log(&self, subject: Subject) -> PathBuf {
        self.folder.join(format!("{}.access", subject.name()))
    }

    /// Starts a target and does not wait.
    pub(super) fn launch(&self, subject: Subject) -> Result<Target, String> {
        self.launch_with(subject, Vec::new())
    }

    fn launch_with(&self, subject: Subject, further: Vec<(&'static str, String)>) -> Result<Target, String> {
        let name = subject.name();
        let [port, tls, admin] = free_ports()?;
        let access_log = self.access_log(subject);
        let mut values = further;
        values.extend(self.values(subject, [port, tls, admin], &access_log));
        let (template, ending) = match subject {
            Subject::Nginx | Subject::NginxAgain => ("nginx.conf", "conf"),
            Subject::Haproxy => ("haproxy.cfg", "cfg"),
            Subject::NginxCache | Subject::NginxCacheOpen => ("nginx-cache.conf", "conf"),
            Subject::Sekisho(Site::Plain) => ("plain.yaml", "yaml"),
            Subject::Sekisho(Site::Policies) => ("policies.yaml", "yaml"),
            Subject::Sekisho(Site::Full(_)) => ("full.yaml", "yaml"),
            Subject::Sekisho(Site::Routes(_)) => ("routes.yaml", "yaml"),
            Subject::Sekisho(Site::Tls(_) | Site::TlsAtLoad) => ("tls.yaml", "yaml"),
            Subject::Sekisho(Site::Tunnels) => ("tunnels.yaml", "yaml"),
            Subject::Sekisho(Site::Reload(_)) => ("reload.yaml", "yaml"),
            Subject::Sekisho(Site::Soak) => ("soak.yaml", "yaml"),
            Subject::Sekisho(Site::Trouble) => ("trouble.yaml", "yaml"),
            Subject::Sekisho(Site::Careful) => ("careful.yaml", "yaml"),
            Subject::Sekisho(Site::Careless) => ("careless.yaml", "yaml"),
            Subject::Sekisho(Site::Cache) => ("cache.yaml", "yaml"),
        };
        let file = self.folder.join(format!("{name}.{ending}"));
        let text = render(&self.templates.join(template), &values)?;
        fs::write(&file, text).map_err(|e| format!("cannot write {}: {e}", file.display()))?;
        let argv = self.command(subject, &name, &file)?;
        let cores = match subject {
            Subject::Sekisho(Site::Tls(workers)) if workers > 1 => Cores::Gateways,
            Subject::Sekisho(Site::TlsAtLoad) => Cores::Load,
            _ => Cores::Gateway,
        };
        let process = Process::start(&self.folder, &name, cores, &argv)?;
        Ok(Target { subject, process, port, tls, admin, access_log, values, template, file })
    }

    fn values(&self, subject: Subject, ports: [u16; 3], access_log: &Path) -> Vec<(&'static str, String)> {
        let [port, tls, admin] = ports.map(|port| port.to_string());
        let inside = |name: &str| self.folder.join(name).display().to_string();
        let workers = if let Subject::Sekisho(Site::Tls(workers)) = subject { workers } else { 1 };
        vec![
            ("name", subject.name()),
            ("folder", self.folder.display().to_string()),
            ("port", port),
            ("tls", tls),
            ("admin", admin),
            ("upstream", self.upstream_port.to_string()),
            ("echo", self.echo_port.to_string()),
            ("certificate", inside(CERTIFICATE)),
            ("key", inside(KEY)),
            ("user", nginx_user()),
            ("access_log", access_log.display().to_string()),
            ("workers", workers.to_string()),
            ("secret", SECRET.to_owned()),
            (
                "remember",
                if subject == Subject::Sekisho(Site::Full(Remember::Always)) { "10000" } else { "off" }
                    .to_owned(),
            ),
            ("open_files", open_files(subject).to_owned()),
            ("generation", "0".to_owned()),
            ("routes", routes(subject)),
        ]
    }

    /// Writes a started target's configuration anew, as its generation number `generation`, in one step.
    pub(super) fn rewrite(&self, target: &Target, generation: u64) -> Result<(), String> {
        let mut values = target.values.clone();
        for (name, value) in &mut values {
            if *name == "generation" {
                *value = generation.to_string();
            }
        }
        let text = render(&self.templates.join(target.template), &values)?;
        let beside = target.file.with_extension("new");
        let written = fs::write(&beside, text).and_then(|()| fs::rename(&beside, &target.file));
        written.map_err(|e| format!("cannot write {}: {e}", target.file.display()))
    }

    /// A token that the whole chain lets through.
    pub(super) fn token(&self) -> Result<String, String> {
        let binary = self.sekisho.as_ref().ok_or("Sekisho is not measured in this run")?;
        let mut command = Command::new(binary);
        command.args([
            "token",
            "--secret",
            SECRET,
            "--subject",
            "u-1",
            "--permissions",
            "user:read",
            "--ttl",
            "1d",
        ]);
        Ok(capture(&mut command)?.trim().to_owned())
    }

    /// The authority that clients must trust.
    pub(super) fn authority(&self) -> PathBuf {
        self.folder.join(AUTHORITY)
    }

    /// Starts a maker of load on the load's core.
    pub(super) fn generator(&self, name: &str, work: &Work) -> Result<Generator, String> {
        self.generator_on(Cores::Load, name, work)
    }

    /// Starts a maker of load on `cores`.
    pub(super) fn generator_on(&self, cores: Cores, name: &str, work: &Work) -> Result<Generator, String> {
        let program = self.loader.as_ref().ok_or("the maker of load was not built")?;
        Generator::start(program, &self.folder, &format!("load-{name}"), cores, work)
    }

    /// Starts the service that echoes, and waits until it listens.
    pub(super) fn echo(&self) -> Result<Generator, String> {
        let mut echo = self.generator("echo", &until_told(Task::Echo { port: self.echo_port }))?;
        echo.wait_for(self.echo_port)?;
        Ok(echo)
    }

    fn command(&self, subject: Subject, name: &str, file: &Path) -> Result<Vec<String>, String> {
        let file = file.display().to_string();
        match subject {
            Subject::Nginx | Subject::NginxAgain | Subject::NginxCache | Subject::NginxCacheOpen => {
                nginx(&self.folder, name)
            }
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

/// Whether a kept answer's file is opened for each request, as nginx does by itself.
fn open_files(subject: Subject) -> &'static str {
    if subject == Subject::NginxCacheOpen { "open_file_cache max=1000 inactive=60s;" } else { "" }
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
