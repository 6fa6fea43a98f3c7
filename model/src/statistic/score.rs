//! How well a model does on rows: sums that the usual metrics follow from.

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use super::Collect;
use crate::class;
use crate::elementary::ln;
use crate::error::Result;
use crate::fitted::Fitted;
use crate::predict::Predictor;
use crate::rows::Rows;
use crate::state::State;
use crate::sum::{Sum, dot, total};
use crate::train::Setup;

/// Scores a model. What is collected is read by [`crate::search::score`]:
///
/// - of a regression the weighted sums of 1, y, y², e, e² and |e|, where e is the target y less what
///   is predicted;
/// - of a classification the weights of every pair of true and predicted label, row by row, and
///   behind them the sum of -ln p of the true label's probability p.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    pub class: String,
    pub fitted: Fitted,
    pub setup: Setup,
    #[serde(skip)]
    ready: Ready,
}

/// The predictor, made when the first rows are scored.
#[derive(Clone, Default)]
struct Ready(OnceLock<Option<Arc<dyn Predictor>>>);

impl PartialEq for Ready {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ready")
    }
}

/// What is collected of a regression.
pub const REGRESSION_SUMS: usize = 6;

impl Score {
    /// Fails where the model cannot score.
    pub fn of(class: &class::Class, fitted: Fitted, setup: Setup) -> Result<Self> {
        let predictor = (class.predictor)(&fitted, &setup)?;
        Ok(Self {
            class: class.name.to_string(),
            fitted,
            setup,
            ready: Ready(OnceLock::from(Some(Arc::from(predictor)))),
        })
    }

    pub(crate) fn predictor(&self) -> Option<&dyn Predictor> {
        let make = || {
            let class = class::find(&self.class).ok()?;
            let predictor = (class.predictor)(&self.fitted, &self.setup).ok()?;
            Some(Arc::from(predictor))
        };
        self.ready.0.get_or_init(make).as_deref()
    }

    fn is_regression(&self) -> bool {
        self.setup.labels.is_empty()
    }
}

impl Collect for Score {
    fn start(&self) -> State {
        let labels = self.setup.labels.len();
        State::of_sums(match self.is_regression() {
            true => REGRESSION_SUMS,
            false => labels * labels + 1,
        })
    }

    fn update(&self, state: &mut State, rows: &Rows<'_>) {
        match self.predictor() {
            // What cannot be scored must not look like a score.
            None => state.sums.iter_mut().for_each(|sum| sum.add(f64::NAN)),
            Some(predictor) if self.is_regression() => errors(state, rows, predictor),
            Some(predictor) => confusion(state, rows, predictor, self.setup.labels.len()),
        }
    }
}

fn errors(state: &mut State, rows: &Rows<'_>, predictor: &dyn Predictor) {
    let y = rows.target;
    let predicted = predictor.predict(rows);
    let errors: Vec<f64> = y.iter().zip(&predicted).map(|(y, p)| y - p).collect();
    let sizes: Vec<f64> = errors.iter().map(|e| e.abs()).collect();
    let found: [Sum; REGRESSION_SUMS] = match rows.weight {
        None => [
            Sum::from(rows.count as f64),
            total(y),
            dot(y, y),
            total(&errors),
            dot(&errors, &errors),
            total(&sizes),
        ],
        Some(weight) => {
            let times = |column: &[f64]| -> Vec<f64> {
                column.iter().zip(weight).map(|(x, w)| x * w).collect()
            };
            [
                total(weight),
                dot(weight, y),
                dot(&times(y), y),
                dot(weight, &errors),
                dot(&times(&errors), &errors),
                dot(weight, &sizes),
            ]
        }
    };
    for (sum, found) in state.sums.iter_mut().zip(found) {
        *sum = *sum + found;
    }
}

fn confusion(state: &mut State, rows: &Rows<'_>, predictor: &dyn Predictor, labels: usize) {
    let predicted = predictor.predict(rows);
    for (row, (label, found)) in rows.target.iter().zip(&predicted).enumerate() {
        let at = *label as usize * labels + *found as usize;
        if let Some(sum) = state.sums.get_mut(at) {
            sum.add(rows.weight_of(row));
        }
    }
    let Some(probabilities) = predictor.probabilities(rows) else {
        return;
    };
    if let Some(loss) = state.sums.get_mut(labels * labels) {
        for (row, label) in rows.target.iter().enumerate() {
            let probability = probabilities
                .get(*label as usize)
                .and_then(|column| column.get(row))
                .copied()
                .unwrap_or(0.0);
            // As scikit-learn clips it.
            let clipped = probability.clamp(f64::EPSILON, 1.0 - f64::EPSILON);
            loss.add(-ln(clipped) * rows.weight_of(row));
        }
    }
}
