//! The user lookup with a real user service: what it says holds, is remembered, and is asked for but once.

mod answers;
mod flight;
mod kept;

use std::sync::{Arc, Condvar, Mutex};

use serde_json::{Value, json};

use crate::forward_auth::sessions;
use crate::harness::{Answer, Client, Gateway, Service, ok};

/// What the user service does with a question.
type Answering = Box<dyn Fn(&str) -> Vec<u8> + Send>;

/// A gateway in front of a service, a user service whose answers the test chooses and can hold back, and one that says who
/// sends a request: the name in `Authorization: Bearer NAME`.
struct World {
    gateway: Gateway,
    users: Service,
    service: Service,
    sessions: Service,
    answering: Arc<Mutex<Answering>>,
    held: Arc<(Mutex<bool>, Condvar)>,
}

/// A user as the service tells, with one permission.
fn user(id: &str, permission: &str) -> Value {
    json!({
        "id": id, "email": format!("{id}@shop.test"), "isActive": true, "roles": ["buyer"],
        "permissions": [permission], "tier": "premium",
    })
}

/// An answer with a JSON document.
fn told(document: &Value) -> Vec<u8> {
    ok("application/json", document.to_string())
}

/// An answer without a body.
fn status(line: &str) -> Vec<u8> {
    format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n").into_bytes()
}

impl World {
    /// With these settings of the policy beside `service`, and these words of the route.
    #[track_caller]
    fn start(lookup: &str, route: &str) -> Self {
        Self::start_with(lookup, route, "")
    }

    /// With lines at the top.
    #[track_caller]
    fn start_with(lookup: &str, route: &str, top: &str) -> Self {
        let usual: Answering = Box::new(|id| told(&user(id, "orders:read")));
        let answering = Arc::new(Mutex::new(usual));
        let held: Arc<(Mutex<bool>, Condvar)> = Arc::default();
        let (answers, gate) = (Arc::clone(&answering), Arc::clone(&held));
        let users = Service::answering(move |request| {
            drop(gate.1.wait_while(gate.0.lock().unwrap(), |held| *held).unwrap());
            let id = request.target.rsplit('/').next().unwrap_or_default().replace("%2F", "/");
            (answers.lock().unwrap())(&id)
        });
        let (service, sessions) = (Service::echo(), sessions());
        let config = config(&users, &service, &sessions, (lookup, route, top));
        Self { gateway: Gateway::start(&config), users, service, sessions, answering, held }
    }

    /// The configuration with other words.
    fn config(&self, lookup: &str, route: &str, top: &str) -> String {
        config(&self.users, &self.service, &self.sessions, (lookup, route, top))
    }

    /// From now on the user service answers so.
    fn answer_by(&self, answer: impl Fn(&str) -> Vec<u8> + Send + 'static) {
        *self.answering.lock().unwrap() = Box::new(answer);
    }

    /// From now on it answers nothing, or lets all answers go.
    fn hold(&self, hold: bool) {
        *self.held.0.lock().unwrap() = hold;
        self.held.1.notify_all();
    }

    /// A request of a user, over a connection of its own.
    #[track_caller]
    fn send(&self, name: &str) -> Client {
        let mut client = self.gateway.connect();
        client.send(format!("GET /orders HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {name}\r\n\r\n"));
        client
    }

    /// The answer to it.
    #[track_caller]
    fn get(&self, name: &str) -> Answer {
        self.send(name).answer()
    }

    /// The permissions that the service behind sees; none, where the gateway answers.
    #[track_caller]
    fn permissions(&self, name: &str) -> Option<String> {
        let answer = self.get(name);
        (answer.status == 200).then(|| {
            let seen = self.service.last();
            assert_eq!(seen.header("x-user-id"), Some(name));
            seen.header("x-user-permissions").unwrap_or_default().to_owned()
        })
    }

    /// `POST /api/users/{id}/forget`: in how many places.
    #[track_caller]
    fn forget(&self, id: &str) -> u64 {
        let mut client = Client::connect(self.gateway.admin);
        client.send(format!("POST /api/users/{id}/forget HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"));
        let answer = client.answer();
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["forgotten"].as_u64().unwrap()
    }

    /// Looks at remembered users, by what came of them.
    #[track_caller]
    fn wait_looks(&self, result: &str, count: f64) {
        self.gateway.wait_metric("gateway_user_lookup_cache_total", &[("result", result)], count);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.hold(false);
    }
}

fn config(
    users: &Service,
    service: &Service,
    sessions: &Service,
    (lookup, route, top): (&str, &str, &str),
) -> String {
    format!(
        "{top}\nidentity: {{ forward: [id, email, roles, permissions] }}\n\
         services:\n  a: {{ endpoints: [{}] }}\n  users: {{ endpoints: [{}] }}\n  sessions: {{ endpoints: [{}] }}\n\
         routes:\n\
         - path: /open\n  service: a\n  policies: {{ user_lookup: {{ service: users }} }}\n  public: true\n\
         - path: /*\n  service: a\n  {route}\n  policies:\n    \
           forward_auth: {{ service: sessions, identity: {{ id: X-Id, permissions: X-Permissions }} }}\n    \
           user_lookup: {{ service: users, path: '/api/users/{{subject}}', {lookup} }}\n",
        service.url(),
        users.url(),
        sessions.url(),
    )
}
