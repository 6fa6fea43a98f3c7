//! `quern executor`: a process that runs parts of the queries of a `quern serve --cluster`.

use std::process::ExitCode;

use quern_cluster::{ExecutorOptions, run_executor};
use quern_engine::Error;

use crate::args::{EngineArgs, ExecutorArgs};
use crate::cluster;
use crate::shell::{self, Stop, report};

pub fn run(args: &ExecutorArgs) -> ExitCode {
    match open_and_run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => stop.exit_code(),
    }
}

fn open_and_run(args: &ExecutorArgs) -> Result<(), Stop> {
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
