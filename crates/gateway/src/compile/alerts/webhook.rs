//! A URL as somebody to tell.

use sekisho_units::{At, Place, Problem, Problems, Secret, Severity};
use sekisho_upstream::{Carry, Over, peer_over};
use sekisho_wire::{FRAMING, is_field_name, is_field_value};

use super::Entry;
use crate::alert::Webhook;
use crate::compile::files::Files;
use crate::document::AlertConfig;

/// Names that the gateway's own client writes, beside those that a message needs.
const OURS: &[&str] = &["host", "content-type", "x-sekisho-signature"];

impl Entry<'_> {
    /// Whoever is at the URL, the host to call it by (path and query may be secret), and what tells its settings of TLS from
    /// others.
    pub(super) fn webhook(
        &mut self,
        url: &At<Secret>,
        entry: &AlertConfig,
        carry: &Carry,
        files: &Files<'_>,
    ) -> Option<(String, Webhook, u64)> {
        let before = self.errors();
        let text = url.expose().trim().to_owned();
        let (host, is_secure) = (host(&text), text.starts_with("https:"));
        let mut found = Problems::new();
        let path = format!("{}.webhook", self.path);
        let over = |tls| Over { tls, path: &self.path, files: files.of_services() };
        let over = entry.tls.as_ref().map(|tls| over(&tls.value));
        let asked = peer_over("alerts", &At::new(url.place.clone(), text), &path, over, carry, &mut found);
        self.problems.extend(found);
        if let Some(tls) = entry.tls.as_ref().filter(|_| asked.is_some() && !is_secure) {
            let message = "the webhook is not told over TLS";
            let problem = Problem::warning(tls.place.clone(), format!("{}.tls", self.path), message);
            self.problems.push(problem.remedy("write `https://` in `webhook`, or remove it"));
        }
        for (name, value) in &entry.headers {
            self.header(name, value);
        }
        if let Some(secret) = entry.secret.as_ref().filter(|secret| secret.expose().is_empty()) {
            let remedy = "write one, such as `${ALERT_SECRET}`, or leave it out";
            self.refuse::<()>(&secret.place, "secret", "it is empty, so that anybody could sign", remedy);
        }
        let asked = asked.filter(|_| self.errors() == before)?;
        let headers = entry.headers.iter().map(|(name, value)| (name.clone(), value.value.clone()));
        let webhook = Webhook {
            peer: asked.peer,
            target: asked.target,
            headers: headers.collect(),
            secret: entry.secret.as_ref().map(|secret| secret.value.clone()),
            format: entry.format.as_ref().map(|at| at.value).unwrap_or_default(),
        };
        Some((host, webhook, asked.identity))
    }

    /// How many errors there are so far.
    fn errors(&self) -> usize {
        self.problems.iter().filter(|problem| problem.severity == Severity::Error).count()
    }

    fn header(&mut self, name: &str, value: &At<Secret>) {
        let mut refuse = |place: &Place, message: &str, remedy: &str| {
            self.refuse::<()>(place, &format!("headers.{name}"), message, remedy);
        };
        if !is_field_name(name.as_bytes()) {
            refuse(&value.place, "this is no header's name", "write letters, digits and `-`");
        } else if [FRAMING, OURS].concat().contains(&name.to_ascii_lowercase().as_str()) {
            refuse(&value.place, "the gateway writes this header itself", "take it out");
        } else if !is_field_value(value.expose().as_bytes()) {
            refuse(
                &value.place,
                "its value cannot stand in a line",
                "take out line ends and blanks around it",
            );
        }
    }
}

/// Host and port.
fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase()
}
