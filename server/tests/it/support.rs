//! What the tests of `quern sql` share: a command that nothing around it influences, and its results.

#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::process::{Command, Output, Stdio};

/// What a run left.
#[derive(Debug)]
pub struct Run {
    pub out: String,
    pub err: String,
    /// `None` when a signal ended it.
    pub code: Option<i32>,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code(),
        }
    }
}

/// `quern sql` with these arguments.
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quern"));
    command
        .arg("sql")
        .args(args)
        .env_remove("QUERN_CONFIG")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    command
}

pub fn run(args: &[&str]) -> Run {
    command(args).output().unwrap().into()
}

/// A run that must succeed without a word on standard error; its standard output.
pub fn out(args: &[&str]) -> String {
    let run = run(args);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{}", run.out);
    run.out
}

/// A run with this standard input.
pub fn run_with_input(args: &[&str], input: &str) -> Run {
    let mut child = command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap().into()
}

pub fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}
