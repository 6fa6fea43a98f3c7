//! What meta-commands do.

use std::io::Write;

use quern_engine::sql::quote_literal;
use quern_engine::{Error, Kind};

use super::meta::{COMMANDS, Meta};
use super::output::{Expanded, Format};
use super::shell::Shell;
use super::{Stop, describe, meta, report};

/// The one catalog there is.
const CATALOG: &str = "quern";

impl Shell {
    /// Runs one meta-command.
    pub async fn run_meta(&mut self, line: &str) -> Result<(), Stop> {
        let meta = meta::parse(line).map_err(failed)?;
        let statements = describe::statements(&meta, CATALOG);
        for statement in &statements {
            self.run_statement(statement, 1).await?;
        }
        if !statements.is_empty() {
            return Ok(());
        }
        match meta {
            Meta::Quit => return Err(Stop::Quit),
            Meta::Help => self.print(&help()),
            Meta::ConnectionInfo => self.print(&self.backend.describe()),
            Meta::Include(path) => return Box::pin(self.run_file(&path)).await,
            Meta::Set(assignment) => return self.set(assignment).await,
            Meta::Output(path) => {
                self.commit_output()?;
                return self.set_output(path.as_deref());
            }
            Meta::Timing(on) => {
                self.timing = on.unwrap_or(!self.timing);
                self.confirm(&format!("Timing is {}.", on_off(self.timing)));
            }
            Meta::Format(format) => {
                self.look.format = format.unwrap_or(self.look.format);
                self.confirm(&format!("Rows are written as {}.", self.look.format.name()));
            }
            Meta::Expanded(expanded) => {
                self.look.expanded = expanded.unwrap_or(match self.look.expanded {
                    Expanded::On => Expanded::Off,
                    Expanded::Off | Expanded::Auto => Expanded::On,
                });
                let state = match self.look.expanded {
                    Expanded::On => "on",
                    Expanded::Off => "off",
                    Expanded::Auto => "automatic",
                };
                self.confirm(&format!("Expanded display is {state}."));
            }
            // Those that look into the catalog are statements.
            _ => {}
        }
        Ok(())
    }

    async fn set(&mut self, assignment: Option<(String, Option<String>)>) -> Result<(), Stop> {
        let statement = match assignment {
            None => "SHOW ALL".to_string(),
            Some((name, None)) => format!("SHOW {name}"),
            Some((name, Some(value))) => format!("SET {name} = {}", quote_literal(&value)),
        };
        self.run_statement(&statement, 1).await
    }

    /// Says what a command changed; a script needs no such answer.
    fn confirm(&mut self, text: &str) {
        if self.interactive {
            self.print(&format!("{text}\n"));
        }
    }

    /// Text for people goes to the screen, whatever rows go to.
    pub fn print(&self, text: &str) {
        let mut stdout = std::io::stdout().lock();
        let _ = stdout.write_all(text.as_bytes());
        let _ = stdout.flush();
    }
}

fn failed(error: Error) -> Stop {
    report::error(&error, None);
    Stop::Failed
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

fn help() -> String {
    let mut text = String::new();
    for command in COMMANDS {
        let usage = format!("{} {}", command.name, command.arguments);
        text += &format!("  {usage:<22}{}\n", command.doc);
    }
    text + "\nAll else is SQL and ends with \";\". Ctrl-C cancels, Ctrl-D leaves, Tab completes.\n"
}

/// Binary formats are for files.
pub fn refuse_terminal(format: Format) -> Error {
    let message = format!("{} is not for a terminal", format.name());
    Error::new(Kind::InvalidParameterValue, message)
        .hint("Give a file (-o, or \\o FILE), or redirect the output.")
}
