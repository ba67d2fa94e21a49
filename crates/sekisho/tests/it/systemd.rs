//! What systemd is told and what it gives, with a socket of the test's in its place.

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixDatagram, UnixListener};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;

use crate::front::gateway;
use crate::harness::{Client, DEADLINE, Gateway, Service, binary, ok, temp_dir, until};

const HI: &str = "routes: [{ path: /, respond: hi }]\n";

/// The end at which systemd would listen. Dropping it removes its folder.
struct Manager {
    socket: UnixDatagram,
    /// As `NOTIFY_SOCKET` has it.
    name: String,
    dir: PathBuf,
}

impl Manager {
    fn at_a_path() -> Self {
        let dir = temp_dir();
        let path = dir.join("notify");
        Self::new(UnixDatagram::bind(&path).unwrap(), path.display().to_string(), dir)
    }

    fn in_the_abstract() -> Self {
        let dir = temp_dir();
        let name = dir.file_name().unwrap().to_str().unwrap();
        let address = UnixAddr::from_abstract_name(name).unwrap();
        Self::new(UnixDatagram::bind_addr(&address).unwrap(), format!("@{name}"), dir)
    }

    fn new(socket: UnixDatagram, name: String, dir: PathBuf) -> Self {
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        Self { socket, name, dir }
    }

    fn env(&self) -> (&str, &str) {
        ("NOTIFY_SOCKET", &self.name)
    }

    /// The lines of the next message.
    #[track_caller]
    fn next(&self) -> Vec<String> {
        let mut bytes = [0; 4096];
        let len = self.socket.recv(&mut bytes).expect("a message from the gateway");
        std::str::from_utf8(&bytes[..len]).unwrap().lines().map(str::to_owned).collect()
    }

    /// The next message that begins with this line.
    #[track_caller]
    fn wait(&self, first: &str) -> Vec<String> {
        until(first, || Some(self.next()).filter(|lines| lines[0] == first))
    }

    /// All that has come, once nothing more can.
    fn rest(&self) -> Vec<String> {
        self.socket.set_nonblocking(true).unwrap();
        let mut bytes = [0; 4096];
        std::iter::from_fn(|| {
            let len = self.socket.recv(&mut bytes).ok()?;
            Some(String::from_utf8_lossy(&bytes[..len]).into_owned())
        })
        .collect()
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A shell that becomes the program, after these words of its own.
fn shell(words: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{words}; exec \"$0\" \"$@\"")]).arg(binary().get_program());
    command
}

/// Gives the program these descriptors as systemd would: `copies` of one, from 3 on.
fn given(fd: impl Into<OwnedFd>, copies: u8) -> Command {
    let places: String = (3..3 + copies).map(|to| format!("{to}<&0 ")).collect();
    let words = format!("exec {places} </dev/null; export LISTEN_FDS={copies} LISTEN_PID=$$");
    let mut command = shell(&words);
    command.stdin(fd.into());
    command
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn ask(address: SocketAddr) -> String {
    let mut client = Client::connect(address);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.answer().text()
}

#[test]
fn ready_is_told_with_where_it_listens() {
    for manager in [Manager::at_a_path(), Manager::in_the_abstract()] {
        let gateway = Gateway::start_with(HI, &[manager.env()], &[]);
        let want = format!("STATUS=listening on http://{}, admin on http://{}", gateway.addr, gateway.admin);
        let told = manager.next();
        assert_eq!((told.len(), told[0].as_str()), (2, "READY=1"), "{told:?}");
        assert!(told[1].starts_with(&want), "{told:?}");
        assert_eq!(gateway.get("/").text(), "hi");
    }
}

#[test]
fn a_configuration_that_is_refused_is_never_ready() {
    let manager = Manager::at_a_path();
    let file = manager.dir.join("bad.yaml");
    std::fs::write(&file, "routes: [{ path: /, respond: hi, nothing: 1 }]\n").unwrap();
    let said = binary().args(["run", "-c"]).arg(&file).envs([manager.env()]).output().unwrap();
    assert_eq!(said.status.code(), Some(1));
    assert_eq!(manager.rest(), [""; 0]);
}

#[test]
fn stopping_is_told_when_the_drain_begins_and_not_when_it_ends() {
    let (go, wait) = sync_channel::<()>(1);
    let wait = Mutex::new(wait);
    let service = Service::answering(move |request| {
        let _ = wait.lock().unwrap().recv();
        ok("text/plain", &request.target)
    });
    let manager = Manager::at_a_path();
    let config = crate::front::config(service.addr, "", "");
    let mut gateway = Gateway::start_with(&config, &[manager.env()], &[]);
    let mut client = gateway.connect();
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    service.wait_seen(1);
    gateway.signal("TERM");
    manager.wait("STOPPING=1");
    assert_eq!(manager.next(), ["STATUS=draining: 1 connection open, at most 30s left"]);
    assert!(gateway.is_running());
    go.send(()).unwrap();
    assert_eq!(client.answer().status, 200);
    drop(client);
    assert_eq!(gateway.wait_exit().code(), Some(0));
}

#[test]
fn int_is_told_as_stopping_too() {
    let manager = Manager::at_a_path();
    let mut gateway = Gateway::start_with(HI, &[manager.env()], &[]);
    gateway.signal("INT");
    manager.wait("STOPPING=1");
    assert_eq!(gateway.wait_exit().code(), Some(130));
}

#[test]
fn the_watchdog_hears_of_it_again_and_again_if_it_is_meant() {
    let (not_meant, unasked) = (Manager::at_a_path(), Manager::at_a_path());
    let often = ("WATCHDOG_USEC", "200000");
    let _other = Gateway::start_with(HI, &[not_meant.env(), often, ("WATCHDOG_PID", "1")], &[]);
    let _without = Gateway::start_with(HI, &[unasked.env()], &[]);
    for by_pid in [false, true] {
        let manager = Manager::at_a_path();
        let mut command = shell(if by_pid { "export WATCHDOG_PID=$$" } else { ":" });
        command.envs([manager.env(), often]).stdin(std::process::Stdio::null());
        let mut gateway = Gateway::start_by(command, &format!("workers: 3\n{HI}"), &[]);
        manager.wait("READY=1");
        for _ in 0..5 {
            assert_eq!(manager.next(), ["WATCHDOG=1"]);
        }
        assert_eq!(gateway.get("/").text(), "hi");
        gateway.signal("TERM");
        manager.wait("STOPPING=1");
        assert_eq!(gateway.wait_exit().code(), Some(0));
    }
    // They began earlier, and would have been heard of by now.
    for manager in [not_meant, unasked] {
        let told = manager.rest();
        assert!(told.len() == 1 && told[0].starts_with("READY=1\n"), "{told:?}");
    }
}

#[test]
fn nobody_at_the_socket_costs_one_line_and_nothing_else() {
    let dir = temp_dir();
    let name = dir.join("nobody").display().to_string();
    let env = [("NOTIFY_SOCKET", name.as_str()), ("WATCHDOG_USEC", "200000")];
    let mut gateway = Gateway::start_with(HI, &env, &[]);
    assert_eq!(gateway.get("/").text(), "hi");
    gateway.signal("TERM");
    assert_eq!(gateway.wait_exit().code(), Some(0));
    let said = gateway.stderr.to_end();
    assert_eq!(said.iter().filter(|line| line.contains("cannot tell systemd")).count(), 1, "{said:?}");
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_connection_that_waited_in_a_given_socket_is_answered() {
    let (listener, address) = listener();
    let mut early = Client::connect(address);
    early.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let config = format!("listen: ['http://{address}', 'http://127.0.0.1:0']\n{HI}");
    let gateway = Gateway::start_by(given(listener, 1), &config, &[]);
    assert_eq!(gateway.addr, address);
    assert_eq!(early.answer().text(), "hi");
    assert_eq!(ask(address), "hi");
    let other = gateway.stderr.find(|line| {
        let rest = line.split_once(" and http://")?.1;
        rest.split(',').next()?.parse::<SocketAddr>().ok()
    });
    assert_eq!(ask(other.expect("the port that it opened itself")), "hi");
    assert!(!gateway.stderr.all().iter().any(|line| line.contains("socket")), "{:?}", gateway.stderr.all());
}

#[test]
fn a_drain_leaves_a_given_socket_to_the_next_gateway() {
    let (listener, address) = listener();
    let config = format!("listen: http://{address}\n{HI}");
    let mut first = Gateway::start_by(given(listener.try_clone().unwrap(), 1), &config, &[]);
    assert_eq!(ask(address), "hi");
    first.signal("TERM");
    assert_eq!(first.wait_exit().code(), Some(0));
    let mut between = Client::connect(address);
    between.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let _second = Gateway::start_by(given(listener, 1), &config, &[]);
    assert_eq!(between.answer().text(), "hi");
}

#[test]
fn a_given_socket_that_a_reload_drops_is_taken_up_again_by_another() {
    let (listener, address) = listener();
    let with = |more: &str| format!("listen: ['http://127.0.0.1:0'{more}]\n{HI}");
    let both = with(&format!(", 'http://{address}'"));
    let gateway = Gateway::start_by(given(listener, 1), &both, &[]);
    for round in 0..3 {
        assert_eq!(ask(address), "hi", "{round}");
        gateway.reconfigure(&with(""));
        // Who comes meanwhile waits in the queue of the socket, as systemd wants it.
        let mut early = Client::connect(address);
        early.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        gateway.reconfigure(&both);
        assert_eq!(early.answer().text(), "hi", "{round}");
    }
}

#[test]
fn the_admin_port_may_be_given_too() {
    let (listener, address) = listener();
    let gateway = Gateway::start_by(given(listener, 1), &format!("admin: http://{address}\n{HI}"), &[]);
    assert_eq!(gateway.admin, address);
    assert_eq!(gateway.admin_get("/readyz").status, 200);
}

#[test]
fn a_given_socket_that_nothing_names_is_closed_and_told_of() {
    let (listener, address) = listener();
    let gateway = Gateway::start_by(given(listener, 1), HI, &[]);
    let said = gateway.stderr.all();
    let want = format!(
        "sekisho: systemd gave a socket for http://{address}, which neither `listen` nor `admin` names; it is closed"
    );
    assert!(said.contains(&want), "{said:?}");
    // The child of another test may have it for the moment between its fork and its exec.
    until("the socket to be closed", || TcpStream::connect(address).err().map(drop));
    assert_eq!(gateway.get("/").text(), "hi");
}

#[test]
fn of_two_sockets_for_one_address_the_second_is_told_of() {
    let (listener, address) = listener();
    let gateway = Gateway::start_by(given(listener, 2), &format!("listen: http://{address}\n{HI}"), &[]);
    let said = gateway.stderr.all();
    assert_eq!(said.iter().filter(|line| line.contains(&format!("socket for http://{address}"))).count(), 1);
    assert_eq!(gateway.get("/").text(), "hi");
}

#[test]
fn what_is_no_listening_tcp_socket_is_told_of() {
    let dir = temp_dir();
    let (tcp, address) = listener();
    let connection = TcpStream::connect(address).unwrap();
    let pipe = std::io::pipe().unwrap().0;
    let all: [(&str, OwnedFd); 5] = [
        ("a connection", connection.into()),
        ("udp", UdpSocket::bind("127.0.0.1:0").unwrap().into()),
        ("unix", UnixListener::bind(dir.join("a")).unwrap().into()),
        ("unix datagrams", UnixDatagram::bind(dir.join("b")).unwrap().into()),
        ("a pipe", pipe.into()),
    ];
    for (what, fd) in all {
        let gateway = Gateway::start_by(given(fd, 1), HI, &[]);
        let said = gateway.stderr.all();
        let told = "socket 1 of LISTEN_FDS cannot be used: it is no TCP socket that listens";
        assert!(said.iter().any(|line| line.contains(told)), "{what}: {said:?}");
        assert_eq!(gateway.get("/").text(), "hi", "{what}");
    }
    drop(tcp);
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn sockets_for_another_process_are_left_alone() {
    let (listener, address) = listener();
    let mut command = shell("exec 3<&0 </dev/null; export LISTEN_FDS=1 LISTEN_PID=1");
    command.stdin(OwnedFd::from(listener.try_clone().unwrap()));
    let dir = temp_dir();
    let file = dir.join("a.yaml");
    std::fs::write(&file, format!("listen: http://{address}\nadmin: off\n{HI}")).unwrap();
    let said = command.args(["run", "-c"]).arg(&file).output().unwrap();
    assert_eq!(said.status.code(), Some(2));
    let told = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(told.contains("another program listens there"), "{told}");
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_wrong_number_of_sockets_hurts_nobody() {
    for (count, told) in [
        ("18446744073709551615", "at most 1024 sockets can be taken"),
        ("1025", "at most 1024 sockets can be taken"),
        ("2", "socket 2 of LISTEN_FDS cannot be used"),
    ] {
        let mut command = shell(&format!("export LISTEN_FDS={count} LISTEN_PID=$$"));
        command.stdin(std::process::Stdio::null());
        let gateway = Gateway::start_by(command, HI, &[]);
        let said = gateway.stderr.all();
        assert!(said.iter().any(|line| line.contains(told)), "{count}: {said:?}");
        assert_eq!(gateway.get("/").text(), "hi", "{count}");
    }
}

#[test]
fn without_systemd_nothing_is_said_of_it() {
    let service = Service::echo();
    let gateway = gateway(service.addr, "", "");
    assert_eq!(gateway.get("/").status, 200);
    let said = gateway.stderr.all();
    assert!(!said.iter().any(|line| line.contains("systemd") || line.contains("LISTEN")), "{said:?}");
}

#[test]
fn a_reload_is_told_from_its_beginning_to_its_end_good_or_bad() {
    let manager = Manager::at_a_path();
    let gateway = Gateway::start_with(&format!("reload: {{ watch: off }}\n{HI}"), &[manager.env()], &[]);
    manager.wait("READY=1");
    for (text, told) in [
        (HI.replace("hi", "ho"), "STATUS=reloaded (HUP)"),
        ("routes: 7\n".to_owned(), "STATUS=not reloaded (HUP)"),
    ] {
        gateway.configure(&format!("reload: {{ watch: off }}\n{text}"));
        gateway.signal("HUP");
        let began = manager.wait("RELOADING=1");
        let clock = began.iter().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")).unwrap();
        assert!(clock.parse::<u64>().unwrap() > 0, "{began:?}");
        let ended = manager.next();
        assert_eq!(ended[0], "READY=1");
        assert!(ended.iter().any(|line| line.starts_with(told)), "{ended:?}");
    }
}
