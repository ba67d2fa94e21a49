//! One search through the tree, from the most specific pattern to the least.

use std::borrow::Cow;

use sekisho_wire::Method;

use super::shape::{NONE, Shape};
use super::tree::Node;
use super::{Ask, Found, Lead, MethodSet, Methods, Router, versions};

/// What a route must take.
#[derive(Clone, Copy)]
pub(super) enum Want<'a> {
    /// The request as it is.
    Request,
    /// The method that a preflight announces.
    Announced(Method, &'a [u8]),
    /// The path and the host.
    AnyMethod,
}

/// A search under way.
pub(super) struct Search<'a, 'q> {
    router: &'a Router,
    ask: &'q Ask<'a>,
    /// In lower case and without the root's dot, once a route asked for it.
    host: Option<Cow<'a, str>>,
    /// What routes take that refused only the method.
    allowed: MethodSet,
}

/// The plan of a route, what the routes of its pattern have in common, and what the pattern begins with.
type Taken<'a> = (usize, &'a Shape, Lead);

impl<'a, 'q> Search<'a, 'q> {
    pub(super) fn new(router: &'a Router, ask: &'q Ask<'a>) -> Self {
        Self { router, ask, host: None, allowed: MethodSet::default() }
    }

    /// The most specific route that takes what is wanted.
    pub(super) fn run(&mut self, want: Want<'a>) -> Option<Taken<'a>> {
        let rest = self.ask.path.strip_prefix('/')?;
        self.descend(self.router.tree.root(), Some(rest), want)
    }

    /// What there is to say when no route was found.
    pub(super) fn refused<'r, 'p>(self) -> Found<'r, 'p> {
        if self.allowed.is_empty() {
            return Found::None;
        }
        Found::MethodNotAllowed { allow: self.allowed.to_string() }
    }

    /// `rest` is what is left of the path after a slash, or `None` at its end.
    fn descend(&mut self, node: &'a Node, rest: Option<&'a str>, want: Want<'a>) -> Option<Taken<'a>> {
        let router = self.router;
        let Some(rest) = rest else {
            return node
                .end()
                .and_then(|leaf| self.ask_shape(leaf, want))
                .or_else(|| self.ask_rest(node, want));
        };
        let (segment, after) = match slash(rest.as_bytes()) {
            Some(at) => (&rest[..at], Some(&rest[at + 1..])),
            None => (rest, None),
        };
        if let Some(child) = router.tree.literal(node, segment)
            && let Some(taken) = self.descend(child, after, want)
        {
            return Some(taken);
        }
        if !segment.is_empty()
            && let Some(child) = router.tree.param(node)
            && let Some(taken) = self.descend(child, after, want)
        {
            return Some(taken);
        }
        self.ask_rest(node, want)
    }

    fn ask_rest(&mut self, node: &'a Node, want: Want<'a>) -> Option<Taken<'a>> {
        node.rest().and_then(|leaf| self.ask_shape(leaf, want))
    }

    /// The first route of a pattern that takes what is wanted: exact host, wildcards from long to short, any host.
    fn ask_shape(&mut self, leaf: u32, want: Want<'a>) -> Option<Taken<'a>> {
        let router = self.router;
        let shape = &router.shapes[leaf as usize];
        let only = router.only[leaf as usize];
        if only != NONE {
            return Some((only as usize, shape, Lead::None));
        }
        let by_host = if shape.hosts.is_empty() { None } else { self.ask_hosts(shape, want) };
        let entry = by_host.or_else(|| self.first(&shape.any, want))?;
        let entry = &router.entries[entry as usize];
        Some((entry.plan, shape, entry.lead))
    }

    // Out of line: most routes name no host, and the way past this is shorter so.
    #[inline(never)]
    fn ask_hosts(&mut self, shape: &Shape, want: Want<'a>) -> Option<u32> {
        let ask = self.ask;
        let host = self.host.take().unwrap_or_else(|| plain(ask.host));
        let dots = host.bytes().enumerate().filter(|(at, b)| *b == b'.' && *at > 0).map(|(at, _)| at);
        let exact = Some(0).filter(|_| !host.starts_with('.'));
        let taken = exact
            .into_iter()
            .chain(dots)
            .filter_map(|at| shape.hosts.get(&host[at..]))
            .find_map(|list| self.first(list, want));
        self.host = Some(host);
        taken
    }

    fn first(&mut self, list: &[u32], want: Want<'a>) -> Option<u32> {
        list.iter().copied().find(|index| {
            let entry = &self.router.entries[*index as usize];
            if entry.lead == Lead::Any && versions::segment(self.ask.path).is_none() {
                return false;
            }
            match want {
                Want::AnyMethod => true,
                Want::Announced(method, name) => entry.methods.allows(method, name),
                Want::Request if !entry.headers_hold(self.ask.head) => false,
                Want::Request if entry.methods.allows(self.ask.method, self.ask.method_bytes) => true,
                Want::Request => {
                    if let Methods::Listed(set) = &entry.methods {
                        self.allowed.insert_allowed(set);
                    }
                    false
                }
            }
        })
    }
}

/// Where the first slash is. Segments are short, so eight bytes at a time without the start-up of a vector search.
#[inline]
fn slash(text: &[u8]) -> Option<usize> {
    const LOW: u64 = u64::MAX / 0xff;
    const HIGH: u64 = LOW << 7;
    let (words, rest) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        // Slashes become zero bytes; the lowest byte that borrows is the first of them.
        let word = u64::from_le_bytes(*word) ^ (LOW * b'/' as u64);
        let found = word.wrapping_sub(LOW) & !word & HIGH;
        if found != 0 {
            return Some(index * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    rest.iter().position(|b| *b == b'/').map(|at| words.len() * 8 + at)
}

/// A host in lower case and without the root's dot.
fn plain(host: &str) -> Cow<'_, str> {
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::slash;

    proptest! {
        #[test]
        fn finds_the_first_slash(text in "[/.0\u{7f}a-z]{0,40}|[a-z0-9]{0,20}/.{0,9}") {
            prop_assert_eq!(slash(text.as_bytes()), text.find('/'));
        }
    }
}
