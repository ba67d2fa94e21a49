//! `sekisho plan`: what each route does with a request, or what happens to one request.

use sekisho_gateway::Site;
use sekisho_gateway::compile::Carry;
use sekisho_gateway::explain::{self, BadRequest, Explanation, Outcome};

use crate::cli::{Format, PlanArgs};
use crate::configuration;
use crate::output::{Exit, Failure, print, report};

/// Prints the plans. The answer is no if the configuration has errors, or if no route takes the request.
pub(super) fn run(arguments: &PlanArgs) -> Result<Exit, Failure> {
    let loaded = configuration::load(arguments.config.config.as_deref(), Carry::default())?;
    if !loaded.problems.is_empty() {
        report(&loaded.problems.to_string());
    }
    let Some(site) = loaded.site else { return Ok(Exit::No) };
    let (Some(method), Some(path)) = (&arguments.method, &arguments.path) else {
        let plans = explain::plans(&site);
        print(&match arguments.format {
            Format::Text => plans.to_string(),
            Format::Json => json(&plans)?,
        })?;
        return Ok(Exit::Fine);
    };
    match explain(&site, method, path, &arguments.headers)? {
        Ok(explanation) => {
            print(&match arguments.format {
                Format::Text => explanation.to_string(),
                Format::Json => json(&explanation)?,
            })?;
            Ok(if matches!(explanation.outcome, Outcome::Route { .. }) { Exit::Fine } else { Exit::No })
        }
        Err(refused) => {
            print(&match arguments.format {
                Format::Text => refused,
                Format::Json => {
                    serde_json::json!({"outcome": {"kind": "refused", "reason": refused}}).to_string()
                }
            })?;
            Ok(Exit::No)
        }
    }
}

/// What happens to the request, or why the listener refuses it.
///
/// # Errors
/// What was written on the command line is no request.
fn explain(
    site: &Site,
    method: &str,
    path: &str,
    headers: &[(String, String)],
) -> Result<Result<Explanation, String>, Failure> {
    match explain::explain(site, method, path, headers) {
        Ok(explanation) => Ok(Ok(explanation)),
        Err(refused @ BadRequest::Path(..)) => Ok(Err(refused.to_string())),
        Err(wrong @ (BadRequest::Method(_) | BadRequest::Target(_) | BadRequest::Header(_))) => {
            Err(Failure::new(wrong.to_string()))
        }
    }
}

fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure::new(format!("cannot be written as JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::site_of;

    #[test]
    fn a_request_is_taken_refused_or_none_at_all() {
        let site = site_of("routes: [{path: /a/*, methods: [GET], hosts: [shop.example], respond: hello}]");
        let host = vec![("Host".to_owned(), "shop.example".to_owned())];
        for (method, path, headers, want) in [
            ("GET", "/a/b?c=d", &host[..], Some(true)),
            ("GET", "http://shop.example/a", &[], Some(true)),
            ("GET", "/a/b", &[], Some(false)),
            ("POST", "/a/b", &host, Some(false)),
            ("GET", "/b", &host, Some(false)),
            ("GET", "a", &host, None),
            ("G T", "/a", &host, None),
        ] {
            let taken = explain(&site, method, path, headers).map(|answer| {
                answer.is_ok_and(|explanation| matches!(explanation.outcome, Outcome::Route { .. }))
            });
            assert_eq!(taken.ok(), want, "{method} {path} {headers:?}");
        }
    }
}
