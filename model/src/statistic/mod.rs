//! What can be collected over rows, and for which of them.
//!
//! A [`Task`] is data, so that it can travel to where the rows are. Several tasks share a scan: folds
//! of a cross-validation, candidates of a search.

pub mod moments;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::rows::{Owned, Rows};
use crate::state::State;
pub use moments::Moments;

/// A statistic of rows.
pub trait Collect {
    /// The state before any row.
    fn start(&self) -> State;
    fn update(&self, state: &mut State, rows: &Rows<'_>);
}

/// Every statistic there is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Statistic {
    Moments(Moments),
}

impl Statistic {
    fn collect(&self) -> &dyn Collect {
        match self {
            Statistic::Moments(moments) => moments,
        }
    }
}

/// Which rows count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    All,
    Fold(u32),
    Except(u32),
}

impl Part {
    fn takes(self, fold: u32) -> bool {
        match self {
            Part::All => true,
            Part::Fold(own) => fold == own,
            Part::Except(own) => fold != own,
        }
    }
}

/// A statistic to collect over some of the rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    pub statistic: Statistic,
    pub part: Part,
}

impl Task {
    pub fn of_all(statistic: Statistic) -> Self {
        Self {
            statistic,
            part: Part::All,
        }
    }

    pub fn start(&self) -> State {
        self.statistic.collect().start()
    }

    pub fn update(&self, state: &mut State, rows: &Rows<'_>) {
        let collect = self.statistic.collect();
        if self.part == Part::All {
            state.rows += rows.count as u64;
            return collect.update(state, rows);
        }
        let wanted = |row: usize| rows.fold.get(row).is_some_and(|f| self.part.takes(*f));
        let part = Owned::select(rows, wanted);
        state.rows += part.count as u64;
        part.view(|rows| collect.update(state, rows));
    }
}

/// The states of all tasks of a scan: what a part of the rows yields.
#[derive(Debug, Clone, PartialEq)]
pub struct Collected(pub Vec<State>);

impl Collected {
    pub fn start(tasks: &[Task]) -> Self {
        Self(tasks.iter().map(Task::start).collect())
    }

    pub fn update(&mut self, tasks: &[Task], rows: &Rows<'_>) {
        for (task, state) in tasks.iter().zip(&mut self.0) {
            task.update(state, rows);
        }
    }

    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if self.0.len() != other.0.len() {
            return Err(Error::internal(
                "states of different scans cannot be merged",
            ));
        }
        self.0
            .iter_mut()
            .zip(&other.0)
            .try_for_each(|(mine, theirs)| mine.merge(theirs))
    }

    pub fn size(&self) -> usize {
        self.0.iter().map(State::size).sum()
    }

    pub fn to_bytes(&mut self) -> Vec<u8> {
        let mut out = (self.0.len() as u32).to_le_bytes().to_vec();
        for state in &mut self.0 {
            state.settle();
            state.write(&mut out);
        }
        out
    }

    pub fn from_bytes(mut bytes: &[u8]) -> Result<Self> {
        let damaged = || Error::corrupt("the state of a scan is damaged");
        let (count, rest) = bytes.split_first_chunk::<4>().ok_or_else(damaged)?;
        bytes = rest;
        let count = u32::from_le_bytes(*count);
        let states = (0..count).map(|_| State::read(&mut bytes));
        let states = states.collect::<Result<Vec<_>>>()?;
        if bytes.is_empty() {
            Ok(Self(states))
        } else {
            Err(damaged())
        }
    }
}
