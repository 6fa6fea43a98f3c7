//! What a session remembers between BEGIN and the end of the transaction: what its settings were,
//! its savepoints, and whether it may write.
//!
//! Rows are not among it: each statement is committed when it is done. Settings do go back.

use crate::error::{Error, Kind, Result};
use crate::settings::Settings;

#[derive(Debug, Default)]
pub struct Block {
    /// The settings at BEGIN: what ROLLBACK goes back to.
    before: Option<Settings>,
    /// The settings without those of SET LOCAL: what COMMIT goes on with.
    lasting: Option<Settings>,
    savepoints: Vec<Savepoint>,
    /// Statements that changed something.
    writes: usize,
    pub read_only: bool,
}

#[derive(Debug)]
struct Savepoint {
    name: String,
    writes: usize,
    settings: Settings,
}

impl Block {
    pub fn begin(settings: &Settings) -> Self {
        Self {
            before: Some(settings.clone()),
            lasting: Some(settings.clone()),
            read_only: settings.read_only(),
            ..Self::default()
        }
    }

    pub fn wrote(&mut self) {
        self.writes += 1;
    }

    /// Applies a change that outlives the transaction.
    pub fn set(&mut self, change: impl FnOnce(&mut Settings) -> Result<()>) -> Result<()> {
        self.lasting.as_mut().map_or(Ok(()), change)
    }

    /// Ends the transaction: the settings to go on with, if they differ from those in force.
    pub fn end(&mut self, committed: bool) -> Option<Settings> {
        let ended = std::mem::take(self);
        match committed {
            true => ended.lasting,
            false => ended.before,
        }
    }

    pub fn save(&mut self, name: &str, settings: &Settings) {
        self.savepoints.push(Savepoint {
            name: name.to_string(),
            writes: self.writes,
            settings: settings.clone(),
        });
    }

    /// Forgets the savepoint and those after it.
    pub fn release(&mut self, name: &str) -> Result<()> {
        let at = self.find(name)?;
        self.savepoints.truncate(at);
        Ok(())
    }

    /// Back to the savepoint, which stays: its settings, and whether statements since then cannot
    /// be undone.
    pub fn roll_back_to(&mut self, name: &str) -> Result<(Settings, bool)> {
        let at = self.find(name)?;
        self.savepoints.truncate(at + 1);
        let savepoint = &self.savepoints[at];
        let late = self.writes > savepoint.writes;
        self.lasting = Some(savepoint.settings.clone());
        Ok((savepoint.settings.clone(), late))
    }

    fn find(&self, name: &str) -> Result<usize> {
        let found = self.savepoints.iter().rposition(|s| s.name == name);
        found.ok_or_else(|| {
            Error::new(
                Kind::UndefinedSavepoint,
                format!("savepoint \"{name}\" does not exist"),
            )
        })
    }
}
