//! A search as a trainer: rounds of candidates, then the winner on all rows.
//!
//! ```text
//! count ─▶ round: moments of each fold ─▶ scores ─▶ next round, or the winner
//! (halving)       side by side ─────────▶           on all rows
//! ```
//!
//! Of a classification, the first scan of candidates side by side counts the labels of each fold as well.

use super::candidate::{Candidate, candidates};
use super::lockstep::{Frame, Lockstep, Warnings};
use super::moments::{Folds, no_rows};
use super::schedule::Schedule;
use super::score::Scoring;
use super::table::{self, Tried};
use super::{Method, Outcome, Way};
use crate::class::{Class, Purpose, Training};
use crate::error::{Error, Result};
use crate::fitted::Fitted;
use crate::parameter::{Parameters, Value};
use crate::rows::Owned;
use crate::state::State;
use crate::statistic::{Collected, Early, Moments, Part, Sample, Statistic, Tally, Task};
use crate::train::{Setup, Step, Trainer};

/// A search under way. See [`crate::search`] for how it is run.
pub struct Search {
    pub(super) frame: Frame,
    pub(super) setup: Setup,
    options: Parameters,
    way: Way,
    /// Whether models follow from the moments of the folds.
    of_moments: bool,
    /// The rounds, where there are several.
    halving: Option<Halving>,
    pub(super) round: Round,
    tried: Vec<Tried>,
    pub(super) warnings: Warnings,
    stage: Stage,
    outcome: Option<Outcome>,
}

/// The rounds of a halving search, and the rows that they are drawn from.
struct Halving {
    schedule: Schedule,
    early: Early,
    folds: Vec<State>,
}

/// Places that are kept of each fold: samples up to this size are exact.
const EARLY_LIMIT: u32 = 4096;

/// Candidates that have the same rows.
#[derive(Debug)]
pub(super) struct Round {
    number: usize,
    resources: u64,
    pub(super) sample: Option<Sample>,
    pub(super) candidates: Vec<Candidate>,
}

enum Stage {
    Count,
    Moments,
    Slots {
        lockstep: Box<Lockstep>,
        /// Whether the labels of each fold are still to be counted, which the first scan does.
        uncounted: bool,
    },
    Refit(Box<dyn Trainer>),
    Done,
}

/// What comes after a round.
pub(super) enum Next {
    Round,
    Refit(Setup),
}

impl Search {
    pub(super) fn of(
        method: &Method,
        options: &Parameters,
        class: &'static Class,
        setup: &Setup,
        tuned: &[(String, Value)],
    ) -> Result<Self> {
        let scoring = Scoring::of(options.word("scoring"), class, setup.labels.len())?;
        let (candidates, found) = candidates(method, options, class, &setup.parameters, tuned)?;
        let mut warnings = Warnings::default();
        found.into_iter().for_each(|warning| warnings.add(warning));
        let frame = Frame {
            class,
            scoring,
            folds: super::folds(options)?.unwrap_or(5),
            raise: options.word("error_score") == "raise",
        };
        let of_moments = match class.training {
            Training::Chunks(trainer) => {
                let trainer = trainer(setup)?;
                if trainer.folds() > 0 {
                    let short = class.name.strip_suffix("CV").unwrap_or(class.name);
                    let message = format!("{} has folds of its own", class.name);
                    return Err(Error::parameter(message).hint(format!("Search {short} instead.")));
                }
                trainer.of_moments().is_some() && scoring.is_of_moments()
            }
            Training::Memory { .. } => false,
        };
        let mut search = Self {
            frame,
            setup: setup.clone(),
            options: options.clone(),
            way: method.way,
            of_moments,
            halving: None,
            round: Round {
                number: 0,
                resources: 0,
                sample: None,
                candidates,
            },
            tried: Vec::new(),
            warnings,
            stage: Stage::Count,
            outcome: None,
        };
        let over_chunks = matches!(class.training, Training::Chunks(_));
        if method.way != Way::Halving && over_chunks {
            search.stage = search.first_stage()?;
        }
        Ok(search)
    }

    /// What was found; an error before the search is done.
    pub fn outcome(&self) -> Result<&Outcome> {
        let outcome = self.outcome.as_ref();
        outcome.ok_or_else(|| Error::internal("the search is not done"))
    }

    /// Searches in memory, for classes that train there. Gives the winner.
    pub fn in_memory(&mut self, rows: &Owned) -> Result<Fitted> {
        if self.way == Way::Halving {
            let tasks = self.by_fold(Statistic::Early(self.early()));
            self.plan_rounds(super::memory::collect(&tasks, rows).0)?;
        }
        loop {
            let scores = super::memory::scores(self, rows)?;
            if let Next::Refit(setup) = self.finish_round(scores)? {
                let fitted = super::memory::train(self.frame.class, &setup, rows)?;
                self.outcome = self.outcome.take().map(|o| o.warned(&self.warnings));
                return Ok(fitted);
            }
        }
    }

    fn early(&self) -> Early {
        Early {
            seed: self.options.seed(),
            limit: EARLY_LIMIT,
        }
    }

    /// The rounds of a halving search, from what is known of the rows of each fold.
    fn plan_rounds(&mut self, mut folds: Vec<State>) -> Result<()> {
        folds.iter_mut().for_each(State::settle);
        if let Some(empty) = folds.iter().position(|fold| fold.rows == 0) {
            return Err(no_rows(empty, folds.len()));
        }
        let schedule = Schedule::of(
            &self.options,
            self.round.candidates.len(),
            folds.iter().map(|fold| fold.rows).sum(),
            self.frame.folds,
            self.setup.labels.len(),
        )?;
        self.halving = Some(Halving {
            schedule,
            early: self.early(),
            folds,
        });
        self.set_round(0);
        Ok(())
    }

    fn set_round(&mut self, number: usize) {
        self.round.number = number;
        let Some(halving) = &self.halving else {
            return;
        };
        let rows: u64 = halving.folds.iter().map(|fold| fold.rows).sum();
        let resources = halving.schedule.resources.get(number).copied();
        self.round.resources = resources.unwrap_or(rows);
        self.round.sample = (self.round.resources < rows).then(|| {
            let share = self.round.resources as f64 / rows as f64;
            halving.early.sample(share, &halving.folds)
        });
    }

    fn first_stage(&self) -> Result<Stage> {
        match self.of_moments {
            true => Ok(Stage::Moments),
            false => self.slots(),
        }
    }

    /// The slots of the round.
    fn slots(&self) -> Result<Stage> {
        let candidates = self.round.candidates.iter();
        let setups = candidates.flat_map(|candidate| {
            let setup = Setup {
                parameters: candidate.parameters.clone(),
                ..self.setup.clone()
            };
            std::iter::repeat_n(setup, self.frame.folds as usize)
        });
        let lockstep = Lockstep::of(&self.frame, self.round.sample.clone(), setups.collect())?;
        Ok(Stage::Slots {
            lockstep: Box::new(lockstep),
            uncounted: self.frame.class.purpose == Purpose::Classification,
        })
    }

    /// Counts the labels.
    pub(super) fn tally(&self) -> Statistic {
        let labels = self.setup.labels.len();
        Statistic::Tally(Tally { labels })
    }

    /// A task for each fold.
    pub(super) fn by_fold(&self, statistic: Statistic) -> Vec<Task> {
        let fold = |fold: u32| Task {
            sample: self.round.sample.clone(),
            ..Task::of(statistic.clone(), Part::Fold(fold))
        };
        (0..self.frame.folds).map(fold).collect()
    }

    /// Notes the scores of a round. Candidates of the next one are set, or the winner is known.
    pub(super) fn finish_round(&mut self, scores: Vec<Vec<f64>>) -> Result<Next> {
        let candidates = std::mem::take(&mut self.round.candidates);
        let resources = self.halving.is_some().then_some(self.round.resources);
        let round = resources.map(|resources| (self.round.number, resources));
        let first = self.tried.len();
        let tried = candidates.into_iter().zip(scores);
        self.tried.extend(tried.map(|(candidate, scores)| Tried {
            candidate,
            scores,
            round,
        }));
        let means: Vec<f64> = self.tried[first..].iter().map(Tried::mean).collect();
        if let Some(Halving { schedule, .. }) = &self.halving
            && self.round.number + 1 < schedule.resources.len()
        {
            let kept = schedule.keep(&means);
            let kept = kept
                .into_iter()
                .map(|at| self.tried[first + at].candidate.clone());
            self.round.candidates = kept.collect();
            self.set_round(self.round.number + 1);
            return Ok(Next::Round);
        }
        let ranks = table::ranks(&means);
        let best = ranks.iter().position(|rank| *rank == 1).unwrap_or(0);
        if means.iter().all(|mean| mean.is_nan()) {
            let why = self.warnings.texts().join("; ");
            return Err(Error::rows(format!("no candidate has a score: {why}")));
        }
        let winner = &self.tried[first + best];
        let setup = Setup {
            parameters: winner.candidate.parameters.clone(),
            ..self.setup.clone()
        };
        self.outcome = Some(Outcome {
            columns: table::columns(&self.tried),
            best: first + best,
            best_score: means[best],
            best_parameters: winner.candidate.values.clone(),
            parameters: setup.parameters.clone(),
            warnings: Vec::new(),
        });
        Ok(Next::Refit(setup))
    }

    /// Goes on after a round; `whole` are the moments of all rows, where they are known.
    fn go_on(&mut self, scores: Vec<Vec<f64>>, whole: Option<&State>) -> Result<Step> {
        let setup = match self.finish_round(scores)? {
            Next::Round => {
                self.stage = self.first_stage()?;
                return Ok(Step::again(format!("round {}", self.round.number + 1)));
            }
            Next::Refit(setup) => setup,
        };
        let trainer = self.frame.trainer(&setup)?;
        if let (Some(whole), Some(model)) = (whole, trainer.of_moments()) {
            return self.finish(model.fit(whole)?);
        }
        self.stage = Stage::Refit(trainer);
        Ok(Step::again("the best candidate on all rows"))
    }

    fn finish(&mut self, fitted: Fitted) -> Result<Step> {
        self.stage = Stage::Done;
        self.outcome = self.outcome.take().map(|o| o.warned(&self.warnings));
        Step::done(fitted)
    }

    /// The scores of the round's candidates from the moments of the folds.
    fn score_moments(&mut self, folds: &Folds) -> Result<Vec<Vec<f64>>> {
        let mut scores = Vec::with_capacity(self.round.candidates.len());
        for candidate in &self.round.candidates {
            self.setup.watch.check()?;
            let setup = Setup {
                parameters: candidate.parameters.clone(),
                ..self.setup.clone()
            };
            let trainer = self.frame.trainer(&setup)?;
            let model = trainer
                .of_moments()
                .ok_or_else(|| Error::internal("moments are not enough"))?;
            let mut row = Vec::with_capacity(folds.count());
            for (fold, training) in folds.training.iter().enumerate() {
                row.push(match model.fit(training).and_then(Fitted::checked) {
                    Ok(fitted) => {
                        self.warnings.add_all(&fitted);
                        self.frame
                            .scoring
                            .of_errors(&folds.errors(fold, &fitted)?)?
                    }
                    Err(error) => self.frame.failed(error, &mut self.warnings)?,
                });
            }
            scores.push(row);
        }
        Ok(scores)
    }
}

/// Fails where a label is in one fold only: models that never saw a label cannot be compared.
pub(super) fn check_labels(labels: &[String], folds: &[State]) -> Result<()> {
    for fold in 0..folds.len() {
        if folds[fold].rows == 0 {
            return Err(no_rows(fold, folds.len()));
        }
        let others = || folds.iter().enumerate().filter(|(at, _)| *at != fold);
        let seen = |label: usize| others().any(|(_, other)| other.sums[label].value() > 0.0);
        if let Some(label) = (0..labels.len()).find(|label| !seen(*label)) {
            let label = &labels[label];
            let message = format!("no row outside fold {fold} has the label '{label}'");
            return Err(Error::rows(message)
                .hint("Take fewer folds, or more rows (of HalvingGridSearchCV: min_resources)."));
        }
    }
    Ok(())
}

impl Outcome {
    fn warned(self, warnings: &Warnings) -> Self {
        Self {
            warnings: warnings.texts(),
            ..self
        }
    }
}

impl Trainer for Search {
    fn folds(&self) -> u32 {
        self.frame.folds
    }

    fn tasks(&mut self) -> Vec<Task> {
        let tallies = self.by_fold(self.tally());
        match &mut self.stage {
            Stage::Count => self.by_fold(Statistic::Early(self.early())),
            Stage::Moments => self.by_fold(Statistic::Moments(Moments {
                features: self.setup.features.len(),
                target: true,
            })),
            Stage::Slots {
                lockstep,
                uncounted,
            } => {
                let counts = tallies.into_iter().filter(|_| *uncounted);
                lockstep.tasks().into_iter().chain(counts).collect()
            }
            Stage::Refit(trainer) => trainer.tasks(),
            Stage::Done => Vec::new(),
        }
    }

    fn take(&mut self, mut collected: Collected) -> Result<Step> {
        match &mut self.stage {
            Stage::Count => {
                self.plan_rounds(collected.0)?;
                self.stage = self.first_stage()?;
            }
            Stage::Moments => {
                let folds = Folds::of(&collected.0)?;
                let scores = self.score_moments(&folds)?;
                let whole = self.round.sample.is_none().then_some(&folds.whole);
                return self.go_on(scores, whole);
            }
            Stage::Slots {
                lockstep,
                uncounted,
            } => {
                if std::mem::take(uncounted) {
                    let slots = collected.0.len().saturating_sub(self.frame.folds as usize);
                    check_labels(&self.setup.labels, &collected.0.split_off(slots))?;
                }
                if let Some(scores) = lockstep.take(&collected)? {
                    self.warnings.merge(std::mem::take(&mut lockstep.warnings));
                    return self.go_on(scores, None);
                }
                let (done, all) = lockstep.done();
                return Ok(Step::again(format!("{done} of {all} trainings done")));
            }
            Stage::Refit(trainer) => match trainer.take(collected)? {
                Step::Done(fitted) => return self.finish(*fitted),
                again => return Ok(again),
            },
            Stage::Done => return Err(Error::internal("the search is done")),
        }
        Ok(Step::again(format!(
            "{} candidates",
            self.round.candidates.len()
        )))
    }
}
