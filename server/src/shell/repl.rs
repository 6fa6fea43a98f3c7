//! The interactive shell: read, run, print, until Ctrl-D.

use quern_engine::Error;
use reedline::Signal;
use tokio::runtime::Runtime;

use super::editor::{QuernPrompt, editor};
use super::names::NameCache;
use super::output::Expanded;
use super::shell::Shell;
use super::{Stop, history, report, terminal};

/// Statements are waited for on `waiting`.
pub fn run(shell: &mut Shell, waiting: &Runtime) -> Result<(), Stop> {
    shell.interactive = true;
    shell.look.expanded = Expanded::Auto;
    let names = NameCache::new(&shell.engine, &shell.session, shell.workers());
    let settings = shell.engine.settings().clone();
    let mut editor = editor(names.clone(), history::file(settings.data_dir()));
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
