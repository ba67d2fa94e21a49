//! A `curl` command as the demo prints it, carried out by the tests' own client.

use super::Demo;
use crate::harness::Answer;

/// A command's words as a shell splits them, where quotes stand around whole words. Within double ones variables are
/// replaced; within single ones nothing is.
fn words(command: &str, variables: &[(String, String)]) -> Vec<String> {
    let (mut words, mut rest) = (Vec::new(), command);
    while let Some(at) = rest.find(['\'', '"']) {
        let quote = if rest[at..].starts_with('"') { '"' } else { '\'' };
        words.extend(rest[..at].split_whitespace().map(str::to_owned));
        let (quoted, behind) = rest[at + 1..].split_once(quote).expect("a quote is closed");
        let mut word = quoted.to_owned();
        if quote == '"' {
            for (name, value) in variables {
                word = word.replace(&format!("${name}"), value);
            }
        }
        words.push(word);
        rest = behind;
    }
    words.extend(rest.split_whitespace().map(str::to_owned));
    words
}

/// What a `curl` command asks for.
#[derive(Default, Debug)]
pub(super) struct Curl {
    method: String,
    urls: Vec<String>,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Curl {
    pub(super) fn parse(command: &str, variables: &[(String, String)]) -> Self {
        let mut curl = Self { method: "GET".to_owned(), ..Self::default() };
        let mut words = words(command, variables).into_iter();
        assert_eq!(words.next().as_deref(), Some("curl"), "{command}");
        while let Some(word) = words.next() {
            match word.as_str() {
                "-i" | "-s" => {}
                "-X" => curl.method = words.next().unwrap(),
                "-H" => {
                    let header = words.next().unwrap();
                    let (name, value) = header.split_once(": ").unwrap();
                    curl.headers.push((name.to_owned(), value.to_owned()));
                }
                "-d" => {
                    curl.method = "POST".to_owned();
                    curl.body = words.next().unwrap().into_bytes();
                }
                "--data-binary" => {
                    assert_eq!(words.next().as_deref(), Some("@-"));
                    curl.method = "POST".to_owned();
                }
                url if url.starts_with("http://") => curl.urls.push(url.to_owned()),
                other => panic!("{other} in {command}"),
            }
        }
        assert!(!curl.urls.is_empty(), "{command}");
        curl
    }

    pub(super) fn ask(&self, demo: &Demo) -> Vec<Answer> {
        let urls = self.urls.iter();
        let answers = urls.map(|url| {
            let (authority, path) = url["http://".len()..].split_once('/').unwrap();
            let expected = if authority == demo.admin.to_string() { demo.admin } else { demo.addr };
            assert_eq!(authority, expected.to_string());
            demo.request(&self.method, &format!("/{path}"), &self.headers, &self.body)
        });
        answers.collect()
    }
}
