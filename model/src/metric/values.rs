//! Metrics that are functions of sums over rows.

use crate::error::{Error, Result};
use crate::state::State;
use crate::sum::{Sum, dot, total};

/// A function of what is true and what is predicted.
type OfRow = fn(f64, f64) -> f64;
/// Which rows a metric takes, and that in words.
type Taken = (fn(f64, f64) -> bool, &'static str);

/// A metric of sums: of the weights, then of the products of each pair of terms.
#[derive(Debug)]
pub(super) struct Sums {
    terms: &'static [(OfRow, OfRow)],
    /// Its largest value is kept.
    highest: Option<OfRow>,
    domain: Option<Taken>,
    of: fn(&State) -> f64,
}

impl Sums {
    pub fn start(&self) -> State {
        State::of_sums(1 + self.terms.len()).with_extremes(usize::from(self.highest.is_some()))
    }

    pub fn update(
        &self,
        name: &str,
        state: &mut State,
        truth: &[f64],
        found: &[f64],
        weight: Option<&[f64]>,
    ) -> Result<()> {
        let rows = || truth.iter().zip(found);
        if let Some((takes, words)) = self.domain
            && let Some((y, p)) = rows().find(|(y, p)| !takes(**y, **p))
        {
            let message = format!("{name} needs {words}; a row has {y} and {p}");
            return Err(Error::rows(message));
        }
        state.rows += truth.len() as u64;
        let mut sums = state.sums.iter_mut();
        let mut add = |value: Sum| {
            if let Some(sum) = sums.next() {
                *sum = *sum + value;
            }
        };
        add(weight.map_or(Sum::from(truth.len() as f64), total));
        let column = |of: OfRow| rows().map(|(y, p)| of(*y, *p)).collect::<Vec<f64>>();
        for (left, right) in self.terms {
            let (mut left, right) = (column(*left), column(*right));
            if let Some(weight) = weight {
                let pairs = left.iter_mut().zip(weight);
                pairs.for_each(|(left, weight)| *left *= weight);
            }
            add(dot(&left, &right));
        }
        if let (Some(of), Some(high)) = (self.highest, state.highs.first_mut()) {
            *high = rows().fold(*high, |high, (y, p)| high.max(of(*y, *p)));
        }
        Ok(())
    }

    pub fn finish(&self, state: &State) -> Option<f64> {
        let weight = state.sums.first()?.value();
        (state.rows > 0 && weight != 0.0).then(|| (self.of)(state))
    }
}

const ONE: OfRow = |_, _| 1.0;
const TRUTH: OfRow = |y, _| y;
const ERROR: OfRow = |y, p| y - p;

const fn mean(terms: &'static [(OfRow, OfRow)]) -> Sums {
    Sums {
        terms,
        highest: None,
        domain: None,
        of: mean_of,
    }
}

/// The first term's mean.
fn mean_of(state: &State) -> f64 {
    (state.sums[1] / state.sums[0]).value()
}

/// `rest` is what is left of the variance; without any variance the score is 1 or 0.
fn explained(rest: Sum, state: &State) -> f64 {
    let [weight, sum, squares, ..] = state.sums.as_slice() else {
        return f64::NAN;
    };
    let about = (*squares - *sum * *sum / *weight).settled(squares.hi);
    match (about.value() > 0.0, rest.value() > 0.0) {
        (true, _) => 1.0 - (rest / about).value(),
        (false, true) => 0.0,
        (false, false) if rest.is_finite() && about.is_finite() => 1.0,
        (false, false) => f64::NAN,
    }
}

pub(super) const R2: Sums = Sums {
    of: |state| match state.rows {
        1 => f64::NAN,
        _ => explained(state.sums[3], state),
    },
    ..mean(&[(TRUTH, ONE), (TRUTH, TRUTH), (ERROR, ERROR)])
};

pub(super) const EXPLAINED_VARIANCE: Sums = Sums {
    of: |state| {
        let (weight, squares, errors) = (state.sums[0], state.sums[3], state.sums[4]);
        let rest = (squares - errors * errors / weight).settled(squares.hi);
        explained(rest, state)
    },
    ..mean(&[(TRUTH, ONE), (TRUTH, TRUTH), (ERROR, ERROR), (ERROR, ONE)])
};

pub(super) const MSE: Sums = mean(&[(ERROR, ERROR)]);

pub(super) const RMSE: Sums = Sums {
    of: |state| mean_of(state).sqrt(),
    ..MSE
};

pub(super) const MAE: Sums = mean(&[(|y, p| (y - p).abs(), ONE)]);

pub(super) const MAPE: Sums = mean(&[(|y, p| (y - p).abs() / y.abs().max(f64::EPSILON), ONE)]);

pub(super) const MSLE: Sums = {
    const ERROR_OF_LOGS: OfRow = |y, p| y.ln_1p() - p.ln_1p();
    Sums {
        domain: Some((|y, p| !(y <= -1.0 || p <= -1.0), "values above -1")),
        ..mean(&[(ERROR_OF_LOGS, ERROR_OF_LOGS)])
    }
};

pub(super) const MAX_ERROR: Sums = Sums {
    highest: Some(|y, p| (y - p).abs()),
    of: |state| state.highs.first().copied().unwrap_or(f64::NAN),
    ..mean(&[])
};

/// As scikit-learn clips probabilities, so that one row that is wrong for sure is not infinitely bad.
fn surprise(probability: f64) -> f64 {
    -probability.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()
}

fn is_probability(p: f64) -> bool {
    (0.0..=1.0).contains(&p)
}

/// Labels that are negative or positive.
pub(super) fn is_sign(y: f64) -> bool {
    y == 0.0 || y == 1.0 || y == -1.0
}

const PROBABILITIES: Option<Taken> = Some((
    |y, p| is_sign(y) && is_probability(p),
    "0 or 1, and a probability",
));

pub(super) const LOG_LOSS: Sums = Sums {
    domain: PROBABILITIES,
    ..mean(&[(|y, p| surprise(if y > 0.0 { p } else { 1.0 - p }), ONE)])
};

pub(super) const OWN_LOG_LOSS: Sums = Sums {
    domain: Some((|_, p| is_probability(p), "a probability")),
    ..mean(&[(|_, p| surprise(p), ONE)])
};

pub(super) const BRIER: Sums = {
    const OFF: OfRow = |y, p| f64::from(y > 0.0) - p;
    Sums {
        domain: PROBABILITIES,
        ..mean(&[(OFF, OFF)])
    }
};
