//! What support vector machines have in common: a weighted sum of kernels with some rows of the
//! training, those near the margin (Cortes, Vapnik 1995). This is the training; [`super::machine`] is
//! what comes of it.
//!
//! The weights are the minimum that [`Effort`] finds. Rows are those of [`Table`], in the order of their
//! values, so a model does not depend on the order in which they came.

use super::in_memory::Table;
use crate::error::{Error, Result};
use crate::fitted::{Array, Fitted};
use crate::kernel::{KERNELS, Kernel, Vectors};
use crate::parameter::{Domain, NOT_NEGATIVE, POSITIVE, Parameter, Parameters, Value, parameter};
use crate::points::Points;
use crate::solve::{Effort, Gram, Minimum, Quadratic};
use crate::sum::{Sum, total};
use crate::train::Setup;

/// The time grows with more than the square of the rows.
pub(super) const ROWS: usize = 20_000;
/// The multiplications of a training, about: some minutes. Where rows or parameters ask for more, it
/// ends before it has converged, as at `max_iter`.
const WORK: u64 = 1_000_000_000_000;

pub(super) const FINITE: Domain = Domain::Number {
    min: f64::MIN,
    max: f64::MAX,
    open: false,
};

pub(super) const C: Parameter = parameter(
    "C",
    POSITIVE,
    Value::Number(1.0),
    "The inverse of the penalty's strength.",
);
pub(super) const KERNEL: Parameter = parameter(
    "kernel",
    KERNELS,
    Value::text("rbf"),
    "How alike rows are: x·y, (gamma x·y + coef0)^degree, e^(-gamma |x - y|²) or tanh(gamma x·y + coef0).",
);
pub(super) const DEGREE: Parameter = parameter(
    "degree",
    Domain::Whole { min: 0.0 },
    Value::Number(3.0),
    "The power of the kernel 'poly'.",
);
pub(super) const GAMMA: Parameter = parameter(
    "gamma",
    Domain::Either(&[Domain::Choice(&["scale", "auto"]), NOT_NEGATIVE]),
    Value::text("scale"),
    "The factor in the kernel: 'auto' is one by the number of features, 'scale' that by the variance of all values.",
);
pub(super) const COEF0: Parameter = parameter(
    "coef0",
    FINITE,
    Value::Number(0.0),
    "What the kernels 'poly' and 'sigmoid' add.",
);
pub(super) const TOL: Parameter = parameter(
    "tol",
    POSITIVE,
    Value::Number(1e-3),
    "How close to the minimum training ends.",
);
pub(super) const SHRINKING: Parameter = parameter(
    "shrinking",
    Domain::Ignored,
    Value::Bool(true),
    "Without effect: no row is set aside.",
);
pub(super) const CACHE_SIZE: Parameter = parameter(
    "cache_size",
    Domain::Ignored,
    Value::Number(200.0),
    "Without effect: kernels take up to 200 MB.",
);
pub(super) const MAX_ITER: Parameter = parameter(
    "max_iter",
    Domain::Whole { min: -1.0 },
    Value::Number(-1.0),
    "The most steps, for each pair of labels where there are such; -1 is as many as some minutes allow.",
);

/// A training: what its problems have in common.
pub(super) struct Training {
    class: &'static str,
    kernel: Kernel,
    gamma: f64,
    effort: Effort,
    steps: usize,
    /// Of the problems that did not converge, how far the worst is.
    gap: Option<f64>,
}

impl Training {
    pub fn new(class: &'static str, setup: &Setup, table: &Table) -> Result<Self> {
        let parameters = &setup.parameters;
        let gamma = gamma(parameters, &table.points);
        let max_iter = parameters.number("max_iter")?;
        Ok(Self {
            class,
            kernel: Kernel::of(parameters, gamma)?,
            gamma,
            effort: Effort {
                tol: parameters.number("tol")?,
                max_iter: (max_iter >= 0.0).then_some(max_iter as usize),
                work: WORK,
                watch: setup.watch.clone(),
            },
            steps: 0,
            gap: None,
        })
    }

    pub fn minimize(&mut self, points: &Points, problem: Quadratic) -> Result<Minimum> {
        let kernels = Kernels {
            class: self.class,
            kernel: self.kernel,
            vectors: Vectors::new(self.kernel, points),
            points,
        };
        let found = self.effort.minimize(&kernels, problem)?;
        self.steps += found.steps;
        if !found.converged {
            self.gap = Some(self.gap.unwrap_or(0.0).max(found.gap));
        }
        Ok(found)
    }

    /// The model of these support vectors; `coefficients` has a row for each function that they are in.
    pub fn done(
        self,
        vectors: Points,
        coefficients: Array,
        intercepts: Vec<f64>,
    ) -> Result<Fitted> {
        let count = vectors.count();
        let fitted = Fitted::default()
            .with(
                "support_vectors",
                Array::matrix(vectors.width, vectors.data),
            )
            .with("dual_coef", coefficients)
            .with("intercept", Array::vector(intercepts))
            .with("gamma", Array::scalar(self.gamma))
            .with_fact("n_iter", self.steps as f64)
            .with_fact("n_support", count as f64)
            .checked()?;
        Ok(match self.gap {
            None => fitted,
            Some(gap) => fitted.warn(format!(
                "{} did not converge: after {} steps it is {gap:e} off, and tol is {:e}; features of \
                 one size (standardize = true) or a smaller C take fewer steps",
                self.class, self.steps, self.effort.tol
            )),
        })
    }

    /// The model of one function, in which each row has a weight.
    pub fn done_with(self, points: &Points, found: Minimum) -> Result<Fitted> {
        let rows: Vec<usize> = (0..found.weights.len())
            .filter(|row| found.weights[*row] != 0.0)
            .collect();
        let coefficients = Array {
            shape: vec![1, rows.len()],
            data: rows.iter().map(|row| found.weights[*row]).collect(),
        };
        self.done(points.select(&rows), coefficients, vec![found.intercept])
    }
}

/// The rows that count.
pub(super) fn weighty(table: &Table) -> Result<Table> {
    let rows: Vec<usize> = (0..table.count())
        .filter(|row| table.weight[*row] > 0.0)
        .collect();
    if rows.is_empty() {
        return Err(Error::rows("all rows have a weight of 0"));
    }
    let pick = |of: &[f64]| rows.iter().map(|row| of[*row]).collect();
    Ok(Table {
        points: table.points.select(&rows),
        target: pick(&table.target),
        weight: pick(&table.weight),
    })
}

fn gamma(parameters: &Parameters, points: &Points) -> f64 {
    let width = points.width as f64;
    match parameters.get("gamma") {
        Value::Number(gamma) => *gamma,
        Value::Text(word) if word == "auto" => 1.0 / width,
        _ => {
            let values = &points.data;
            if values.iter().all(|value| Some(value) == values.first()) {
                return 1.0;
            }
            let count = Sum::from(values.len() as f64);
            let mean = (total(values) / count).value();
            let squares: Vec<f64> = values.iter().map(|v| (v - mean) * (v - mean)).collect();
            1.0 / (width * (total(&squares) / count).value())
        }
    }
}

/// The kernels of all pairs of some rows.
struct Kernels<'a> {
    class: &'static str,
    kernel: Kernel,
    vectors: Vectors,
    points: &'a Points,
}

impl Gram for Kernels<'_> {
    fn size(&self) -> usize {
        self.vectors.count()
    }

    fn diagonal(&self, row: usize) -> f64 {
        self.kernel.of_one(self.points.at(row))
    }

    fn row(&self, row: usize, out: &mut [f64]) -> Result<()> {
        self.vectors.compare(self.points.at(row), out);
        match out.iter().all(|value| value.is_finite()) {
            true => Ok(()),
            false => Err(Error::rows(format!(
                "the kernel of {} is not finite for some rows",
                self.class
            ))
            .hint("Features of very different sizes may be the cause: try standardize = true.")),
        }
    }

    fn work(&self) -> u64 {
        self.vectors.work()
    }
}
