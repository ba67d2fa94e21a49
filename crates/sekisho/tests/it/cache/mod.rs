//! The response cache from its sockets: what RFC 9111 wants of it as tables, a file a section, and what attackers want of it.
//!
//! A row has the paragraph, what it shows, and its exchanges, all for one path of its own:
//!
//! ```text
//! ASKED -> ANSWER => EXPECTED
//! ```
//!
//! Each side is a list of fields, divided by `|`; any may be left out.
//! - `ASKED`: a method if it is not GET, a word that begins with `/` or `?` and goes behind the path, fields.
//! - `ANSWER`: what the service says if it is asked: a status if it is not 200, `body=…`, `breaks off` for no answer, fields.
//!   `{60}` in a value is the date in 60 seconds. Without anything it is a bare 200 with a body that tells the step.
//! - `EXPECTED`: the word in `X-Cache` (`MISS` if there is none), a status, `step=1` for the body of that step, `body=…`, fields
//!   (`Name: value`, `Name` for one that is there, `!Name` for one that is not), and with `>` before them fields of what the
//!   service saw. `later HIT` asks again until it is so.

mod answers;
mod directives;
mod fields;
mod freshness;
mod hostile;
mod invalidating;
mod keys;
mod step;
mod table;
mod validating;

use crate::harness::{Answer, Gateway, Service};

pub(crate) use table::{Row, run};

/// A gateway before `service` with this `cache`, `more` policies on the one route, and `top` lines.
fn gateway(service: &Service, cache: &str, more: &str) -> Gateway {
    Gateway::start(&config(service, cache, more))
}

fn config(service: &Service, cache: &str, more: &str) -> String {
    format!(
        "services: {{ a: {{ endpoints: [{}], retry: off, outlier: off }} }}\n\
         routes: [{{ path: /*, service: a, public: true, policies: {{ cache: {{ {cache} }}{more} }} }}]\n",
        service.url()
    )
}

/// `GET target` with these lines, over a connection of its own.
fn get(gateway: &Gateway, target: &str, lines: &str) -> Answer {
    gateway.request(format!("GET {target} HTTP/1.1\r\nHost: shop.test\r\n{lines}\r\n"))
}

/// What the cache did.
fn did(answer: &Answer) -> &str {
    answer.header("x-cache").unwrap_or_default()
}
