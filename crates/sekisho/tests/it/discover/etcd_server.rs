//! A real etcd on ports of its own, asked by its JSON gateway.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

use crate::harness::certificates::{Authority, Certified};
use crate::harness::{Client, temp_dir, until};

/// A running etcd. Dropping it kills the process.
pub(crate) struct EtcdServer {
    port: u16,
    dir: PathBuf,
    child: Option<Child>,
    /// Where it speaks TLS as well.
    secure: Option<u16>,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn encoded(text: &str) -> String {
    BASE64_STANDARD.encode(text)
}

impl EtcdServer {
    #[track_caller]
    pub(crate) fn start() -> Self {
        Self { port: 0, dir: temp_dir(), child: None, secure: None }.started()
    }

    /// One that speaks TLS as well, with this certificate, to those who show one of `clients`.
    #[track_caller]
    pub(super) fn start_secure(own: &Certified, clients: &Authority) -> Self {
        let server = Self { port: 0, dir: temp_dir(), child: None, secure: Some(0) };
        for (name, text) in [("own.pem", &own.certificate), ("own.key", &own.key), ("ca.pem", &clients.pem())]
        {
            std::fs::write(server.dir.join(name), text).unwrap();
        }
        server.started()
    }

    #[track_caller]
    fn started(mut self) -> Self {
        let server = &mut self;
        // A port that is free now may be taken before the server has it.
        for _ in 0..5 {
            server.port = free_port();
            server.secure = server.secure.map(|_| free_port());
            if server.run() {
                return self;
            }
        }
        panic!("etcd did not start:\n{}", server.log());
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where it speaks TLS.
    pub(super) fn secure_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.secure.unwrap())
    }

    /// Kills it, as a crash would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again where it was, with all that it knew.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        // Its port may still be held by connections that are ending.
        until("etcd to start again", || self.run().then_some(()));
    }

    /// Starts it again where nobody finds it, until `restart_at` puts it back.
    #[track_caller]
    pub(crate) fn restart_elsewhere(&mut self) -> u16 {
        let before = std::mem::replace(&mut self.port, free_port());
        self.restart();
        before
    }

    #[track_caller]
    pub(crate) fn restart_at(&mut self, port: u16) {
        self.kill();
        self.port = port;
        self.restart();
    }

    /// Forgets all that it knew; to be called while it does not run.
    pub(crate) fn forget(&self) {
        std::fs::remove_dir_all(self.dir.join("data")).unwrap();
    }

    #[track_caller]
    pub(crate) fn put(&self, key: &str, value: &str) -> i64 {
        self.put_with(key, value, "0")
    }

    /// With a lease.
    #[track_caller]
    pub(crate) fn put_with(&self, key: &str, value: &str, lease: &str) -> i64 {
        revision(
            &self.ask("/v3/kv/put", &json!({ "key": encoded(key), "value": encoded(value), "lease": lease })),
        )
    }

    #[track_caller]
    pub(crate) fn delete(&self, key: &str) -> i64 {
        revision(&self.ask("/v3/kv/deleterange", &json!({ "key": encoded(key) })))
    }

    /// A lease that nobody renews.
    #[track_caller]
    pub(crate) fn lease(&self, seconds: u32) -> String {
        self.ask("/v3/lease/grant", &json!({ "TTL": seconds }))["ID"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub(crate) fn compact(&self, revision: i64) {
        self.ask("/v3/kv/compaction", &json!({ "revision": revision, "physical": true }));
    }

    /// From now on only `root` may ask, by a password.
    #[track_caller]
    pub(crate) fn protect(&self, password: &str) {
        self.ask("/v3/auth/user/add", &json!({ "name": "root", "password": password }));
        self.ask("/v3/auth/role/add", &json!({ "name": "root" }));
        self.ask("/v3/auth/user/grant", &json!({ "user": "root", "role": "root" }));
        self.ask("/v3/auth/enable", &json!({}));
    }

    /// Where it is protected.
    #[track_caller]
    pub(super) fn put_as_root(&self, key: &str, value: &str, password: &str) {
        let login = json!({ "name": "root", "password": password });
        let token = self.ask("/v3/auth/authenticate", &login)["token"].as_str().unwrap().to_owned();
        let pair = json!({ "key": encoded(key), "value": encoded(value) });
        self.ask_with("/v3/kv/put", &pair, &format!("Authorization: {token}\r\n"));
    }

    #[track_caller]
    fn ask(&self, path: &str, question: &Value) -> Value {
        self.ask_with(path, question, "")
    }

    #[track_caller]
    fn ask_with(&self, path: &str, question: &Value, lines: &str) -> Value {
        let body = question.to_string();
        let mut client = Client::connect(([127, 0, 0, 1], self.port).into());
        client.send(format!(
            "POST {path} HTTP/1.1\r\nHost: etcd.test\r\n{lines}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        ));
        let answer = client.answer();
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    fn run(&mut self) -> bool {
        let log = std::fs::File::create(self.dir.join("log")).unwrap();
        let (own, peers) = (self.url(), format!("http://127.0.0.1:{}", free_port()));
        let (mut listen, mut tls) = (own.clone(), &[][..]);
        if self.secure.is_some() {
            listen = format!("{own},{}", self.secure_url());
            tls = &[
                "--cert-file=own.pem",
                "--key-file=own.key",
                "--client-cert-auth",
                "--trusted-ca-file=ca.pem",
            ];
        }
        let child = Command::new("etcd")
            .args(["--data-dir", "data", "--listen-client-urls", &listen, "--advertise-client-urls", &own])
            .args(["--listen-peer-urls", &peers])
            .args(tls)
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("etcd is installed; `cargo xtask test` does it");
        let child = self.child.insert(child);
        let port = self.port;
        let runs = until("etcd to start", || {
            if child.try_wait().unwrap().is_some() {
                return Some(false);
            }
            healthy(port).then_some(true)
        });
        if !runs {
            self.kill();
        }
        runs
    }
}

fn healthy(port: u16) -> bool {
    use std::io::{Read, Write};
    let ask = || -> std::io::Result<String> {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(crate::harness::DEADLINE))?;
        stream.write_all(b"GET /health HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.contains(r#""health":"true""#))
}

fn revision(answer: &Value) -> i64 {
    answer["header"]["revision"].as_str().unwrap().parse().unwrap()
}

impl Drop for EtcdServer {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
