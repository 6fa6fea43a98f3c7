//! What can be collected over rows, and for which of them.
//!
//! A [`Task`] is data, so that it can travel to where the rows are. Several tasks share a scan: folds
//! of a cross-validation, candidates of a search.

pub mod assign;
pub mod columns;
pub mod distinct;
pub mod early;
pub mod glm;
pub mod leave_one_out;
pub mod moments;
pub mod picks;
pub mod profile;
pub mod ranks;
pub mod score;
pub mod strata;
pub mod tally;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::rows::{Owned, Rows, mix};
use crate::state::State;
pub use assign::Assign;
pub use columns::Columns;
pub use distinct::{Counts, Distinct};
pub use early::Early;
pub use glm::Glm;
pub use leave_one_out::LeaveOneOut;
pub use moments::Moments;
pub use picks::Picks;
pub use profile::Profile;
pub use ranks::Ranks;
pub use score::Score;
pub use strata::{Split, Strata};
pub use tally::Tally;

/// A statistic of rows.
pub trait Collect {
    /// The state before any row.
    fn start(&self) -> State;
    fn update(&self, state: &mut State, rows: &Rows<'_>);
}

/// Every statistic there is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Statistic {
    Assign(Assign),
    Columns(Columns),
    Counts(Counts),
    Distinct(Distinct),
    Glm(Glm),
    Early(Early),
    LeaveOneOut(LeaveOneOut),
    Moments(Moments),
    Picks(Picks),
    Profile(Profile),
    Ranks(Ranks),
    Score(Score),
    Strata(Strata),
    Tally(Tally),
}

impl Statistic {
    fn collect(&self) -> &dyn Collect {
        match self {
            Statistic::Assign(assign) => assign,
            Statistic::Columns(columns) => columns,
            Statistic::Counts(counts) => counts,
            Statistic::Distinct(distinct) => distinct,
            Statistic::Glm(glm) => glm,
            Statistic::Early(early) => early,
            Statistic::LeaveOneOut(left_out) => left_out,
            Statistic::Moments(moments) => moments,
            Statistic::Picks(picks) => picks,
            Statistic::Profile(profile) => profile,
            Statistic::Ranks(ranks) => ranks,
            Statistic::Score(score) => score,
            Statistic::Strata(strata) => strata,
            Statistic::Tally(tally) => tally,
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

/// Rows that are chosen by their draws: those that are early in an order that depends on the seed. A
/// smaller sample of the same seed is part of a larger one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    pub seed: u64,
    /// The last place of each fold that is taken.
    pub last: Vec<u64>,
}

impl Sample {
    /// Where a row is in the order.
    pub fn place(seed: u64, draw: u64) -> u64 {
        // Another stream of chance than that of folds and passes.
        mix(draw ^ mix(seed ^ 0x0073_616d_706c_6573))
    }

    fn takes(&self, draw: u64, fold: u32) -> bool {
        let last = self.last.get(fold as usize);
        last.is_some_and(|last| Self::place(self.seed, draw) <= *last)
    }
}

/// A statistic to collect over some of the rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    pub statistic: Statistic,
    pub part: Part,
    /// Of that part, these rows; `None` is all.
    pub sample: Option<Sample>,
}

impl Task {
    pub fn of_all(statistic: Statistic) -> Self {
        Self {
            statistic,
            part: Part::All,
            sample: None,
        }
    }

    pub fn of(statistic: Statistic, part: Part) -> Self {
        Self {
            part,
            ..Self::of_all(statistic)
        }
    }

    /// Whether it uses the draws of rows.
    pub fn needs_draws(&self) -> bool {
        let of_statistic = matches!(
            self.statistic,
            Statistic::Picks(_) | Statistic::Early(_) | Statistic::Strata(_)
        );
        of_statistic || self.sample.is_some()
    }

    pub fn start(&self) -> State {
        self.statistic.collect().start()
    }

    pub fn update(&self, state: &mut State, rows: &Rows<'_>) {
        if !self.is_of_all() {
            return self.collect(state, &self.rows(rows));
        }
        state.rows += rows.count as u64;
        self.statistic.collect().update(state, rows);
    }

    fn is_of_all(&self) -> bool {
        self.part == Part::All && self.sample.is_none()
    }

    /// From the rows of its part.
    fn collect(&self, state: &mut State, part: &Owned) {
        state.rows += part.count as u64;
        part.view(|rows| self.statistic.collect().update(state, rows));
    }

    /// Those of the rows that count.
    pub fn rows(&self, rows: &Rows<'_>) -> Owned {
        let in_part = |row: usize| match self.part {
            Part::All => true,
            part => rows.fold.get(row).is_some_and(|fold| part.takes(*fold)),
        };
        let in_sample = |row: usize| match (&self.sample, rows.draw.get(row), rows.fold.get(row)) {
            (None, _, _) => true,
            (Some(sample), Some(draw), Some(fold)) => sample.takes(*draw, *fold),
            (Some(_), _, _) => false,
        };
        Owned::select(rows, |row| in_part(row) && in_sample(row))
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
        // Tasks of a search share parts: each is gathered once.
        let mut parts: Vec<(&Task, Owned)> = Vec::new();
        for (task, state) in tasks.iter().zip(&mut self.0) {
            if task.is_of_all() {
                task.update(state, rows);
                continue;
            }
            let alike = |(other, _): &&(&Task, Owned)| {
                (other.part, &other.sample) == (task.part, &task.sample)
            };
            match parts.iter().find(alike) {
                Some((_, part)) => task.collect(state, part),
                None => {
                    let part = task.rows(rows);
                    task.collect(state, &part);
                    parts.push((task, part));
                }
            }
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
