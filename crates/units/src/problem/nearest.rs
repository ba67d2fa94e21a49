//! [`nearest`]: the known word that a misspelt one was probably meant to be.

/// The candidate closest to `word`, or `None` if none is close enough to be worth suggesting.
///
/// Closeness is the Damerau-Levenshtein distance, case and `-` against `_` not counted. A short word may
/// differ in one place, a long one in up to three: more, and the suggestion would be a guess. Of equally
/// close candidates the first wins.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    let bound = match length {
        0..=1 => 0,
        2..=5 => 1,
        6..=9 => 2,
        10..=64 => 3,
        // No word of ours is that long, and the distance costs the product of the lengths.
        _ => return None,
    };
    let word = plain(word);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= 4 * bound)
        .map(|candidate| (strsim::damerau_levenshtein(&word, &plain(candidate)), candidate))
        .filter(|(distance, _)| *distance <= bound)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn plain(word: &str) -> String {
    word.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_only_what_is_near() {
        let known = ["path", "hosts", "methods", "rate_limit", "security_headers", "on"];
        for (word, want) in [
            ("pth", Some("path")),
            ("paht", Some("path")),
            ("Path", Some("path")),
            ("rate-limit", Some("rate_limit")),
            ("ratelimit", Some("rate_limit")),
            ("secuirty_header", Some("security_headers")),
            ("method", Some("methods")),
            ("colour", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), want, "{word}");
        }
    }

    #[test]
    fn a_huge_word_costs_nothing() {
        assert_eq!(nearest(&"a".repeat(1 << 20), ["path"]), None);
    }
}
