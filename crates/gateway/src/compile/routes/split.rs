//! A route whose requests several services share.

use std::sync::Arc;

use sekisho_units::{At, Place, Problem, Problems};
use sekisho_upstream::Service;
use sekisho_wire::is_field_name;
use sekisho_yaml::join;

use super::narrow::header_match;
use crate::compile::services::Services;
use crate::document::{BranchConfig, Fields, HeaderConfig, SplitConfig};
use crate::route::{HeaderMatch, HeaderRule, Rule, Share, Split};

/// The services of a split, each once, and who gets which; `None` if there is a problem.
pub(super) fn compile(
    split: &At<SplitConfig>,
    path: &str,
    services: &Services,
    problems: &mut Problems,
) -> Option<(Vec<Arc<Service>>, Split)> {
    let before = problems.len();
    let mut found: Vec<Arc<Service>> = Vec::new();
    let (mut rules, mut shares): (Vec<Rule>, Vec<Share>) = (Vec::new(), Vec::new());
    for (index, branch) in split.value.to.iter().enumerate() {
        let path = branch_path(split, path, index);
        let rule = conditions(branch, &path, problems);
        let Some(service) = services.find(&branch.value.service, &join(&path, "service"), problems) else {
            continue;
        };
        let way = found.iter().position(|known| known.name == service.name).unwrap_or_else(|| {
            found.push(service);
            found.len() - 1
        });
        match (rule, &branch.value.weight) {
            (None, weight) => {
                if shares.iter().any(|share| share.way == way) {
                    let message = format!("`{}` has a share already", branch.value.service.value);
                    refuse(&branch.place, &path, message, "give that one more `weight` instead", problems);
                }
                shares.push(Share { weight: weight.as_ref().map_or(1, |weight| weight.value), way });
            }
            (Some((headers, cookies)), None) => rules.push(Rule { headers, cookies, way }),
            (Some(_), Some(weight)) => {
                let message = "requests go here by what they say, so a weight means nothing".to_owned();
                let remedy = "remove it, or list the service once more with the weight alone";
                refuse(&weight.place, &join(&path, "weight"), message, remedy, problems);
            }
        }
    }
    if problems.len() == before && shares.iter().all(|share| share.weight == 0) {
        let message = "requests that no condition decides go nowhere".to_owned();
        refuse(
            &split.place,
            path,
            message,
            "list a service with a `weight` and without conditions",
            problems,
        );
    }
    (problems.len() == before).then(|| {
        let by = split.value.by.as_ref().map(|by| by.value.clone());
        (found, Split::new(rules, shares, by))
    })
}

/// Where a branch stands: the list may be the split itself.
fn branch_path(split: &At<SplitConfig>, path: &str, index: usize) -> String {
    if split.value.by.is_some() { format!("{path}.to[{index}]") } else { format!("{path}[{index}]") }
}

type Conditions = (Box<[HeaderRule]>, Box<[(Box<str>, HeaderMatch)]>);

fn conditions(branch: &BranchConfig, path: &str, problems: &mut Problems) -> Option<Conditions> {
    let BranchConfig { headers, cookies, .. } = branch;
    if headers.0.is_empty() && cookies.0.is_empty() {
        return None;
    }
    let headers = matches(headers, &join(path, "headers"), problems);
    let headers =
        headers.into_iter().map(|(name, want)| HeaderRule { name: name.to_ascii_lowercase().into(), want });
    let headers = headers.collect();
    Some((headers, matches(cookies, &join(path, "cookies"), problems).into()))
}

fn matches(
    fields: &Fields<HeaderConfig>,
    path: &str,
    problems: &mut Problems,
) -> Vec<(Box<str>, HeaderMatch)> {
    let mut found = Vec::new();
    for (name, at) in &fields.0 {
        let path = join(path, name);
        if !is_field_name(name.as_bytes()) {
            let message = format!("`{name}` is no name of a header field or cookie");
            refuse(&at.place, &path, message, "write letters, digits, `-` and `_`", problems);
            continue;
        }
        match header_match(&at.value) {
            Ok(want) => found.push((name.as_str().into(), want)),
            Err((message, remedy)) => refuse(&at.place, &path, message, remedy, problems),
        }
    }
    found
}

fn refuse(place: &Place, path: &str, message: String, remedy: &str, problems: &mut Problems) {
    problems.push(Problem::error(place.clone(), path, message).remedy(remedy));
}
