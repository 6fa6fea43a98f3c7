//! A trainer that looks at each feature by itself and finds some quantiles of its values.

use crate::error::{Error, Result};
use crate::fitted::Fitted;
use crate::statistic::columns::Column;
use crate::statistic::ranks::Search;
use crate::statistic::{Collected, Columns, Statistic, Task};
use crate::train::{Setup, Step, Trainer, only};

/// Makes a model of the features, and of the wanted quantiles of each.
type Fit = fn(&Setup, &[Column], &[&[f64]]) -> Result<Fitted>;

pub(super) struct ByQuantiles {
    setup: Setup,
    /// Between 0 and 1, of every feature.
    wanted: Vec<f64>,
    fit: Fit,
    columns: Vec<Column>,
    search: Option<Search>,
}

impl ByQuantiles {
    pub fn new(setup: &Setup, wanted: &[f64], fit: Fit) -> Self {
        Self {
            setup: setup.clone(),
            wanted: wanted.to_vec(),
            fit,
            columns: Vec::new(),
            search: None,
        }
    }
}

impl Trainer for ByQuantiles {
    fn tasks(&mut self) -> Vec<Task> {
        let features = self.setup.features.len();
        let first = || Some(Statistic::Columns(Columns { features }));
        let statistic = self.search.as_ref().map_or_else(first, Search::task);
        statistic.map(Task::of_all).into_iter().collect()
    }

    fn take(&mut self, collected: Collected) -> Result<Step> {
        let state = only(collected)?;
        let search = match &mut self.search {
            Some(search) => {
                search.take(&state)?;
                search
            }
            search => {
                if state.rows == 0 {
                    return Err(Error::rows("there are no rows to learn from"));
                }
                self.columns = Column::all(&state);
                let features = 0..self.columns.len();
                let wanted: Vec<(usize, f64)> = features
                    .flat_map(|feature| self.wanted.iter().map(move |q| (feature, *q)))
                    .collect();
                search.insert(Search::quantiles(&self.columns, &wanted))
            }
        };
        if search.task().is_some() {
            return Ok(Step::again("the ranks of values"));
        }
        let found = search.found();
        let each: Vec<&[f64]> = match self.wanted.len() {
            0 => vec![&[]; self.columns.len()],
            wanted => found.chunks_exact(wanted).collect(),
        };
        Step::done((self.fit)(&self.setup, &self.columns, &each)?)
    }
}
