//! Which methods a route takes.

use std::fmt;

use sekisho_wire::Method;

/// Those that have a bit of their own, in the order in which `Allow` lists them. CONNECT never reaches a route.
const STANDARD: [Method; 8] = [
    Method::Get,
    Method::Head,
    Method::Post,
    Method::Put,
    Method::Patch,
    Method::Delete,
    Method::Options,
    Method::Trace,
];

const WRITES: u16 = bit(Method::Post) | bit(Method::Put) | bit(Method::Patch) | bit(Method::Delete);

/// The methods that a route takes. HEAD is taken wherever GET is (RFC 9110 §9.3.2).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Methods {
    /// All.
    Any,
    /// These.
    Listed(MethodSet),
}

/// Methods as bits, and further ones by name.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct MethodSet {
    standard: u16,
    others: Vec<Box<str>>,
}

const fn bit(method: Method) -> u16 {
    1 << method as u16
}

impl MethodSet {
    /// The set of these names; each is a method of its own, upper case from lower (RFC 9110 §9.1).
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut set = Self::default();
        for name in names {
            set.insert(name);
        }
        set
    }

    /// Adds a method by its name.
    pub fn insert(&mut self, name: &str) {
        match Method::of(name.as_bytes()) {
            Method::Other if self.others.iter().any(|other| **other == *name) => {}
            Method::Other => self.others.push(name.into()),
            method => self.standard |= bit(method),
        }
    }

    /// Adds all of another set, and HEAD if it has GET.
    pub(crate) fn insert_allowed(&mut self, other: &Self) {
        self.standard |= other.standard;
        if other.standard & bit(Method::Get) != 0 {
            self.standard |= bit(Method::Head);
        }
        other.others.iter().for_each(|name| self.insert(name));
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.standard == 0 && self.others.is_empty()
    }

    /// Whether the method is in it by its own name.
    #[inline]
    pub fn contains(&self, method: Method, name: &[u8]) -> bool {
        match method {
            Method::Other => self.others.iter().any(|other| other.as_bytes() == name),
            method => self.standard & bit(method) != 0,
        }
    }

    /// The names: standard ones in the usual order, then the others as written.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let standard = STANDARD.into_iter().filter(move |method| self.standard & bit(*method) != 0);
        standard.map(|method| -> &str { method.as_str() }).chain(self.others.iter().map(|name| &**name))
    }

    #[inline]
    fn allows(&self, method: Method, name: &[u8]) -> bool {
        self.contains(method, name) || (method == Method::Head && self.standard & bit(Method::Get) != 0)
    }
}

impl Methods {
    /// Whether a request of this method is taken; `name` is the method as received.
    #[inline]
    pub fn allows(&self, method: Method, name: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(set) => set.allows(method, name),
        }
    }

    /// Whether HEAD is listed by name, and so preferred to a route that takes it along with GET.
    pub(crate) fn lists_head(&self) -> bool {
        matches!(self, Self::Listed(set) if set.standard & bit(Method::Head) != 0)
    }

    /// Whether requests that change something are taken.
    pub fn takes_writes(&self) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(set) => set.standard & WRITES != 0,
        }
    }

    /// The methods that both take; an empty set if there is none.
    #[must_use]
    pub fn narrow(&self, other: &Self) -> Self {
        let (Self::Listed(a), Self::Listed(b)) = (self, other) else {
            return if *self == Self::Any { other.clone() } else { self.clone() };
        };
        let both = |one: &MethodSet, two: &MethodSet| {
            let names = one.names().filter(|name| two.allows(Method::of(name.as_bytes()), name.as_bytes()));
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        let names = [both(a, b), both(b, a)].concat();
        Self::Listed(MethodSet::of(names.iter().map(String::as_str)))
    }
}

impl fmt::Display for MethodSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.names().enumerate() {
            write!(f, "{}{name}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl fmt::Display for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any method"),
            Self::Listed(set) => set.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(names: &[&str]) -> Methods {
        Methods::Listed(MethodSet::of(names.iter().copied()))
    }

    #[test]
    fn takes_what_is_listed_and_head_with_get() {
        for (methods, name, want) in [
            (Methods::Any, "PURGE", true),
            (listed(&["GET"]), "GET", true),
            (listed(&["GET"]), "HEAD", true),
            (listed(&["HEAD"]), "GET", false),
            (listed(&["POST"]), "HEAD", false),
            (listed(&["PURGE"]), "PURGE", true),
            (listed(&["PURGE"]), "purge", false),
            (listed(&["PURGE"]), "OTHER", false),
        ] {
            let method = Method::of(name.as_bytes());
            assert_eq!(methods.allows(method, name.as_bytes()), want, "{methods} {name}");
        }
    }

    #[test]
    fn narrowing_keeps_what_both_take() {
        for (one, two, want) in [
            (Methods::Any, listed(&["GET"]), listed(&["GET"])),
            (listed(&["GET"]), Methods::Any, listed(&["GET"])),
            (Methods::Any, Methods::Any, Methods::Any),
            (listed(&["GET", "POST"]), listed(&["POST", "PUT"]), listed(&["POST"])),
            (listed(&["GET"]), listed(&["HEAD"]), listed(&["HEAD"])),
            (listed(&["GET"]), listed(&["PUT"]), listed(&[])),
            (listed(&["PURGE", "BAN"]), listed(&["BAN"]), listed(&["BAN"])),
        ] {
            assert_eq!(one.narrow(&two), want, "{one} with {two}");
        }
    }

    #[test]
    fn prints_in_the_usual_order() {
        assert_eq!(listed(&["PURGE", "DELETE", "GET", "GET"]).to_string(), "GET, DELETE, PURGE");
    }
}
