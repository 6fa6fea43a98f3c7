//! What the classes of nearest neighbours have in common: training keeps the rows, and each row that is
//! scored looks up the nearest ones.
//!
//! linfa has no such classes, and smartcore's keep their search trees to themselves; so the rows are
//! arrays (`fit_X`, `y`), and the tree of [`crate::neighbors`] is built when a model is made ready.
//! Rows are kept in the order of their values, and of rows equally far the first ones count: where
//! such rows differ in their target, scikit-learn's choice depends on the order of its rows.

use super::in_memory::{Table, each_row, without_weights};
use crate::error::{Error, Result};
use crate::fitted::{Array, Fitted};
use crate::neighbors::{METRICS, Metric, Neighbor, Tree};
use crate::parameter::{COUNT, Domain, Parameter, Value, parameter};
use crate::points::Points;
use crate::rows::{Owned, Rows};
use crate::train::Setup;

/// Rows that are kept, at most: they are part of the model.
pub(super) const ROWS: usize = 1_000_000;

pub(super) static PARAMETERS: &[Parameter] = &[
    parameter(
        "n_neighbors",
        COUNT,
        Value::Number(5.0),
        "How many neighbours count.",
    ),
    parameter(
        "weights",
        Domain::Choice(&["uniform", "distance"]),
        Value::text("uniform"),
        "Whether all neighbours count alike, or by the inverse of their distance.",
    ),
    parameter(
        "metric",
        METRICS,
        Value::text("minkowski"),
        "How far rows are from each other.",
    ),
    parameter(
        "p",
        Domain::Number {
            min: 1.0,
            max: f64::MAX,
            open: false,
        },
        Value::Number(2.0),
        "The power of the metric 'minkowski': 2 is the straight distance.",
    ),
    ALGORITHM,
    LEAF_SIZE,
];

pub(super) const ALGORITHM: Parameter = parameter(
    "algorithm",
    Domain::Choice(&["auto", "ball_tree", "kd_tree", "brute"]),
    Value::text("auto"),
    "Without effect: all find the same rows.",
);
pub(super) const LEAF_SIZE: Parameter = parameter(
    "leaf_size",
    Domain::Ignored,
    Value::Number(30.0),
    "Without effect on what is found.",
);

pub(super) fn train(class: &str, setup: &Setup, rows: &Owned) -> Result<Fitted> {
    without_weights(class, rows)?;
    let table = Table::of(rows, &setup.watch)?;
    let neighbors = setup.parameters.count("n_neighbors")?;
    if neighbors > table.count() {
        return Err(Error::rows(format!(
            "{class} needs at least as many rows as neighbours: there are {} rows and n_neighbors \
             is {neighbors}",
            table.count()
        )));
    }
    Ok(Fitted::default()
        .with(
            "fit_X",
            Array::matrix(table.points.width, table.points.data),
        )
        .with("y", Array::vector(table.target)))
}

/// The rows of a model, ready to be looked up.
#[derive(Debug)]
pub(super) struct Neighbors {
    tree: Tree,
    metric: Metric,
    pub target: Vec<f64>,
    count: usize,
    by_distance: bool,
}

impl Neighbors {
    pub fn of(fitted: &Fitted, setup: &Setup) -> Result<Self> {
        let points = points(fitted, "fit_X", setup.features.len())?;
        let target = fitted.vector("y", Some(points.count()))?;
        let metric = Metric::of(&setup.parameters);
        if target.is_empty() {
            return Err(Error::corrupt("the model has no rows"));
        }
        Ok(Self {
            tree: Tree::new(metric, &points)?,
            metric,
            target,
            count: setup.parameters.count("n_neighbors")?,
            by_distance: setup.parameters.word("weights") == "distance",
        })
    }

    /// Calls `with` with the number of each row, and the target and the weight of its neighbours.
    pub fn each(&self, rows: &Rows<'_>, mut with: impl FnMut(usize, &[(f64, f64)])) {
        let (mut found, mut votes) = (Vec::new(), Vec::new());
        each_row(rows, |row, values| {
            self.tree.nearest(values, self.count, &mut found);
            // Rows in the very same place leave nothing to the others.
            let same = found.first().is_some_and(|nearest| nearest.reduced == 0.0);
            let weight = |neighbor: &Neighbor| match (self.by_distance, same) {
                (false, _) => 1.0,
                (true, true) => f64::from(u8::from(neighbor.reduced == 0.0)),
                (true, false) => 1.0 / self.metric.full(neighbor.reduced),
            };
            votes.clear();
            votes.extend(found.iter().map(|neighbor| {
                let target = self.target.get(neighbor.point as usize);
                (target.copied().unwrap_or(0.0), weight(neighbor))
            }));
            with(row, &votes);
        });
    }
}

/// Points that are rows of a matrix of the model.
pub(super) fn points(fitted: &Fitted, name: &str, width: usize) -> Result<Points> {
    let rows = fitted.matrix(name, width)?;
    if width == 0 || rows.iter().flatten().any(|value| !value.is_finite()) {
        return Err(Error::corrupt(format!(
            "the model's array \"{name}\" does not consist of finite points"
        )));
    }
    Ok(Points {
        width,
        data: rows.concat(),
    })
}
