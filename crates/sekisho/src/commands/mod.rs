//! What can be asked of the program, one file a question.

mod check;
mod key;
mod plan;
mod run;
mod token;
pub(crate) mod version;

use std::time::Instant;

use clap::CommandFactory as _;

use crate::cli::{Cli, Command};
use crate::demo;
use crate::output::{Exit, Failure, print};

/// Answers one command; `begun` is when the program began.
///
/// # Errors
/// Why the question could not be answered at all.
pub(crate) fn run(command: Command, begun: Instant) -> Result<Exit, Failure> {
    match command {
        Command::Run { config } => run::run(&config, begun),
        Command::Check { config, strict, format } => check::run(&config, strict, format),
        Command::Plan(arguments) => plan::run(&arguments),
        Command::Schema => schema(),
        Command::Token(arguments) => token::run(arguments),
        Command::Key(arguments) => key::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments, begun),
        Command::Version { format } => version::run(format),
        Command::Completions { shell } => completions(shell),
    }
}

fn schema() -> Result<Exit, Failure> {
    print(&format!("{:#}", sekisho_gateway::compile::schema()))?;
    Ok(Exit::Fine)
}

fn completions(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "sekisho", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Fine)
}
