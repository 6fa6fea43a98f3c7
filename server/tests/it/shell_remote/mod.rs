//! The shell on a server: `quern sql --host` prints what `quern sql` prints.

mod alike;
mod connecting;
mod conversation;

use std::process::Command;

use super::postgres::Served;
use super::support::{Run, command};

/// The shell on that server, with these arguments and no password around.
fn remote(served: &Served, args: &[&str]) -> Command {
    let port = served.port.to_string();
    let all = [&["--host", "127.0.0.1", "--port", &port], args].concat();
    let mut command = command(&all);
    command
        .env_remove("QUERN_PASSWORD")
        .env_remove("PGPASSWORD")
        .env("PGPASSFILE", "/dev/null");
    command
}

fn on(served: &Served, args: &[&str]) -> Run {
    remote(served, args).output().unwrap().into()
}
