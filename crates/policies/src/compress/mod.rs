//! `compress`: answers are made smaller for clients that take a coding (RFC 9110 §8.4.1).
//!
//! What the service has encoded itself, parts of a body and what must not be transformed pass as they are. A compressed answer
//! streams: whatever the service has sent reaches the client as soon as the service pauses. Its entity tag becomes weak (RFC 9110 §8.8.1), as
//! the bytes are others, and each answer that might be compressed varies by `Accept-Encoding`, so that caches keep the variants apart.
//!
//! An answer that holds a secret beside something that an attacker can choose tells of the secret by its length (the attack BREACH);
//! such routes switch this policy off.

mod choose;
mod encoder;
#[cfg(test)]
mod tests;
mod types;

use schemars::JsonSchema;
use sekisho_exchange::{Exchange, Policy, Response, Verdict};
use sekisho_units::{At, Size};
use sekisho_wire::{Edits, HeadView, Known, Method, list_items};
use serde::Deserialize;

pub use self::choose::Coding;
use self::encoder::Encoder;
use self::types::Types;
use crate::coding::{Coding as _, codings};
use crate::{Compile, Context, Here};

/// `compress` as written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Codings that are offered; of those that a client likes alike the first is taken. Default `[zstd, br, gzip]`.
    pub codings: Vec<At<Coding>>,
    /// Answers known to be smaller pass as they are: compressing them would save less than it costs. Default 1 KiB.
    pub min: Size,
    /// Media types that are compressed: a type, `text/*` for all of a kind, `*+json` for all that end so, `*` for all.
    /// `text/event-stream` only where it is named, since each such stream would hold a compressor as long as it lasts.
    /// Default: text, JSON, XML, scripts, WebAssembly and fonts that are not compressed themselves.
    pub types: Option<Vec<At<String>>>,
    /// How hard each coding tries.
    pub levels: Levels,
    /// Most memory that the compressors of all answers under way may take at once, over all routes; further answers go as they are. One
    /// takes 0.75 MiB (gzip), 2 MiB (zstd) or 3.5 MiB (br) at the default levels, up to 4 MiB with zstd, up to 40 MiB with br from
    /// level 7 on. Default 256 MiB.
    pub memory: At<Size>,
}

/// How hard each coding tries: higher is smaller and slower.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Levels {
    /// 1 to 9. Default 6.
    pub gzip: Option<At<u8>>,
    /// 0 to 11; from 10 on each answer takes many times as long. Default 4.
    pub br: Option<At<u8>>,
    /// 1 to 19. Default 3.
    pub zstd: Option<At<u8>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            codings: [Coding::Zstd, Coding::Br, Coding::Gzip].map(At::nowhere).to_vec(),
            min: Size::from_kib(1),
            types: None,
            levels: Levels::default(),
            memory: At::nowhere(Size::from_mib(256)),
        }
    }
}

/// The policy as it runs.
#[derive(Clone, Debug)]
pub struct Compress {
    codings: Vec<Coding>,
    min: u64,
    types: Types,
    gzip: u8,
    br: u8,
    zstd: u8,
    memory: usize,
}

impl Compile for Config {
    type Into = Compress;

    fn compile(self, here: &mut Here<'_>, _: &Context<'_>) -> Option<Compress> {
        let codings = codings(&self.codings, ("compress", "no coding is offered"), here);
        let types = match &self.types {
            None => Types::parse(types::DEFAULT.iter().copied()).ok(),
            Some(written) => types_of(written, here),
        };
        let gzip = level("gzip", self.levels.gzip.as_ref(), 6, (1, 9), here);
        let br = level("br", self.levels.br.as_ref(), 4, (0, 11), here);
        let zstd = level("zstd", self.levels.zstd.as_ref(), 3, (1, 19), here);
        let memory = match self.memory.bytes() {
            0 => {
                let remedy = "write a size such as `256MiB`, or `compress: off`";
                here.refuse("memory", &self.memory.place, "no answer could be compressed", remedy)
            }
            bytes => Some(usize::try_from(bytes).unwrap_or(usize::MAX)),
        };
        Some(Compress {
            codings: codings?,
            min: self.min.bytes(),
            types: types?,
            gzip: gzip?,
            br: br?,
            zstd: zstd?,
            memory: memory?,
        })
    }
}

fn types_of(written: &[At<String>], here: &mut Here<'_>) -> Option<Types> {
    match Types::parse(written.iter().map(|pattern| pattern.as_str())) {
        Ok(types) => Some(types),
        Err((index, error)) => {
            let remedy = "write a type such as `application/json`, `text/*`, `*+json` or `*`";
            let pattern = &written[index];
            here.refuse("types", &pattern.place, format!("`{pattern}` {error}"), remedy)
        }
    }
}

fn level(
    coding: &str,
    written: Option<&At<u8>>,
    default: u8,
    (least, most): (u8, u8),
    here: &mut Here<'_>,
) -> Option<u8> {
    let Some(level) = written else { return Some(default) };
    if !(least..=most).contains(&level.value) {
        let message = format!("{coding} has no level {}", level.value);
        let remedy = format!("write a number from {least} to {most}");
        return here.refuse(&format!("levels.{coding}"), &level.place, message, remedy);
    }
    Some(level.value)
}

impl Policy for Compress {
    /// The coding that the client takes.
    type Pass = Option<Coding>;

    #[inline]
    fn enter(&self, exchange: &mut Exchange<'_>) -> Verdict<Option<Coding>> {
        Verdict::Proceed(choose::choose(exchange.head, &self.codings))
    }

    fn leave(&self, chosen: Option<Coding>, exchange: &mut Exchange<'_>, response: &Response<'_>) {
        let answer = response.head;
        if answer.status() == 304 {
            if chosen.is_some() {
                unchanged(exchange, answer);
            }
            return;
        }
        if !self.may_compress(exchange.head, answer) {
            return;
        }
        exchange.to_client.vary(answer, "Accept-Encoding");
        let Some(coding) = chosen.filter(|_| self.is_worth(answer)) else { return };
        let Some(encoder) = Encoder::new(coding, self.level(coding), self.memory) else { return };
        let edits = &mut exchange.to_client;
        let set = edits.set(Known::ContentEncoding, coding.name().as_bytes());
        debug_assert!(set.is_ok(), "a coding's name is a valid value");
        // They speak of other bytes (RFC 9530), or of parts of them.
        edits.remove(Known::ContentLength);
        edits.remove(Known::AcceptRanges);
        for digest in ["Content-Digest", "Repr-Digest", "Digest", "Content-MD5"] {
            edits.remove_name(digest);
        }
        if let Some(tag) = answer.get(Known::Etag) {
            weaken(edits, tag);
        }
        if exchange.method != Method::Head {
            exchange.filter(encoder);
        }
    }
}

impl Compress {
    fn level(&self, coding: Coding) -> u8 {
        match coding {
            Coding::Gzip => self.gzip,
            Coding::Br => self.br,
            Coding::Zstd => self.zstd,
        }
    }

    /// Whether it depends on nothing but the client whether this answer is compressed.
    fn may_compress(&self, request: HeadView<'_>, answer: HeadView<'_>) -> bool {
        let present = answer.present();
        // Without a body, or with a part of one.
        let whole = !matches!(answer.status(), 100..=199 | 204 | 205 | 206);
        whole
            && !present.contains(Known::ContentEncoding)
            && !present.contains(Known::ContentRange)
            && answer.get(Known::ContentType).is_some_and(|own| self.types.take(own))
            && !forbids(answer)
            && !forbids(request)
    }

    /// Whether it is large enough, as far as that is known.
    fn is_worth(&self, answer: HeadView<'_>) -> bool {
        let length = answer.get(Known::ContentLength).and_then(|text| std::str::from_utf8(text).ok());
        length.and_then(|text| text.parse::<u64>().ok()).is_none_or(|length| length >= self.min)
    }
}

/// `no-transform` (RFC 9111 §5.2.1.6 and §5.2.2.6).
fn forbids(head: HeadView<'_>) -> bool {
    let mut directives = head.all(Known::CacheControl).flat_map(list_items);
    directives.any(|directive| directive.eq_ignore_ascii_case(b"no-transform"))
}

/// Of other bytes the tag holds only weakly.
fn weaken(edits: &mut Edits, tag: &[u8]) {
    if tag.starts_with(b"\"") {
        let set = edits.set(Known::Etag, &[b"W/", tag].concat());
        debug_assert!(set.is_ok(), "a valid value stays one");
    }
}

/// A 304 about what the client had compressed from us: it names the tag by which the client knows it.
fn unchanged(exchange: &mut Exchange<'_>, answer: HeadView<'_>) {
    let Some(tag) = answer.get(Known::Etag).filter(|tag| tag.starts_with(b"\"")) else { return };
    let weak = [b"W/", tag].concat();
    if exchange.head.all(Known::IfNoneMatch).flat_map(list_items).any(|known| known == weak) {
        weaken(&mut exchange.to_client, tag);
        exchange.to_client.vary(answer, "Accept-Encoding");
    }
}
