//! The candidates of a round in memory, for classes that train there.

use super::driver::{Search, check_labels};
use crate::class::{Class, Purpose, Training};
use crate::error::{Error, Result};
use crate::fitted::Fitted;
use crate::rows::Owned;
use crate::statistic::{Collected, Part, Statistic, Tally, Task};
use crate::train::Setup;

/// Trains on all of the rows.
pub fn train(class: &Class, setup: &Setup, rows: &Owned) -> Result<Fitted> {
    match class.training {
        Training::Memory { train, .. } => train(setup, rows)?.checked(),
        Training::Chunks(_) => Err(Error::internal(format!(
            "{} trains over chunks",
            class.name
        ))),
    }
}

/// Rows that are scored between two checks: neighbours of one may take long.
const SCORED: usize = 64;

/// The scores of the round's candidates in each fold.
pub fn scores(search: &mut Search, rows: &Owned) -> Result<Vec<Vec<f64>>> {
    let (frame, sample) = (search.frame.clone(), search.round.sample.clone());
    if frame.class.purpose == Purpose::Classification {
        let tasks = search.by_fold(search.tally());
        check_labels(&search.setup.labels, &collect(&tasks, rows).0)?;
    }
    let task = |statistic: Statistic, part: Part| Task {
        sample: sample.clone(),
        ..Task::of(statistic, part)
    };
    let candidates = std::mem::take(&mut search.round.candidates);
    let mut scores = vec![Vec::new(); candidates.len()];
    for fold in 0..frame.folds {
        search.setup.watch.check()?;
        let outside = task(Statistic::Tally(Tally { labels: 0 }), Part::Except(fold));
        let training = rows.view(|rows| outside.rows(rows));
        for (candidate, scores) in candidates.iter().zip(&mut scores) {
            let setup = Setup {
                parameters: candidate.parameters.clone(),
                ..search.setup.clone()
            };
            let score = match train(frame.class, &setup, &training) {
                Err(error) => frame.failed(error, &mut search.warnings)?,
                Ok(fitted) => {
                    search.warnings.add_all(&fitted);
                    let score = frame.score_of(fitted, &setup)?;
                    let held_out = task(Statistic::Score(score), Part::Fold(fold));
                    let mut state = held_out.start();
                    rows.blocks(SCORED, |rows| {
                        held_out.update(&mut state, rows);
                        setup.watch.check()
                    })?;
                    if state.rows == 0 {
                        return Err(super::moments::no_rows(fold as usize, frame.folds as usize));
                    }
                    frame.scoring.of_state(&state)?
                }
            };
            scores.push(score);
        }
    }
    search.round.candidates = candidates;
    Ok(scores)
}

pub fn collect(tasks: &[Task], rows: &Owned) -> Collected {
    let mut collected = Collected::start(tasks);
    rows.view(|rows| collected.update(tasks, rows));
    collected
}
