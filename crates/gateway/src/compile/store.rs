//! `store`: made once, and kept for as long as configurations say the same of it.

use std::sync::Arc;

use sekisho_policies::Kept;
use sekisho_store::redis::{Address, Limits, Link, Options, Tls};
use sekisho_store::{Memory, Store};
use sekisho_units::{At, Place, Problem, Problems, Secret};

use super::files::Files;
use crate::document::{MEMORY, StoreConfig, StoreTlsConfig};
use crate::outline::digest_of_text;

/// The store of a configuration, for so many workers. Connects to nothing yet. With a problem it is one in memory.
pub(super) fn compile(
    written: &At<StoreConfig>,
    workers: usize,
    kept: &Kept,
    files: &Files<'_>,
    problems: &mut Problems,
) -> Arc<Store> {
    let config = &written.value;
    let entries = (*config.entries).max(1) as usize;
    if *config.entries == 0 {
        refuse::<()>(
            &config.entries.place,
            "store.entries",
            "nothing could be counted",
            "write 1 or more",
            problems,
        );
    }
    let mut tls_problems = Problems::new();
    let tls = config.tls.as_ref().map(|tls| self::tls(tls, files, &mut tls_problems));
    problems.extend(tls_problems);
    if config.url.expose() == MEMORY {
        return kept.of(format!("{MEMORY} {entries}"), || Store::memory(Memory::new(entries)));
    }
    // The password is part of what tells stores from each other, and never of what is kept in words.
    let said = format!(
        "{}\0{}\0{}\0{entries}\0{workers}\0{:?}",
        config.url.expose(),
        *config.timeout,
        *config.prefix,
        tls.as_ref().map(digest_of_tls),
    );
    let identity = format!("shared {:016x}", digest_of_text(&said));
    match link(written, tls, workers, problems) {
        Some(link) => kept.of(identity, || Store::redis(Limits::new(link), Memory::new(entries))),
        None => Arc::new(Store::memory(Memory::new(1))),
    }
}

fn link(
    written: &At<StoreConfig>,
    tls: Option<Tls>,
    workers: usize,
    problems: &mut Problems,
) -> Option<Link> {
    let (place, path) = match &written.url.place {
        place if place.is_none() => (&written.place, "store"),
        place => (place, "store.url"),
    };
    let address = match Address::parse(written.url.expose()) {
        Ok(address) => address,
        Err(error) => {
            let remedy = "write `memory`, or one such as `redis://cache.example:6379`";
            return refuse_by(place, path, &error.to_string(), remedy, problems);
        }
    };
    let options = options(written, tls, &address, problems)?;
    match Link::new(&address, options, workers) {
        Ok(link) => Some(link),
        Err(error) => refuse_by(place, path, &error.to_string(), "write another address", problems),
    }
}

fn options(
    config: &StoreConfig,
    tls: Option<Tls>,
    address: &Address,
    problems: &mut Problems,
) -> Option<Options> {
    let before = problems.len();
    if config.timeout.is_zero() {
        let message = "no answer would be in time";
        refuse::<()>(
            &config.timeout.place,
            "store.timeout",
            message,
            "write a time such as `50ms`",
            problems,
        );
    }
    // A brace would put all keys on one node of a cluster.
    let fits = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'{' | b'}');
    if config.prefix.is_empty() || !config.prefix.bytes().all(fits) {
        let message = format!("{:?} cannot be what keys begin with", *config.prefix);
        let remedy = "write letters, digits and `-` only";
        refuse::<()>(&config.prefix.place, "store.prefix", &message, remedy, problems);
    }
    if let Some(at) = config.tls.as_ref().filter(|_| !address.is_tls()) {
        let message = "this address is asked without TLS";
        refuse::<()>(&at.place, "store.tls", message, "write `rediss://`, or leave `tls` out", problems);
    }
    (problems.len() == before).then(|| Options {
        timeout: config.timeout.as_duration(),
        prefix: config.prefix.value.clone(),
        tls,
        ..Options::default()
    })
}

fn tls(at: &At<StoreTlsConfig>, files: &Files<'_>, problems: &mut Problems) -> Tls {
    let mut read = |word: &Option<At<String>>, field: &str| {
        let word = word.as_ref()?;
        files.pem(word, &word.place, &format!("store.tls.{field}"), problems)
    };
    let authorities = read(&at.ca, "ca").map(String::into_bytes);
    let (certificate, key) = (read(&at.certificate, "certificate"), read(&at.key, "key"));
    if at.certificate.is_some() != at.key.is_some() {
        let message = "a certificate is shown with its key, or not at all";
        refuse::<()>(
            &at.place,
            "store.tls",
            message,
            "write both `certificate` and `key`, or neither",
            problems,
        );
    }
    let ours = certificate.zip(key).map(|(certificate, key)| (certificate.into_bytes(), Secret::new(key)));
    Tls { authorities, ours }
}

fn digest_of_tls(tls: &Tls) -> u64 {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let authorities = tls.authorities.as_deref().map(text).unwrap_or_default();
    let ours = tls.ours.as_ref().map(|(certificate, key)| format!("{}\0{}", text(certificate), key.expose()));
    digest_of_text(&format!("{authorities}\0{}", ours.unwrap_or_default()))
}

/// An error's text tells what is wrong and, mostly, what to write instead.
fn refuse_by<T>(
    place: &Place,
    path: &str,
    text: &str,
    otherwise: &str,
    problems: &mut Problems,
) -> Option<T> {
    let (message, remedy) = text.split_once("; ").unwrap_or((text, otherwise));
    refuse(place, path, message, remedy, problems)
}

fn refuse<T>(place: &Place, path: &str, message: &str, remedy: &str, problems: &mut Problems) -> Option<T> {
    problems.push(Problem::error(place.clone(), path, message).remedy(remedy));
    None
}
