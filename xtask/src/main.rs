//! What a developer runs: `cargo xtask test | tidy | docs | release | bench | fuzz`.
//!
//! Continuous integration runs `cargo xtask test` and nothing else, so whatever must hold of this project is a
//! step there. Beyond `std` and serde it uses what the gateway is built of anyway, and that for `bench` alone: a tool that
//! guards the build must itself build quickly.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal: results on stdout, progress on stderr"
)]
#![allow(clippy::disallowed_methods, reason = "it measures real time and waits for real processes")]

mod bench;
mod command;
mod docs;
mod failure;
mod fuzz;
mod release;
mod test;
mod tidy;
mod tools;
mod workspace;

use std::process::ExitCode;

use failure::Failure;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test [NAME…]      everything a change must pass; with names, only the tests whose names contain one of them
  tidy              this project's own rules: sizes, names, floors, licences, left-overs
  docs [--check]    write what is generated from the program; --check only compares
  release           the binary to give away: built, rehearsed, and built again with what that told; prints where it lies
  bench [SCENARIO…] [--rounds N] [--seconds N] [--browser] [--peer NAME]… [--only-peers] [--released | --binary PATH]
                    CPU a request beside nginx, memory, start, reloads, soak, failing services; see bench/README.md
  fuzz [TARGET] [--seconds N]
                    run the fuzz targets, each for a bounded time (60 s)
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.split_first() {
        None => Err(Failure::Usage("a command is missing".to_owned())),
        Some((command, rest)) => dispatch(command, rest),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Failed(text)) => {
            eprintln!("xtask: {text}");
            ExitCode::from(1)
        }
        Err(Failure::Usage(text)) => {
            eprint!("xtask: {text}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn dispatch(command: &str, rest: &[String]) -> Result<(), Failure> {
    match command {
        "test" => test::run(rest),
        "tidy" => tidy::run(rest),
        "docs" => docs::run(rest),
        "bench" => bench::run(rest),
        "release" => release::run(rest),
        "fuzz" => fuzz::run(rest),
        // Started by `bench` on the load's core, and of no use to a person.
        "load" => bench::load::run(rest),
        "help" | "-h" | "--help" => {
            print!("{USAGE}");
            Ok(())
        }
        other => Err(Failure::Usage(format!("command `{other}` is unknown"))),
    }
}
