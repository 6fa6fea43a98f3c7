//! `KNeighborsRegressor`: the mean target of the nearest rows, weighted if asked for.

use super::nearest::{self, Neighbors};
use super::{Class, Purpose, Training};
use crate::error::Result;
use crate::fitted::Fitted;
use crate::predict::Predictor;
use crate::rows::Rows;
use crate::train::Setup;

pub static CLASS: Class = Class {
    name: "KNeighborsRegressor",
    purpose: Purpose::Regression,
    about: "The mean target of the nearest rows.",
    parameters: nearest::PARAMETERS,
    training: Training::Memory {
        train: |setup, rows| nearest::train("KNeighborsRegressor", setup, rows),
        rows: nearest::ROWS,
        instead: "LinearRegression",
    },
    missing: false,
    predictor,
};

#[derive(Debug)]
struct Mean(Neighbors);

fn predictor(fitted: &Fitted, setup: &Setup) -> Result<Box<dyn Predictor>> {
    Ok(Box::new(Mean(Neighbors::of(fitted, setup)?)))
}

impl Predictor for Mean {
    fn predict(&self, rows: &Rows<'_>) -> Vec<f64> {
        let mut means = vec![0.0; rows.count];
        self.0.each(rows, |row, votes| {
            let (sum, weights) = votes.iter().fold((0.0, 0.0), |(sum, weights), (y, w)| {
                (sum + y * w, weights + w)
            });
            means[row] = sum / weights;
        });
        means
    }
}
