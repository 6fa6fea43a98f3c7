//! `quern sql`: statements from a terminal, the command line, files or standard input.
//!
//! [`run`] opens the engine or connects to a server (`backend/`) and feeds text to a [`Shell`], which
//! cuts it into statements and meta-commands (`script.rs`), runs each (`shell.rs`, `commands.rs`),
//! shows how far it is
//! (`progress.rs`), writes its rows (`output/`) and its errors (`report.rs`). What ends a run early
//! is a [`Stop`]. At a terminal, `repl.rs` reads the text.

mod backend;
mod commands;
mod completion;
mod describe;
mod editor;
mod history;
mod keywords;
mod meta;
mod names;
mod output;
mod password;
mod progress;
mod repl;
pub mod report;
mod script;
#[allow(clippy::module_inception)]
mod shell;
mod signals;
pub mod terminal;

pub use backend::Local;
pub use output::{Expanded, Format};
pub use shell::Shell;
pub use signals::Signals;

use std::io::{BufRead, BufReader, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use quern_engine::{Engine, Error, Kind, Settings};
use tokio::runtime::Runtime;

use crate::args::{EngineArgs, Input, SqlArgs};
use crate::cluster::Cluster;
use crate::config::{self, Wrong};
use crate::postgres::client::Config;
use backend::{Backend, Remote};

/// What the session says it is.
const APPLICATION: &str = "quern sql";

/// Why no more statements are run. What the user should know has been said already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// `\q`, or the reader of our output went away.
    Quit,
    Failed,
    Usage,
    CannotStart,
    Interrupted,
    Terminated,
}

/// Why a statement did not succeed, before anybody was told.
#[derive(Debug)]
pub enum Problem {
    Engine(Error),
    /// Rows could not be written.
    Output(std::io::Error),
    Stop(Stop),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Problem::Engine(error)
    }
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        Problem::Output(error)
    }
}

impl From<Stop> for Problem {
    fn from(stop: Stop) -> Self {
        Problem::Stop(stop)
    }
}

impl Stop {
    pub fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Stop::Quit => 0,
            Stop::Failed => 1,
            Stop::Usage => 2,
            Stop::CannotStart => 3,
            Stop::Interrupted => 130,
            Stop::Terminated => 143,
        })
    }
}

pub fn run(args: &SqlArgs) -> ExitCode {
    match open_and_run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => stop.exit_code(),
    }
}

fn open_and_run(args: &SqlArgs) -> Result<(), Stop> {
    let settings = match &args.remote.host {
        // What the configuration file says is for an engine here.
        Some(_) => Settings::default(),
        None => settings(&args.engine, APPLICATION)?,
    };
    let runtime = runtime(&settings).map_err(cannot_start)?;
    let result = {
        let _inside = runtime.enter();
        open(args, settings, &runtime).and_then(|opened| {
            let (backend, history, _cluster) = opened;
            with_backend(args, backend, history, &runtime)
        })
    };
    // A query that does not end must not keep the process.
    runtime.shutdown_timeout(Duration::from_millis(100));
    result
}

/// The settings to start with; what is wrong with them has been said.
pub fn settings(args: &EngineArgs, application: &str) -> Result<Settings, Stop> {
    config::settings(args, &[("application_name", application)]).map_err(|wrong| {
        let (error, stop) = match wrong {
            Wrong::Usage(error) => (error, Stop::Usage),
            Wrong::File(error) => (error, Stop::CannotStart),
        };
        report::error(&error, None);
        stop
    })
}

/// As many threads as a query has partitions, with stacks that hold a deep plan.
pub fn runtime(settings: &Settings) -> Result<Runtime, Error> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(settings.threads())
        .thread_stack_size(8 << 20)
        .thread_name("quern-worker")
        .enable_all()
        .build()
        .map_err(|e| Error::new(Kind::Io, format!("cannot start threads: {e}")))
}

/// The shell's own thread, with its own timers: it must not depend on workers that are busy.
fn waiting_runtime() -> Result<Runtime, Error> {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|e| Error::new(Kind::Io, format!("cannot start a runtime: {e}")))
}

fn cannot_start(error: Error) -> Stop {
    report::error(&error, None);
    Stop::CannotStart
}

/// Where statements run, the folder of the history, and the executors that end with the shell.
type Opened = (Arc<dyn Backend>, Option<PathBuf>, Option<Cluster>);

/// Where statements will run, and the file of the history. Must be called inside the runtime.
fn open(args: &SqlArgs, settings: Settings, runtime: &Runtime) -> Result<Opened, Stop> {
    let history = history::file(settings.data_dir());
    if let Some(config) = args.remote.config(APPLICATION) {
        return Ok((Arc::new(connect(config, runtime)?), history, None));
    }
    let engine = Engine::open(settings).map_err(cannot_start)?;
    let cluster = match args.local_executors {
        Some(count) => Some(Cluster::of_this_machine(&engine, count).map_err(cannot_start)?),
        None => None,
    };
    Ok((Arc::new(Local::new(engine)), history, cluster))
}

/// Connects, with a password that is asked for when the server wants one and none is known.
fn connect(mut config: Config, runtime: &Runtime) -> Result<Remote, Stop> {
    config.password = password::known(&config).map_err(cannot_start)?;
    let connected = runtime.block_on(Remote::connect(config.clone()));
    let wanted = |e: &Error| e.kind == Kind::InvalidPassword && config.password.is_none();
    let connected = match connected {
        Err(error) if wanted(&error) => match password::ask(&config.user) {
            Some(password) => {
                config.password = Some(password);
                runtime.block_on(Remote::connect(config))
            }
            None => Err(error),
        },
        connected => connected,
    };
    connected.map_err(cannot_start)
}

fn with_backend(
    args: &SqlArgs,
    backend: Arc<dyn Backend>,
    history: Option<PathBuf>,
    runtime: &Runtime,
) -> Result<(), Stop> {
    let mut shell = Shell::new(backend, args)?;
    let interactive = args.inputs.is_empty() && std::io::stdin().is_terminal();
    let waiting = waiting_runtime().map_err(cannot_start)?;
    let result = if interactive {
        repl::run(&mut shell, &waiting, runtime.handle(), history)
    } else {
        waiting.block_on(run_inputs(&mut shell, args))
    };
    match result {
        Ok(()) | Err(Stop::Quit) => shell.commit_output(),
        Err(stop) => Err(stop),
    }
}

async fn run_inputs(shell: &mut Shell, args: &SqlArgs) -> Result<(), Stop> {
    if args.inputs.is_empty() {
        return run_stdin(shell).await;
    }
    for input in &args.inputs {
        match input {
            Input::Text(text) => shell.run_text(text).await?,
            Input::File(path) if path.as_os_str() == "-" => run_stdin(shell).await?,
            Input::File(path) => shell.run_file(path).await?,
        }
    }
    Ok(())
}

/// Statements are run as they come, so that a program can feed them one by one.
async fn run_stdin(shell: &mut Shell) -> Result<(), Stop> {
    let (sender, receiver) = tokio::sync::mpsc::channel(64);
    std::thread::spawn(move || {
        let mut input = BufReader::new(std::io::stdin());
        loop {
            let mut line = Vec::new();
            let read = input.read_until(b'\n', &mut line);
            let end = matches!(read, Ok(0));
            let line = read.and_then(|_| String::from_utf8(line).map_err(std::io::Error::other));
            if end || sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    shell.run_lines(receiver).await
}
