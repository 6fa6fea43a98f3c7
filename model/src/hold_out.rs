//! Rows that are held out of a training, and how well the model does on them and on its own rows.
//!
//! # How a statement holds rows out
//!
//! ```text
//! scan 1      strata ─▶ which rows are held out
//! scans       the training, over the other rows
//! last scan   the model is scored, on both sides
//! ```
//!
//! 1. `let hold_out = HoldOut::of(class, 0.2)?;` refuses classes that learn no target.
//! 2. A scan collects `hold_out.strata(labels)`; `hold_out.split(collected)?` goes into
//!    [`crate::feature::Plan::held_out`]. There are no tasks where the share is 0.
//! 3. The training, with that plan.
//! 4. A scan by [`crate::feature::Plan::for_scores`] collects `hold_out.scoring(class, &definition)?`;
//!    `hold_out.scores(class, &collected)` are the metrics.

use std::collections::BTreeMap;

use crate::class::Class;
use crate::error::{Error, Kind, Result};
use crate::metric::metrics;
use crate::model::Definition;
use crate::statistic::{Collected, Part, Score, Split, Statistic, Strata, Task};

/// The share of rows that is held out. Of none, the model is scored on its own rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HoldOut {
    share: f64,
}

/// How well a model does: metrics by scikit-learn's names, of what is defined for the rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scores {
    /// On the rows that it learned from.
    pub in_sample: BTreeMap<String, f64>,
    /// On the rows that were held out.
    pub held_out: BTreeMap<String, f64>,
    pub rows_held_out: u64,
}

impl HoldOut {
    /// The share of rows that is held out.
    pub fn share(&self) -> f64 {
        self.share
    }

    pub fn of(class: &Class, share: f64) -> Result<Self> {
        if !(0.0..1.0).contains(&share) {
            let message = format!("invalid value for option \"data_split\": {share}");
            let hint = "It takes a number of at least 0 and below 1: the share that is held out.";
            return Err(Error::parameter(message).hint(hint));
        }
        if !class.purpose.needs_target() {
            let (class, purpose) = (class.name, class.purpose.name());
            let message = format!(
                "{class} cannot be scored on rows that are held out: it is for {purpose}, and only \
                 what learns a target is scored"
            );
            return Err(Error::new(Kind::Unsupported, message).hint("Leave data_split out."));
        }
        Ok(Self { share })
    }

    /// What tells which rows are held out, for a target with so many labels; 0 is a number.
    pub fn strata(&self, labels: usize) -> Vec<Task> {
        match self.share > 0.0 {
            true => vec![Task::of_all(Statistic::Strata(Strata { labels }))],
            false => Vec::new(),
        }
    }

    /// Which rows are held out.
    pub fn split(&self, collected: Collected) -> Result<Split> {
        let state = crate::train::only(collected)?;
        let split = Split::of(self.share, &state);
        if state.rows > 0 && split.is_empty() {
            let (share, rows) = (self.share, state.rows);
            let message = format!("no row is held out: data_split is {share} of {rows} rows");
            let hint = "Rows that are equal stay together, and each label keeps some. Take a larger \
                        share, or more rows.";
            return Err(Error::rows(message).hint(hint));
        }
        Ok(split)
    }

    /// What scores the model.
    pub fn scoring(&self, class: &Class, model: &Definition) -> Result<Vec<Task>> {
        let score = Score::of(class, model.fitted.clone(), model.setup())?.with_ranking();
        let task = |part: Part| Task::of(Statistic::Score(score.clone()), part);
        Ok(match self.share > 0.0 {
            true => vec![task(Part::Fold(0)), task(Part::Fold(1))],
            false => vec![task(Part::All)],
        })
    }

    pub fn scores(&self, class: &Class, collected: &Collected) -> Result<Scores> {
        let mut states = collected.0.iter();
        let own = states
            .next()
            .ok_or_else(|| Error::internal("a model was not scored"))?;
        let mut scores = Scores {
            in_sample: metrics(class, own)?.into_iter().collect(),
            ..Scores::default()
        };
        if let Some(held_out) = states.next() {
            scores.held_out = metrics(class, held_out)?.into_iter().collect();
            scores.rows_held_out = held_out.rows;
        }
        Ok(scores)
    }
}
