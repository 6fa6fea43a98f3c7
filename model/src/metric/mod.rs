//! How good predictions are, as sums that merge: aggregate functions in SQL, and usable without a model.
//!
//! ```text
//! rows ─▶ Accumulator ─┐
//! rows ─▶ Accumulator ─┼─ merge ─▶ finish ─▶ number, or NULL
//! rows ─▶ Accumulator ─┘
//! ```
//!
//! Names, formulas and the values at the edges are those of `sklearn.metrics` 1.9; where that gives NaN,
//! there is no value. Rows may have a weight. The order of rows and parts does not show.

mod confusion;
mod ranking;
mod scored;
mod values;

pub use confusion::{Confusion, LABELS};
pub use ranking::{Ranking, SCORES};
pub use scored::{Errors, metrics};

use crate::error::{Error, Result};
use crate::state::State;
use crate::sum::Sum;
use confusion::Rule;
use values::Sums;

/// What an argument of a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument {
    /// The value that was to be predicted.
    Value,
    /// The value that was predicted.
    Prediction,
    /// The label that was to be predicted, of any type.
    Label,
    /// The label that was predicted.
    PredictedLabel,
    /// Whether the row is positive: true or false, or a number above 0 or not.
    Positive,
    /// The probability that it is positive.
    Probability,
    /// The probability that was given to the row's own label.
    OwnProbability,
    /// A number that is larger for rows that are more likely positive.
    Score,
}

/// A metric; where there are several of a name, they differ in the number of arguments.
#[derive(Debug)]
pub struct Metric {
    pub name: &'static str,
    pub aliases: &'static [&'static str],
    /// A weight may follow them.
    pub arguments: &'static [Argument],
    /// A sentence for the documentation.
    pub about: &'static str,
    rule: Kind,
}

/// What is collected, and how the metric follows from it.
#[derive(Debug)]
enum Kind {
    Sums(Sums),
    Labels(Rule),
    Ranks(fn(&Ranking) -> Option<f64>),
}

/// What was collected of rows for a metric.
#[derive(Debug, Clone, PartialEq)]
pub enum Accumulator {
    Sums(State),
    Labels(Confusion),
    Ranks(Ranking),
}

/// The metric of a name with so many arguments, without the weight.
pub fn find(name: &str, arguments: usize) -> Option<&'static Metric> {
    let named = |metric: &&Metric| {
        let mut names = std::iter::once(&metric.name).chain(metric.aliases);
        names.any(|known| known.eq_ignore_ascii_case(name))
    };
    let mut all = METRICS.iter();
    all.find(|metric| named(metric) && metric.arguments.len() == arguments)
}

impl Metric {
    pub fn start(&self) -> Accumulator {
        match &self.rule {
            Kind::Sums(sums) => Accumulator::Sums(sums.start()),
            Kind::Labels(_) => Accumulator::Labels(Confusion::default()),
            Kind::Ranks(_) => Accumulator::Ranks(Ranking::default()),
        }
    }

    /// Whether the arguments are labels, to be given to [`Accumulator::add_pair`] if they are text.
    pub fn is_of_labels(&self) -> bool {
        matches!(self.rule, Kind::Labels(_))
    }

    /// Adds rows: a column for each argument, and their weights. Labels that are numbers may come
    /// this way as well.
    pub fn update(
        &self,
        into: &mut Accumulator,
        columns: &[&[f64]],
        weight: Option<&[f64]>,
    ) -> Result<()> {
        let (first, second) = match columns {
            [only] => (*only, *only),
            [first, second] => (*first, *second),
            _ => return Err(wrong_state()),
        };
        let long = first.len() == second.len() && weight.is_none_or(|w| w.len() == first.len());
        if columns.len() != self.arguments.len() || !long {
            return Err(wrong_state());
        }
        match (&self.rule, into) {
            (Kind::Sums(sums), Accumulator::Sums(state)) => {
                sums.update(self.name, state, first, second, weight)
            }
            (Kind::Labels(_), Accumulator::Labels(confusion)) => {
                confusion.update(first, second, weight)
            }
            (Kind::Ranks(_), Accumulator::Ranks(ranking)) => {
                ranking.update(self.name, first, second, weight)
            }
            _ => Err(wrong_state()),
        }
    }

    /// The metric; nothing where there are no rows, or where it is not defined for them.
    pub fn finish(&self, collected: &mut Accumulator) -> Result<Option<f64>> {
        let found = match (&self.rule, collected) {
            (Kind::Sums(sums), Accumulator::Sums(state)) => sums.finish(state),
            (Kind::Labels(rule), Accumulator::Labels(confusion)) => {
                confusion.finish(self.name, *rule)?
            }
            (Kind::Ranks(finish), Accumulator::Ranks(ranking)) => {
                ranking.settle();
                finish(ranking)
            }
            _ => return Err(wrong_state()),
        };
        Ok(found.filter(|value| !value.is_nan()))
    }
}

fn wrong_state() -> Error {
    Error::internal("the state of another metric")
}

impl Accumulator {
    /// Adds rows of a pair of labels, of which `weight` is the sum of their weights.
    pub fn add_pair(&mut self, label: &str, predicted: &str, weight: Sum) -> Result<()> {
        match self {
            Accumulator::Labels(confusion) => confusion.add(label, predicted, weight),
            _ => Err(wrong_state()),
        }
    }

    pub fn merge(&mut self, other: &Self) -> Result<()> {
        match (self, other) {
            (Accumulator::Sums(mine), Accumulator::Sums(theirs)) => mine.merge(theirs),
            (Accumulator::Labels(mine), Accumulator::Labels(theirs)) => mine.merge(theirs),
            (Accumulator::Ranks(mine), Accumulator::Ranks(theirs)) => {
                mine.merge(theirs);
                Ok(())
            }
            _ => Err(wrong_state()),
        }
    }

    /// Bytes that it takes in memory.
    pub fn size(&self) -> usize {
        match self {
            Accumulator::Sums(state) => state.size(),
            Accumulator::Labels(confusion) => confusion.size(),
            Accumulator::Ranks(ranking) => ranking.size(),
        }
    }

    pub fn to_bytes(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Accumulator::Sums(state) => {
                out.push(0);
                state.write(&mut out);
            }
            Accumulator::Labels(confusion) => {
                out.push(1);
                confusion.write(&mut out);
            }
            Accumulator::Ranks(ranking) => {
                out.push(2);
                ranking.write(&mut out);
            }
        }
        out
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let damaged = || Error::corrupt("the state of a metric is damaged");
        let (kind, mut rest) = bytes.split_first().ok_or_else(damaged)?;
        let read = match kind {
            0 => Accumulator::Sums(State::read(&mut rest)?),
            1 => Accumulator::Labels(Confusion::read(&mut rest).ok_or_else(damaged)?),
            2 => Accumulator::Ranks(Ranking::read(&mut rest).ok_or_else(damaged)?),
            _ => return Err(damaged()),
        };
        match rest.is_empty() {
            true => Ok(read),
            false => Err(damaged()),
        }
    }
}

const VALUES: &[Argument] = &[Argument::Value, Argument::Prediction];
const PAIR: &[Argument] = &[Argument::Label, Argument::PredictedLabel];
const BINARY: &[Argument] = &[Argument::Positive, Argument::Probability];
const SCORED: &[Argument] = &[Argument::Positive, Argument::Score];

const fn of_values(name: &'static str, about: &'static str, sums: Sums) -> Metric {
    Metric {
        name,
        aliases: &[],
        arguments: VALUES,
        about,
        rule: Kind::Sums(sums),
    }
}

const fn of_labels(name: &'static str, about: &'static str, rule: Rule) -> Metric {
    Metric {
        name,
        aliases: &[],
        arguments: PAIR,
        about,
        rule: Kind::Labels(rule),
    }
}

impl Metric {
    const fn or(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    const fn of(self, arguments: &'static [Argument]) -> Self {
        Self { arguments, ..self }
    }
}

/// Every metric.
pub static METRICS: &[Metric] = &[
    of_values(
        "r2_score",
        "The share of the variance that is predicted.",
        values::R2,
    )
    .or(&["r2"]),
    of_values(
        "explained_variance_score",
        "The share of the variance that is predicted, without what is off everywhere.",
        values::EXPLAINED_VARIANCE,
    )
    .or(&["explained_variance"]),
    of_values(
        "mean_squared_error",
        "The mean of squared errors.",
        values::MSE,
    )
    .or(&["mse"]),
    of_values(
        "root_mean_squared_error",
        "The root of the mean of squared errors.",
        values::RMSE,
    )
    .or(&["rmse"]),
    of_values(
        "mean_absolute_error",
        "The mean size of errors.",
        values::MAE,
    )
    .or(&["mae"]),
    of_values(
        "mean_absolute_percentage_error",
        "The mean size of errors, relative to the value.",
        values::MAPE,
    )
    .or(&["mape"]),
    of_values(
        "mean_squared_log_error",
        "The mean of squared errors of ln(1 + value).",
        values::MSLE,
    )
    .or(&["msle"]),
    of_values(
        "max_error",
        "The size of the largest error.",
        values::MAX_ERROR,
    ),
    of_values(
        "log_loss",
        "The mean of -ln of the probability that was given to what is true.",
        values::LOG_LOSS,
    )
    .of(BINARY),
    of_values(
        "log_loss",
        "The mean of -ln of the probability that was given to the row's own label.",
        values::OWN_LOG_LOSS,
    )
    .of(&[Argument::OwnProbability]),
    of_values(
        "brier_score_loss",
        "The mean squared error of probabilities.",
        values::BRIER,
    )
    .of(BINARY)
    .or(&["brier_score"]),
    of_labels(
        "accuracy_score",
        "The share of right labels.",
        Rule::Accuracy,
    )
    .or(&["accuracy"]),
    of_labels(
        "balanced_accuracy_score",
        "The mean over labels of the share that is found.",
        Rule::BalancedAccuracy,
    )
    .or(&["balanced_accuracy"]),
    of_labels(
        "precision_score",
        "Of what is said to be positive, the share that is; the larger of two labels is positive.",
        Rule::PRECISION,
    ),
    of_labels(
        "recall_score",
        "Of what is positive, the share that is found; the larger of two labels is positive.",
        Rule::RECALL,
    ),
    of_labels(
        "f1_score",
        "The harmonic mean of precision and recall; the larger of two labels is positive.",
        Rule::F1,
    )
    .or(&["f1"]),
    of_labels(
        "precision_macro",
        "The mean of the labels' precisions.",
        Rule::PRECISION.mean(),
    ),
    of_labels(
        "recall_macro",
        "The mean of the labels' recalls.",
        Rule::RECALL.mean(),
    ),
    of_labels(
        "f1_macro",
        "The mean of the labels' F1 scores.",
        Rule::F1.mean(),
    ),
    of_labels(
        "precision_micro",
        "The precision of all labels' rows together.",
        Rule::PRECISION.pooled(),
    ),
    of_labels(
        "recall_micro",
        "The recall of all labels' rows together.",
        Rule::RECALL.pooled(),
    ),
    of_labels(
        "f1_micro",
        "The F1 score of all labels' rows together.",
        Rule::F1.pooled(),
    ),
    of_labels(
        "precision_weighted",
        "The mean of the labels' precisions, by how many rows have each.",
        Rule::PRECISION.weighted(),
    ),
    of_labels(
        "recall_weighted",
        "The mean of the labels' recalls, by how many rows have each.",
        Rule::RECALL.weighted(),
    ),
    of_labels(
        "f1_weighted",
        "The mean of the labels' F1 scores, by how many rows have each.",
        Rule::F1.weighted(),
    ),
    of_labels(
        "matthews_corrcoef",
        "The correlation of true and predicted labels.",
        Rule::Matthews,
    )
    .or(&["mcc"]),
    of_labels(
        "cohen_kappa_score",
        "How much more the labels agree than they would by chance.",
        Rule::Kappa,
    )
    .or(&["cohen_kappa"]),
    Metric {
        name: "roc_auc_score",
        aliases: &["roc_auc"],
        arguments: SCORED,
        about: "The probability that a positive row has a larger score than one that is not.",
        rule: Kind::Ranks(Ranking::roc_auc),
    },
    Metric {
        name: "average_precision_score",
        aliases: &["average_precision"],
        arguments: SCORED,
        about: "The mean precision over the positive rows, as the bar for scores is lowered.",
        rule: Kind::Ranks(Ranking::average_precision),
    },
];
