//! What answers on a route: a service, a redirection or a fixed answer.

use sekisho_exchange::Template;
use sekisho_units::{At, Place, Problem, Problems};
use sekisho_wire::{Known, is_field_name, is_field_value};
use sekisho_yaml::join;

use super::split;
use crate::compile::services::Services;
use crate::document::{EditionConfig, RedirectConfig, RespondConfig, RouteConfig, SplitConfig};
use crate::plan::{Redirect, Respond, Target};
use crate::route::Split;

const CONTENT_TYPE: &str = "text/plain; charset=utf-8";

/// Fields that frame a message or that the gateway writes itself.
const RESERVED: &[Known] = &[
    Known::Connection,
    Known::ContentLength,
    Known::TransferEncoding,
    Known::Te,
    Known::Trailer,
    Known::Upgrade,
    Known::KeepAlive,
    Known::Date,
];

/// What is written to answer, on a route or in one of its versions.
pub(super) struct Written<'a> {
    what: &'static str,
    service: Option<&'a At<String>>,
    split: Option<&'a At<SplitConfig>>,
    redirect: Option<&'a At<RedirectConfig>>,
    respond: Option<&'a At<RespondConfig>>,
}

impl<'a> From<&'a RouteConfig> for Written<'a> {
    fn from(config: &'a RouteConfig) -> Self {
        let RouteConfig { service, split, redirect, respond, .. } = config;
        Self {
            what: "route",
            service: service.as_ref(),
            split: split.as_ref(),
            redirect: redirect.as_ref(),
            respond: respond.as_ref(),
        }
    }
}

impl<'a> From<&'a EditionConfig> for Written<'a> {
    fn from(config: &'a EditionConfig) -> Self {
        let EditionConfig { service, split, redirect, respond, .. } = config;
        Self {
            what: "version",
            service: service.as_ref(),
            split: split.as_ref(),
            redirect: redirect.as_ref(),
            respond: respond.as_ref(),
        }
    }
}

impl Written<'_> {
    /// What is written, and where, in the order in which it counts.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, &Place)> {
        let written = [
            self.service.map(|at| ("service", &at.place)),
            self.split.map(|at| ("split", &at.place)),
            self.redirect.map(|at| ("redirect", &at.place)),
            self.respond.map(|at| ("respond", &at.place)),
        ];
        written.into_iter().flatten()
    }
}

/// The targets, each of a plan of its own, and who gets which if there are several. `None` if none is named, or one with
/// a problem.
pub(super) fn compile(
    written: &Written<'_>,
    path: &str,
    services: &Services,
    problems: &mut Problems,
) -> Option<(Vec<Target>, Option<Split>)> {
    let mut all = written.all();
    if let (Some((first, _)), Some((second, place))) = (all.next(), all.next()) {
        let message = format!("the {} has both `{first}` and `{second}`", written.what);
        problems.push(Problem::error(place.clone(), join(path, second), message).remedy("keep one of them"));
    }
    let service = written.service.map(|name| services.find(name, &join(path, "service"), problems));
    let split = written.split.map(|at| split::compile(at, &join(path, "split"), services, problems));
    let redirect = written.redirect.map(|at| redirect(at, &join(path, "redirect"), problems));
    let respond = written.respond.map(|at| respond(at, &join(path, "respond"), problems));
    let alone = |target| (vec![target], None);
    match (service, split, redirect, respond) {
        (Some(service), ..) => service.map(Target::Service).map(alone),
        (_, Some(split), ..) => {
            split.map(|(services, fork)| (services.into_iter().map(Target::Service).collect(), Some(fork)))
        }
        (_, _, Some(redirect), _) => redirect.map(Box::new).map(Target::Redirect).map(alone),
        (.., respond) => respond.flatten().map(Box::new).map(Target::Respond).map(alone),
    }
}

fn redirect(config: &At<RedirectConfig>, path: &str, problems: &mut Problems) -> Option<Redirect> {
    let status = config.status.as_ref().map_or(308, |at| at.value);
    if let Some(at) = config.status.as_ref().filter(|at| ![301, 302, 303, 307, 308].contains(&at.value)) {
        let message = format!("{} is no status that redirects", at.value);
        let problem = Problem::error(at.place.clone(), join(path, "status"), message);
        problems.push(problem.remedy("write 301, 302, 303, 307 or 308"));
    }
    let to = template(&config.to, &config.place, &join(path, "to"), problems)?;
    if to.constant().is_some_and(|to| to.is_empty() || !is_field_value(to.as_bytes())) {
        let problem = Problem::error(config.to.place.clone(), join(path, "to"), "this leads nowhere");
        problems.push(problem.remedy("write a URL or a path"));
    }
    Some(Redirect { status, to })
}

fn respond(config: &At<RespondConfig>, path: &str, problems: &mut Problems) -> Option<Respond> {
    let status = config.status.as_ref().map_or(200, |at| at.value);
    if let Some(at) = config.status.as_ref().filter(|at| !(200..=599).contains(&at.value)) {
        let message = format!("{} is no status of an answer", at.value);
        problems
            .push(Problem::error(at.place.clone(), join(path, "status"), message).remedy("write 200 to 599"));
    }
    let empty = Template::parse("").ok();
    let body = match &config.body {
        Some(body) => template(body, &config.place, &join(path, "body"), problems),
        None => empty,
    };
    if let Some(at) =
        config.body.as_ref().filter(|body| matches!(status, 204 | 205 | 304) && !body.is_empty())
    {
        let message = format!("an answer {status} has no body");
        let problem = Problem::error(at.place.clone(), join(path, "body"), message);
        problems.push(problem.remedy("leave it out, or choose another status"));
    }
    if let Some(at) =
        config.content_type.as_ref().filter(|at| !is_field_value(at.as_bytes()) || at.is_empty())
    {
        let problem = Problem::error(at.place.clone(), join(path, "content_type"), "this is no media type");
        problems.push(problem.remedy("write one such as `application/json`"));
    }
    let headers: Vec<_> = config
        .headers
        .0
        .iter()
        .map(|(name, value)| header(name, value, &join(path, "headers"), problems))
        .collect();
    Some(Respond {
        status,
        content_type: config.content_type.as_ref().map_or(CONTENT_TYPE, |at| at.value.as_str()).into(),
        body: body?,
        headers: headers.into_iter().collect::<Option<_>>()?,
    })
}

fn header(
    name: &str,
    value: &At<String>,
    path: &str,
    problems: &mut Problems,
) -> Option<(Box<str>, Template)> {
    let path = join(path, name);
    let known = Known::of(name.as_bytes());
    let refused = if !is_field_name(name.as_bytes()) {
        Some((format!("`{name}` is no name of a header field"), "write letters, digits and `-`"))
    } else if known == Known::ContentType {
        Some(("the content type has a word of its own".to_owned(), "use `content_type`"))
    } else if RESERVED.contains(&known) {
        Some((format!("`{name}` is set by the gateway"), "leave it out"))
    } else {
        None
    };
    if let Some((message, remedy)) = refused {
        problems.push(Problem::error(value.place.clone(), path, message).remedy(remedy));
        return None;
    }
    let value_template = template(value, &value.place, &path, problems)?;
    if value_template.constant().is_some_and(|text| !is_field_value(text.as_bytes())) {
        let problem = Problem::error(value.place.clone(), path, "no header field has this value");
        problems.push(problem.remedy("leave out line ends and control characters"));
        return None;
    }
    Some((name.into(), value_template))
}

/// A template; `around` is the place of what it stands in, for one that has none of its own.
fn template(text: &At<String>, around: &Place, path: &str, problems: &mut Problems) -> Option<Template> {
    let place = if text.place.is_none() { around } else { &text.place };
    match Template::parse(text) {
        Ok(template) => Some(template),
        Err(bad) => {
            problems.error(place, path, bad.to_string());
            None
        }
    }
}
