//! A fleet over its life.
