//! Running other programs: streamed to the terminal, or captured.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

/// The cargo that runs this program, at the root of the workspace.
pub(crate) fn cargo(root: &Path) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(root);
    command
}

/// Runs a command with its output going straight to the terminal; anything but exit code 0 is an error.
pub(crate) fn stream(command: &mut Command) -> Result<(), String> {
    let shown = show(command);
    let status = command.stdin(Stdio::null()).status().map_err(|e| format!("cannot run `{shown}`: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{shown}` failed ({status})")) }
}

/// Runs a command and returns what it printed; anything but exit code 0 is an error that quotes its stderr.
pub(crate) fn capture(command: &mut Command) -> Result<String, String> {
    let shown = show(command);
    let output = command.stdin(Stdio::null()).output().map_err(|e| format!("cannot run `{shown}`: {e}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{shown}` failed ({}): {}", output.status, said.trim()));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("`{shown}` printed something that is not UTF-8"))
}

/// The command as one would type it, the program without its folder.
pub(crate) fn show(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words: Vec<_> =
        std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::{capture, show};
    use std::process::Command;

    #[test]
    fn shows_a_command_as_typed() {
        assert_eq!(show(Command::new("/usr/bin/printf").args(["a", "b"])), "printf a b");
    }

    #[test]
    fn captures_output_and_quotes_the_error_of_a_failure() {
        assert_eq!(capture(Command::new("sh").args(["-c", "echo fine"])).unwrap(), "fine\n");
        let error = capture(Command::new("sh").args(["-c", "echo broken >&2; exit 3"])).unwrap_err();
        assert!(error.contains("broken") && error.contains('3'), "{error}");
        assert!(capture(&mut Command::new("no-such-program-here")).is_err());
    }
}
