//! What a route asks of requests beside what the routes above it ask.

use sekisho_units::{At, HostPattern, Pattern, Place, Problem, Problems};
use sekisho_wire::{Method, is_field_name, is_field_value};
use sekisho_yaml::join;

use crate::document::{HeaderConfig, RouteConfig};
use crate::route::{HeaderMatch, HeaderRule, MethodSet, Methods};

/// The router descends segment by segment; this bounds how deep.
const MOST_SEGMENTS: usize = 256;

/// What is asked of a request, all routes above included.
#[derive(Clone)]
pub(in crate::compile) struct Asked {
    /// The pattern of the route above; none at the top.
    pub(in crate::compile) above: Option<Pattern>,
    pub(in crate::compile) hosts: Vec<HostPattern>,
    pub(in crate::compile) methods: Methods,
    /// Sorted by name; of each rule one.
    pub(in crate::compile) headers: Vec<HeaderRule>,
    /// Why no request can have it all, if so: the field to blame, what is wrong, and what to do.
    pub(in crate::compile) impossible: Option<Impossible>,
}

/// Why no request can be as asked.
#[derive(Clone)]
pub(in crate::compile) struct Impossible {
    pub(in crate::compile) place: Place,
    pub(in crate::compile) field: &'static str,
    pub(in crate::compile) why: String,
}

impl Asked {
    /// Nothing asked yet.
    pub(in crate::compile) fn nothing() -> Self {
        Self { above: None, hosts: Vec::new(), methods: Methods::Any, headers: Vec::new(), impossible: None }
    }

    /// What tells the route from others.
    pub(in crate::compile) fn scope(&self) -> String {
        let Self { above, hosts, methods, headers, .. } = self;
        let pattern = above.as_ref().map(Pattern::as_str).unwrap_or_default();
        format!("{pattern} {methods:?} {hosts:?} {headers:?}")
    }

    /// What is asked where a route asks more. `path` is the route's own.
    pub(in crate::compile) fn narrow(
        &self,
        route: &RouteConfig,
        path: &str,
        problems: &mut Problems,
    ) -> Self {
        let mut asked = self.clone();
        if route.path.segments().len() > MOST_SEGMENTS {
            let message = format!("the path has more than {MOST_SEGMENTS} segments");
            let problem = Problem::error(route.path.place.clone(), join(path, "path"), message);
            problems.push(problem.remedy("end it in `/*` earlier"));
        }
        if let Some(above) = self.above.as_ref().filter(|above| !above.covers(&route.path.value)) {
            let message =
                format!("`{}` does not lie under `{above}`, the path of the route above", route.path.value);
            let remedy = format!("routes name whole paths: {}", beneath(above));
            problems
                .push(Problem::error(route.path.place.clone(), join(path, "path"), message).remedy(remedy));
        }
        asked.above = Some(route.path.value.clone());
        asked.take_hosts(&route.hosts);
        asked.take_methods(&route.methods, path, problems);
        for (name, at) in &route.headers.0 {
            asked.take_header(name, at, &join(path, "headers"), problems);
        }
        asked
    }

    fn take_hosts(&mut self, hosts: &[At<HostPattern>]) {
        let Some(first) = hosts.first() else { return };
        let own = hosts.iter().map(|at| at.value.clone());
        if self.hosts.is_empty() {
            self.hosts = own.collect();
            return;
        }
        let mut both = Vec::new();
        for (host, above) in own.flat_map(|host| self.hosts.iter().map(move |above| (host.clone(), above))) {
            let narrower = if host_covers(above, &host) {
                host
            } else if host_covers(&host, above) {
                above.clone()
            } else {
                continue;
            };
            if !both.contains(&narrower) {
                both.push(narrower);
            }
        }
        if both.is_empty() {
            let above = self.hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            self.impossible(&first.place, "hosts", format!("the route above takes only {above}"));
        }
        self.hosts = both;
    }

    fn take_methods(&mut self, methods: &[At<String>], path: &str, problems: &mut Problems) {
        let Some(first) = methods.first() else { return };
        let mut set = MethodSet::default();
        for (index, at) in methods.iter().enumerate() {
            match check_method(&at.value) {
                Ok(()) => set.insert(&at.value),
                Err((message, remedy)) => {
                    let path = format!("{path}.methods[{index}]");
                    problems.push(Problem::error(at.place.clone(), path, message).remedy(remedy));
                }
            }
        }
        if set.is_empty() {
            return;
        }
        let both = self.methods.narrow(&Methods::Listed(set));
        if matches!(&both, Methods::Listed(set) if set.is_empty()) {
            let why = format!("the route above takes only {}", self.methods);
            self.impossible(&first.place, "methods", why);
        }
        self.methods = both;
    }

    fn take_header(&mut self, name: &str, at: &At<HeaderConfig>, path: &str, problems: &mut Problems) {
        let mut refuse = |message: String, remedy: &str| {
            problems.push(Problem::error(at.place.clone(), join(path, name), message).remedy(remedy));
        };
        if !is_field_name(name.as_bytes()) {
            return refuse(format!("`{name}` is no name of a header field"), "write letters, digits and `-`");
        }
        if name.eq_ignore_ascii_case("host") {
            return refuse("the host is no condition among the headers".to_owned(), "use `hosts`");
        }
        let want = match header_match(&at.value) {
            Ok(want) => want,
            Err((message, remedy)) => return refuse(message, remedy),
        };
        let rule = HeaderRule { name: name.to_ascii_lowercase().into(), want };
        let against = self.headers.iter().find(|other| contradict(other, &rule)).map(ToString::to_string);
        if let Some(against) = against {
            self.impossible(&at.place, "headers", format!("it is also asked that {against}"));
        }
        if let Err(index) = self.headers.binary_search(&rule) {
            self.headers.insert(index, rule);
        }
    }

    fn impossible(&mut self, place: &Place, field: &'static str, why: String) {
        self.impossible.get_or_insert(Impossible { place: place.clone(), field, why });
    }
}

/// What a field must be, or what is wrong with that.
pub(super) fn header_match(written: &HeaderConfig) -> Result<HeaderMatch, (String, &'static str)> {
    let want = match written {
        HeaderConfig::Exact(value) => HeaderMatch::Exact(value.as_str().into()),
        HeaderConfig::Prefix(start) => HeaderMatch::Prefix(start.as_str().into()),
        HeaderConfig::Present => HeaderMatch::Present,
        HeaderConfig::Absent => HeaderMatch::Absent,
    };
    match &want {
        HeaderMatch::Exact(value) | HeaderMatch::Prefix(value)
            if !is_field_value(value.as_bytes()) || value.starts_with([' ', '\t']) =>
        {
            let message = "no header field has this value".to_owned();
            Err((message, "leave out line ends and surrounding spaces"))
        }
        _ => Ok(want),
    }
}

/// What to write beneath a pattern.
fn beneath(above: &Pattern) -> String {
    match above.as_str().strip_suffix('*') {
        Some(start) => format!("write one that begins with `{start}`"),
        None => {
            format!("write `{above}`, or give the route above `{}/*`", above.as_str().trim_end_matches('/'))
        }
    }
}

fn host_covers(wide: &HostPattern, narrow: &HostPattern) -> bool {
    wide == narrow
        || (!wide.is_exact()
            && narrow.name().len() > wide.name().len()
            && narrow.name().ends_with(wide.name()))
}

/// Whether no request can fulfil both. Fields may have several lines, so two values do not contradict each other.
fn contradict(a: &HeaderRule, b: &HeaderRule) -> bool {
    a.name == b.name && (a.want == HeaderMatch::Absent) != (b.want == HeaderMatch::Absent)
}

fn check_method(name: &str) -> Result<(), (String, String)> {
    let upper = name.to_ascii_uppercase();
    let method = Method::of(upper.as_bytes());
    if method == Method::Connect {
        return Err(("CONNECT is never taken".into(), "leave it out".into()));
    }
    if method != Method::Other && upper != name {
        return Err((
            format!("`{name}` is no method, since methods are case-sensitive"),
            format!("write `{upper}`"),
        ));
    }
    if !is_field_name(name.as_bytes()) {
        return Err((
            format!("`{name}` is no method"),
            "write one such as `GET`; leave `methods` out for all".into(),
        ));
    }
    Ok(())
}
