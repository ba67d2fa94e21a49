//! Files that a document names: certificates and keys.

use std::io;
use std::path::Path;

use sekisho_units::{Place, Problem, Problems};
use sekisho_upstream::ReadFile;

/// How a PEM text begins that stands in the document itself, as it may come from a variable or `file:`.
const PEM: &str = "-----BEGIN ";

/// Reads files that a document names.
#[derive(Clone, Copy)]
pub(super) struct Files<'a> {
    read: ReadFile<'a>,
    folder: &'a Path,
}

impl<'a> Files<'a> {
    pub(super) fn new(read: ReadFile<'a>, folder: &'a Path) -> Self {
        Self { read, folder }
    }

    /// For services.
    pub(super) fn of_services(&self) -> sekisho_upstream::Files<'a> {
        sekisho_upstream::Files { read: self.read, folder: self.folder }
    }

    /// For those who read in their own way.
    pub(super) fn reader(&self) -> ReadFile<'a> {
        self.read
    }

    /// The PEM text that `word` names, or is. What cannot be read is reported.
    pub(super) fn pem(
        &self,
        word: &str,
        place: &Place,
        path: &str,
        problems: &mut Problems,
    ) -> Option<String> {
        if word.trim_start().starts_with(PEM) {
            return Some(word.to_owned());
        }
        match (self.read)(word) {
            Ok(text) => Some(text),
            Err(error) => {
                let (wrong, remedy) = unreadable(&error);
                problems.push(
                    Problem::error(place.clone(), path, format!("the file `{word}` {wrong}")).remedy(remedy),
                );
                None
            }
        }
    }
}

/// Why a file is of no use, and what to do about it.
fn unreadable(error: &io::Error) -> (String, &'static str) {
    let remedy = match error.kind() {
        io::ErrorKind::InvalidData => {
            return ("is no PEM file".to_owned(), "convert it with `openssl`, or name another");
        }
        io::ErrorKind::PermissionDenied => super::MAY_NOT_READ,
        _ => "name a PEM file; its path counts from the configuration's folder",
    };
    (format!("cannot be read: {}", sekisho_yaml::unreadable(error)), remedy)
}
