//! `FastICA`: features are mixtures of independent sources, which it finds (Hyvärinen and Oja 2000).
//!
//! Features are centred and whitened by the eigenvectors of their covariance; then all directions `W`
//! move together, `W ← E[g(W x) x'] - diag(E[g'(W x)]) W`, and are made orthogonal again by
//! `(W W')^-½ W`, until no direction turns by more than `tol`. Each direction has its entry of largest
//! magnitude positive; their order is that of the start, which `random_state` draws. Outputs are `ica0`,
//! `ica1` and so on, with variance 1.
//!
//! Means over rows are sums in twice the precision of `f64`, so the order of rows does not show.
//! linfa-ica does not say whether it converged, nor how scaled its sources are, so this is our own.

use super::in_memory::without_weights;
use super::{Class, Purpose, Training};
use crate::elementary::{exp, ln, tanh};
use crate::error::{Error, Kind, Result};
use crate::fitted::{Array, Fitted};
use crate::parameter::{COUNT, Domain, POSITIVE, Parameter, SEED, Value, parameter};
use crate::predict::{Predictor, linear};
use crate::rows::{Owned, Rows, mix, unit};
use crate::solve::Symmetric;
use crate::statistic::moments::Centred;
use crate::statistic::{Collected, Moments, Statistic, Task};
use crate::sum::{Sum, dot, total};
use crate::train::{Setup, only};
use crate::watch::{self, Watch};

pub static CLASS: Class = Class {
    name: "FastICA",
    purpose: Purpose::Transformation,
    about: "The independent sources that the features are mixtures of.",
    parameters: PARAMETERS,
    training: Training::Memory {
        train,
        rows: 1_000_000,
        instead: "PCA",
    },
    missing: false,
    predictor,
};

/// The time for each step grows with the square, and that of eigenvectors with the cube.
const FEATURES: usize = 1000;

static PARAMETERS: &[Parameter] = &[
    parameter(
        "n_components",
        COUNT,
        Value::Null,
        "How many sources; NULL is as many as features.",
    ),
    parameter(
        "algorithm",
        Domain::Choice(&["parallel"]),
        Value::text("parallel"),
        "All directions are found together.",
    ),
    parameter(
        "whiten",
        Domain::Choice(&["unit-variance"]),
        Value::text("unit-variance"),
        "Sources have variance 1.",
    ),
    parameter(
        "fun",
        Domain::Choice(&["logcosh", "exp", "cube"]),
        Value::text("logcosh"),
        "What measures how far a source is from normal.",
    ),
    parameter("max_iter", COUNT, Value::Number(200.0), "The most steps."),
    parameter(
        "tol",
        POSITIVE,
        Value::Number(1e-4),
        "The turn of directions that ends the steps: 1 less the cosine.",
    ),
    parameter(
        "whiten_solver",
        Domain::Choice(&["svd", "eigh"]),
        Value::text("svd"),
        "Without effect: both give the same.",
    ),
    parameter(
        "random_state",
        SEED,
        Value::Null,
        "The seed of chance; NULL is 0.",
    ),
];

type Matrix = Vec<Vec<f64>>;

fn train(setup: &Setup, rows: &Owned) -> Result<Fitted> {
    without_weights("FastICA", rows)?;
    let features = setup.features.len();
    if features == 0 || features > FEATURES {
        return Err(Error::new(
            Kind::Limit,
            format!("FastICA takes 1 to {FEATURES} features, and there are {features}"),
        ));
    }
    let most = features.min(rows.count);
    let count = match setup.parameters.get("n_components").as_number() {
        Some(count) => count as usize,
        None => most,
    };
    if rows.count < 2 || count > most {
        return Err(Error::rows(format!(
            "{count} sources need at least 2 rows, and as many rows and features as sources; there \
             are {} rows and {features} features",
            rows.count
        )));
    }
    let (means, whitening) = whitening(rows, count, &setup.watch)?;
    let along = |direction: &Vec<f64>| project(rows, &means, direction, &setup.watch);
    let white: Matrix = whitening.iter().map(along).collect::<Result<_>>()?;
    let unmixing = Unmixing {
        white: &white,
        rows: rows.count as f64,
        fun: setup.parameters.word("fun"),
        watch: &setup.watch,
    };
    let tol = setup.parameters.number("tol")?;
    let steps = setup.parameters.count("max_iter")?;
    let mut directions = start(count, setup.parameters.seed())?;
    let (mut taken, mut turn) = (0, f64::INFINITY);
    while taken < steps && (turn.is_nan() || turn >= tol) {
        let next = unmixing.step(&directions)?;
        let turns = next.iter().zip(&directions).map(|(a, b)| {
            let cosine: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
            (cosine.abs() - 1.0).abs()
        });
        turn = turns.fold(0.0, f64::max);
        directions = next;
        taken += 1;
        setup.watch.note(turn);
    }
    let components = directions.iter().flat_map(|direction| {
        let mut row = combine(direction, &whitening);
        let largest = row
            .iter()
            .fold(0.0f64, |a, b| if b.abs() > a.abs() { *b } else { a });
        if largest < 0.0 {
            row.iter_mut().for_each(|value| *value = -*value);
        }
        row
    });
    let fitted = Fitted::default()
        .with("components", Array::matrix(features, components.collect()))
        .with("whitening", Array::matrix(features, whitening.concat()))
        .with("mean", Array::vector(means))
        .with_fact("n_iter", taken as f64);
    Ok(match turn < tol {
        true => fitted,
        false => fitted.warn(format!(
            "FastICA did not converge in max_iter = {steps} steps: the directions still turn by {turn:e}"
        )),
    })
}

/// Means, and directions along which the features have variance 1 and are not correlated.
fn whitening(rows: &Owned, count: usize, watch: &Watch) -> Result<(Vec<f64>, Matrix)> {
    let features = rows.features.len();
    let tasks = [Task::of_all(Statistic::Moments(Moments {
        features,
        target: false,
    }))];
    let mut collected = Collected::start(&tasks);
    // As many products at a time, however many features there are.
    let size = ((1 << 20) / (features * features).max(1)).clamp(16, watch::ROWS);
    rows.blocks(size, |rows| {
        collected.update(&tasks, rows);
        watch.check()
    })?;
    let moments = Centred::of(&only(collected)?, true);
    let eigen = moments.products.eigen()?;
    let largest = eigen.values.first().copied().unwrap_or(0.0);
    let kept = eigen.values.iter().zip(&eigen.vectors).take(count);
    let directions = kept.map(|(value, vector)| {
        if *value <= largest * 1e-14 || *value <= 0.0 {
            return Err(Error::rows(format!(
                "the features vary in fewer than {count} directions"
            ))
            .hint("Ask for fewer n_components."));
        }
        let scale = (moments.weight.value() / value).sqrt();
        Ok(vector.iter().map(|entry| entry * scale).collect())
    });
    let means = moments.means.iter().map(|mean| mean.value()).collect();
    Ok((means, directions.collect::<Result<_>>()?))
}

/// The rows' deviations from the means along a direction.
fn project(rows: &Owned, means: &[f64], direction: &[f64], watch: &Watch) -> Result<Vec<f64>> {
    let mut out = vec![0.0; rows.count];
    for ((column, mean), factor) in rows.features.iter().zip(means).zip(direction) {
        watch.check()?;
        let pairs = out.iter_mut().zip(column);
        pairs.for_each(|(out, value)| *out += (value - mean) * factor);
    }
    Ok(out)
}

/// The sum of some rows, each times its factor.
fn combine(factors: &[f64], rows: &[Vec<f64>]) -> Vec<f64> {
    let mut sum = vec![0.0; rows.first().map_or(0, Vec::len)];
    for (factor, row) in factors.iter().zip(rows) {
        let pairs = sum.iter_mut().zip(row);
        pairs.for_each(|(sum, value)| *sum += factor * value);
    }
    sum
}

/// Orthogonal directions that chance chooses: normal entries (Box and Muller 1958).
fn start(count: usize, seed: u64) -> Result<Matrix> {
    let entry = |at: usize| {
        let (a, b) = (
            mix(seed ^ mix(2 * at as u64)),
            mix(seed ^ mix(2 * at as u64 + 1)),
        );
        let radius = (-2.0 * ln(1.0 - unit(a))).sqrt();
        radius * (std::f64::consts::TAU * unit(b)).cos()
    };
    let row = |row: usize| {
        (0..count)
            .map(|column| entry(row * count + column))
            .collect()
    };
    orthogonal(&(0..count).map(row).collect::<Matrix>())
}

/// `(W W')^-½ W`: the nearest matrix with orthogonal rows of length 1.
fn orthogonal(matrix: &[Vec<f64>]) -> Result<Matrix> {
    let count = matrix.len();
    let mut products = Symmetric::zero(count);
    for row in 0..count {
        for column in 0..=row {
            *products.at_mut(row, column) = dot(&matrix[row], &matrix[column]);
        }
    }
    let eigen = products.eigen()?;
    let mut root = vec![vec![0.0; count]; count];
    for (value, vector) in eigen.values.iter().zip(&eigen.vectors) {
        let inverse = 1.0 / value.max(f64::MIN_POSITIVE).sqrt();
        for (row, a) in root.iter_mut().zip(vector) {
            let pairs = row.iter_mut().zip(vector);
            pairs.for_each(|(entry, b)| *entry += a * inverse * b);
        }
    }
    Ok(root.iter().map(|row| combine(row, matrix)).collect())
}

/// The whitened rows, a column for each direction.
struct Unmixing<'a> {
    white: &'a [Vec<f64>],
    rows: f64,
    fun: &'a str,
    watch: &'a Watch,
}

impl Unmixing<'_> {
    fn step(&self, directions: &[Vec<f64>]) -> Result<Matrix> {
        let moved = directions.iter().map(|direction| {
            self.watch.check()?;
            let source = combine(direction, self.white);
            let (g, slope) = self.contrast(&source);
            let slope = (total(&slope) / Sum::from(self.rows)).value();
            let pairs = self.white.iter().zip(direction);
            let entry = |(column, old): (&Vec<f64>, &f64)| {
                self.watch.check()?;
                Ok((dot(&g, column) / Sum::from(self.rows)).value() - slope * old)
            };
            pairs.map(entry).collect::<Result<_>>()
        });
        orthogonal(&moved.collect::<Result<Matrix>>()?)
    }

    /// `g` and its derivative, at each row.
    fn contrast(&self, source: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let of = |u: &f64| match self.fun {
            "exp" => {
                let bell = exp(-0.5 * u * u);
                (u * bell, (1.0 - u * u) * bell)
            }
            "cube" => (u * u * u, 3.0 * u * u),
            _ => {
                let t = tanh(*u);
                (t, 1.0 - t * t)
            }
        };
        source.iter().map(of).unzip()
    }
}

/// Deviations from the means along each component.
#[derive(Debug)]
struct Sources(Vec<(f64, Vec<f64>)>);

fn predictor(fitted: &Fitted, setup: &Setup) -> Result<Box<dyn Predictor>> {
    let means = fitted.vector("mean", Some(setup.features.len()))?;
    let components = fitted.matrix("components", setup.features.len())?;
    let with_start = |factors: Vec<f64>| {
        let start = factors.iter().zip(&means).map(|(f, mean)| -f * mean).sum();
        (start, factors)
    };
    Ok(Box::new(Sources(
        components.into_iter().map(with_start).collect(),
    )))
}

impl Predictor for Sources {
    fn transform(&self, rows: &Rows<'_>) -> Option<Vec<Vec<f64>>> {
        let sources = self.0.iter();
        Some(
            sources
                .map(|(start, factors)| linear(rows, factors, *start))
                .collect(),
        )
    }

    fn outputs(&self, _: &[String]) -> Vec<String> {
        (0..self.0.len()).map(|at| format!("ica{at}")).collect()
    }
}
