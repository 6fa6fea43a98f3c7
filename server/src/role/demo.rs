//! `quern demo`: makes some hundred megabytes of sample data, then shows what Quern does with it.
//!
//! The data is made once (`work.rs`, `shipments.rs`, `tpch.rs`) in a folder that later runs use again
//! when it is complete (`folder.rs`). What is shown is a list of steps (`story.rs`), run by the shell
//! as if they were typed, with text and figures between (`say.rs`).

mod folder;
mod make;
mod parquet_file;
mod places;
mod random;
mod say;
mod scale;
mod shipments;
mod story;
mod tpch;
mod work;

pub use scale::Scale;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quern_engine::{Engine, Error, Kind, Settings};

use crate::args::{DemoArgs, EngineArgs};
use crate::shell::{self, Expanded, Local, Shell, Stop, report, terminal};
use folder::DataFolder;
use say::Voice;
use story::{SMALL_MEMORY, Step};

pub fn run(args: &DemoArgs) -> ExitCode {
    match open_and_run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => stop.exit_code(),
    }
}

fn open_and_run(args: &DemoArgs) -> Result<(), Stop> {
    let settings = settings(args)?;
    let runtime = shell::runtime(&settings).map_err(|e| failed(&e))?;
    let result = runtime.block_on(demo(args, settings));
    // A query that does not end must not keep the process.
    runtime.shutdown_timeout(Duration::from_millis(100));
    result
}

/// The settings of the command line; the demo's catalog is always in memory.
fn settings(args: &DemoArgs) -> Result<Settings, Stop> {
    let given = EngineArgs {
        threads: args.threads.clone(),
        settings: args.settings.clone(),
        ..EngineArgs::default()
    };
    let mut settings = shell::settings(&given, "quern demo")?;
    in_memory(&mut settings).map_err(|e| failed(&e))?;
    Ok(settings)
}

fn in_memory(settings: &mut Settings) -> Result<(), Error> {
    settings.set_at_start("quern.data_dir", "")
}

async fn demo(args: &DemoArgs, settings: Settings) -> Result<(), Stop> {
    let path = args.dir.clone().unwrap_or_else(folder::default_path);
    let data = DataFolder::open(&path).map_err(|e| failed(&e))?;
    let mut voice = Voice::new(terminal::stdout_colours());
    make::data(&data, args.scale, settings.threads(), &mut voice).await?;

    let steps = story::with_all_memory(data.path(), args.scale);
    tell(settings.clone(), &steps, &mut voice).await?;
    let mut small = settings;
    small
        .set_at_start("quern.memory_limit", SMALL_MEMORY)
        .map_err(|e| failed(&e))?;
    tell(small, &story::with_little_memory(data.path()), &mut voice).await?;

    if args.remove {
        let path = data.path().to_path_buf();
        data.remove().map_err(|e| failed(&e))?;
        let text = format!("The data in {} is removed.", path.display());
        return voice.lines(&text).map_err(|e| unheard(&e));
    }
    voice
        .title("What to try next")
        .and_then(|()| voice.lines(&story::what_next(data.path())))
        .map_err(|e| unheard(&e))
}

/// Runs steps in one session of an engine with these settings.
async fn tell(settings: Settings, steps: &[Step], voice: &mut Voice) -> Result<(), Stop> {
    let engine = Engine::open(settings).map_err(|e| failed(&e))?;
    let limit_bytes = engine.memory_limit_bytes();
    let mut shell = Shell::plain(Arc::new(Local::new(engine)))?;
    for step in steps {
        match step {
            Step::Title(text) => voice.title(text).map_err(|e| unheard(&e))?,
            Step::Say(text) => voice.say(text).map_err(|e| unheard(&e))?,
            Step::Do(sql) => {
                execute(&mut shell, sql, voice).await?;
                voice.blank().map_err(|e| unheard(&e))?;
            }
            Step::Run(sql) => execute(&mut shell, sql, voice).await?,
            Step::Measure(sql) => measure(&mut shell, sql, limit_bytes, voice).await?,
            Step::MeasureBlocks(sql) => {
                shell.look.expanded = Expanded::On;
                measure(&mut shell, sql, limit_bytes, voice).await?;
                shell.look.expanded = Expanded::Off;
            }
        }
    }
    Ok(())
}

async fn execute(shell: &mut Shell, sql: &str, voice: &mut Voice) -> Result<(), Stop> {
    voice.statement(sql).map_err(|e| unheard(&e))?;
    shell.run_statement(sql, 1).await
}

async fn measure(
    shell: &mut Shell,
    sql: &str,
    limit_bytes: u64,
    voice: &mut Voice,
) -> Result<(), Stop> {
    let started = Instant::now();
    execute(shell, sql, voice).await?;
    let elapsed = started.elapsed();
    let Some(progress) = shell.backend.progress() else {
        return Ok(());
    };
    voice
        .figures(elapsed, &progress, limit_bytes)
        .map_err(|e| unheard(&e))
}

/// Tells an error of the demo itself.
fn failed(error: &Error) -> Stop {
    report::error(error, None);
    Stop::Failed
}

/// Standard output failed; that its reader went away is no error.
fn unheard(error: &io::Error) -> Stop {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Stop::Quit,
        _ => failed(&Error::new(
            Kind::Io,
            format!("cannot write to standard output: {error}"),
        )),
    }
}
