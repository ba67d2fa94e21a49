//! [`Cuts`]: the entries of a tree that the next reading passes over.

use std::collections::BTreeMap;

use super::error::{Fault, Spot, Step, What};
use crate::node::Node;

/// Cut entries, by their indices on the way down from the root.
#[derive(Debug, Default)]
pub(crate) struct Cuts {
    cut: Option<Cut>,
    beneath: BTreeMap<usize, Self>,
}

/// Why an entry was cut.
#[derive(Debug)]
enum Cut {
    /// Its value is bad.
    Bad,
    /// Its key is unknown and was perhaps meant to be this one.
    Unknown(Option<&'static str>),
}

impl Cuts {
    /// Whether the entry or item at `index` is to be passed over.
    pub(crate) fn hides(&self, index: usize) -> bool {
        self.beneath.get(&index).is_some_and(|child| child.cut.is_some())
    }

    /// The cuts within the entry or item at `index`.
    pub(crate) fn within(&self, index: usize) -> Option<&Self> {
        self.beneath.get(&index)
    }

    /// Cuts what a fault blames; `false` if that is the root or was cut already.
    pub(crate) fn cut(&mut self, fault: &Fault, steps: &[Step]) -> bool {
        let mut here = self;
        for step in steps {
            here = here.beneath.entry(step.index()).or_default();
        }
        let cut = match &fault.what {
            What::UnknownField { name, expected } => {
                Cut::Unknown(sekisho_units::nearest(name, expected.iter().copied()))
            }
            _ => Cut::Bad,
        };
        !steps.is_empty() && here.cut.replace(cut).is_none()
    }

    /// Whether a fault is only the consequence of earlier cuts.
    pub(crate) fn explain(&self, fault: &Fault, steps: &[Step], root: &Node) -> bool {
        let mut here = self;
        let mut node = root;
        for step in steps {
            let (Some(child), Some(next)) = (here.beneath.get(&step.index()), step.follow(node)) else {
                return false;
            };
            (here, node) = (child, next);
        }
        match &fault.what {
            What::UnknownField { .. } => false,
            What::MissingField(name) => here.beneath.iter().any(|(index, child)| match &child.cut {
                None => false,
                Some(Cut::Unknown(meant)) => *meant == Some(name),
                Some(Cut::Bad) => node.entries().get(*index).is_some_and(|(key, _)| *key.text == **name),
            }),
            _ => fault.spot == Spot::Value && !here.beneath.is_empty(),
        }
    }
}
