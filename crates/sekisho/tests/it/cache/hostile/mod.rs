//! What attackers want of a cache: that others get what they sent, or that they get what is others'.

mod deception;
mod identity;
mod poison;
