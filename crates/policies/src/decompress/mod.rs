//! `decompress`: a request's body is decoded on its way, so that services, and whatever looks at bodies, see it plain (RFC 9110 §8.4).
//!
//! It streams: what the client has sent so far goes on as soon as it is decoded, and memory is bounded however large the body becomes.
//! `body_limit` counts the plain body as well as what came. A body that is not what its `Content-Encoding` says is refused, in the
//! middle if need be: the service never sees its end. As nobody could look into a body whose coding is unknown, that is refused too,
//! unless `unknown: pass`.

mod codec;
mod decoder;
mod gzip;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use schemars::JsonSchema;
use sekisho_exchange::{DIGESTS, Exchange, Policy, Reply, Verdict};
use sekisho_units::{At, OrOff, Size};
use sekisho_wire::{Framing, HeadView, Known, list_items};
use serde::{Deserialize, Serialize};

use self::codec::Codec;
use self::decoder::{Bounds, Decoder, Tally};
use crate::coding::{self, Coding as _, codings};
use crate::{Compile, Context, Here};

/// Codings that one body may have, one in another: more than two were never seen in good faith.
const MOST: usize = 3;

/// `decompress` as written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Decompress")]
pub struct Config {
    /// Codings that are decoded. Default `[gzip, deflate, br, zstd]`, which are all.
    pub codings: Vec<At<Coding>>,
    /// Most bytes of a body once it is plain; a longer one gets 413. Default: none beside the route's `body_limit`, which counts the
    /// plain body as well.
    pub max: Option<Size>,
    /// How many times as large as it came a body may become; one that becomes larger gets 413. The first MiB of the plain body is not
    /// held to it. `off`: no limit. Default 100.
    #[schemars(with = "OrOff<u32>")]
    pub ratio: At<OrOff<u32>>,
    /// Most memory that all bodies that are being decoded may take at once, over all routes; one more gets 503. Default 256 MiB.
    pub memory: At<Size>,
    /// What becomes of a body with a coding that is not decoded here: `refuse` it with 415 and the list of those that are, or let it
    /// `pass` as it is, and nobody looks into it. Default `refuse`.
    pub unknown: Unknown,
}

/// How a request's body may be encoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "RequestCoding")]
pub enum Coding {
    /// RFC 1952.
    Gzip,
    /// The zlib format (RFC 1950), or bare as some clients send it (RFC 1951).
    Deflate,
    /// Brotli (RFC 7932).
    Br,
    /// Zstandard (RFC 8878), with windows of up to 8 MiB (RFC 9659).
    Zstd,
}

/// What becomes of a body whose coding is not known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unknown {
    /// It gets 415.
    #[default]
    Refuse,
    /// It goes to the service as it is.
    Pass,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            codings: ALL.map(At::nowhere).to_vec(),
            max: None,
            ratio: At::nowhere(OrOff::On(100)),
            memory: At::nowhere(Size::from_mib(256)),
            unknown: Unknown::default(),
        }
    }
}

const ALL: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Br, Coding::Zstd];

impl coding::Coding for Coding {
    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Br => "br",
            Self::Zstd => "zstd",
        }
    }
}

/// The policy as it runs.
#[derive(Clone, Debug)]
pub struct Decompress {
    codings: Vec<Coding>,
    /// All of them, as `Accept-Encoding` lists them.
    accepted: String,
    bounds: Bounds,
    unknown: Unknown,
}

impl Compile for Config {
    type Into = Decompress;

    fn compile(self, here: &mut Here<'_>, _: &Context<'_>) -> Option<Decompress> {
        let codings = codings(&self.codings, ("decompress", "nothing is decoded"), here);
        let ratio = match self.ratio.value {
            OrOff::Off => Some(None),
            OrOff::On(0) => {
                here.refuse("ratio", &self.ratio.place, "no body could pass", "write 1 or more, or `off`")
            }
            OrOff::On(ratio) => Some(Some(ratio)),
        };
        let memory = match self.memory.bytes() {
            0 => here.refuse(
                "memory",
                &self.memory.place,
                "no body could pass",
                "write a size such as `256MiB`",
            ),
            bytes => Some(usize::try_from(bytes).unwrap_or(usize::MAX)),
        };
        let codings = codings?;
        let accepted = codings.iter().map(|coding| coding.name()).collect::<Vec<_>>().join(", ");
        let bounds = Bounds { max: self.max.map(Size::bytes), ratio: ratio?, memory: memory? };
        Some(Decompress { codings, accepted, bounds, unknown: self.unknown })
    }
}

impl Policy for Decompress {
    type Pass = ();

    #[inline]
    fn enter(&self, exchange: &mut Exchange<'_>) -> Verdict<()> {
        if exchange.body == Framing::None || !exchange.head.present().contains(Known::ContentEncoding) {
            return Verdict::Proceed(());
        }
        self.look(exchange)
    }
}

impl Decompress {
    fn look(&self, exchange: &mut Exchange<'_>) -> Verdict<()> {
        let codings = match self.codings_of(exchange.head) {
            Ok(codings) => codings,
            Err(_) if self.unknown == Unknown::Pass => return Verdict::Proceed(()),
            Err(reason) => {
                let reply = Reply::unsupported_encoding(self.accepted.clone(), reason);
                return Verdict::Answer(Box::new(reply));
            }
        };
        if codings.is_empty() {
            return Verdict::Proceed(());
        }
        if exchange.body == Framing::Length(0) {
            // Plain already.
            exchange.to_service.remove(Known::ContentEncoding);
            DIGESTS.iter().for_each(|digest| exchange.to_service.remove_name(digest));
            return Verdict::Proceed(());
        }
        let tally = Rc::new(Tally::default());
        // The last was applied last.
        for coding in codings.into_iter().rev() {
            let Some(codec) = Codec::new(coding) else {
                return Verdict::Answer(Box::new(Reply::overloaded("", 1, "decompress_memory")));
            };
            exchange.decode("decompress", Decoder::new(codec, self.bounds, &tally));
        }
        Verdict::Proceed(())
    }

    /// The codings that the body has, in the order in which they were applied.
    fn codings_of(&self, head: HeadView<'_>) -> Result<Vec<Coding>, &'static str> {
        let mut codings = Vec::new();
        for name in head.all(Known::ContentEncoding).flat_map(list_items) {
            // A name that is reserved for none (RFC 9110 §8.4.1), and that some send all the same.
            if name.eq_ignore_ascii_case(b"identity") {
                continue;
            }
            let known = self.codings.iter().find(|coding| coding.is_called(name));
            codings.push(*known.ok_or("unknown_content_coding")?);
            if codings.len() > MOST {
                return Err("too_many_content_codings");
            }
        }
        Ok(codings)
    }
}
