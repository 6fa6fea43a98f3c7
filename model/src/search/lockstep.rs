//! Candidates and folds trained and scored side by side, so that they share scans.
//!
//! ```text
//! slot (candidate, fold):   training … training → scoring → score
//!                           rows outside the fold  its rows
//! scan:                     the tasks of all slots; equal ones are collected once
//! ```
//!
//! Where states would take too much memory, later slots wait until earlier ones are done.

use std::collections::BTreeMap;

use super::score::Scoring;
use crate::class::{Class, Training};
use crate::error::{Error, Kind, Result};
use crate::fitted::Fitted;
use crate::statistic::{Collected, Part, Sample, Score, Statistic, Task};
use crate::train::{Setup, Step, Trainer};

/// States of one scan take about this much at most, unless a single one takes more.
const LIMIT_BYTES: usize = 256 << 20;

/// What all slots share.
#[derive(Debug, Clone)]
pub struct Frame {
    pub class: &'static Class,
    pub scoring: Scoring,
    pub folds: u32,
    /// Whether a candidate that cannot be trained fails the search.
    pub raise: bool,
}

pub struct Lockstep {
    frame: Frame,
    sample: Option<Sample>,
    slots: Vec<Slot>,
    /// The slots that asked for something, and the places of their tasks in the scan.
    asked: Vec<(usize, Vec<usize>)>,
    pub warnings: Warnings,
}

struct Slot {
    fold: u32,
    setup: Setup,
    stage: Stage,
}

enum Stage {
    Training(Box<dyn Trainer>),
    Scoring(Box<Score>),
    Done(f64),
}

/// How often each warning was given.
#[derive(Debug, Clone, Default)]
pub struct Warnings(BTreeMap<String, usize>);

impl Warnings {
    pub fn add(&mut self, warning: String) {
        *self.0.entry(warning).or_default() += 1;
    }

    pub fn add_all(&mut self, fitted: &Fitted) {
        fitted
            .facts
            .warnings
            .iter()
            .cloned()
            .for_each(|warning| self.add(warning));
    }

    pub fn merge(&mut self, other: Self) {
        for (warning, count) in other.0 {
            *self.0.entry(warning).or_default() += count;
        }
    }

    pub fn texts(&self) -> Vec<String> {
        let text = |(warning, count): (&String, &usize)| match count {
            1 => warning.clone(),
            count => format!("{warning} (of {count} trainings)"),
        };
        self.0.iter().map(text).collect()
    }
}

impl Frame {
    /// The score of a model that could not be trained: unknown, unless that fails the search.
    pub fn failed(&self, error: Error, warnings: &mut Warnings) -> Result<f64> {
        if self.raise || error.kind != Kind::InvalidRows {
            return Err(error);
        }
        warnings.add(format!("a candidate has no score: {error}"));
        Ok(f64::NAN)
    }

    /// What scores a model.
    pub fn score_of(&self, fitted: Fitted, setup: &Setup) -> Result<Score> {
        let score = Score::of(self.class, fitted, setup.clone())?;
        if self.scoring.needs_probabilities() && !score.has_probabilities() {
            let (class, name) = (self.class.name, self.scoring.name());
            let message = format!("{class} gives no probabilities, which \"{name}\" needs");
            return Err(Error::parameter(message).hint("Take scoring = 'accuracy'."));
        }
        Ok(score)
    }

    pub fn trainer(&self, setup: &Setup) -> Result<Box<dyn Trainer>> {
        match self.class.training {
            Training::Chunks(trainer) => trainer(setup),
            Training::Memory { .. } => Err(Error::internal(format!(
                "{} does not train over chunks",
                self.class.name
            ))),
        }
    }
}

impl Lockstep {
    /// `setups` are those of each candidate in each fold, candidate by candidate.
    pub fn of(frame: &Frame, sample: Option<Sample>, setups: Vec<Setup>) -> Result<Self> {
        let mut warnings = Warnings::default();
        let mut slots = Vec::with_capacity(setups.len());
        for (at, setup) in setups.into_iter().enumerate() {
            let stage = match frame.trainer(&setup) {
                Ok(trainer) => Stage::Training(trainer),
                Err(error) => Stage::Done(frame.failed(error, &mut warnings)?),
            };
            slots.push(Slot {
                fold: at as u32 % frame.folds,
                setup,
                stage,
            });
        }
        Ok(Self {
            frame: frame.clone(),
            sample,
            slots,
            asked: Vec::new(),
            warnings,
        })
    }

    pub fn tasks(&mut self) -> Vec<Task> {
        let (mut tasks, mut bytes) = (Vec::new(), 0);
        self.asked.clear();
        for (at, slot) in self.slots.iter_mut().enumerate() {
            let wanted = slot.tasks(self.sample.as_ref());
            if wanted.is_empty() {
                continue;
            }
            let mut places = Vec::with_capacity(wanted.len());
            for task in wanted {
                let place = tasks.iter().position(|known| *known == task);
                places.push(place.unwrap_or(tasks.len()));
                if place.is_none() {
                    bytes += task.start().size();
                    tasks.push(task);
                }
            }
            self.asked.push((at, places));
            if bytes > LIMIT_BYTES {
                break;
            }
        }
        tasks
    }

    /// Trainings that are over, and that there are.
    pub fn done(&self) -> (usize, usize) {
        let done = self.slots.iter();
        let done = done.filter(|slot| matches!(slot.stage, Stage::Done(_)));
        (done.count(), self.slots.len())
    }

    /// The scores of each candidate, when all are known.
    pub fn take(&mut self, collected: &Collected) -> Result<Option<Vec<Vec<f64>>>> {
        for (at, places) in std::mem::take(&mut self.asked) {
            let states = places.iter().map(|place| collected.0.get(*place).cloned());
            let states: Option<Vec<_>> = states.collect();
            let (Some(states), Some(slot)) = (states, self.slots.get_mut(at)) else {
                return Err(Error::internal("a scan collected too little"));
            };
            slot.take(&self.frame, Collected(states), &mut self.warnings)?;
        }
        let scores = self.slots.iter().map(|slot| match slot.stage {
            Stage::Done(score) => Some(score),
            _ => None,
        });
        let scores: Option<Vec<f64>> = scores.collect();
        let by_candidate = |scores: Vec<f64>| {
            let each = scores.chunks(self.frame.folds as usize);
            each.map(<[f64]>::to_vec).collect()
        };
        Ok(scores.map(by_candidate))
    }
}

impl Slot {
    fn tasks(&mut self, sample: Option<&Sample>) -> Vec<Task> {
        let sample = || sample.cloned();
        match &mut self.stage {
            Stage::Training(trainer) => {
                let tasks = trainer.tasks().into_iter();
                let outside = |task: Task| Task {
                    part: Part::Except(self.fold),
                    sample: sample(),
                    ..task
                };
                tasks.map(outside).collect()
            }
            Stage::Scoring(score) => vec![Task {
                statistic: Statistic::Score(score.as_ref().clone()),
                part: Part::Fold(self.fold),
                sample: sample(),
            }],
            Stage::Done(_) => Vec::new(),
        }
    }

    fn take(&mut self, frame: &Frame, states: Collected, warnings: &mut Warnings) -> Result<()> {
        match &mut self.stage {
            Stage::Training(trainer) => match trainer.take(states) {
                Ok(Step::Again { .. }) => {}
                Ok(Step::Done(fitted)) => {
                    warnings.add_all(&fitted);
                    let score = frame.score_of(*fitted, &self.setup)?;
                    self.stage = Stage::Scoring(Box::new(score));
                }
                Err(error) => self.stage = Stage::Done(frame.failed(error, warnings)?),
            },
            Stage::Scoring(_) => {
                let state = states.0.first();
                let state = state.filter(|state| state.rows > 0).ok_or_else(|| {
                    super::moments::no_rows(self.fold as usize, frame.folds as usize)
                })?;
                self.stage = Stage::Done(frame.scoring.of_state(state)?);
            }
            Stage::Done(_) => {}
        }
        Ok(())
    }
}
