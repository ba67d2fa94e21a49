//! Calls to etcd's JSON gateway over HTTP/1.1.

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::config::{Member, Settings};
use super::registry::Refused;
use crate::discover::LONGEST;

/// A connection to a member, logged in.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    token: Option<String>,
    timeout: Duration,
}

impl Connection {
    /// Connects and logs in.
    pub(super) async fn to(member: &Member, settings: &Settings) -> Result<Self, String> {
        let mut connection = within(settings.timeout, connect(member, settings.timeout)).await?;
        if let Some((name, password)) = &settings.login {
            let login = json!({ "name": name, "password": password.expose() });
            let answer = connection.whole("/v3/auth/authenticate", &login).await?;
            let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
            let token =
                answer["token"].as_str().ok_or_else(|| "it gave no token for the login".to_owned())?;
            connection.token = Some(token.to_owned());
        }
        Ok(connection)
    }

    /// The whole answer to a question.
    pub(super) async fn whole(&mut self, path: &str, question: &Value) -> Result<Vec<u8>, String> {
        let timeout = self.timeout;
        within(timeout, async {
            let mut answer = self.ask(path, question).await?.into_body();
            let mut whole = Vec::new();
            while let Some(data) = more(&mut answer).await? {
                if whole.len() + data.len() > LONGEST {
                    return Err(format!("its answer is longer than {LONGEST} bytes"));
                }
                whole.extend_from_slice(&data);
            }
            Ok(whole)
        })
        .await
    }

    /// An answer that goes on line by line.
    pub(super) async fn lines(mut self, path: &str, question: &Value) -> Result<Lines, String> {
        let answer = within(self.timeout, self.ask(path, question)).await?;
        Ok(Lines { body: answer.into_body(), unread: Vec::new(), searched: 0, _connection: self })
    }

    async fn ask(&mut self, path: &str, question: &Value) -> Result<Response<Incoming>, String> {
        let mut request = Request::post(path)
            .header(HOST, &self.host)
            .header(CONTENT_TYPE, "application/json")
            // A watch is to end where the member has lost the others.
            .header("Grpc-Metadata-hasleader", "true");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token);
        }
        let body = Full::new(Bytes::from(question.to_string()));
        let request = request.body(body).map_err(|error| error.to_string())?;
        let answer = self.sender.send_request(request).await.map_err(|error| told(&error))?;
        if answer.status() == StatusCode::OK {
            return Ok(answer);
        }
        let status = answer.status();
        let mut body = answer.into_body();
        let first = more(&mut body).await.ok().flatten().unwrap_or_default();
        let why = serde_json::from_slice::<Refused>(&first).unwrap_or_default().why();
        Err(if why.is_empty() { format!("it answered {status}") } else { why })
    }
}

/// An answer that goes on line by line.
pub(super) struct Lines {
    body: Incoming,
    unread: Vec<u8>,
    /// Bytes of it in which there is no end of a line.
    searched: usize,
    /// It would be closed without somebody who may ask by it.
    _connection: Connection,
}

impl Lines {
    /// The next line; an error if there will be none. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Result<Vec<u8>, String> {
        loop {
            if let Some(end) = self.unread[self.searched..].iter().position(|byte| *byte == b'\n') {
                let rest = self.unread.split_off(self.searched + end + 1);
                self.searched = 0;
                return Ok(std::mem::replace(&mut self.unread, rest));
            }
            self.searched = self.unread.len();
            if self.unread.len() > LONGEST {
                return Err(format!("it told of a change in more than {LONGEST} bytes"));
            }
            let data = more(&mut self.body).await?;
            self.unread.extend_from_slice(&data.ok_or_else(|| "it closed the connection".to_owned())?);
        }
    }
}

async fn connect(member: &Member, timeout: Duration) -> Result<Connection, String> {
    let authority = &member.authority;
    let stream = TcpStream::connect((&*authority.host, authority.port)).await;
    let stream = stream.map_err(|error| error.to_string())?;
    let sender = match &member.tls {
        None => handshake(stream).await?,
        Some((client, name)) => {
            let connector = TlsConnector::from(client.clone());
            handshake(connector.connect(name.clone(), stream).await.map_err(|error| error.to_string())?)
                .await?
        }
    };
    Ok(Connection { sender, host: authority.text.clone(), token: None, timeout })
}

async fn handshake(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) -> Result<SendRequest<Full<Bytes>>, String> {
    let (sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| told(&error))?;
    // It ends with whoever asks by it.
    tokio::spawn(connection);
    Ok(sender)
}

async fn more(body: &mut Incoming) -> Result<Option<Bytes>, String> {
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|error| told(&error))?.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

/// What hyper says, with the cause.
fn told(error: &hyper::Error) -> String {
    use std::error::Error as _;
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

async fn within<T>(time: Duration, what: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    tokio::time::timeout(time, what).await.unwrap_or_else(|_| Err("it did not answer in time".to_owned()))
}
