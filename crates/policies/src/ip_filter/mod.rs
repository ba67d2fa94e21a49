//! `ip_filter`: which addresses are served at all.
//!
//! The address is the client's own, or what trusted proxies say of it. Whoever is denied gets a 403; where `allow` is written,
//! so does everybody whom it does not name. Lists may have many thousands of entries: a look-up is a binary search among
//! ranges that are sorted and merged when the configuration is read.

mod ranges;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use sekisho_exchange::{Exchange, Policy, Reply, Verdict};
use sekisho_units::{At, Cidr, Place, Problem};
use serde::Deserialize;

use self::ranges::Ranges;
use crate::{Compile, Context, Here};

/// `ip_filter` as written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Addresses and prefixes that may pass; nobody else may. Default: everybody who is not denied.
    #[schemars(with = "Option<Vec<Cidr>>")]
    pub allow: Option<At<Vec<Cidr>>>,
    /// Addresses and prefixes that may not pass, even if they are among those of `allow`. Default: none.
    #[schemars(with = "Option<Vec<Cidr>>")]
    pub deny: Option<At<Vec<Cidr>>>,
    /// A file with more of `allow`, one address or prefix a line; `#` begins a comment. Default: none.
    #[schemars(with = "Option<String>")]
    pub allow_file: Option<At<String>>,
    /// A file with more of `deny`, in the same form. Default: none.
    #[schemars(with = "Option<String>")]
    pub deny_file: Option<At<String>>,
}

/// The policy as it runs.
#[derive(Clone, Debug)]
pub struct IpFilter {
    /// Who may pass, unless everybody may.
    allow: Option<Ranges>,
    deny: Ranges,
}

/// Words of one list: the list itself and its file.
struct Words {
    list: &'static str,
    file: &'static str,
}

const ALLOW: Words = Words { list: "allow", file: "allow_file" };
const DENY: Words = Words { list: "deny", file: "deny_file" };

impl Compile for Config {
    type Into = IpFilter;

    fn compile(self, here: &mut Here<'_>, context: &Context<'_>) -> Option<IpFilter> {
        if self.allow.is_none()
            && self.allow_file.is_none()
            && self.deny.is_none()
            && self.deny_file.is_none()
        {
            let place = here.place.clone();
            return here.refuse("", &place, "it lists nobody", "write `allow` or `deny`, or take it out");
        }
        let allow = list(&ALLOW, self.allow.as_ref(), self.allow_file.as_ref(), here, context);
        let deny = list(&DENY, self.deny.as_ref(), self.deny_file.as_ref(), here, context);
        Some(IpFilter { allow: allow?, deny: deny?.unwrap_or_default() })
    }
}

/// One list; `Some(None)` where nothing is written. A list that is written and names nobody is a mistake: of an allow list
/// nobody could pass it, of a deny list everybody.
fn list(
    words: &Words,
    written: Option<&At<Vec<Cidr>>>,
    file: Option<&At<String>>,
    here: &mut Here<'_>,
    context: &Context<'_>,
) -> Option<Option<Ranges>> {
    let mut all: Vec<Cidr> = Vec::new();
    if let Some(written) = written {
        if written.is_empty() {
            return here.refuse(
                words.list,
                &written.place,
                "the list is empty",
                "name addresses, or leave it out",
            );
        }
        all.extend(written.iter());
    }
    if let Some(named) = file {
        let text = here.file(words.file, named, context)?;
        all.extend(lines(&text, words.file, named, here)?);
    }
    Some((written.is_some() || file.is_some()).then(|| Ranges::of(&all)))
}

/// The entries of a file.
fn lines(text: &str, field: &str, named: &At<String>, here: &mut Here<'_>) -> Option<Vec<Cidr>> {
    let mut entries = Vec::new();
    let mut good = true;
    for (index, line) in text.lines().enumerate() {
        let entry = line.split('#').next().unwrap_or_default().trim();
        if entry.is_empty() {
            continue;
        }
        match Cidr::parse(entry) {
            Ok(cidr) => entries.push(cidr),
            Err(error) => {
                good = false;
                let place = Place::new(named.as_str(), u32::try_from(index + 1).unwrap_or(u32::MAX), 1);
                here.problems.push(Problem::error(
                    place,
                    format!("{}.{field}", here.path),
                    error.to_string(),
                ));
            }
        }
    }
    if good && entries.is_empty() && field == ALLOW.file {
        let problem =
            Problem::warning(named.place.clone(), format!("{}.{field}", here.path), "the file names nobody");
        here.problems.push(problem.remedy("list who may pass in it, one address or prefix a line"));
    }
    good.then_some(entries)
}

impl Policy for IpFilter {
    type Pass = ();

    #[inline]
    fn enter(&self, exchange: &mut Exchange<'_>) -> Verdict<()> {
        let ip = exchange.client.ip;
        if self.deny.contain(ip) {
            return refuse("denied");
        }
        match &self.allow {
            Some(allow) if !allow.contain(ip) => refuse("not_allowed"),
            _ => Verdict::Proceed(()),
        }
    }
}

#[cold]
fn refuse(reason: &'static str) -> Verdict<()> {
    Verdict::Answer(Box::new(Reply::ip_forbidden(reason)))
}
