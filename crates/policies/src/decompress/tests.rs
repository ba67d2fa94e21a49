//! Bodies of all codings, whole, cut and hostile, through the policy and the exchange's filters.

use std::io::Write as _;

use proptest::prelude::*;
use sekisho_exchange::{BodyLimit, Mode, PORTION};
use serde_json::{Value, json};

use super::*;
use crate::fixture::{Fixture, compile, lines};

/// `plain` in this coding.
fn encoded(coding: &str, plain: &[u8]) -> Vec<u8> {
    let level = flate2::Compression::new(6);
    match coding {
        "gzip" => {
            let builder = flate2::GzBuilder::new().filename("name").comment("comment").extra([1, 2, 3]);
            let mut writer = builder.write(Vec::new(), level);
            writer.write_all(plain).unwrap();
            writer.finish().unwrap()
        }
        "deflate" => {
            let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), level);
            writer.write_all(plain).unwrap();
            writer.finish().unwrap()
        }
        "bare" => {
            let mut writer = flate2::write::DeflateEncoder::new(Vec::new(), level);
            writer.write_all(plain).unwrap();
            writer.finish().unwrap()
        }
        "br" => {
            let mut writer = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
            writer.write_all(plain).unwrap();
            writer.into_inner()
        }
        "zstd" => zstd::stream::encode_all(plain, 3).unwrap(),
        _ => panic!("no coding {coding}"),
    }
}

/// As it is called in `Content-Encoding`, and as it is here.
const KINDS: [(&str, &str); 5] =
    [("gzip", "gzip"), ("deflate", "deflate"), ("deflate", "bare"), ("br", "br"), ("zstd", "zstd")];

fn head(coding: &str) -> String {
    format!("POST / HTTP/1.1\nHost: a.example\nTransfer-Encoding: chunked\nContent-Encoding: {coding}\n")
}

/// What becomes of a body that comes in these pieces; or the status and reason of the refusal, and by whom.
fn decoded(settings: &Value, coding: &str, pieces: &[&[u8]]) -> Result<Vec<u8>, (u16, String, &'static str)> {
    let policy = compile::<Config>(settings.clone()).unwrap();
    let fixture = Fixture::new(&head(coding));
    let mut exchange = fixture.exchange();
    if let Verdict::Answer(reply) = policy.enter(&mut exchange) {
        return Err((reply.status, reply.reason.into_owned(), "decompress"));
    }
    let mut all = Vec::new();
    through(&mut exchange, pieces, |out| all.extend_from_slice(out))?;
    Ok(all)
}

fn through(
    exchange: &mut Exchange<'_>,
    pieces: &[&[u8]],
    mut came: impl FnMut(&[u8]),
) -> Result<(), (u16, String, &'static str)> {
    let mut step = |exchange: &mut Exchange<'_>, piece: &[u8], last| {
        let mut out = Vec::new();
        let taken = exchange.filter_body(piece, last, &mut out);
        assert!(out.len() <= 4 * PORTION, "{}", out.len());
        came(&out);
        taken.map_err(|refused| {
            (refused.reply.status, refused.reply.reason.clone().into_owned(), refused.policy)
        })
    };
    for piece in pieces {
        let mut piece = *piece;
        while !piece.is_empty() || exchange.is_filtering() {
            let taken = step(exchange, piece, false)?;
            piece = &piece[taken..];
        }
    }
    while !exchange.is_filtered() {
        step(exchange, &[], true)?;
    }
    Ok(())
}

fn refused(settings: &Value, coding: &str, body: &[u8]) -> (u16, String) {
    let (status, reason, by) = decoded(settings, coding, &[body]).expect_err("it is refused");
    assert_eq!(by, "decompress");
    (status, reason)
}

/// Some of it is monotonous.
fn text(len: usize) -> Vec<u8> {
    (0..len).map(|at| if at % 1_000 < 500 { b'a' } else { (at * at % 251) as u8 }).collect()
}

#[test]
fn every_coding_is_taken_off_wherever_it_is_cut() {
    for (name, kind) in KINDS {
        let plain = text(300);
        let body = encoded(kind, &plain);
        for cut in 0..=body.len() {
            let (front, back) = body.split_at(cut);
            assert_eq!(decoded(&json!({}), name, &[front, back]).as_ref(), Ok(&plain), "{kind} cut at {cut}");
        }
        let single: Vec<&[u8]> = body.chunks(1).collect();
        assert_eq!(decoded(&json!({}), name, &single), Ok(plain), "{kind} byte by byte");
    }
}

#[test]
fn what_is_cut_off_anywhere_is_never_whole() {
    for (name, kind) in KINDS {
        let body = encoded(kind, &text(300));
        for len in 1..body.len() {
            let (status, reason) = refused(&json!({}), name, &body[..len]);
            assert_eq!((status, &*reason), (400, "truncated_content_coding"), "{kind} cut at {len}");
        }
    }
}

#[test]
fn what_is_behind_the_end_is_refused_unless_it_is_another_member() {
    for (name, kind) in KINDS {
        let mut body = encoded(kind, b"plain");
        for garbage in [&b"x"[..], b"xxxxxxxx", b"\0"] {
            let (status, reason) = refused(&json!({}), name, &[&body, garbage].concat());
            let said =
                ["bytes_behind_content_coding", "malformed_content_coding", "truncated_content_coding"];
            assert!(status == 400 && said.contains(&&*reason), "{kind} {garbage:?}: {reason}");
            let apart = decoded(&json!({}), name, &[&body, garbage]).unwrap_err();
            assert_eq!(apart.0, 400, "{kind} {garbage:?}");
        }
        body.extend(encoded(kind, b" and more"));
        let got = decoded(&json!({}), name, &[&body]);
        match kind {
            "gzip" | "zstd" => assert_eq!(got.unwrap(), b"plain and more", "RFC 1952 §2.2, RFC 8878 §3"),
            _ => assert_eq!(got.unwrap_err().0, 400, "{kind}"),
        }
    }
}

#[test]
fn any_flipped_bit_of_a_checked_body_is_refused_or_changes_nothing() {
    for kind in ["gzip", "deflate"] {
        let plain = text(200);
        let body = encoded(kind, &plain);
        for bit in 0..body.len() * 8 {
            let mut bad = body.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            match decoded(&json!({}), kind, &[&bad]) {
                Ok(got) => assert_eq!(got, plain, "{kind}, bit {bit}: of a head's unchecked fields"),
                Err((status, ..)) => assert_eq!(status, 400),
            }
        }
    }
}

#[test]
fn a_gzip_head_may_be_checked_itself() {
    let body = encoded("gzip", b"plain");
    let mut head = b"\x1f\x8b\x08\x02\0\0\0\0\0\xff".to_vec();
    let mut check = flate2::Crc::new();
    check.update(&head);
    let tail = &flate2_body(&body);
    head.extend_from_slice(&(check.sum() as u16).to_le_bytes());
    assert_eq!(decoded(&json!({}), "gzip", &[&head, tail]).unwrap(), b"plain");
    head[10] ^= 1;
    assert_eq!(refused(&json!({}), "gzip", &[&head[..], tail].concat()).0, 400);
    head[3] = 0x20;
    assert_eq!(refused(&json!({}), "gzip", &head).0, 400, "reserved flags");
}

/// A member without its head, which `encoded` gives three fields.
fn flate2_body(member: &[u8]) -> Vec<u8> {
    member[10 + 2 + 3 + "name\0".len() + "comment\0".len()..].to_vec()
}

#[test]
fn nothing_at_all_is_an_empty_body() {
    for (name, kind) in KINDS {
        assert_eq!(decoded(&json!({}), name, &[]), Ok(Vec::new()), "{kind}");
        assert_eq!(decoded(&json!({}), name, &[&encoded(kind, b"")]), Ok(Vec::new()), "{kind}");
    }
}

#[test]
fn several_codings_are_taken_off_in_reverse() {
    let plain = text(5_000);
    let body = encoded("zstd", &encoded("br", &encoded("gzip", &plain)));
    for cut in [0, 1, body.len() / 2] {
        let (front, back) = body.split_at(cut);
        assert_eq!(decoded(&json!({}), "x-gzip, , Br,identity, ZSTD", &[front, back]).as_ref(), Ok(&plain));
    }
    let (status, reason) = refused(&json!({}), "gzip, gzip, gzip, gzip", b"x");
    assert_eq!((status, &*reason), (415, "too_many_content_codings"));
    assert_eq!(refused(&json!({}), "br, gzip, zstd", &body).0, 400, "named in another order");
}

#[test]
fn a_bomb_is_refused_after_its_first_mebibyte() {
    for (name, kind) in KINDS {
        let body = encoded(kind, &vec![0; 8 << 20]);
        let settings = json!({"ratio": 100});
        let (status, reason) = refused(&settings, name, &body);
        assert_eq!((status, &*reason), (413, "decompression_bomb"), "{kind}");
        assert!(decoded(&json!({"ratio": "off"}), name, &[&body]).is_ok(), "{kind}");
        assert!(decoded(&settings, name, &[&encoded(kind, &vec![0; 1 << 20])]).is_ok(), "{kind}");
    }
    // One in another: neither by itself is beyond measure.
    let body = encoded("gzip", &encoded("gzip", &vec![0; 64 << 20]));
    assert_eq!(refused(&json!({"ratio": 1_000}), "gzip, gzip", &body).1, "decompression_bomb");
}

#[test]
fn the_plain_body_is_held_to_its_own_limit_and_to_that_of_all_bodies() {
    let body = encoded("gzip", &text(5_000));
    assert!(decoded(&json!({"max": "5000B"}), "gzip", &[&body]).is_ok());
    assert_eq!(refused(&json!({"max": "4999B"}), "gzip", &body), (413, "body_too_large".into()));
    for (max, want) in [(5_000, None), (4_999, Some("body_limit"))] {
        let policy = compile::<Config>(json!({})).unwrap();
        let fixture = Fixture::new(&head("gzip"));
        let mut exchange = fixture.exchange();
        exchange.body_limit = Some(BodyLimit { max, mode: Mode::Enforce });
        assert!(matches!(policy.enter(&mut exchange), Verdict::Proceed(())));
        assert_eq!(through(&mut exchange, &[&body], |_| ()).err().map(|(_, _, by)| by), want);
    }
}

#[test]
fn whoever_needs_more_memory_than_all_may_have_is_turned_away() {
    for (name, kind) in KINDS {
        let refusal = refused(&json!({"memory": "1KiB"}), name, &encoded(kind, b"plain"));
        assert_eq!(refusal, (503, "decompress_memory".into()), "{kind}");
    }
}

#[test]
fn windows_beyond_what_http_allows_are_refused() {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
    encoder.window_log(24).unwrap();
    encoder.include_contentsize(false).unwrap();
    encoder.write_all(&text(100)).unwrap();
    assert_eq!(refused(&json!({}), "zstd", &encoder.finish().unwrap()).1, "malformed_content_coding");
}

fn entered(settings: Value, head: &str) -> (Option<Reply>, String, Framing) {
    let policy = compile::<Config>(settings).unwrap();
    let fixture = Fixture::new(head);
    let mut exchange = fixture.exchange();
    let reply = match policy.enter(&mut exchange) {
        Verdict::Answer(reply) => Some(*reply),
        _ => None,
    };
    (reply, lines(&exchange.to_service, exchange.head), exchange.body)
}

#[test]
fn the_service_is_told_nothing_of_codings_lengths_and_digests_that_are_gone() {
    let all = "Content-Length: 7\nContent-Encoding: gzip\nContent-Encoding: br\nContent-Digest: sha-256=:x:\n\
        Repr-Digest: sha-256=:x:\nDigest: x\nContent-MD5: x\nX-Kept: 1\n";
    let (reply, lines, body) =
        entered(json!({}), &format!("POST / HTTP/1.1\nHost: a.example\n{all}Content-Type: a/b\n"));
    assert_eq!((reply, body), (None, Framing::Chunked));
    assert_eq!(lines, "Host: a.example\nX-Kept: 1\nContent-Type: a/b\n");
}

#[test]
fn what_has_no_body_or_no_coding_passes_as_it_is() {
    for (lines, want) in [
        ("Content-Encoding: gzip\n", None),
        ("Content-Length: 7\n", None),
        ("Content-Length: 7\nContent-Encoding: identity\n", None),
        ("Content-Length: 0\nContent-Encoding: gzip\n", Some("Content-Length: 0\n")),
    ] {
        let (reply, got, body) = entered(json!({}), &format!("PUT / HTTP/1.1\nHost: a.example\n{lines}"));
        assert_eq!(reply, None);
        assert_eq!(got, format!("Host: a.example\n{}", want.unwrap_or(lines)));
        assert_ne!(body, Framing::Chunked);
    }
}

#[test]
fn an_unknown_coding_is_refused_with_the_list_of_the_known_or_passes() {
    for coding in ["compress", "gzip, x-own", "aes128gcm", "zstd"] {
        let settings = json!({"codings": ["gzip", "br"]});
        let (reply, ..) = entered(settings.clone(), &head(coding));
        let reply = reply.unwrap();
        assert_eq!((reply.status, reply.code), (415, "UNSUPPORTED_ENCODING"), "{coding}");
        assert_eq!(reply.headers, [("Accept-Encoding".into(), "gzip, br".into())]);
        let settings = json!({"codings": ["gzip", "br"], "unknown": "pass"});
        let (reply, got, _) = entered(settings, &head(coding));
        assert_eq!((reply, got.contains(&format!("Content-Encoding: {coding}\n"))), (None, true), "{coding}");
    }
}

#[test]
fn in_shadow_the_body_passes_as_it_is_and_what_would_be_refused_is_noted() {
    let bodies = [encoded("gzip", b"plain"), b"nonsense".to_vec()];
    for (body, noted) in bodies.iter().zip([0, 1]) {
        let policy = compile::<Config>(json!({})).unwrap();
        let fixture = Fixture::new(&head("gzip"));
        let mut exchange = fixture.exchange();
        let mark = exchange.mark();
        assert!(matches!(policy.enter(&mut exchange), Verdict::Proceed(())));
        exchange.rollback(mark);
        assert!(lines(&exchange.to_service, exchange.head).contains("Content-Encoding: gzip"));
        let mut all = Vec::new();
        through(&mut exchange, &[body], |out| all.extend_from_slice(out)).unwrap();
        assert_eq!((&all, exchange.facts.shadowed.len()), (body, noted));
    }
}

#[test]
fn what_is_wrong_with_the_settings_is_told_with_its_remedy() {
    for (settings, field, remedy) in [
        (json!({"codings": []}), "codings", "off"),
        (json!({"codings": ["br", "gzip", "br"]}), "codings", "leave one"),
        (json!({"ratio": 0}), "ratio", "1 or more"),
        (json!({"memory": 0}), "memory", "256MiB"),
    ] {
        let text = compile::<Config>(settings.clone()).unwrap_err();
        assert!(text.contains(field) && text.contains(remedy), "{settings}: {text}");
    }
}

proptest! {
    #[test]
    fn whatever_is_sent_comes_out_as_it_was(
        pieces in prop::collection::vec((0_u8..4, 0_usize..3_000), 0..20),
        at in 0_usize..5,
        step in 1_usize..5_000,
    ) {
        let plain: Vec<u8> = pieces.iter().flat_map(|(byte, times)| std::iter::repeat_n(*byte, *times)).collect();
        let (name, kind) = KINDS[at];
        let body = encoded(kind, &plain);
        let pieces: Vec<&[u8]> = body.chunks(step).collect();
        prop_assert_eq!(decoded(&json!({}), name, &pieces), Ok(plain));
    }

    #[test]
    fn hostile_bytes_are_refused_or_decoded_and_do_no_harm(
        body in prop::collection::vec(any::<u8>(), 0..400),
        at in 0_usize..5,
        from in 0_usize..300,
    ) {
        let (name, kind) = KINDS[at];
        let _ = decoded(&json!({}), name, &[&body]);
        let mut spoilt = encoded(kind, &text(2_000));
        let end = spoilt.len().min(from + body.len());
        let from = from.min(end);
        spoilt[from..end].copy_from_slice(&body[..end - from]);
        if let Err((status, ..)) = decoded(&json!({}), name, &[&spoilt]) {
            prop_assert!(status == 400 || status == 413);
        }
    }
}
