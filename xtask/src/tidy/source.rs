//! A view of Rust source that is just exact enough to count by: comments and literals blanked out, functions and
//! test modules found by their braces.

use std::ops::Range;

/// A function with a body: its name, the line of `fn` (from 1) and how many lines it spans to its closing brace.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) lines: usize,
}

/// The source with every comment, string and character literal replaced by spaces; lines stay where they were.
pub(super) fn mask(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = literal_end(&chars, at);
        if end == at {
            out.push(chars[at]);
            at += 1;
            continue;
        }
        out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    out
}

/// Where the comment or literal that begins at `at` ends, or `at` itself if none begins there.
fn literal_end(chars: &[char], at: usize) -> usize {
    let next = chars.get(at + 1).copied();
    match chars[at] {
        '/' if next == Some('/') => line_end(chars, at),
        '/' if next == Some('*') => block_comment_end(chars, at),
        '"' => string_end(chars, at + 1),
        'r' if starts_word(chars, at) => raw_string_end(chars, at).unwrap_or(at),
        '\'' => char_end(chars, at).unwrap_or(at),
        _ => at,
    }
}

fn line_end(chars: &[char], at: usize) -> usize {
    chars[at..].iter().position(|c| *c == '\n').map_or(chars.len(), |more| at + more)
}

/// Block comments nest in Rust.
fn block_comment_end(chars: &[char], start: usize) -> usize {
    let (mut depth, mut at) = (0_usize, start);
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

/// `at` is the first character after the opening quote.
fn string_end(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

/// `r"…"` and `r#"…"#`; a raw identifier such as `r#type` is none.
fn raw_string_end(chars: &[char], start: usize) -> Option<usize> {
    let hashes = chars[start + 1..].iter().take_while(|c| **c == '#').count();
    let open = start + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return None;
    }
    let closes = |at: usize| {
        chars[at] == '"' && chars[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes
    };
    (open + 1..chars.len()).find(|at| closes(*at)).map_or(Some(chars.len()), |at| Some(at + 1 + hashes))
}

/// `'x'`, `'\n'` and `'\u{1F600}'`, but not the lifetime `'a`.
fn char_end(chars: &[char], start: usize) -> Option<usize> {
    if chars.get(start + 1) == Some(&'\\') {
        let close = chars.get(start + 3..)?.iter().position(|c| *c == '\'')?;
        return Some(start + 3 + close + 1);
    }
    (chars.get(start + 2) == Some(&'\'')).then_some(start + 3)
}

/// Whether a word begins at `at`, where the prefixes of literals (`br`, `cr`) count as nothing before it.
fn starts_word(chars: &[char], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).map(|index| chars[index]);
    match before(1) {
        Some('b' | 'c') => !before(2).is_some_and(is_word),
        other => !other.is_some_and(is_word),
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Every function with a body in masked source, nested ones included.
pub(super) fn functions(masked: &str) -> Vec<Function> {
    let mut found = Vec::new();
    for (at, _) in masked.match_indices("fn ") {
        if masked[..at].chars().next_back().is_some_and(is_word) {
            continue;
        }
        let rest = masked[at + 3..].trim_start();
        let name: String = rest.chars().take_while(|c| is_word(*c)).collect();
        if let (false, Some(open)) = (name.is_empty(), body(masked, at)) {
            let end = closing(masked, open);
            let lines = masked[at..end].matches('\n').count() + 1;
            found.push(Function { name, line: line_of(masked, at), lines });
        }
    }
    found
}

/// Where the body of the function that begins at `at` opens; none for a declaration that ends in `;`.
fn body(masked: &str, at: usize) -> Option<usize> {
    let mut depth = 0_i32;
    for (more, c) in masked[at..].char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' if depth == 0 => return Some(at + more),
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// Just past the brace that closes the one at `open`; the end of the text if none does.
fn closing(masked: &str, open: usize) -> usize {
    let mut depth = 0_i32;
    for (more, c) in masked[open..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return open + more + 1;
        }
    }
    masked.len()
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Lines (from 1) of each `#[cfg(test)] mod NAME { … }`, from the attribute to the closing brace.
pub(super) fn test_modules(masked: &str) -> Vec<Range<usize>> {
    const MARK: &str = "#[cfg(test)]";
    let mut found = Vec::new();
    for (at, _) in masked.match_indices(MARK) {
        let mut rest = masked[at + MARK.len()..].trim_start();
        while rest.starts_with("#[") {
            rest = rest.split_once(']').map_or("", |(_, after)| after).trim_start();
        }
        let words: Vec<&str> = rest.splitn(3, char::is_whitespace).collect();
        if let ["mod", _, after] = words[..]
            && after.trim_start().starts_with('{')
        {
            let open = masked.len() - after.trim_start().len();
            found.push(line_of(masked, at)..line_of(masked, closing(masked, open) - 1) + 1);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Function, functions, mask, test_modules};

    #[test]
    fn blanks_comments_and_literals_and_nothing_else() {
        for (text, want) in [
            ("a // b {\nc", "a c"),
            ("a /* { /* } */ { */ b", "a b"),
            (r#"f("{ \" }", x)"#, "f( , x)"),
            (r##"f(r#"{"}"#, x)"##, "f( , x)"),
            ("f(br\"{\")", "f(b )"),
            ("var\"{\"x", "var x"),
            ("r#type {", "r#type {"),
            ("'{' 'a '\\'' '\\u{7d}' b", "'a b"),
            ("fn f<'a>(x: &'a str) {", "fn f<'a>(x: &'a str) {"),
        ] {
            let masked = mask(text);
            assert_eq!(masked.split_whitespace().collect::<Vec<_>>().join(" "), want, "{text}");
            assert_eq!(masked.len(), text.len(), "{text}");
            assert_eq!(masked.lines().count(), text.lines().count(), "{text}");
        }
    }

    #[test]
    fn unended_literals_reach_the_end_of_the_text() {
        for text in ["\"abc", "/* abc", "r#\"abc\"", "'\\", "// x", "\"\\"] {
            assert_eq!(mask(text).chars().count(), text.chars().count(), "{text}");
        }
    }

    #[test]
    fn finds_functions_and_their_lengths() {
        let text = "fn a() {\n    b(|| {\n    });\n}\npub(crate) async fn c<const N: usize>(x: [u8; 3]) -> [u8; N]\nwhere\n    X: Y,\n{ }\n\
                    trait T { fn d(&self); fn e(&self) {} }\ntype F = fn (u8);\nlet often = 1;\n";
        let function = |name: &str, line, lines| Function { name: name.to_owned(), line, lines };
        let want = [function("a", 1, 4), function("c", 5, 4), function("e", 9, 1)];
        assert_eq!(functions(&mask(text)), want);
    }

    #[test]
    fn finds_test_modules_with_further_attributes() {
        for (text, want) in [
            ("fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n", vec![(2, 6)]),
            ("#[cfg(test)]\n#[allow(x)]\nmod tests {\n}\nfn after() {}\n", vec![(1, 5)]),
            ("#[cfg(test)]\nmod tests;\n", vec![]),
            ("#[cfg(test)]\nfn only_in_tests() {}\n", vec![]),
            ("// #[cfg(test)]\nmod tests {}\n", vec![]),
        ] {
            let found: Vec<_> =
                test_modules(&mask(text)).iter().map(|lines| (lines.start, lines.end)).collect();
            assert_eq!(found, want, "{text}");
        }
    }
}
