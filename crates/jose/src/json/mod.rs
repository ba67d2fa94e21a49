//! JSON (RFC 8259) read in place, and more strictly than by most: one value, no member named twice, bounded depth.
//!
//! A token is judged by its members, so two readers must not be able to see different ones: names are compared
//! after their escapes are read, lone surrogates are refused, and so is a number that no `f64` can hold. Nothing is
//! built: the scanner remembers where the members of the outermost object stand, and a [`Value`] looks further
//! when it is asked.

mod scan;
mod text;
mod value;

pub(crate) use scan::{Members, Nested, scan};
pub(crate) use text::says;
pub(crate) use value::descend;
pub use value::{Items, Value};
