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
use crate::sum::{Sum, Weighted, dot, total};
use crate::train::Setup;

/// Scores a model. What is collected is read by [`crate::metric::metrics`]:
///
/// - of a regression the weighted sums of 1, y, y², e, e² and |e|, where e is the target y less what
///   is predicted;
/// - of a classification the weights of every pair of true and predicted label, row by row; behind
///   them the sum of -ln p of the true label's probability p, which is NaN where there are none; and
///   of two labels, where that is asked for, the order of the second one's probabilities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    pub class: String,
    pub fitted: Fitted,
    pub setup: Setup,
    /// Whether probabilities are put in order.
    pub ranked: bool,
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
            ranked: false,
            ready: Ready(OnceLock::from(Some(Arc::from(predictor)))),
        })
    }

    /// With the order of probabilities, where there are two labels that have them.
    pub fn with_ranking(self) -> Self {
        Self {
            ranked: self.setup.labels.len() == 2 && self.has_probabilities(),
            ..self
        }
    }

    pub fn has_probabilities(&self) -> bool {
        let columns: Vec<&[f64]> = vec![&[]; self.setup.features.len()];
        let none = Rows::of(&columns, 0);
        self.predictor()
            .is_some_and(|p| p.probabilities(&none).is_some())
    }

    fn predictor(&self) -> Option<&dyn Predictor> {
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
        let state = State::of_sums(match self.is_regression() {
            true => REGRESSION_SUMS,
            false => labels * labels + 1,
        });
        match self.ranked {
            true => state.with_ranking(),
            false => state,
        }
    }

    fn update(&self, state: &mut State, rows: &Rows<'_>) {
        match self.predictor() {
            // What cannot be scored must not look like a score.
            None => unknown(state),
            Some(predictor) if self.is_regression() => errors(state, rows, predictor),
            Some(predictor) => confusion(state, rows, predictor, self.setup.labels.len()),
        }
    }
}

fn unknown(state: &mut State) {
    state.sums.iter_mut().for_each(|sum| sum.add(f64::NAN));
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
            let (y, weighted) = (Weighted::of(y, weight), Weighted::of(&errors, weight));
            [
                total(weight),
                y.total(),
                y.dot(rows.target),
                weighted.total(),
                weighted.dot(&errors),
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
    let probabilities = predictor.probabilities(rows);
    if let Some(loss) = state.sums.get_mut(labels * labels) {
        match &probabilities {
            Some(probabilities) => surprise(loss, rows, probabilities),
            None => loss.add(f64::NAN),
        }
    }
    if let (Some(ranking), Some([_, scores])) = (&mut state.ranking, probabilities.as_deref())
        && let Err(_) = ranking.update("roc_auc_score", rows.target, scores, rows.weight)
    {
        unknown(state);
    }
}

/// The sum of -ln of the probability of each row's own label.
fn surprise(loss: &mut Sum, rows: &Rows<'_>, probabilities: &[Vec<f64>]) {
    for (row, label) in rows.target.iter().enumerate() {
        let column = probabilities.get(*label as usize);
        let probability = column.and_then(|column| column.get(row)).copied();
        // As scikit-learn clips it.
        let clipped = (probability.unwrap_or(0.0)).clamp(f64::EPSILON, 1.0 - f64::EPSILON);
        loss.add(-ln(clipped) * rows.weight_of(row));
    }
}
