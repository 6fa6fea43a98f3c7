//! `Normalizer`: each row divided by its norm. Nothing is learned.

use super::scaling::{OneScan, TINY, outputs};
use super::{Class, Purpose, Training};
use crate::error::Result;
use crate::fitted::Fitted;
use crate::parameter::{Domain, Parameter, Value, parameter};
use crate::predict::Predictor;
use crate::rows::Rows;
use crate::train::Setup;

pub static CLASS: Class = Class {
    name: "Normalizer",
    purpose: Purpose::Transformation,
    about: "Rows of norm 1; the outputs are named like the features with `_scaled` behind.",
    parameters: PARAMETERS,
    // Nothing is kept of the scan, which only sees whether there are rows.
    training: Training::Chunks(|setup| {
        Ok(Box::new(OneScan {
            setup: setup.clone(),
            fit: |_, _| Ok(Fitted::default()),
        }))
    }),
    missing: false,
    predictor,
};

static PARAMETERS: &[Parameter] = &[parameter(
    "norm",
    Domain::Choice(&["l1", "l2", "max"]),
    Value::text("l2"),
    "What becomes 1: the sum of magnitudes, the root of the sum of squares, or the largest magnitude.",
)];

#[derive(Debug, Clone, Copy)]
enum Norm {
    Magnitudes,
    Squares,
    Largest,
}

fn predictor(_: &Fitted, setup: &Setup) -> Result<Box<dyn Predictor>> {
    Ok(Box::new(match setup.parameters.word("norm") {
        "l1" => Norm::Magnitudes,
        "max" => Norm::Largest,
        _ => Norm::Squares,
    }))
}

impl Norm {
    fn of(self, rows: &Rows<'_>) -> Vec<f64> {
        let mut norms = vec![0.0; rows.count];
        for feature in rows.features {
            let pairs = norms.iter_mut().zip(*feature);
            match self {
                Norm::Magnitudes => pairs.for_each(|(norm, x)| *norm += x.abs()),
                Norm::Squares => pairs.for_each(|(norm, x)| *norm += x * x),
                Norm::Largest => pairs.for_each(|(norm, x)| *norm = norm.max(x.abs())),
            }
        }
        if matches!(self, Norm::Squares) {
            norms.iter_mut().for_each(|norm| *norm = norm.sqrt());
        }
        // Rows of zeros stay as they are.
        norms
            .iter_mut()
            .for_each(|norm| *norm = if *norm < TINY { 1.0 } else { *norm });
        norms
    }
}

impl Predictor for Norm {
    fn transform(&self, rows: &Rows<'_>) -> Option<Vec<Vec<f64>>> {
        let norms = self.of(rows);
        let scaled = |feature: &&[f64]| feature.iter().zip(&norms).map(|(x, n)| x / n).collect();
        Some(rows.features.iter().map(scaled).collect())
    }

    fn outputs(&self, features: &[String]) -> Vec<String> {
        outputs(features)
    }
}
