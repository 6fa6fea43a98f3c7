//! `SVC`: of two labels the side of a margin, of more the label that wins most pairs (LIBSVM's C-SVC).
//!
//! There is a function for each pair of labels, trained on the rows of both; above 0 the first one has
//! the vote. Of labels with equally many votes the first in the order of labels wins, or, with
//! `break_ties`, the one whose functions are surest, as in scikit-learn. Of only two labels the function
//! is above 0 for the second one, also as in scikit-learn.
//!
//! `dual_coef` is LIBSVM's: support vectors lie by label, and there is a row less than labels. The row
//! of a vector's function against the label `other` is `other`, or the one before if that comes behind
//! its own label.
//!
//! ```text
//!                    vectors of a │ of b   │ of c
//! row 0              a against b  │ b a    │ c a
//! row 1              a against c  │ b c    │ c b
//! ```

use super::class_weight::{CLASS_WEIGHT, ClassWeight};
use super::in_memory::{Table, index};
use super::machine::{Function, Machine, coefficients};
use super::support_vectors::{
    C, CACHE_SIZE, COEF0, DEGREE, GAMMA, KERNEL, MAX_ITER, ROWS, SHRINKING, TOL, Training,
};
use super::{Class, Purpose, Training as How};
use crate::error::{Error, Kind, Result};
use crate::fitted::{Array, Fitted};
use crate::parameter::{Domain, Parameter, Value, parameter};
use crate::predict::Predictor;
use crate::rows::{Owned, Rows};
use crate::solve::Quadratic;
use crate::train::Setup;

pub static CLASS: Class = Class {
    name: "SVC",
    purpose: Purpose::Classification,
    about: "Classification by kernels with the rows near the margin between labels.",
    parameters: PARAMETERS,
    training: How::Memory {
        train,
        rows: ROWS,
        instead: "LogisticRegression",
    },
    missing: false,
    predictor,
};

/// There is a function for each pair.
const LABELS: usize = 100;

static PARAMETERS: &[Parameter] = &[
    C,
    KERNEL,
    DEGREE,
    GAMMA,
    COEF0,
    SHRINKING,
    parameter(
        "probability",
        Domain::Never(
            "scikit-learn deprecates probabilities of SVC; LogisticRegression gives them",
        ),
        Value::Bool(false),
        "Whether there are probabilities.",
    ),
    TOL,
    CACHE_SIZE,
    CLASS_WEIGHT,
    MAX_ITER,
    parameter(
        "decision_function_shape",
        Domain::Choice(&["ovr", "ovo"]),
        Value::text("ovr"),
        "What break_ties needs to be 'ovr'; else without effect.",
    ),
    parameter(
        "break_ties",
        Domain::Bool,
        Value::Bool(false),
        "Whether of labels with equally many votes the surest wins, not the first.",
    ),
    parameter(
        "random_state",
        Domain::Ignored,
        Value::Null,
        "Without effect: there is no chance in it.",
    ),
];

/// The pairs of labels in their order.
fn pairs(labels: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..labels).flat_map(move |first| (first + 1..labels).map(move |second| (first, second)))
}

/// Of the pair of only two labels, the second one is above 0.
fn sign(labels: usize) -> f64 {
    if labels == 2 { -1.0 } else { 1.0 }
}

fn train(setup: &Setup, rows: &Owned) -> Result<Fitted> {
    let parameters = &setup.parameters;
    if parameters.flag("break_ties") && parameters.word("decision_function_shape") == "ovo" {
        return Err(Error::parameter(
            "break_ties of SVC needs decision_function_shape = 'ovr'",
        ));
    }
    let labels = setup.labels.len();
    if labels > LABELS {
        let message = format!("SVC takes at most {LABELS} labels, and there are {labels}");
        return Err(Error::new(Kind::Limit, message).hint("Take LogisticRegression."));
    }
    let table = Table::of(rows, &setup.watch)?;
    let mut training = Training::new(CLASS.name, setup, &table)?;
    let (bounds, groups) = bounds(setup, &table)?;
    let mut coefficients = vec![vec![0.0; table.count()]; labels.saturating_sub(1)];
    let mut intercepts = Vec::new();
    for (first, second) in pairs(labels) {
        let (of_first, of_second) = (&groups[first], &groups[second]);
        // A label without rows loses against all others.
        if of_first.is_empty() || of_second.is_empty() {
            let won = if of_second.is_empty() { 1.0 } else { -1.0 };
            intercepts.push(sign(labels) * won);
            continue;
        }
        let rows = [of_first.as_slice(), of_second].concat();
        let side = |at: usize| if at < of_first.len() { 1.0 } else { -1.0 };
        let sides: Vec<f64> = (0..rows.len()).map(side).collect();
        let bound = |at: usize, sign: f64| (sign * sides[at] * bounds[rows[at]]).max(0.0);
        let found = training.minimize(
            &table.points.select(&rows),
            Quadratic {
                low: (0..rows.len()).map(|at| -bound(at, -1.0)).collect(),
                high: (0..rows.len()).map(|at| bound(at, 1.0)).collect(),
                start: vec![0.0; rows.len()],
                linear: sides.clone(),
            },
        )?;
        for ((row, side), weight) in rows.iter().zip(&sides).zip(found.weights) {
            let against = if *side > 0.0 { second - 1 } else { first };
            coefficients[against][*row] = sign(labels) * weight;
        }
        intercepts.push(sign(labels) * found.intercept);
    }
    let in_use = |row: &usize| coefficients.iter().any(|of| of[*row] != 0.0);
    let vectors = |group: &Vec<usize>| group.iter().copied().filter(in_use).collect::<Vec<_>>();
    let vectors: Vec<Vec<usize>> = groups.iter().map(vectors).collect();
    let counts = vectors.iter().map(|of| of.len() as f64).collect();
    let vectors = vectors.concat();
    let coefficients = coefficients
        .iter()
        .flat_map(|of| vectors.iter().map(|row| of[*row]));
    let coefficients = Array {
        shape: vec![labels - 1, vectors.len()],
        data: coefficients.collect(),
    };
    let fitted = training.done(table.points.select(&vectors), coefficients, intercepts)?;
    Ok(fitted.with("n_support", Array::vector(counts)))
}

/// The most that each row's weight may be, and of each label the rows where that is more than 0.
fn bounds(setup: &Setup, table: &Table) -> Result<(Vec<f64>, Vec<Vec<usize>>)> {
    let labels = setup.labels.len();
    let mut sizes = vec![0.0; labels];
    for label in &table.target {
        sizes[index(*label, labels, "target")?] += 1.0;
    }
    // As in scikit-learn, the weights of rows do not make labels larger.
    let of_labels = ClassWeight::of(CLASS.name, setup)?.of_labels(&sizes);
    let c = setup.parameters.number("C")?;
    let mut groups = vec![Vec::new(); labels];
    let mut bounds = vec![0.0; table.count()];
    for (row, (label, weight)) in table.target.iter().zip(&table.weight).enumerate() {
        let label = *label as usize;
        bounds[row] = c * of_labels.get(label).unwrap_or(&1.0) * weight;
        if bounds[row] > 0.0 {
            groups[label].push(row);
        }
    }
    match groups.iter().filter(|group| !group.is_empty()).count() {
        0 => Err(Error::rows("all rows have a weight of 0")),
        1 => Err(Error::rows(
            "the target has one class only; classification needs two",
        )),
        _ => Ok((bounds, groups)),
    }
}

#[derive(Debug)]
struct Votes {
    machine: Machine,
    labels: usize,
    break_ties: bool,
}

fn predictor(fitted: &Fitted, setup: &Setup) -> Result<Box<dyn Predictor>> {
    let labels = setup.labels.len();
    if !(2..=LABELS).contains(&labels) {
        return Err(Error::corrupt("the model has no labels that SVC can have"));
    }
    let (rows, vectors) = coefficients(fitted, labels - 1)?;
    let mut ends = vec![0];
    for count in fitted.vector("n_support", Some(labels))? {
        let end = ends[ends.len() - 1] + index(count, vectors + 1, "n_support")?;
        ends.push(end);
    }
    if ends[labels] != vectors {
        return Err(Error::corrupt(
            "the model's support vectors do not fit its labels",
        ));
    }
    let starts = fitted.vector("intercept", Some(labels * (labels - 1) / 2))?;
    let function = |((first, second), start): ((usize, usize), f64)| {
        let part = |label: usize, row: usize| {
            let range = ends[label]..ends[label + 1];
            let factors = rows[row][range.clone()].iter();
            (range, factors.map(|factor| factor * sign(labels)).collect())
        };
        Function {
            parts: vec![part(first, second - 1), part(second, first)],
            start: start * sign(labels),
        }
    };
    let functions = pairs(labels).zip(starts).map(function).collect();
    Ok(Box::new(Votes {
        machine: Machine::new(fitted, setup, functions)?,
        labels,
        break_ties: setup.parameters.flag("break_ties") && labels > 2,
    }))
}

impl Votes {
    /// Scores of the labels: their votes; with `break_ties`, and a part of a vote for how sure they are.
    fn count(&self, values: &[f64], votes: &mut [f64], sure: &mut [f64]) {
        votes.fill(0.0);
        sure.fill(0.0);
        for ((first, second), value) in pairs(self.labels).zip(values) {
            let won = match self.break_ties {
                true => *value >= 0.0,
                false => *value > 0.0,
            };
            votes[if won { first } else { second }] += 1.0;
            sure[first] += value;
            sure[second] -= value;
        }
        if self.break_ties {
            for (votes, sure) in votes.iter_mut().zip(sure) {
                *votes += *sure / (3.0 * (sure.abs() + 1.0));
            }
        }
    }
}

impl Predictor for Votes {
    fn predict(&self, rows: &Rows<'_>) -> Vec<f64> {
        let (mut votes, mut sure) = (vec![0.0; self.labels], vec![0.0; self.labels]);
        let mut answers = vec![0.0; rows.count];
        self.machine.each(rows, |row, values| {
            self.count(values, &mut votes, &mut sure);
            let best = (1..self.labels).fold(0, |a, b| if votes[b] > votes[a] { b } else { a });
            answers[row] = best as f64;
        });
        answers
    }
}
