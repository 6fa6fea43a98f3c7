//! What a session remembers between BEGIN and the end of the transaction: what its settings were,
//! its savepoints, and whether it may write.
//!
//! Rows are not among it: each statement is committed when it is done. Settings do go back.

use std::collections::BTreeSet;

use crate::error::{Error, Kind, Result};
use crate::settings::Settings;

#[derive(Debug, Default)]
pub struct Block {
    /// The settings at BEGIN: what ROLLBACK goes back to. `None` outside of a transaction.
    before: Option<Settings>,
    local: Local,
    savepoints: Vec<Savepoint>,
    /// Statements that changed something.
    writes: usize,
}

/// The settings of SET LOCAL, and the values that COMMIT goes back to.
#[derive(Debug, Clone, Default)]
struct Local {
    names: BTreeSet<&'static str>,
    hidden: Settings,
}

#[derive(Debug)]
struct Savepoint {
    name: String,
    writes: usize,
    settings: Settings,
    local: Local,
}

impl Block {
    pub fn begin(settings: &Settings) -> Self {
        Self {
            before: Some(settings.clone()),
            ..Self::default()
        }
    }

    pub fn wrote(&mut self) {
        self.writes += 1;
    }

    pub fn is_open(&self) -> bool {
        self.before.is_some()
    }

    /// Notes that a setting is about to change from what it is in `settings`.
    pub fn changes(&mut self, name: &'static str, settings: &Settings, local: bool) -> Result<()> {
        match local {
            true if self.local.names.insert(name) => self.local.hidden.reset(name, settings)?,
            true => {}
            false => drop(self.local.names.remove(name)),
        }
        Ok(())
    }

    /// Ends the transaction: the settings to go on with, if there was one.
    pub fn end(&mut self, committed: bool, settings: &Settings) -> Result<Option<Settings>> {
        let ended = std::mem::take(self);
        if ended.before.is_none() || !committed {
            return Ok(ended.before);
        }
        let mut lasting = settings.clone();
        for name in ended.local.names {
            lasting.reset(name, &ended.local.hidden)?;
        }
        Ok(Some(lasting))
    }

    pub fn save(&mut self, name: &str, settings: &Settings) {
        self.savepoints.push(Savepoint {
            name: name.to_string(),
            writes: self.writes,
            settings: settings.clone(),
            local: self.local.clone(),
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
        self.local = savepoint.local.clone();
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
