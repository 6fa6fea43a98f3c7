//! `DBSCAN`: clusters are rows that are linked by dense neighbourhoods (Ester, Kriegel, Sander, Xu 1996).
//!
//! A row is a core if rows of at least `min_samples` (itself, and counted by their weights) are within
//! `eps`. Cores within `eps` of each other are of one cluster; clusters are numbered by their first core
//! in the order of the rows' values, so numbers differ from scikit-learn's and clusters do not.
//!
//! scikit-learn has no prediction. Here a row has the cluster of the nearest core within `eps`, and -1
//! without one: cores get their own cluster and noise -1, as in scikit-learn's `labels_`; a border row
//! between two clusters gets the nearer one, where scikit-learn's choice depends on the order of rows.
//!
//! linfa-clustering's panics where its search trees fail and knows no weights, so this is our own, on
//! the tree of [`crate::neighbors`].

use super::in_memory::{Table, each_row, index};
use super::nearest::{ALGORITHM, LEAF_SIZE, points};
use super::{Class, Purpose, Training};
use crate::error::Result;
use crate::fitted::{Array, Fitted};
use crate::neighbors::{METRICS, Metric, Tree};
use crate::parameter::{COUNT, Domain, POSITIVE, Parameter, Value, parameter};
use crate::points::Points;
use crate::predict::Predictor;
use crate::rows::{Owned, Rows};
use crate::train::Setup;
use crate::watch::Watch;

pub static CLASS: Class = Class {
    name: "DBSCAN",
    purpose: Purpose::Clustering,
    about: "Clusters where rows are dense; rows elsewhere are noise, -1.",
    parameters: PARAMETERS,
    training: Training::Memory {
        train,
        rows: 1_000_000,
        instead: "KMeans",
    },
    missing: false,
    predictor,
};

static PARAMETERS: &[Parameter] = &[
    parameter(
        "eps",
        POSITIVE,
        Value::Number(0.5),
        "How far neighbours may be.",
    ),
    parameter(
        "min_samples",
        COUNT,
        Value::Number(5.0),
        "How many neighbours, itself included, make a row a core.",
    ),
    parameter(
        "metric",
        METRICS,
        Value::text("euclidean"),
        "How far rows are from each other.",
    ),
    parameter(
        "p",
        Domain::Number {
            min: 1.0,
            max: f64::MAX,
            open: false,
        },
        Value::Null,
        "The power of the metric 'minkowski'; NULL is 2.",
    ),
    ALGORITHM,
    LEAF_SIZE,
];

fn train(setup: &Setup, rows: &Owned) -> Result<Fitted> {
    let table = Table::of(rows, &setup.watch)?;
    let metric = Metric::of(&setup.parameters);
    let reach = metric.reduced(setup.parameters.number("eps")?);
    let least = setup.parameters.number("min_samples")?;
    let tree = Tree::watched(metric, &table.points, &setup.watch)?;
    let mut near: Vec<u32> = Vec::new();
    let is_core = |point: &[f64]| {
        setup.watch.check()?;
        near.clear();
        tree.within(point, reach, &mut |other| near.push(other));
        // Sums of weights do not depend on how the tree was cut.
        near.sort_unstable();
        let weights = near.iter().map(|other| table.weight[*other as usize]);
        Ok(weights.sum::<f64>() >= least)
    };
    let core: Vec<bool> = table.points.iter().map(is_core).collect::<Result<_>>()?;
    let (clusters, labels) = link(&table.points, &tree, reach, &core, &setup.watch)?;

    let (mut components, mut component_labels) = (Vec::new(), Vec::new());
    let cores = table.points.iter().zip(&labels).zip(&core);
    for ((point, label), _) in cores.filter(|(_, core)| **core) {
        components.extend_from_slice(point);
        component_labels.push(label.unwrap_or(0) as f64);
    }
    let fitted = Fitted::default()
        .with_fact("n_clusters", clusters as f64)
        .with_fact("n_core_samples", component_labels.len() as f64)
        .with("components", Array::matrix(table.points.width, components))
        .with("component_labels", Array::vector(component_labels));
    Ok(match clusters {
        0 => fitted.warn("no row has enough neighbours within eps: all rows are noise"),
        _ => fitted,
    })
}

/// How many clusters there are, and the cluster of each core.
fn link(
    points: &Points,
    tree: &Tree,
    reach: f64,
    core: &[bool],
    watch: &Watch,
) -> Result<(usize, Vec<Option<usize>>)> {
    let mut labels: Vec<Option<usize>> = vec![None; core.len()];
    let (mut clusters, mut waiting) = (0, Vec::new());
    for first in 0..core.len() {
        if !core[first] || labels[first].is_some() {
            continue;
        }
        labels[first] = Some(clusters);
        waiting.push(first);
        while let Some(at) = waiting.pop() {
            watch.check()?;
            let point = &points.data[at * points.width..(at + 1) * points.width];
            tree.within(point, reach, &mut |other| {
                let other = other as usize;
                if core[other] && labels[other].is_none() {
                    labels[other] = Some(clusters);
                    waiting.push(other);
                }
            });
        }
        clusters += 1;
    }
    Ok((clusters, labels))
}

/// The cores and their clusters.
#[derive(Debug)]
struct Cores {
    tree: Tree,
    labels: Vec<f64>,
    reach: f64,
}

fn predictor(fitted: &Fitted, setup: &Setup) -> Result<Box<dyn Predictor>> {
    let points = points(fitted, "components", setup.features.len())?;
    let labels = fitted.vector("component_labels", Some(points.count()))?;
    for label in &labels {
        index(*label, labels.len(), "component_labels")?;
    }
    let metric = Metric::of(&setup.parameters);
    Ok(Box::new(Cores {
        tree: Tree::new(metric, &points)?,
        labels,
        reach: metric.reduced(setup.parameters.number("eps")?),
    }))
}

impl Predictor for Cores {
    fn predict(&self, rows: &Rows<'_>) -> Vec<f64> {
        let (mut found, mut clusters) = (Vec::new(), vec![-1.0; rows.count]);
        each_row(rows, |row, values| {
            self.tree.nearest(values, 1, &mut found);
            let near = found.first().filter(|core| core.reduced <= self.reach);
            let label = near.and_then(|core| self.labels.get(core.point as usize));
            if let Some(label) = label {
                clusters[row] = *label;
            }
        });
        clusters
    }
}
