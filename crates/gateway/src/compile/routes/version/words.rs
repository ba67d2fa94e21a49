//! The words of `version`, each handed down until another one is said.

use std::sync::Arc;

use sekisho_policies::headers::reserved;
use sekisho_units::{At, OrOff, Place, Problem, Problems};
use sekisho_wire::{Known, is_field_name};
use sekisho_yaml::join;

use crate::document::{SegmentConfig, SourceConfig, VersionConfig};
use crate::route::{ApiVersion, MediaTypes, Served, Source, Versions};

const HEADER: &str = "API-Version";
const MEDIA_TYPE: &str = "application/vnd.api+json";

/// Headers that mean something else.
const OTHERS: &[Known] =
    &[Known::Accept, Known::Authorization, Known::Cookie, Known::Origin, Known::ContentType];

/// What is said so far.
#[derive(Clone, Default)]
pub(in crate::compile::routes) struct Words {
    pub(super) unsaid: Option<Unsaid>,
    order: Option<Arc<[Source]>>,
    header: Option<Arc<str>>,
    accept: Option<MediaTypes>,
    keep_segment: Option<bool>,
    tell: Option<Option<Arc<str>>>,
}

/// What `default` says, and where.
#[derive(Clone)]
pub(super) struct Unsaid {
    /// `None` for `off`.
    pub(super) version: Option<ApiVersion>,
    pub(super) place: Place,
    pub(super) path: Arc<str>,
}

struct Told<'a> {
    around: &'a Place,
    path: &'a str,
    problems: &'a mut Problems,
}

impl Told<'_> {
    fn refuse(&mut self, place: &Place, field: &str, message: String, remedy: &str) {
        let place = if place.is_none() { self.around } else { place };
        let problem = Problem::error(place.clone(), join(self.path, field), message);
        self.problems.push(problem.remedy(remedy));
    }
}

impl Words {
    /// With the words of `config`, which stands at `path`.
    pub(super) fn with(
        mut self,
        (config, around): (&VersionConfig, &Place),
        path: &str,
        problems: &mut Problems,
    ) -> Self {
        let mut told = Told { around, path, problems };
        if let Some(at) = &config.default {
            self.unsaid = unsaid(at, &mut told).or(self.unsaid);
        }
        if let Some(at) = &config.order {
            self.order = Some(order(at, &mut told));
        }
        if let Some(at) = &config.header
            && header(at, "header", &mut told)
        {
            self.header = Some(at.value.as_str().into());
        }
        if let Some(at) = &config.accept {
            self.accept = Some(media_types(&at.value.0, &at.place, &mut told));
        }
        if let Some(segment) = config.segment {
            self.keep_segment = Some(segment == SegmentConfig::Keep);
        }
        match config.tell.as_ref().map(|at| (&at.value, &at.place)) {
            None => {}
            Some((OrOff::Off, _)) => self.tell = Some(None),
            Some((OrOff::On(name), place))
                if header(&At::new(place.clone(), name.clone()), "tell", &mut told) =>
            {
                self.tell = Some(Some(name.as_str().into()));
            }
            // What is wrong with it is told.
            Some((OrOff::On(_), _)) => {}
        }
        self
    }

    /// The versions of a route by these words.
    pub(super) fn versions(
        &self,
        served: Vec<Served>,
        others: Option<usize>,
        unsaid: Option<usize>,
    ) -> Versions {
        let all = [Source::Header, Source::Path, Source::Accept];
        let order: Box<[Source]> = self.order.as_deref().unwrap_or(&all).into();
        let header: Box<str> = self.header.as_deref().unwrap_or(HEADER).into();
        let vary = (0..=order.len()).map(|looked| {
            let names = order[..looked].iter().filter_map(|source| match source {
                Source::Header => Some(&*header),
                Source::Accept => Some("Accept"),
                Source::Path => None,
            });
            let names: Vec<&str> = names.collect();
            (!names.is_empty()).then(|| names.join(", ").into())
        });
        Versions {
            vary: vary.collect(),
            order,
            header,
            accept: self.accept.clone().unwrap_or_else(|| MediaTypes::Named(Box::new([MEDIA_TYPE.into()]))),
            served: served.into(),
            others,
            unsaid,
            keep_segment: self.keep_segment.unwrap_or(false),
            tell: self.tell.as_ref().and_then(|tell| tell.as_deref().map(Into::into)),
        }
    }
}

fn unsaid(at: &At<String>, told: &mut Told<'_>) -> Option<Unsaid> {
    let place = if at.place.is_none() { told.around } else { &at.place }.clone();
    let path: Arc<str> = join(told.path, "default").into();
    if at.value == "off" {
        return Some(Unsaid { version: None, place, path });
    }
    let version = ApiVersion::read(at.value.as_bytes());
    if version.is_none() {
        let message = format!("`{}` is no version", at.value);
        told.refuse(&at.place, "default", message, "write one such as `v2`, or `off`");
    }
    version.map(|version| Unsaid { version: Some(version), place, path })
}

fn order(at: &At<Vec<At<SourceConfig>>>, told: &mut Told<'_>) -> Arc<[Source]> {
    let mut order = Vec::new();
    for one in &at.value {
        let source = match one.value {
            SourceConfig::Header => Source::Header,
            SourceConfig::Path => Source::Path,
            SourceConfig::Accept => Source::Accept,
        };
        if order.contains(&source) {
            told.refuse(&one.place, "order", format!("`{source}` stands in it twice"), "keep one of them");
            continue;
        }
        order.push(source);
    }
    if order.is_empty() {
        let message = "no request could say its version".to_owned();
        told.refuse(&at.place, "order", message, "list some of `header`, `path` and `accept`");
    }
    order.into()
}

/// Whether a header may carry a version.
fn header(at: &At<String>, field: &str, told: &mut Told<'_>) -> bool {
    let name = &at.value;
    if !is_field_name(name.as_bytes()) {
        let message = format!("`{name}` is no name of a header field");
        told.refuse(&at.place, field, message, "write letters, digits and `-`");
        return false;
    }
    if let Some(remedy) = reserved(name) {
        told.refuse(&at.place, field, format!("`{name}` belongs to the gateway"), remedy);
        return false;
    }
    if OTHERS.contains(&Known::of(name.as_bytes())) {
        let message = format!("`{name}` means something else");
        told.refuse(&at.place, field, message, "write one such as `API-Version`");
        return false;
    }
    true
}

fn media_types(types: &[At<String>], place: &Place, told: &mut Told<'_>) -> MediaTypes {
    if let [one] = types
        && one.value == "any"
    {
        return MediaTypes::Any;
    }
    if types.is_empty() {
        let remedy = "write one, or leave `accept` out of `order`";
        told.refuse(place, "accept", "there is no media type".to_owned(), remedy);
    }
    for at in types {
        let good = at
            .value
            .split_once('/')
            .is_some_and(|(kind, name)| is_field_name(kind.as_bytes()) && is_field_name(name.as_bytes()));
        if !good {
            let message = format!("`{}` is no media type", at.value);
            let place = if at.place.is_none() { place } else { &at.place };
            let remedy = "write one such as `application/vnd.api+json`, without parameters, or `any` alone";
            told.refuse(place, "accept", message, remedy);
        }
    }
    MediaTypes::Named(types.iter().map(|at| at.value.to_ascii_lowercase().into()).collect())
}
