//! `sekisho check`: every problem of a configuration, with its place and what to write instead.

use sekisho_gateway::compile::Carry;
use sekisho_units::{Problem, Problems};
use serde_json::{Value, json};

use crate::cli::{ConfigFile, Format};
use crate::configuration;
use crate::output::{Exit, Failure, print};

/// Prints the problems. The answer is no if one of them is an error, or if `strict` and there is any.
pub(super) fn run(config: &ConfigFile, strict: bool, format: Format) -> Result<Exit, Failure> {
    let loaded = configuration::load(config.config.as_deref(), Carry::default())?;
    let good = match (&loaded.site, strict) {
        (None, _) => false,
        (Some(_), true) => loaded.problems.is_empty(),
        (Some(_), false) => !loaded.problems.has_errors(),
    };
    match format {
        Format::Text => print(&text(&loaded.problems, &loaded.name))?,
        Format::Json => print(&document(&loaded.problems, good).to_string())?,
    }
    Ok(if good { Exit::Fine } else { Exit::No })
}

/// One problem a line, and how many there are.
fn text(problems: &Problems, name: &str) -> String {
    if problems.is_empty() {
        return format!("{name}: fine");
    }
    let errors = problems.iter().filter(|problem| is_error(problem)).count();
    let warnings = problems.len() - errors;
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    format!("{problems}\n{name}: {errors} error{}, {warnings} warning{}", plural(errors), plural(warnings))
}

fn document(problems: &Problems, good: bool) -> Value {
    let problems: Vec<_> = problems.iter().map(one).collect();
    json!({"ok": good, "problems": problems})
}

fn one(problem: &Problem) -> Value {
    let place = (!problem.place.is_none()).then_some(&problem.place);
    json!({
        "severity": problem.severity.to_string(),
        "file": place.map(|place| &*place.file),
        "line": place.map(|place| place.line),
        "column": place.map(|place| place.column),
        "path": problem.path,
        "message": problem.message,
        "remedy": problem.remedy,
    })
}

fn is_error(problem: &Problem) -> bool {
    problem.severity == sekisho_units::Severity::Error
}

#[cfg(test)]
mod tests {
    use sekisho_units::Place;

    use super::*;

    fn problems() -> Problems {
        let mut problems = Problems::new();
        problems.push(
            Problem::error(Place::new("a.yaml", 3, 5), "routes[0].pth", "unknown field")
                .remedy("did you mean `path`?"),
        );
        problems.push(Problem::warning(Place::none(), "", "odd"));
        problems
    }

    #[test]
    fn people_read_a_line_a_problem_and_their_number() {
        let want = "a.yaml:3:5: error: routes[0].pth: unknown field; did you mean `path`?\nwarning: odd\na.yaml: 1 error, 1 warning";
        assert_eq!(text(&problems(), "a.yaml"), want);
        assert_eq!(text(&Problems::new(), "a.yaml"), "a.yaml: fine");
    }

    #[test]
    fn programs_read_each_part() {
        let document = document(&problems(), false);
        assert_eq!(document["ok"], false);
        let want = json!({"severity": "error", "file": "a.yaml", "line": 3, "column": 5, "path": "routes[0].pth",
                          "message": "unknown field", "remedy": "did you mean `path`?"});
        assert_eq!(document["problems"][0], want);
        assert_eq!(
            (&document["problems"][1]["file"], &document["problems"][1]["remedy"]),
            (&Value::Null, &Value::Null)
        );
    }
}
