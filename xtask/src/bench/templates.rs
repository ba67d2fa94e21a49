//! Templates under bench/ and what is written into them.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::scenarios::BODY;
use super::targets::{Site, Subject};
use super::wrk::route_path;
use crate::tools;

/// Replaces each `@name@`; a name without a value is an error, so that no template is half rendered.
pub(super) fn render(template: &Path, values: &[(&str, String)]) -> Result<String, String> {
    let text =
        fs::read_to_string(template).map_err(|e| format!("cannot read {}: {e}", template.display()))?;
    fill(&text, values).map_err(|name| format!("{}: nothing is known for @{name}@", template.display()))
}

fn fill(text: &str, values: &[(&str, String)]) -> Result<String, String> {
    let mut parts = text.split('@');
    let mut out = parts.next().unwrap_or_default().to_owned();
    while let Some(name) = parts.next() {
        let value = values.iter().find(|(own, _)| *own == name).ok_or(name)?;
        out.push_str(&value.1);
        out.push_str(parts.next().unwrap_or_default());
    }
    Ok(out)
}

/// Started by root, nginx would hand its work to a user who may not see this folder.
pub(super) fn nginx_user() -> String {
    if tools::is_root() { "user root;".to_owned() } else { String::new() }
}

/// The upstream's answer: JSON of exactly `BODY` bytes.
pub(super) fn service_body() -> String {
    let frame = r#"{"items":[""#.len() + r#""]}"#.len();
    format!(r#"{{"items":["{}"]}}"#, "x".repeat(BODY - frame))
}

/// The routes of a site that has many, one a line.
pub(super) fn routes(subject: Subject) -> String {
    let (Subject::Sekisho(Site::Routes(count)) | Subject::Sekisho(Site::Reload(count))) = subject else {
        return String::new();
    };
    let mut lines = String::new();
    for route in 0..count {
        let path = route_path(route);
        let pattern = path.rsplit_once('/').map_or("", |(before, _)| before);
        let _ = writeln!(lines, "  - {{ path: {pattern}/*, service: up }}");
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{BODY, Site, Subject, fill, routes, service_body};

    #[test]
    fn fills_templates_whole_or_not_at_all() {
        let values = [("port", "80".to_owned()), ("name", "a".to_owned())];
        assert_eq!(fill("listen @port@; # @name@\n", &values).unwrap(), "listen 80; # a\n");
        assert_eq!(fill("plain", &values).unwrap(), "plain");
        assert_eq!(fill("listen @prot@;", &values).unwrap_err(), "prot");
    }

    #[test]
    fn the_upstream_answers_with_json_of_the_promised_size() {
        let body = service_body();
        assert_eq!(body.len(), BODY);
        assert!(serde_json::from_str::<serde_json::Value>(&body).is_ok());
    }

    #[test]
    fn routes_are_written_one_a_line() {
        for site in [Site::Routes(102), Site::Reload(102)] {
            let text = routes(Subject::Sekisho(site));
            assert_eq!(text.lines().count(), 102);
            assert_eq!(text.lines().last(), Some("  - { path: /area-1/thing-101/*, service: up }"));
        }
        assert_eq!(routes(Subject::Nginx), "");
    }
}
