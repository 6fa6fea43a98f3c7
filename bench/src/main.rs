//! `quern-bench`: runs query files in process and prints how long they took.
//!
//! Peers are measured by the scripts beside, in the same run; see bench/README.md.

mod args;
mod latency;
mod queries;

use std::io::Write;

use clap::Parser;

fn main() -> std::process::ExitCode {
    let args = args::Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(args.threads)
        .thread_stack_size(8 << 20)
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(args)),
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(
                std::io::stderr(),
                "{} (SQLSTATE {})",
                error,
                error.sqlstate()
            );
            std::process::ExitCode::FAILURE
        }
    }
}

async fn run(args: args::Args) -> quern_engine::Result<()> {
    let engine = quern_engine::Engine::open(args.settings()?)?;
    let session = engine.session(quern_engine::SessionOptions::local());
    queries::create_tables(&session, &args.data).await?;
    let mut out = std::io::stdout().lock();
    match &args.command {
        args::Command::Queries {
            folder,
            rounds,
            answers,
        } => queries::run(&session, folder, *rounds, answers.as_deref(), &mut out).await,
        args::Command::Latency { folder, rounds } => {
            latency::run(&session, folder, *rounds, &mut out).await
        }
    }
}
