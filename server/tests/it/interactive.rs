//! The interactive shell, at a terminal that `script` provides.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::support::temporary;

/// A shell that nobody answers any more is a failure, not a test that hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a line editor asks a terminal: where the cursor is.
const CURSOR_QUESTION: &str = "\x1b[6n";

struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: Receiver<Vec<u8>>,
    /// What was shown and not yet waited for.
    shown: String,
}

impl Terminal {
    fn open(folder: &Path, args: &str) -> Self {
        let line = format!("{} sql {args}", env!("CARGO_BIN_EXE_quern"));
        let mut child = Command::new("script")
            .args(["-qec", &line, "/dev/null"])
            .env("HOME", folder)
            .env("TERM", "xterm")
            .env("NO_COLOR", "1")
            .env_remove("XDG_STATE_HOME")
            .env_remove("QUERN_CONFIG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let keys = child.stdin.take().unwrap();
        let mut output = child.stdout.take().unwrap();
        let (sender, screen) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            keys,
            screen,
            shown: String::new(),
        }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits until the text was shown, after what was waited for before.
    fn expect(&mut self, text: &str) {
        loop {
            if let Some(at) = self.shown.find(text) {
                self.shown.drain(..at + text.len());
                return;
            }
            // Only the end can become a part of what is waited for; a terminal shows much.
            let mut kept = self.shown.len().saturating_sub(2000);
            while !self.shown.is_char_boundary(kept) {
                kept += 1;
            }
            self.shown.drain(..kept);
            if !self.receive() {
                panic!("{text:?} was not shown, but {:?}", self.shown);
            }
        }
    }

    /// Takes what the shell shows next, and answers where the cursor is; false when nothing comes.
    fn receive(&mut self) -> bool {
        let Ok(bytes) = self.screen.recv_timeout(PATIENCE) else {
            return false;
        };
        self.shown += &String::from_utf8_lossy(&bytes);
        // A question may come in two pieces, so it is looked for in all that is kept, once.
        while let Some(at) = self.shown.find(CURSOR_QUESTION) {
            self.shown.replace_range(at..at + CURSOR_QUESTION.len(), "");
            self.press("\x1b[1;1R");
        }
        true
    }

    fn leave(mut self) -> Option<i32> {
        self.press("\x04");
        while self.receive() {}
        self.child.wait().unwrap().code()
    }
}

impl Drop for Terminal {
    /// A test that failed leaves no shell behind: without its terminal, the shell ends.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn statements_run_over_several_lines_and_errors_do_not_end_the_shell() {
    let folder = temporary();
    let mut terminal = Terminal::open(folder.path(), "");
    terminal.expect("Statements end with");
    terminal.expect("quern");
    terminal.press("SELECT 40 + 2\r");
    terminal.expect("...");
    terminal.press("AS answer;\r");
    terminal.expect("    42\r\n(1 row)");
    terminal.press("SELECT nope;\r");
    terminal.expect("column \"nope\" does not exist");
    terminal.expect("SQLSTATE: 42703");
    terminal.press("\\timin\r");
    terminal.expect("Did you mean \\timing?");
    terminal.press("SELECT 1;\r");
    terminal.expect("(1 row)");
    assert_eq!(terminal.leave(), Some(0));
    let history = folder.path().join(".local/state/quern/history");
    let history = std::fs::read_to_string(history).unwrap();
    assert!(
        history.contains("SELECT 40 + 2<\\n>AS answer;"),
        "{history}"
    );
}

#[test]
fn an_interrupt_cancels_the_query_and_keeps_the_shell() {
    let folder = temporary();
    let mut terminal = Terminal::open(folder.path(), "--format csv");
    terminal.expect("quern");
    terminal.press("SELECT value FROM generate_series(1, 1000000000000);\r");
    terminal.expect("\r\n1000\r\n");
    terminal.press("\x03");
    terminal.expect("canceling statement due to user request");
    terminal.press("SELECT 'still ' || 'here';\r");
    terminal.expect("still here");
    assert_eq!(terminal.leave(), Some(0));
}

#[test]
fn tab_completes_columns_of_the_statement() {
    let folder = temporary();
    let data = folder.path().join("data");
    let mut terminal = Terminal::open(folder.path(), &format!("--data-dir {}", data.display()));
    terminal.expect("quern");
    terminal.press("CREATE VIEW v AS SELECT 7 AS only_column;\r");
    terminal.expect("CREATE VIEW\r\n");
    terminal.press("SELECT v. FROM v;");
    terminal.expect("SELECT v. FROM v;");
    // Back to behind the dot.
    terminal.press(&format!("{}\t", "\x1b[D".repeat(" FROM v;".len())));
    terminal.expect("SELECT v.only_column");
    terminal.press("\r");
    terminal.expect("7\r\n(1 row)");
    assert_eq!(terminal.leave(), Some(0));
    assert!(data.join("history").exists());
}
