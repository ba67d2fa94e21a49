//! Bodies: where they end, and reading them in place (RFC 9112 §6, §7).

mod chunk;
mod reader;
mod trailers;

pub use chunk::{CHUNK_END, write_chunk_head, write_last_chunk};
pub use reader::{BadBody, BodyReader, Step};
pub use trailers::filter_trailers;

/// Where a body ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Framing {
    /// There is none.
    #[default]
    None,
    /// After so many bytes.
    Length(u64),
    /// After the chunk of size zero and the trailers.
    Chunked,
    /// When the peer closes; responses only.
    UntilClose,
}
