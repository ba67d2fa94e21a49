//! Connections between two requests.

use std::sync::Mutex;

use super::{config_for, gateway, pair, verified};
use crate::front::logged;
use crate::harness::{Gateway, TlsConn, TlsService, tls_config};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/// Not repeated by the gateway: its connection must be a good one.
const POST: &str = "POST /second HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";

/// How many connections a service gets that does `then` on the first one after its answer has arrived.
fn connections_after(then: impl Fn(&mut TlsConn) + Send + Sync + 'static) -> usize {
    let (go, told) = std::sync::mpsc::sync_channel::<()>(1);
    let (tell, done) = std::sync::mpsc::sync_channel(1);
    let told = Mutex::new(told);
    let (service, gateway) = verified(move |mut conn| {
        while let Some(request) = conn.next_head() {
            conn.read_body();
            conn.write(OK);
            if request.target == "/first" {
                told.lock().unwrap().recv().unwrap();
                then(&mut conn);
                tell.send(()).unwrap();
            }
        }
    });
    assert_eq!(gateway.get("/first").status, 200);
    go.send(()).unwrap();
    done.recv().unwrap();
    assert_eq!(gateway.request(POST).status, 200);
    assert_eq!(logged(&gateway, "/second")["attempts"], 1);
    service.connections()
}

#[test]
fn one_that_the_service_left_is_not_used_again() {
    assert_eq!(connections_after(TlsConn::say_goodbye), 2, "though its socket is still open");
}

#[test]
fn one_on_which_data_came_unasked_is_not_used_again() {
    let connections = connections_after(|conn| {
        conn.write("HTTP/1.1 408 Request Timeout\r\n\r\n");
    });
    assert_eq!(connections, 2);
}

#[test]
fn one_on_which_tls_only_spoke_for_itself_is_used_again() {
    assert_eq!(connections_after(TlsConn::renew_keys), 1);
}

#[test]
fn one_that_was_closed_is_not_used_again() {
    for goodbye in [true, false] {
        let (service, gateway) = verified(move |mut conn| {
            if conn.next_head().is_none() {
                return;
            }
            conn.read_body();
            conn.write(OK);
            if goodbye {
                conn.say_goodbye();
            }
            conn.cut();
        });
        assert_eq!(gateway.get("/first").status, 200);
        service.wait_cut();
        assert_eq!(gateway.request(POST).status, 200);
        assert_eq!(logged(&gateway, "/second")["attempts"], 1, "with a goodbye: {goodbye}");
        assert_eq!(service.connections(), 2);
    }
}

#[test]
fn a_session_is_resumed_by_the_next_connection() {
    let (authority, own) = pair();
    for version in rustls::ALL_VERSIONS {
        let service = TlsService::with(tls_config(&own, &[version], None), TlsConn::echo);
        let words = "connections: { keep: 0 }, tls: { ca: ca.pem }";
        let gateway = gateway(service.addr, words, &[("ca.pem", &authority.pem())]);
        for _ in 0..3 {
            assert_eq!(gateway.get("/a").status, 200);
        }
        let resumed = [0, 1, 2].map(|index| service.wait_greeting(index).resumed);
        assert_eq!(resumed, [false, true, true], "{version:?}");
    }
}

#[test]
fn a_session_is_resumed_after_a_reload_unless_settings_of_tls_have_changed() {
    let (authority, own) = pair();
    for version in rustls::ALL_VERSIONS {
        let service = TlsService::with(tls_config(&own, &[version], None), TlsConn::echo);
        let url = format!("https://{}", service.addr);
        let config = |idle: u32, tls: &str| {
            let words =
                format!("connections: {{ keep: 0 }}, timeouts: {{ idle: {idle}s }}, tls: {{ {tls} }}");
            config_for(&url, &words)
        };
        let files = [("ca.pem", &authority.pem()[..])];
        let gateway = Gateway::start_with(&config(20, "ca: ca.pem"), &[], &files);
        assert_eq!(gateway.get("/a").status, 200);
        for idle in 21..23 {
            gateway.reconfigure(&config(idle, "ca: ca.pem"));
            assert_eq!(gateway.get("/a").status, 200);
        }
        // A name of its own, though it is the same one: what was verified under other settings does not count.
        gateway.reconfigure(&config(22, "ca: ca.pem, name: 127.0.0.1"));
        assert_eq!(gateway.get("/a").status, 200);
        let resumed = [0, 1, 2, 3].map(|index| service.wait_greeting(index).resumed);
        assert_eq!(resumed, [false, true, true, false], "{version:?}");
    }
}

#[test]
fn the_gateway_takes_its_leave() {
    let (told, left) = std::sync::mpsc::sync_channel(1);
    let (_service, gateway) = verified(move |mut conn| {
        while conn.next_head().is_some() {
            conn.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
        }
        let _ = told.try_send(conn.was_left());
    });
    assert_eq!(gateway.get("/a").status, 200);
    assert!(left.recv().unwrap(), "an end that nobody announced could be somebody else's");
}
