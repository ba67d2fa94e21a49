//! What the clients of one version are told with every answer.

use sekisho_units::{At, Place, Problem, Problems, Since};
use sekisho_wire::is_field_value;
use sekisho_yaml::join;

use crate::document::EditionConfig;

/// The lines, as they are sent.
pub(super) fn lines(
    config: &EditionConfig,
    path: &str,
    problems: &mut Problems,
) -> Box<[(&'static str, Box<str>)]> {
    let EditionConfig { deprecation, sunset, successor, documentation, .. } = config;
    let mut lines: Vec<(&'static str, Box<str>)> = Vec::new();
    if let Some(deprecation) = deprecation {
        // A date of structured fields (RFC 9745 §2.1, RFC 9651 §3.3.7).
        lines.push(("Deprecation", format!("@{}", deprecation.value.moment().as_secs()).into()));
    }
    if let Some(sunset) = sunset {
        let text = sunset.value.moment().http_date();
        lines.push(("Sunset", String::from_utf8_lossy(&text).into()));
        check_order(deprecation.as_ref(), sunset, path, problems);
    }
    for (field, target, relation) in
        [("successor", successor, "successor-version"), ("documentation", documentation, "deprecation")]
    {
        let Some(target) = target else { continue };
        if is_reference(target) {
            lines.push(("Link", format!("<{}>; rel=\"{relation}\"", target.value).into()));
        } else {
            refuse(
                &target.place,
                &join(path, field),
                format!("`{}` is no URL or path", target.value),
                problems,
            );
        }
    }
    lines.into()
}

/// RFC 9745 §4: what is gone cannot become deprecated.
fn check_order(deprecation: Option<&At<Since>>, sunset: &At<Since>, path: &str, problems: &mut Problems) {
    if deprecation.is_some_and(|deprecation| deprecation.value > sunset.value) {
        let message = "the version would be gone before it is deprecated";
        let problem = Problem::error(sunset.place.clone(), join(path, "sunset"), message);
        problems.push(problem.remedy("write a day that is not before that of `deprecation`"));
    }
}

/// Whether it can stand in `Link` between `<` and `>`: an absolute URL, or a path.
fn is_reference(text: &str) -> bool {
    let begins = ["https://", "http://", "/"].iter().any(|start| text.starts_with(start));
    let plain = |byte: u8| {
        byte.is_ascii_graphic()
            && !matches!(byte, b'<' | b'>' | b'"' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
    };
    begins && text.bytes().all(plain) && is_field_value(text.as_bytes())
}

fn refuse(place: &Place, path: &str, message: String, problems: &mut Problems) {
    let problem = Problem::error(place.clone(), path, message);
    problems.push(
        problem.remedy("write one such as `https://docs.example.com/v2` or `/v2`, encoded where it must be"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_hold_urls_and_paths_only() {
        for (text, want) in [
            ("/v2", true),
            ("https://docs.example.com/a?b=c#d", true),
            ("docs.example.com", false),
            ("", false),
            ("/a b", false),
            ("/a>; rel=\"next\"", false),
            ("/a\r\nX: y", false),
            ("/\u{e4}", false),
            ("javascript:alert(1)", false),
        ] {
            assert_eq!(is_reference(text), want, "{text}");
        }
    }
}
