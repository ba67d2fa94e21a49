//! [`read`]: a tree to any serde type, with every error and not only the first.
//!
//! serde stops at its first error. So the error is recorded, the entry that caused it is cut off, and the
//! tree is read again, until it can be read or nothing is left to cut. A cut never makes an error of its
//! own: what is missing or invalid only because of an earlier cut is not reported.

mod access;
mod cuts;
mod deserializer;
mod error;
mod report;
mod resolve;

use sekisho_units::{Problem, Problems};
use serde::de::DeserializeOwned;

use crate::node::Node;
use cuts::Cuts;
pub use deserializer::Reader;
pub use error::ReadError;
pub use report::join;
pub(crate) use resolve::{Resolved, resolve};

/// The most problems that one call of [`read`] reports.
pub const MAX_PROBLEMS: usize = 100;

/// Reads a `T` from a node. `path` is the node's own dotted path, which begins the path of every problem.
///
/// `None` if anything was wrong; then every error found is in `problems`, at most [`MAX_PROBLEMS`], each at
/// the innermost place that is to blame: an unknown field at its key, a missing one at its map.
pub fn read<T: DeserializeOwned>(node: &Node, path: &str, problems: &mut Problems) -> Option<T> {
    let mut cuts = Cuts::default();
    let mut reported = 0;
    // Each round cuts one entry more, so that it ends; most rounds that report nothing cut the parent of
    // what was cut before, of which there are at most as many as levels.
    for _ in 0..MAX_PROBLEMS * 4 {
        let fault = match T::deserialize(Reader { node, cuts: Some(&cuts) }) {
            Ok(value) => return (reported == 0).then_some(value),
            Err(error) => error.into_fault(),
        };
        let steps = fault.steps();
        if !cuts.explain(&fault, &steps, node) {
            if reported == MAX_PROBLEMS {
                let message = format!("more than {MAX_PROBLEMS} problems; the rest are not listed");
                problems.push(Problem::error(node.place.clone(), path, message));
                return None;
            }
            problems.push(report::problem(&fault, &steps, node, path));
            reported += 1;
        }
        if !cuts.cut(&fault, &steps) {
            return None;
        }
    }
    None
}
