//! The interactive shell: read, run, print, until Ctrl-D.

use std::path::PathBuf;

use quern_engine::Error;
use reedline::Signal;
use tokio::runtime::{Handle, Runtime};

use super::editor::{QuernPrompt, editor};
use super::names::NameCache;
use super::output::Expanded;
use super::shell::Shell;
use super::{Stop, report, terminal};

/// Statements are waited for on `waiting`, names for Tab are read on `workers`.
pub fn run(
    shell: &mut Shell,
    waiting: &Runtime,
    workers: &Handle,
    history: Option<PathBuf>,
) -> Result<(), Stop> {
    shell.interactive = true;
    shell.look.expanded = Expanded::Auto;
    let names = NameCache::new(&shell.backend, workers);
    let mut editor = editor(names.clone(), history);
    shell.print(&format!(
        "Quern {}. Statements end with \";\". \\? lists the commands, \\q leaves.\n\n",
        env!("CARGO_PKG_VERSION")
    ));
    loop {
        terminal::set_editing(true);
        let signal = editor.read_line(&QuernPrompt);
        terminal::set_editing(false);
        let _ = editor.sync_history();
        match signal {
            Ok(Signal::Success(text)) => {
                let result = waiting.block_on(shell.run_entry(&text));
                names.forget();
                match result {
                    Ok(()) | Err(Stop::Failed) => {}
                    Err(Stop::Quit) => return Ok(()),
                    Err(stop) => return Err(stop),
                }
            }
            Ok(Signal::CtrlD) => return Ok(()),
            Ok(_) => {}
            Err(e) => {
                let error = Error::from(std::io::Error::other(e.to_string()));
                report::error(&error, None);
                return Err(Stop::Failed);
            }
        }
    }
}
