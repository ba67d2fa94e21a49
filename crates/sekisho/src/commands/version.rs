//! `sekisho version`: what runs here.

use serde_json::{Value, json};

use crate::cli::Format;
use crate::output::{Exit, Failure, print};

/// The version of this build.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Prints the version.
pub(super) fn run(format: Format) -> Result<Exit, Failure> {
    match format {
        Format::Text => print(&format!("sekisho {VERSION}"))?,
        Format::Json => print(&document().to_string())?,
    }
    Ok(Exit::Fine)
}

/// The version for programs.
pub(crate) fn document() -> Value {
    json!({"name": "sekisho", "version": VERSION})
}
