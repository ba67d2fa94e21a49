//! Telling by a program: it reads the alert from its standard input or its environment, and says by its status whether it has
//! told it.
//!
//! It runs in a process group of its own, so that what it has started ends with it when its time is over. Nothing waits for it
//! but the one channel.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use sekisho_gateway::alert::Command;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStderr, ChildStdin};

use super::Outcome;
use crate::alerts::alert::Alert;

/// Variables by which systemd speaks with the gateway, and with nobody else.
const SYSTEMDS: [&str; 6] =
    ["NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "WATCHDOG_PID", "WATCHDOG_USEC"];
/// What is kept of what it says on standard error.
const KEPT: usize = 200;
/// How long its last words may take once it has ended: others may hold its output open.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// One run.
pub(in crate::alerts) async fn run(
    command: &Command,
    alert: &Alert,
    gateway: &str,
    timeout: Duration,
) -> Outcome {
    let mut program = tokio::process::Command::new(&command.program);
    for name in SYSTEMDS {
        program.env_remove(name);
    }
    let started = program
        .args(&command.arguments)
        .envs(alert.variables(gateway))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => return Outcome::Failed(format!("cannot be run: {error}"), None),
    };
    let group = Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
    let body = alert.body(sekisho_gateway::alert::Format::Json, gateway);
    let ended = tokio::time::timeout(timeout, attend(&mut child, body)).await;
    match ended {
        Ok(outcome) => {
            // What it leaves running is its own business.
            std::mem::forget(group);
            outcome
        }
        Err(_) => {
            drop(group);
            // Itself once more, should it have left its group; and so that nothing of it is left in the system's table.
            let _ = child.kill().await;
            Outcome::Failed(format!("killed after {timeout:?}"), None)
        }
    }
}

/// Kills a process and those it has started when it goes: its time is over, or the gateway's.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

async fn attend(child: &mut Child, body: Vec<u8>) -> Outcome {
    if let Some(stdin) = child.stdin.take() {
        tokio::task::spawn_local(feed(stdin, body));
    }
    let said = child.stderr.take().map(|stderr| tokio::task::spawn_local(listen(stderr)));
    let status = child.wait().await;
    let mut words = String::new();
    if let Some(mut said) = said {
        match tokio::time::timeout(LAST_WORDS, &mut said).await {
            Ok(heard) => words = heard.unwrap_or_default(),
            Err(_) => said.abort(),
        }
    }
    match status {
        Ok(status) if status.success() => Outcome::Delivered,
        Ok(status) if words.is_empty() => Outcome::Failed(status.to_string(), None),
        Ok(status) => Outcome::Failed(format!("{status}: {words}"), None),
        Err(error) => Outcome::Failed(error.to_string(), None),
    }
}

/// Writes the alert. A program that reads only its environment leaves it.
async fn feed(mut stdin: ChildStdin, body: Vec<u8>) {
    let _ = stdin.write_all(&body).await;
}

/// Reads to the end, so that the program never waits for us; the first line is kept, as far as it goes.
async fn listen(mut stderr: ChildStderr) -> String {
    let (mut kept, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = stderr.read(&mut piece).await {
        let room = KEPT - kept.len();
        kept.extend_from_slice(&piece[..count.min(room)]);
    }
    let text = String::from_utf8_lossy(&kept);
    text.lines().next().unwrap_or_default().replace(char::is_control, " ").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use std::future::Future;

    use sekisho_units::Wall;
    use tokio::runtime::{Builder, LocalOptions};

    use super::*;
    use crate::alerts::alert::Content;

    const LONG: Duration = Duration::from_secs(30);

    fn wait_for<T>(future: impl Future<Output = T>) -> T {
        let runtime =
            Builder::new_current_thread().enable_all().build_local(LocalOptions::default()).unwrap();
        runtime.block_on(future)
    }

    /// Runs a script of a shell, which is a program like others.
    fn script(script: &str, timeout: Duration) -> Outcome {
        let arguments = vec!["-c".to_owned(), script.to_owned()];
        let command = Command { program: "/bin/sh".to_owned(), arguments };
        let alert = Alert::new(Content::Test, Wall::from_secs(0), 1);
        wait_for(run(&command, &alert, "gw", timeout))
    }

    fn failed(why: &str) -> Outcome {
        Outcome::Failed(why.to_owned(), None)
    }

    #[test]
    fn its_status_says_whether_it_has_told() {
        assert_eq!(
            script("read line; test \"${line#*\\\"event\\\":\\\"test\\\"}\" != \"$line\"", LONG),
            Outcome::Delivered
        );
        assert_eq!(script("test \"$EVENT $COUNT $GATEWAY\" = 'test 1 gw'", LONG), Outcome::Delivered);
        assert_eq!(script("exit 3", LONG), failed("exit status: 3"));
        assert_eq!(
            script("echo no route >&2; echo more >&2; exit 1", LONG),
            failed("exit status: 1: no route")
        );
        let nobody = Command { program: "/no/such/program".to_owned(), arguments: Vec::new() };
        let alert = Alert::new(Content::Test, Wall::from_secs(0), 1);
        let Outcome::Failed(why, None) = wait_for(run(&nobody, &alert, "gw", LONG)) else { panic!("it ran") };
        assert!(why.starts_with("cannot be run: "), "{why}");
    }

    #[test]
    fn however_much_it_says_it_ends_and_little_is_kept() {
        let Outcome::Failed(why, None) = script("yes x | tr -d '\\n' | head -c 1000000 >&2; exit 1", LONG)
        else {
            panic!("it failed")
        };
        assert!(why.len() < KEPT + 40, "{}", why.len());
    }

    #[test]
    fn whoever_holds_its_output_open_holds_up_nobody() {
        assert_eq!(script("sleep 5 & exit 0", LONG), Outcome::Delivered);
    }

    #[test]
    fn when_its_time_is_over_it_is_killed_with_all_it_has_started() {
        let dir = std::env::temp_dir().join(format!("sekisho-alert-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let file = dir.join("pids");
        let told = script(
            &format!("sleep 600 & echo $! $$ > '{}'; wait", file.display()),
            Duration::from_millis(500),
        );
        assert_eq!(told, failed("killed after 500ms"));
        let pids = std::fs::read_to_string(&file).unwrap();
        let pids: Vec<_> = pids.split_whitespace().collect();
        assert_eq!(pids.len(), 2, "it had begun");
        // The program itself was waited for; of what it had started the system knows until somebody reads its end.
        let state = |pid: &str| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            stat.rsplit_once(") ")?.1.chars().next()
        };
        assert_eq!(state(pids[1]), None, "nothing is left of it");
        let clock = sekisho_units::Clock::system();
        let end = clock.now() + LONG;
        while !matches!(state(pids[0]), None | Some('Z')) {
            assert!(clock.now() < end, "it outlives its parent");
            std::thread::yield_now();
        }
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
