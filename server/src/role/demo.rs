//! `quern demo`: sample data and a first look at it.

use std::process::ExitCode;

use crate::args::DemoArgs;
use crate::shell;

pub fn run(_args: &DemoArgs) -> ExitCode {
    shell::cannot_start(&quern_engine::Error::unsupported("the demo"))
}
