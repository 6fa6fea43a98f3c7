//! `quern executor`: a process that runs parts of the queries of a `quern serve --cluster`.
//!
//! When its coordinator is lost, the process becomes a new one, which waits until it can join again.

use std::net::TcpStream;
use std::process::{Command, ExitCode};
use std::time::Duration;

use quern_cluster::{ExecutorEnd, ExecutorOptions, give_signals_back, run_executor};
use quern_engine::{Error, Kind};

use crate::args::{EngineArgs, ExecutorArgs};
use crate::cluster;
use crate::shell::{self, Stop, report};

const REJOIN_PAUSE: Duration = Duration::from_secs(1);

pub fn run(args: &ExecutorArgs) -> ExitCode {
    let (host, port) = &args.coordinator;
    // Nothing is open yet: a signal just ends the process.
    while args.rejoin && TcpStream::connect((host.as_str(), *port)).is_err() {
        std::thread::sleep(REJOIN_PAUSE);
    }
    match open_and_run(args) {
        Ok(ExecutorEnd::Told) => ExitCode::SUCCESS,
        Ok(ExecutorEnd::CoordinatorLost) => {
            tracing::warn!(
                "the coordinator, {host}:{port}, is lost; joining again when it is there"
            );
            let error = become_new(args.rejoin);
            report::error(&error, None);
            Stop::CannotStart.exit_code()
        }
        Err(stop) => stop.exit_code(),
    }
}

/// The same program with the same arguments in place of this one. Returns only if that cannot be.
fn become_new(again: bool) -> Error {
    let failed = |e: std::io::Error| {
        Error::new(
            Kind::Io,
            format!("the executor cannot start itself again: {e}"),
        )
    };
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return failed(error),
    };
    give_signals_back();
    let mut command = Command::new(program);
    command.args(std::env::args_os().skip(1));
    if !again {
        command.arg("--rejoin");
    }
    #[cfg(unix)]
    return failed(std::os::unix::process::CommandExt::exec(&mut command));
    #[cfg(not(unix))]
    match command.spawn() {
        Ok(_) => std::process::exit(0),
        Err(error) => failed(error),
    }
}

fn open_and_run(args: &ExecutorArgs) -> Result<ExecutorEnd, Stop> {
    let said = |stop| {
        move |error: Error| {
            report::error(&error, None);
            stop
        }
    };
    let engine = EngineArgs {
        config: args.config.clone(),
        memory_limit: args.memory.clone(),
        settings: args.settings.clone(),
        ..EngineArgs::default()
    };
    let mut settings = shell::settings(&engine, "")?;
    if let Some(folder) = &args.work_dir {
        settings
            .set_at_start("quern.spill_dir", &folder.to_string_lossy())
            .map_err(said(Stop::Usage))?;
    }
    let secret = cluster::secret(&settings).map_err(said(Stop::Usage))?;
    if !args.listen.is_loopback() && secret.is_none() && !args.insecure {
        return Err(said(Stop::Usage)(cluster::open_to_all("--listen")));
    }
    let options = ExecutorOptions {
        coordinator: args.coordinator.clone(),
        cores: args.cores.unwrap_or_else(|| settings.threads()),
        settings,
        id: args.id.clone(),
        listen: args.listen,
        advertise: args.advertise.clone(),
        secret,
        ends_with_input: args.ends_with_input,
    };
    run_executor(options).map_err(said(Stop::CannotStart))
}
