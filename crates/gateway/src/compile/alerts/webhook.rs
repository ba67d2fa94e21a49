//! A URL as somebody to tell.

use sekisho_units::{At, Place, Problems, Secret};
use sekisho_upstream::{Carry, peer_at};
use sekisho_wire::{is_field_name, is_field_value};

use super::Entry;
use crate::alert::Webhook;
use crate::document::AlertConfig;

/// Names that the gateway's own client writes as a message needs them (RFC 9110 §7.6.1, RFC 9112 §6).
const OURS: &[&str] = &[
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "trailer",
    "keep-alive",
    "proxy-connection",
    "expect",
    SIGNATURE,
];
/// The signature's field.
const SIGNATURE: &str = "x-sekisho-signature";

impl Entry<'_> {
    /// Whoever is at the URL, and the host to call it by: path and query may be secret.
    pub(super) fn webhook(
        &mut self,
        url: &At<Secret>,
        entry: &AlertConfig,
        carry: &Carry,
    ) -> Option<(String, Webhook)> {
        let before = self.problems.len();
        let text = url.expose().trim().to_owned();
        let host = host(&text);
        let mut found = Problems::new();
        let path = format!("{}.webhook", self.path);
        let peer = peer_at("alerts", &At::new(url.place.clone(), text), &path, carry, &mut found);
        self.problems.extend(found);
        for (name, value) in &entry.headers {
            self.header(name, value);
        }
        if let Some(secret) = entry.secret.as_ref().filter(|secret| secret.expose().is_empty()) {
            let remedy = "write one, such as `${ALERT_SECRET}`, or leave it out";
            self.refuse::<()>(&secret.place, "secret", "it is empty, so that anybody could sign", remedy);
        }
        let (peer, target) = peer.filter(|_| self.problems.len() == before)?;
        let headers = entry.headers.iter().map(|(name, value)| (name.clone(), value.value.clone()));
        let webhook = Webhook {
            peer,
            target,
            headers: headers.collect(),
            secret: entry.secret.as_ref().map(|secret| secret.value.clone()),
            format: entry.format.as_ref().map(|at| at.value).unwrap_or_default(),
        };
        Some((host, webhook))
    }

    fn header(&mut self, name: &str, value: &At<Secret>) {
        let mut refuse = |place: &Place, message: &str, remedy: &str| {
            self.refuse::<()>(place, &format!("headers.{name}"), message, remedy);
        };
        if !is_field_name(name.as_bytes()) {
            refuse(&value.place, "this is no header's name", "write letters, digits and `-`");
        } else if OURS.contains(&name.to_ascii_lowercase().as_str()) {
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
