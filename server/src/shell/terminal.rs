//! What the terminal can do: its width, and whether colours are welcome.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};

/// Columns of the terminal; 80 when it does not say.
pub fn width_columns() -> usize {
    match crossterm::terminal::size() {
        Ok((columns, _)) if columns > 0 => usize::from(columns),
        _ => 80,
    }
}

pub fn stdout_colours() -> bool {
    std::io::stdout().is_terminal() && colours_welcome()
}

pub fn stderr_colours() -> bool {
    std::io::stderr().is_terminal() && colours_welcome()
}

fn colours_welcome() -> bool {
    let unset = |name| std::env::var_os(name).is_none_or(|value| value.is_empty());
    unset("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// True while the line editor owns the terminal and blocks the main thread.
static EDITING: AtomicBool = AtomicBool::new(false);

pub fn set_editing(editing: bool) {
    EDITING.store(editing, Ordering::SeqCst);
}

/// Ends the process when the line editor waits for input: nobody else can. The terminal is given
/// back as it was.
pub fn leave_if_idle() {
    if EDITING.load(Ordering::SeqCst) {
        let _ = crossterm::terminal::disable_raw_mode();
        std::process::exit(143);
    }
}
