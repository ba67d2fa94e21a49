//! What a service manager wants to be told (`Type=notify-reload`, sd_notify(3)) and what it gives: a watchdog's interval,
//! sockets that are open already.
//!
//! Outside of systemd there is no `NOTIFY_SOCKET`, and nothing happens. Where telling fails, that is said once: whether
//! the gateway serves must not hang on who watches it.

mod sockets;
mod watchdog;

use std::env;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use sd_notify::NotifyState;

pub(crate) use self::sockets::Sockets;
pub(crate) use self::watchdog::Watchdog;
use crate::output::note;

/// The variable that says where to.
const SOCKET: &str = "NOTIFY_SOCKET";
/// How long a manager may take that has no room for a message, before it is given up.
const PATIENCE: Duration = Duration::from_millis(200);
/// Most characters of a status.
const STATUS_MAX: usize = 500;

/// Tells that the gateway takes connections: at the start, and again after each reload, whether that changed anything or
/// was refused. `status` is a line for people, shown by `systemctl status`.
pub(crate) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(&one_line(status))]);
}

/// Tells that a reload has begun; [`ready`] must follow. It has the time, since the manager must know whether its own
/// signal came before.
pub(crate) fn reloading() {
    if let Ok(states) = begun() {
        tell(&states);
    }
}

/// What is told of a reload that begins now.
fn begun() -> io::Result<[NotifyState<'static>; 2]> {
    Ok([NotifyState::Reloading, NotifyState::monotonic_usec_now()?])
}

/// Tells that the gateway is about to end, after what is in flight.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Tells how things go, in a line for people.
pub(crate) fn status(text: &str) {
    tell(&[NotifyState::Status(&one_line(text))]);
}

fn tell(states: &[NotifyState<'_>]) {
    static COMPLAINED: AtomicBool = AtomicBool::new(false);
    let Some(to) = env::var_os(SOCKET).filter(|to| !to.is_empty()) else { return };
    if let Err(error) = send(&to, states)
        && !COMPLAINED.swap(true, Relaxed)
    {
        note(&format!("cannot tell systemd how things go, at {SOCKET}={}: {error}", to.display()));
    }
}

/// Sends one message, to a path or to `@name` in the abstract namespace, which is why the crate's own sending will not do.
fn send(to: &OsStr, states: &[NotifyState<'_>]) -> io::Result<()> {
    let address = match to.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(to)?,
    };
    let mut message = String::new();
    for state in states {
        writeln!(message, "{state}").map_err(io::Error::other)?;
    }
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.send_to_addr(message.as_bytes(), &address)?;
    Ok(())
}

/// A further line would be read as a further message.
fn one_line(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(STATUS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A socket in the abstract namespace, and its name as the variable has it.
    fn manager(name: &str) -> (UnixDatagram, String) {
        let name = format!("sekisho-test-{}-{name}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        (UnixDatagram::bind_addr(&address).unwrap(), format!("@{name}"))
    }

    #[test]
    fn a_reload_tells_the_monotonic_time() {
        let (manager, name) = manager("reload");
        let before = NotifyState::monotonic_usec_now().unwrap().to_string();
        send(OsStr::new(&name), &begun().unwrap()).unwrap();
        let mut bytes = [0; 200];
        let len = manager.recv(&mut bytes).unwrap();
        let lines: Vec<_> = std::str::from_utf8(&bytes[..len]).unwrap().lines().collect();
        let micros = |line: &str| line.strip_prefix("MONOTONIC_USEC=").unwrap().parse::<u64>().unwrap();
        assert_eq!(lines[0], "RELOADING=1");
        let passed = micros(lines[1]) - micros(&before);
        assert!(passed < 10_000_000, "{passed}");
    }

    #[test]
    fn a_manager_that_does_not_listen_is_given_up() {
        let (manager, name) = manager("deaf");
        let full = (0..100_000).find_map(|_| send(OsStr::new(&name), &[NotifyState::Watchdog]).err());
        assert_eq!(full.map(|error| error.kind()), Some(io::ErrorKind::WouldBlock));
        drop(manager);
        let gone = send(OsStr::new(&name), &[NotifyState::Watchdog]).unwrap_err();
        assert_eq!(gone.kind(), io::ErrorKind::ConnectionRefused);
        let nowhere = send(OsStr::new("/no/such/socket"), &[NotifyState::Watchdog]).unwrap_err();
        assert_eq!(nowhere.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_status_is_one_line() {
        for (text, want) in [
            ("ready\n", "ready"),
            ("a\nREADY=1\r\n\tb", "a READY=1   b"),
            ("é\u{1b}[31m", "é [31m"),
            (&"é".repeat(STATUS_MAX + 1), &"é".repeat(STATUS_MAX)),
        ] {
            assert_eq!(one_line(text), *want, "{text:?}");
        }
    }
}
