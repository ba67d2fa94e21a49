//! What may be written in the place of one value: a word that takes it away, or several of them.

mod one_or_list;
mod or_off;

pub use one_or_list::OneOrList;
pub use or_off::OrOff;
