//! Documents and what becomes of them.

mod alerts;
mod examples;
mod inherits;
mod listen;
mod many;
mod reports;
mod store;
mod tls;
mod warns;

use super::*;

/// Compiles a text named `t`, with `PORT` in the environment and no files.
pub(crate) fn compile_text(text: &str) -> (Option<Site>, Problems) {
    compile_beside(text, &Carry::default())
}

/// The same with what is there already.
fn compile_beside(text: &str, carry: &Carry) -> (Option<Site>, Problems) {
    let env = |name: &str| (name == "PORT").then(|| "4001".to_owned());
    let read_file = |path: &str| Err(io::Error::new(io::ErrorKind::NotFound, path.to_owned()));
    compile(&Source { name: "t", text, env: &env, read_file: &read_file, folder: Path::new("") }, carry)
}

/// The site of a text that has no errors.
pub(crate) fn site(text: &str) -> Site {
    let (site, problems) = compile_text(text);
    site.unwrap_or_else(|| panic!("{problems}"))
}

/// What is wrong with a text, one a line.
fn problems(text: &str) -> Vec<String> {
    let (site, problems) = compile_text(text);
    assert_eq!(
        site.is_none(),
        problems.has_errors(),
        "a site is there if and only if there is no error: {problems}"
    );
    problems.iter().map(ToString::to_string).collect()
}

/// Two services and some routes, each a line of flow YAML.
pub(crate) fn with_routes(routes: &[&str]) -> String {
    let mut text = "services: { a: { endpoints: [http://127.0.0.1:1] }, b: { endpoints: [http://127.0.0.1:2] } }\n\
                    routes:\n  - { path: /used/a, methods: [GET], service: a }\n  - { path: /used/b, methods: [GET], service: b }\n"
        .to_owned();
    for route in routes {
        text += &format!("  - {route}\n");
    }
    text
}
