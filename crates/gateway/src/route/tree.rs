//! The patterns as a tree of segments. Each node is reached in one way only, so that a search visits it at most once.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use sekisho_units::{Pattern, Segment};

/// So many literal children are compared one by one; more are looked up.
const FEW: usize = 8;

/// A tree of patterns. Patterns that differ only in the names of their parameters share one leaf.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Box<[Node]>,
}

#[derive(Debug)]
pub(super) struct Node {
    literals: Literals,
    param: Option<u32>,
    /// The leaf of the pattern that ends here.
    pub(super) end: Option<u32>,
    /// The leaf of the pattern that goes on with `*`.
    pub(super) rest: Option<u32>,
}

#[derive(Debug)]
enum Literals {
    Few(Box<[(u64, Box<str>, u32)]>),
    Many(HashMap<Box<str>, u32, RandomState>),
}

impl Tree {
    pub(super) fn root(&self) -> &Node {
        &self.nodes[0]
    }

    /// The node one literal segment further.
    #[inline]
    pub(super) fn literal(&self, node: &Node, segment: &str) -> Option<&Node> {
        let index = match &node.literals {
            Literals::Few(few) => {
                let tag = tag(segment.as_bytes());
                let found = few.iter().find(|(known, text, _)| *known == tag && **text == *segment);
                found.map(|(.., index)| *index)
            }
            Literals::Many(many) => many.get(segment).copied(),
        };
        index.map(|index| &self.nodes[index as usize])
    }

    /// The node one parameter further.
    #[inline]
    pub(super) fn param(&self, node: &Node) -> Option<&Node> {
        node.param.map(|index| &self.nodes[index as usize])
    }
}

/// The last eight bytes of a segment and its length in one number: two segments seldom have the same, and comparing two
/// numbers is cheaper than comparing two texts.
#[inline]
fn tag(segment: &[u8]) -> u64 {
    let bytes = match segment.last_chunk::<8>() {
        Some(last) => u64::from_le_bytes(*last),
        None => segment.iter().fold(0, |tag, byte| (tag << 8) | u64::from(*byte)),
    };
    bytes ^ ((segment.len() as u64) << 56)
}

/// A tree that grows.
#[derive(Default)]
pub(super) struct Growing {
    nodes: Vec<Sprout>,
    leaves: u32,
}

#[derive(Default)]
struct Sprout {
    literals: HashMap<Box<str>, u32, RandomState>,
    param: Option<u32>,
    end: Option<u32>,
    rest: Option<u32>,
}

impl Growing {
    pub(super) fn new() -> Self {
        Self { nodes: vec![Sprout::default()], leaves: 0 }
    }

    /// The leaf of a pattern: a number from 0, the same for patterns that take the same paths.
    pub(super) fn leaf(&mut self, pattern: &Pattern) -> u32 {
        let mut at = 0_usize;
        let mut rest = false;
        for segment in pattern.segments() {
            let next = u32::try_from(self.nodes.len()).expect("a document's size bounds the segments in it");
            let node = &mut self.nodes[at];
            let child = match segment {
                Segment::Literal(text) => *node.literals.entry(text.clone()).or_insert(next),
                Segment::Param(_) => *node.param.get_or_insert(next),
                Segment::Rest => {
                    rest = true;
                    break;
                }
            };
            if child == next {
                self.nodes.push(Sprout::default());
            }
            at = child as usize;
        }
        let node = &mut self.nodes[at];
        let place = if rest { &mut node.rest } else { &mut node.end };
        *place.get_or_insert_with(|| {
            self.leaves += 1;
            self.leaves - 1
        })
    }

    /// The tree, done growing.
    pub(super) fn grown(self) -> Tree {
        let nodes = self.nodes.into_iter().map(|sprout| {
            let literals = if sprout.literals.len() <= FEW {
                let few = sprout.literals.into_iter();
                let mut few: Vec<_> = few.map(|(text, index)| (tag(text.as_bytes()), text, index)).collect();
                few.sort();
                Literals::Few(few.into())
            } else {
                Literals::Many(sprout.literals)
            };
            Node { literals, param: sprout.param, end: sprout.end, rest: sprout.rest }
        });
        Tree { nodes: nodes.collect() }
    }
}
