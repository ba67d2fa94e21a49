//! Calls to services in threads of this process.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, sync_channel};

use sekisho_units::{At, Clock, Place, Problems};
use tokio::runtime::{Builder, LocalOptions};

use super::*;
use crate::carry::Carry;

use Unanswered::{Absent, Unclear};

/// Answers the requests of each connection with these, one after another, and then closes it, or holds it open and says
/// nothing more. Gives what it was asked, with the number of the connection.
fn service(connections: Vec<Vec<&'static [u8]>>, then: Then) -> (SocketAddr, Receiver<(usize, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (says, told) = sync_channel(64);
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for (index, answers) in connections.into_iter().enumerate() {
            let (mut stream, _) = listener.accept().unwrap();
            for answer in answers {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    if stream.read(&mut byte).unwrap() == 0 {
                        break;
                    }
                    head.push(byte[0]);
                }
                let _ = says.send((index, String::from_utf8(head).unwrap()));
                let _ = stream.write_all(answer);
            }
            if then == Then::Hold {
                open.push(stream);
            }
        }
        // The test's end closes what is open.
        if then == Then::Hold {
            std::thread::park();
        }
    });
    (address, told)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Close,
    Hold,
}

fn ask(target: &str) -> Ask {
    Ask {
        method: "GET",
        target: target.to_owned(),
        headers: vec![("accept".to_owned(), b"application/json".to_vec())],
        body: Vec::new(),
        timeout: Duration::from_secs(10),
        max: 8,
    }
}

/// Asks whoever is at `address`, one question after another.
fn answers(address: SocketAddr, asks: Vec<Ask>) -> Vec<Result<(u16, String), Unanswered>> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default()).unwrap();
    runtime.block_on(async {
        let local = Local::new(7, Clock::system());
        let pools = Pools::new(Rc::clone(&local));
        tokio::task::spawn_local(Rc::clone(&local.alarms).sweep());
        let url = At::new(Place::none(), format!("http://{address}/"));
        let (peer, _) = peer_at("test", &url, "", &Carry::default(), &mut Problems::new()).unwrap();
        let mut got = Vec::new();
        for ask in asks {
            let answer = Arc::clone(&peer).ask(&local, ask).await;
            got.push(
                answer.map(|answer| (answer.head.view().status(), String::from_utf8(answer.body).unwrap())),
            );
        }
        drop(pools);
        got
    })
}

fn one(answer: &'static [u8], then: Then, ask: Ask) -> Result<(u16, String), Unanswered> {
    let (address, _told) = service(vec![vec![answer]], then);
    answers(address, vec![ask]).remove(0)
}

#[test]
fn a_request_says_who_asks_and_what_for() {
    let (address, told) = service(vec![vec![b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"]], Then::Hold);
    let mut asked = ask("/users/a%2Fb?x=1");
    asked.headers.extend([
        ("X-Correlation-ID".to_owned(), b"c-1".to_vec()),
        ("Connection".to_owned(), b"X-Hop".to_vec()),
        ("X-Hop".to_owned(), b"1".to_vec()),
        ("Transfer-Encoding".to_owned(), b"chunked".to_vec()),
    ]);
    assert_eq!(answers(address, vec![asked]), [Ok((200, "hi".to_owned()))]);
    let want = format!(
        "GET /users/a%2Fb?x=1 HTTP/1.1\r\nHost: {address}\r\nUser-Agent: {USER_AGENT}\r\naccept: application/json\r\n\
         X-Correlation-ID: c-1\r\n\r\n"
    );
    assert_eq!(told.recv().unwrap().1, want);
}

#[test]
fn every_way_to_end_an_answer_is_understood() {
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
    let interim =
        b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    for (answer, then) in [
        (&b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"[..], Then::Hold),
        (chunked, Then::Hold),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", Then::Close),
        (interim, Then::Hold),
    ] {
        assert_eq!(one(answer, then, ask("/")), Ok((200, "hello".to_owned())));
    }
    let nothing = one(b"HTTP/1.1 204 No Content\r\n\r\n", Then::Hold, ask("/"));
    assert_eq!(nothing, Ok((204, String::new())));
    let elsewhere = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(one(elsewhere, Then::Hold, ask("/")), Ok((302, String::new())), "it is not followed");
    let head = Ask { method: "HEAD", ..ask("/") };
    let long = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n";
    assert_eq!(one(long, Then::Hold, head), Ok((200, String::new())));
}

#[test]
fn what_is_no_whole_answer_is_a_failure() {
    let short = Duration::from_millis(100);
    for (answer, then, timeout, want) in [
        (&b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"[..], Then::Hold, None, Unclear("answer_too_large")),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n123456789\r\n",
            Then::Hold,
            None,
            Unclear("answer_too_large"),
        ),
        (b"HTTP/1.1 200 OK\r\n\r\n123456789", Then::Close, None, Unclear("answer_too_large")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", Then::Close, None, Unclear("broke_off")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", Then::Hold, Some(short), Absent("timeout")),
        (b"HTTP/1.1 200", Then::Hold, Some(short), Absent("timeout")),
        (b"HTTP/1.1 200", Then::Close, None, Absent("closed_before_head")),
        (b"nonsense\r\n\r\n", Then::Hold, None, Unclear("malformed_answer")),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
            Then::Hold,
            None,
            Unclear("switched_protocols_unasked"),
        ),
    ] {
        let asked = Ask { timeout: timeout.unwrap_or(Duration::from_secs(10)), ..ask("/") };
        let shown = String::from_utf8_lossy(answer);
        assert_eq!(one(answer, then, asked), Err(want), "{shown:?}");
    }
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(answers(nobody, vec![ask("/")]), [Err(Absent("connection_refused"))]);
    assert_eq!(answers(nobody, vec![ask("no-slash")]), [Err(Unclear("bad_request"))]);
    let mut split = ask("/");
    split.headers.push(("X-A".to_owned(), b"a\r\nX-B: b".to_vec()));
    assert_eq!(answers(nobody, vec![split]), [Err(Unclear("bad_request"))]);
}

#[test]
fn a_connection_is_used_again_only_after_a_whole_answer() {
    let whole: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    let long: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789";
    let closing: &[u8] = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi";
    let (address, told) = service(vec![vec![whole, long], vec![closing], vec![whole]], Then::Hold);
    let got = answers(address, (0..4).map(|_| ask("/")).collect());
    let hi = || Ok((200, "hi".to_owned()));
    assert_eq!(got, [hi(), Err(TOO_LARGE), hi(), hi()]);
    let connections: Vec<_> = told.try_iter().map(|(index, _)| index).collect();
    assert_eq!(connections, [0, 0, 1, 2]);
}

/// The request that somebody gets who is asked so, head and body, of which `size` bytes come.
fn received(ask: Ask, size: usize) -> (String, Vec<u8>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let receiver = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let mut body = vec![0; size];
        stream.read_exact(&mut body).unwrap();
        stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").unwrap();
        (String::from_utf8(head).unwrap(), body)
    });
    assert_eq!(answers(address, vec![ask]), [Ok((204, String::new()))]);
    receiver.join().unwrap()
}

#[test]
fn a_body_goes_out_whole_and_with_its_length() {
    for size in [1, 17, 40_000, 3_000_000] {
        let body: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
        let (head, got) = received(Ask { method: "POST", body: body.clone(), ..ask("/hook") }, size);
        assert!(head.starts_with("POST /hook HTTP/1.1\r\n"), "{head}");
        assert_eq!(head.matches(&format!("\r\nContent-Length: {size}\r\n")).count(), 1, "{head}");
        assert!(got == body, "{size} bytes, and not the same");
    }
    let (head, _) = received(Ask { method: "POST", ..ask("/hook") }, 0);
    assert!(head.contains("\r\nContent-Length: 0\r\n"), "{head}");
}

#[test]
fn whoever_answers_before_it_has_the_body_has_answered() {
    let early = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno";
    let large = Ask { method: "POST", body: vec![b'x'; 8 << 20], ..ask("/") };
    assert_eq!(one(early, Then::Hold, large), Ok((413, "no".to_owned())));
}
