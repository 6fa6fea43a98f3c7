//! Whoever waits for a training in memory: it may end the training, and is told how far it is.
//!
//! Trainers check between pieces of work of a few milliseconds. Nothing of it is part of a model.

use std::fmt;
use std::sync::Arc;

use crate::error::{Error, Kind, Result};

pub trait Watcher: Send + Sync {
    /// Whether the training is to end.
    fn is_cancelled(&self) -> bool;

    /// A step is done, and this is its loss.
    fn note(&self, _loss: f64) {}
}

/// A watcher, or none, which never ends anything.
#[derive(Clone, Default)]
pub struct Watch(Option<Arc<dyn Watcher>>);

/// Rows of cheap work between two checks.
pub const ROWS: usize = 1 << 14;

impl Watch {
    pub fn of(watcher: Arc<dyn Watcher>) -> Self {
        Self(Some(watcher))
    }

    /// Fails where the training is to end.
    pub fn check(&self) -> Result<()> {
        match &self.0 {
            Some(watcher) if watcher.is_cancelled() => {
                Err(Error::new(Kind::Cancelled, "the training was cancelled"))
            }
            _ => Ok(()),
        }
    }

    /// Checks at every so many rows.
    pub fn check_at(&self, row: usize) -> Result<()> {
        match row.is_multiple_of(ROWS) {
            true => self.check(),
            false => Ok(()),
        }
    }

    pub fn note(&self, loss: f64) {
        if let Some(watcher) = &self.0 {
            watcher.note(loss);
        }
    }
}

/// Who watches makes no difference.
impl PartialEq for Watch {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}
