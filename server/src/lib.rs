//! The `quern` binary: what the user typed becomes a checked configuration and then a role's run.
//!
//! Exit codes: 0 done, 1 a statement failed, 2 wrong usage, 3 cannot start, 130 interrupted,
//! 143 terminated.

// Tests may stop at the first surprise.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod args;
pub mod cluster;
mod config;
pub mod postgres;
mod role;
mod shell;
pub mod tls;

use std::process::ExitCode;

use args::Command;
use tracing_subscriber::EnvFilter;

/// What the user typed → a role's run → an exit code.
pub fn run() -> ExitCode {
    log_to_stderr();
    match args::parse().command {
        Command::Sql(args) => shell::run(&args),
        Command::Serve(args) => role::serve::run(&args),
        Command::Executor(args) => role::executor::run(&args),
        Command::Demo(args) => role::demo::run(&args),
    }
}

/// Nothing is logged unless `RUST_LOG` says what.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("off"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
}
