//! The patterns as a tree of segments. Each node is reached in one way only, so that a search visits it at most once.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use foldhash::fast::RandomState;
use sekisho_units::{Pattern, Segment};

/// So many literal children are compared one by one; more are looked up.
const FEW: usize = 8;

/// A tree of patterns. Patterns that differ only in the names of their parameters share one leaf.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Box<[Node]>,
}

/// One cache line: among thousands of routes each request finds others, far from the processor.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Node {
    literals: Literals,
    param: Index,
    end: Index,
    rest: Index,
}

/// A number in half of the room of an `Option<u32>`.
#[derive(Clone, Copy, Debug)]
struct Index(u32);

#[derive(Debug)]
enum Literals {
    Few(Box<[(u64, Box<str>, u32)]>),
    Many(HashMap<Text, u32, RandomState>),
}

/// A segment's text. A short one stands in the table itself, so that comparing it is no way to elsewhere in memory.
#[derive(Debug)]
enum Text {
    Short { len: u8, bytes: [u8; Text::SHORT] },
    Long(Box<[u8]>),
}

impl Index {
    fn of(index: Option<u32>) -> Self {
        Self(index.unwrap_or(u32::MAX))
    }

    #[inline]
    fn get(self) -> Option<u32> {
        Some(self.0).filter(|index| *index != u32::MAX)
    }
}

impl Text {
    const SHORT: usize = 22;

    fn new(text: &str) -> Self {
        let text = text.as_bytes();
        let mut bytes = [0; Self::SHORT];
        match bytes.get_mut(..text.len()) {
            Some(place) => {
                place.copy_from_slice(text);
                Self::Short { len: text.len() as u8, bytes }
            }
            None => Self::Long(text.into()),
        }
    }

    #[inline]
    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short { len, bytes } => &bytes[..usize::from(*len)],
            Self::Long(bytes) => bytes,
        }
    }
}

impl Borrow<[u8]> for Text {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// As the bytes, by which it is looked up.
impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Text {}

impl Node {
    /// The leaf of the pattern that ends here.
    #[inline]
    pub(super) fn end(&self) -> Option<u32> {
        self.end.get()
    }

    /// The leaf of the pattern that goes on with `*`.
    #[inline]
    pub(super) fn rest(&self) -> Option<u32> {
        self.rest.get()
    }
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
            Literals::Many(many) => many.get(segment.as_bytes()).copied(),
        };
        index.map(|index| &self.nodes[index as usize])
    }

    /// The node one parameter further.
    #[inline]
    pub(super) fn param(&self, node: &Node) -> Option<&Node> {
        node.param.get().map(|index| &self.nodes[index as usize])
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
                let many = sprout.literals.into_iter();
                Literals::Many(many.map(|(text, index)| (Text::new(&text), index)).collect())
            };
            let [param, end, rest] = [sprout.param, sprout.end, sprout.rest].map(Index::of);
            Node { literals, param, end, rest }
        });
        Tree { nodes: nodes.collect() }
    }
}
