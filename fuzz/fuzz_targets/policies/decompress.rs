//! Encoded bodies: whatever comes, nothing panics, nothing is given beyond its bounds, and the same comes out however it is cut.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use sekisho_exchange::{Client, Errands, Exchange, Local, NoErrands, PORTION, Scheme, Verdict};
use sekisho_policies::access_log::Sinks;
use sekisho_policies::{Context, Here, Kept, NoPeers, Step};
use sekisho_store::{Memory, Store};
use sekisho_units::{Clock, Place, Problems};
use sekisho_wire::{Framing, Head, Limits, Parsed, parse_request};

const CODINGS: [&str; 8] =
    ["gzip", "deflate", "br", "zstd", "gzip, gzip", "deflate, br", "br, zstd", "zstd, gzip"];

const MAX: u64 = 2 << 20;

static STEP: LazyLock<Step> = LazyLock::new(|| {
    let settings = format!("{{ max: {MAX}B, ratio: 200 }}");
    let node = sekisho_yaml::parse("fuzz.yaml", &settings).expect("the settings are YAML");
    let mut problems = Problems::new();
    let mut here =
        Here { place: Place::none(), path: "decompress".into(), scope: "", problems: &mut problems };
    let read_file = |_: &str| Ok(String::new());
    let errands: Arc<dyn Errands> = Arc::new(NoErrands);
    let (sinks, kept, peers, errands) = (&Sinks::new(), &Kept::default(), &NoPeers, &errands);
    let store = &Arc::new(Store::memory(Memory::new(1_000)));
    let context = Context { workers: 1, sinks, kept, store, read_file: &read_file, peers, errands };
    Step::compile("decompress", &node, &mut here, &context).expect("they compile")
});

/// What comes out of pieces of this size; or the status of the refusal.
fn decoded(coding: &str, body: &[u8], size: usize) -> Result<Vec<u8>, u16> {
    let bytes = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Encoding: {coding}\r\n\r\n"
    );
    let mut head = Head::default();
    assert!(matches!(
        parse_request(bytes.as_bytes(), &mut head, &Limits::default()),
        Ok(Parsed::Complete(_))
    ));
    let local = Local::new(0, Clock::manual());
    let client = Client::direct(([192, 0, 2, 7], 4711).into(), Scheme::Http);
    let (view, now) = (head.view(bytes.as_bytes()), local.clock.now());
    let mut exchange = Exchange::new(view, ("/", None, "a"), Framing::Chunked, client, now, &local);
    assert!(matches!(STEP.enter(&mut exchange), Verdict::Proceed(_)));
    let mut all = Vec::new();
    let mut step = |exchange: &mut Exchange<'_>, piece: &[u8], last| -> Result<usize, u16> {
        let mut out = Vec::new();
        let before = exchange.is_filtering();
        let taken = exchange.filter_body(piece, last, &mut out).map_err(|refused| refused.reply.status)?;
        assert!(out.len() <= 4 * PORTION, "{}", out.len());
        // Else it would be asked the same for ever.
        let went_on = taken > 0 || !out.is_empty() || exchange.is_filtering() != before;
        assert!(went_on || last, "neither takes nor gives");
        all.extend_from_slice(&out);
        Ok(taken)
    };
    for mut piece in body.chunks(size) {
        while !piece.is_empty() || exchange.is_filtering() {
            let taken = step(&mut exchange, piece, false)?;
            piece = &piece[taken..];
        }
    }
    while !exchange.is_filtered() {
        step(&mut exchange, &[], true)?;
    }
    assert!(all.len() as u64 <= MAX);
    Ok(all)
}

fuzz_target!(|bytes: &[u8]| {
    let [which, size, body @ ..] = bytes else { return };
    let coding = CODINGS[usize::from(*which) % CODINGS.len()];
    let whole = decoded(coding, body, body.len().max(1));
    let pieces = decoded(coding, body, usize::from(*size) + 1);
    match (whole, pieces) {
        (Ok(whole), Ok(pieces)) => assert_eq!(whole, pieces),
        // What is too much may be noticed sooner or later than what is wrong.
        (Err(one), Err(other)) => assert!(one == other || [one, other].contains(&413)),
        (Ok(_), Err(status)) | (Err(status), Ok(_)) => assert_eq!(status, 413),
    }
});
