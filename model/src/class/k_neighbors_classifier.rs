//! `KNeighborsClassifier`: the label that most of the nearest rows have.
//!
//! Of labels with equally many votes, the first in the order of labels wins, as in scikit-learn.
//! Probabilities are shares of the votes.

use super::in_memory::index;
use super::nearest::{self, Neighbors};
use super::{Class, Purpose, Training};
use crate::error::Result;
use crate::fitted::Fitted;
use crate::predict::{Predictor, largest};
use crate::rows::Rows;
use crate::train::Setup;

pub static CLASS: Class = Class {
    name: "KNeighborsClassifier",
    purpose: Purpose::Classification,
    about: "The label that most of the nearest rows have.",
    parameters: nearest::PARAMETERS,
    training: Training::Memory {
        train: |setup, rows| nearest::train("KNeighborsClassifier", setup, rows),
        rows: nearest::ROWS,
        instead: "LogisticRegression",
    },
    missing: false,
    predictor,
};

#[derive(Debug)]
struct Vote {
    neighbors: Neighbors,
    labels: usize,
}

fn predictor(fitted: &Fitted, setup: &Setup) -> Result<Box<dyn Predictor>> {
    let neighbors = Neighbors::of(fitted, setup)?;
    let labels = setup.labels.len();
    for label in &neighbors.target {
        index(*label, labels, "y")?;
    }
    Ok(Box::new(Vote { neighbors, labels }))
}

impl Vote {
    /// The votes for each label: a column for each.
    fn votes(&self, rows: &Rows<'_>) -> Vec<Vec<f64>> {
        let mut columns = vec![vec![0.0; rows.count]; self.labels];
        self.neighbors.each(rows, |row, votes| {
            for (label, weight) in votes {
                if let Some(column) = columns.get_mut(*label as usize) {
                    column[row] += weight;
                }
            }
        });
        columns
    }
}

impl Predictor for Vote {
    fn predict(&self, rows: &Rows<'_>) -> Vec<f64> {
        largest(&self.votes(rows), rows.count)
    }

    fn probabilities(&self, rows: &Rows<'_>) -> Option<Vec<Vec<f64>>> {
        let mut columns = self.votes(rows);
        for row in 0..rows.count {
            let sum: f64 = columns.iter().map(|column| column[row]).sum();
            columns.iter_mut().for_each(|column| column[row] /= sum);
        }
        Some(columns)
    }
}
