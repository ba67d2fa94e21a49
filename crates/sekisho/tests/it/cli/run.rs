//! `sekisho run`: a start that fails leaves nothing behind but the reason.

use std::net::TcpListener;

use super::Folder;

#[test]
fn a_bad_configuration_starts_nothing() {
    let folder = Folder::new(&[(
        "a.yaml",
        "routes:\n  - { path: /, respond: hi, nothing: 1 }\n  - { path: b, respond: hi }\npolicies: { access_log: { to: log.txt } }\n",
    )]);
    let said = folder.ask(&["run", "-c", "a.yaml"]);
    assert_eq!((said.code, said.out.len()), (Some(1), 0), "{said:?}");
    assert!(said.err[0].starts_with("a.yaml:2:"), "{said:?}");
    assert!(said.err.iter().any(|line| line.starts_with("a.yaml:3:")), "all problems at once: {said:?}");
    assert!(!said.err.iter().any(|line| line.contains("listening")), "{said:?}");
    assert!(!folder.0.join("log.txt").exists());
}

#[test]
fn a_taken_port_is_2_in_one_line_with_a_remedy() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    for (listen, admin) in
        [(address.to_string(), "127.0.0.1:0".to_owned()), ("127.0.0.1:0".to_owned(), address.to_string())]
    {
        let text =
            format!("listen: http://{listen}\nadmin: http://{admin}\nroutes: [{{ path: /, respond: hi }}]\n");
        let said = Folder::new(&[("a.yaml", &text)]).ask(&["run", "-c", "a.yaml"]);
        assert_eq!((said.code, said.out.len()), (Some(2), 0), "{said:?}");
        let want = format!(
            "sekisho: cannot listen on {address}: another program listens there; stop it or choose another port"
        );
        assert_eq!(said.err, [want]);
    }
}

#[test]
fn an_address_that_is_not_here_is_2() {
    let text = "listen: http://192.0.2.1:8080\nadmin: off\nroutes: [{ path: /, respond: hi }]\n";
    let said = Folder::new(&[("a.yaml", text)]).ask(&["run", "-c", "a.yaml"]);
    assert_eq!((said.code, said.err.len()), (Some(2), 1), "{said:?}");
    assert!(said.err[0].contains("this machine has no such address"), "{said:?}");
}

#[test]
fn a_log_that_cannot_be_opened_is_2() {
    let text = "listen: http://127.0.0.1:0\nadmin: off\npolicies: { access_log: { to: no/such/folder/log.txt } }\nroutes: [{ path: /, respond: hi }]\n";
    let said = Folder::new(&[("a.yaml", text)]).ask(&["run", "-c", "a.yaml"]);
    assert_eq!((said.code, said.out.len(), said.err.len()), (Some(2), 0, 1), "{said:?}");
    assert!(said.err[0].contains("no/such/folder/log.txt"), "{said:?}");
}
