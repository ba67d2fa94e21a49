//! What a run found: a page for people and every round for programs.

use std::borrow::Borrow;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::scenarios::Scenario;
use crate::command::capture;
use crate::tools;

/// What one scenario came to.
#[derive(Debug)]
pub(super) struct Section {
    name: &'static str,
    what: &'static str,
    columns: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
    pub(super) goals: Vec<Goal>,
    pub(super) notes: Vec<String>,
    /// Whatever makes the figures worthless; none in a valid run.
    pub(super) problems: Vec<String>,
    /// Every measurement as it was taken.
    pub(super) rounds: Vec<Value>,
}

/// A figure with the limit it should keep.
#[derive(Debug)]
pub(super) struct Goal {
    what: String,
    measured: f64,
    limit: f64,
    bound: Bound,
}

/// The side of its limit on which a figure should lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    Most,
    Least,
}

impl Goal {
    /// A figure that should not be above its limit.
    pub(super) fn at_most(what: impl Into<String>, measured: f64, limit: f64) -> Goal {
        Goal { what: what.into(), measured, limit, bound: Bound::Most }
    }

    /// A figure that should not be below its limit.
    pub(super) fn at_least(what: impl Into<String>, measured: f64, limit: f64) -> Goal {
        Goal { what: what.into(), measured, limit, bound: Bound::Least }
    }

    fn verdict(&self) -> &'static str {
        let met = match self.bound {
            Bound::Most => self.measured <= self.limit,
            Bound::Least => self.measured >= self.limit,
        };
        if met { "met" } else { "MISSED" }
    }

    fn sign(&self) -> &'static str {
        match self.bound {
            Bound::Most => "≤",
            Bound::Least => "≥",
        }
    }
}

impl Section {
    pub(super) fn new(scenario: &Scenario, columns: &[&str]) -> Section {
        Section {
            name: scenario.name,
            what: scenario.what,
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            rows: Vec::new(),
            goals: Vec::new(),
            notes: Vec::new(),
            problems: Vec::new(),
            rounds: Vec::new(),
        }
    }

    /// A scenario that could not be measured.
    pub(super) fn failed(scenario: &Scenario, error: String) -> Section {
        Section { problems: vec![error], ..Section::new(scenario, &[]) }
    }

    /// One line for whoever waits.
    pub(super) fn outcome(&self) -> String {
        if let Some(first) = self.problems.first() {
            return format!("INVALID: {first}");
        }
        let goal = |goal: &Goal| {
            let (sign, verdict) = (goal.sign(), goal.verdict());
            format!("{} {:.2}, target {sign} {:.2}: {verdict}", goal.what, goal.measured, goal.limit)
        };
        let goals: Vec<String> = self.goals.iter().map(goal).collect();
        if goals.is_empty() { "measured".to_owned() } else { goals.join("; ") }
    }

    fn page(&self) -> String {
        let mut page = format!("\n## {}: {}\n\n", self.name, self.what);
        if !self.rows.is_empty() {
            table(&mut page, &self.columns, &self.rows);
        }
        for (heading, lines) in [("", &self.notes), ("INVALID: ", &self.problems)] {
            for line in lines {
                let _ = write!(page, "\n- {heading}{line}");
            }
        }
        if !(self.notes.is_empty() && self.problems.is_empty()) {
            page.push('\n');
        }
        page
    }
}

/// A run: where, when, of what, and all its sections.
#[derive(Debug)]
pub(super) struct Run<'a> {
    date: String,
    commit: String,
    facts: Vec<(&'static str, String)>,
    sections: &'a [Section],
}

impl<'a> Run<'a> {
    /// Collects what identifies this run.
    pub(super) fn now(root: &Path, arguments: &[String], sections: &'a [Section]) -> Run<'a> {
        let git = |arguments: &[&str]| capture(Command::new("git").current_dir(root).args(arguments));
        let commit = git(&["rev-parse", "--short", "HEAD"])
            .map_or("uncommitted".to_owned(), |text| text.trim().to_owned());
        let clean = git(&["status", "--porcelain"]).is_ok_and(|text| text.trim().is_empty());
        let date =
            capture(Command::new("date").args(["-u", "+%Y-%m-%d"])).unwrap_or_default().trim().to_owned();
        let facts = vec![
            (
                "commit",
                format!("{commit}{}", if clean { "" } else { ", with changes not committed (dirty)" }),
            ),
            (
                "command",
                ["cargo xtask bench"]
                    .into_iter()
                    .chain(arguments.iter().map(String::as_str))
                    .collect::<Vec<_>>()
                    .join(" "),
            ),
            ("kernel", first_line("/proc/sys/kernel/osrelease")),
            ("processor", processor()),
            ("nginx", nginx_version()),
        ];
        Run { date, commit, facts, sections }
    }

    /// The whole run in Markdown.
    pub(super) fn page(&self) -> String {
        let invalid = self.sections.iter().any(|section| !section.problems.is_empty());
        let mut page = format!("# Benchmark of {}{}\n\n", self.date, if invalid { " (INVALID)" } else { "" });
        for (name, value) in &self.facts {
            let _ = writeln!(page, "- {name}: {value}");
        }
        page.push('\n');
        let goals =
            self.sections.iter().flat_map(|section| section.goals.iter().map(move |goal| (section, goal)));
        let rows: Vec<Vec<String>> = goals
            .map(|(section, goal)| {
                let verdict = if section.problems.is_empty() { goal.verdict() } else { "INVALID" };
                let (measured, limit) =
                    (format!("{:.3}", goal.measured), format!("{} {:.2}", goal.sign(), goal.limit));
                vec![section.name.to_owned(), goal.what.to_owned(), measured, limit, verdict.to_owned()]
            })
            .collect();
        if !rows.is_empty() {
            table(&mut page, &["scenario", "figure", "measured", "target", ""], &rows);
        }
        page.extend(self.sections.iter().map(Section::page));
        page
    }

    /// Writes page and rounds to `folder` under names that nothing has yet.
    pub(super) fn keep(&self, folder: &Path) -> Result<(), String> {
        let cannot = |e: std::io::Error| format!("cannot write to {}: {e}", folder.display());
        fs::create_dir_all(folder).map_err(cannot)?;
        let page = self.unused(folder);
        fs::write(&page, self.page()).map_err(cannot)?;
        fs::write(page.with_extension("json"), format!("{:#}\n", self.rounds())).map_err(cannot)?;
        eprintln!("wrote {} and its rounds as .json", page.display());
        Ok(())
    }

    fn unused(&self, folder: &Path) -> PathBuf {
        let named = |ending: &str| folder.join(format!("{}-{}{ending}.md", self.date, self.commit));
        let later = (2..).map(|number| named(&format!("-{number}")));
        [named("")].into_iter().chain(later).find(|path| !path.exists()).expect("the numbers do not end")
    }

    fn rounds(&self) -> Value {
        let facts: serde_json::Map<_, _> =
            self.facts.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let sections: Vec<Value> = self
            .sections
            .iter()
            .map(|section| {
                let goal = |goal: &Goal| {
                    json!({"what": goal.what, "measured": goal.measured, "sign": goal.sign(), "limit": goal.limit})
                };
                json!({
                    "scenario": section.name,
                    "goals": section.goals.iter().map(goal).collect::<Vec<_>>(),
                    "problems": section.problems,
                    "notes": section.notes,
                    "rounds": section.rounds,
                })
            })
            .collect();
        json!({"date": self.date, "run": facts, "scenarios": sections})
    }
}

fn table<S: Borrow<str>>(page: &mut String, columns: &[S], rows: &[Vec<String>]) {
    let _ = writeln!(page, "| {} |", columns.join(" | "));
    let _ = writeln!(page, "|{}", "---|".repeat(columns.len()));
    for row in rows {
        let _ = writeln!(page, "| {} |", row.join(" | "));
    }
}

fn first_line(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().lines().next().unwrap_or("unknown").to_owned()
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!("{}, {cores} cores", model.unwrap_or("unknown"))
}

/// nginx prints its version on stderr.
fn nginx_version() -> String {
    let program = tools::find("nginx").unwrap_or_else(|| "nginx".into());
    let output = Command::new(program).arg("-v").output();
    let text =
        output.map(|output| String::from_utf8_lossy(&output.stderr).trim().to_owned()).unwrap_or_default();
    text.rsplit('/').next().unwrap_or_default().to_owned()
}

/// The middle value, or the mean of the two in the middle; NaN of nothing.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.get(middle), values.len() % 2) {
        (None, _) => f64::NAN,
        (Some(value), 1) => *value,
        (Some(value), _) => f64::midpoint(values[middle - 1], *value),
    }
}

/// The smallest and the largest value.
pub(super) fn spread(values: &[f64]) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{least:.3}–{most:.3}")
}

/// Millions of bytes in so many KiB.
pub(super) fn megabytes(kib: u64) -> f64 {
    kib as f64 * 1024.0 / 1e6
}

#[cfg(test)]
mod tests {
    use super::{Goal, Run, Section, median, spread};
    use crate::bench::scenarios::named;

    fn section(measured: f64, problems: &[&str]) -> Section {
        let mut section = Section::new(named("get1k").unwrap(), &["target", "ratio"]);
        section.rows.push(vec!["sekisho".to_owned(), "0.9".to_owned()]);
        section.goals.push(Goal::at_most("ratio", measured, 0.95));
        section.problems = problems.iter().map(|text| (*text).to_owned()).collect();
        section.rounds.push(serde_json::json!({"round": 1}));
        section
    }

    fn run(sections: &[Section]) -> Run<'_> {
        Run {
            date: "2026-01-02".to_owned(),
            commit: "abc".to_owned(),
            facts: vec![("kernel", "6".to_owned())],
            sections,
        }
    }

    #[test]
    fn the_page_says_whether_the_target_was_met() {
        for (measured, problems, want) in [
            (0.95, &[][..], "| get1k | ratio | 0.950 | ≤ 0.95 | met |"),
            (0.96, &[], "| get1k | ratio | 0.960 | ≤ 0.95 | MISSED |"),
            (f64::NAN, &[], "| get1k | ratio | NaN | ≤ 0.95 | MISSED |"),
            (0.5, &["7 requests failed"], "| get1k | ratio | 0.500 | ≤ 0.95 | INVALID |"),
        ] {
            let page = run(&[section(measured, problems)]).page();
            assert!(page.contains(want) && page.contains("| sekisho | 0.9 |"), "{page}");
            assert_eq!(page.contains("INVALID"), !problems.is_empty(), "{page}");
        }
    }

    #[test]
    fn some_figures_should_be_large() {
        for (measured, want) in [(1.8, "met"), (1.79, "MISSED"), (f64::NAN, "MISSED")] {
            let goal = Goal::at_least("times", measured, 1.8);
            assert_eq!((goal.verdict(), goal.sign()), (want, "≥"), "{measured}");
        }
    }

    #[test]
    fn results_never_overwrite_earlier_ones() {
        let folder = std::env::temp_dir().join(format!("xtask-results-{}", std::process::id()));
        let sections = [section(0.9, &[])];
        run(&sections).keep(&folder).unwrap();
        run(&sections).keep(&folder).unwrap();
        let mut names: Vec<_> =
            std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        let text = std::fs::read_to_string(folder.join("2026-01-02-abc.json")).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(
            names,
            ["2026-01-02-abc-2.json", "2026-01-02-abc-2.md", "2026-01-02-abc.json", "2026-01-02-abc.md"]
        );
        let rounds: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(rounds["scenarios"][0]["rounds"][0]["round"], 1);
    }

    #[test]
    fn medians_and_spreads() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(vec![4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
        assert!(median(vec![]).is_nan());
        assert_eq!(spread(&[0.9, 0.8, 0.85]), "0.800–0.900");
    }
}
