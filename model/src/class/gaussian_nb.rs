//! `GaussianNB`: features are normal and independent in each class.
//!
//! `P(k | x) ∝ prior_k · Π_j N(x_j; theta_kj, var_kj)`, with the means and variances of each class, to
//! which `var_smoothing` times the largest variance of all rows is added. One scan.

use super::{Class, Purpose, Training};
use crate::error::{Error, Result};
use crate::fitted::{Array, Fitted};
use crate::parameter::{Domain, NOT_NEGATIVE, Parameter, Value, parameter};
use crate::predict::{Predictor, largest, softmax};
use crate::rows::Rows;
use crate::statistic::profile::Group;
use crate::statistic::{Collected, Profile, Statistic, Task};
use crate::train::{Setup, Step, Trainer, only};

pub static CLASS: Class = Class {
    name: "GaussianNB",
    purpose: Purpose::Classification,
    about: "Naive Bayes with normal features.",
    parameters: PARAMETERS,
    training: Training::Chunks(|setup| Ok(Box::new(Trained(setup.clone())))),
    missing: false,
    predictor,
};

static PARAMETERS: &[Parameter] = &[
    parameter(
        "priors",
        Domain::Numbers,
        Value::Null,
        "The probability of each class before its features are seen; NULL is its share of the rows.",
    ),
    parameter(
        "var_smoothing",
        NOT_NEGATIVE,
        Value::Number(1e-9),
        "The share of the largest variance of all features that is added to every variance.",
    ),
];

struct Trained(Setup);

impl Trained {
    fn profile(&self) -> Profile {
        Profile {
            features: self.0.features.len(),
            classes: self.0.labels.len().max(1),
        }
    }

    fn priors(&self, groups: &[Group], all: &Group) -> Result<Vec<f64>> {
        let Some(priors) = self.0.parameters.get("priors").numbers() else {
            let share = |group: &Group| (group.weight / all.weight).value();
            return Ok(groups.iter().map(share).collect());
        };
        let wrong = |what: &str| {
            let given = self.0.parameters.get("priors");
            let message = format!("invalid value for parameter \"priors\" of GaussianNB: {given}");
            Err(Error::parameter(message).hint(what))
        };
        if priors.len() != groups.len() {
            let (found, classes) = (priors.len(), groups.len());
            return wrong(&format!(
                "It takes a number for each of the {classes} classes; there are {found}."
            ));
        }
        if priors.iter().any(|prior| *prior < 0.0) {
            return wrong("It takes numbers that are not negative.");
        }
        let sum: f64 = priors.iter().sum();
        match (sum - 1.0).abs() <= 1e-5 {
            true => Ok(priors),
            false => wrong(&format!("It takes numbers whose sum is 1; it is {sum}.")),
        }
    }
}

impl Trainer for Trained {
    fn tasks(&mut self) -> Vec<Task> {
        vec![Task::of_all(Statistic::Profile(self.profile()))]
    }

    fn take(&mut self, collected: Collected) -> Result<Step> {
        let groups = self.profile().groups_of(&only(collected)?);
        let all = Group::all(&groups);
        if all.weight.value() <= 0.0 {
            return Err(Error::rows("there are no rows to learn from"));
        }
        let prior = self.priors(&groups, &all)?;
        let largest = all.variances().into_iter().fold(0.0, f64::max);
        let epsilon = self.0.parameters.number("var_smoothing")? * largest;
        let (mut theta, mut var) = (Vec::new(), Vec::new());
        for (group, label) in groups.iter().zip(&self.0.labels) {
            // A class without rows, as in a fold, has the moments of all.
            let group = match group.weight.value() > 0.0 {
                true => group,
                false => &all,
            };
            let variances = group.variances().into_iter().map(|v| v + epsilon);
            for (variance, feature) in variances.zip(&self.0.features) {
                if variance == 0.0 {
                    let message =
                        format!("feature \"{feature}\" has one value only in class \"{label}\"");
                    return Err(Error::rows(message)
                        .hint("GaussianNB divides by variances: leave the feature out, or raise var_smoothing."));
                }
                var.push(variance);
            }
            theta.extend(group.means());
        }
        let width = self.0.features.len();
        let counts = groups.iter().map(|group| group.weight.value()).collect();
        let fitted = Fitted::default()
            .with("theta", Array::matrix(width, theta))
            .with("var", Array::matrix(width, var))
            .with("class_prior", Array::vector(prior))
            .with("class_count", Array::vector(counts))
            .with("epsilon", Array::scalar(epsilon));
        Step::done(fitted)
    }
}

#[derive(Debug)]
struct Classes {
    theta: Vec<Vec<f64>>,
    /// Of each variance, half of its inverse.
    narrowness: Vec<Vec<f64>>,
    /// The logarithm of prior and densities at the means.
    start: Vec<f64>,
}

impl Classes {
    /// The logarithm of `P(k) P(x | k)`: a column for each class.
    fn likelihoods(&self, rows: &Rows<'_>) -> Vec<Vec<f64>> {
        let classes = self
            .start
            .iter()
            .zip(self.theta.iter().zip(&self.narrowness));
        let column = classes.map(|(start, (theta, narrowness))| {
            let mut out = vec![*start; rows.count];
            for (feature, (mean, narrow)) in rows.features.iter().zip(theta.iter().zip(narrowness))
            {
                for (out, x) in out.iter_mut().zip(*feature) {
                    let off = x - mean;
                    *out -= off * off * narrow;
                }
            }
            out
        });
        column.collect()
    }
}

impl Predictor for Classes {
    fn predict(&self, rows: &Rows<'_>) -> Vec<f64> {
        largest(&self.likelihoods(rows), rows.count)
    }

    fn probabilities(&self, rows: &Rows<'_>) -> Option<Vec<Vec<f64>>> {
        let mut columns = self.likelihoods(rows);
        softmax(&mut columns);
        Some(columns)
    }
}

fn predictor(fitted: &Fitted, setup: &Setup) -> Result<Box<dyn Predictor>> {
    let (classes, width) = (setup.labels.len(), setup.features.len());
    let prior = fitted.vector("class_prior", Some(classes))?;
    let theta = fitted.matrix("theta", width)?;
    let var = fitted.matrix("var", width)?;
    let sound = var.iter().flatten().all(|v| *v > 0.0) && prior.iter().all(|p| *p >= 0.0);
    if theta.len() != classes || var.len() != classes || !sound {
        return Err(Error::corrupt(
            "the model's variances do not fit its classes",
        ));
    }
    let start = prior.iter().zip(&var).map(|(prior, var)| {
        let logs = var.iter().map(|v| (2.0 * std::f64::consts::PI * v).ln());
        prior.ln() - 0.5 * logs.sum::<f64>()
    });
    let halves = |row: &Vec<f64>| row.iter().map(|v| 0.5 / v).collect();
    Ok(Box::new(Classes {
        start: start.collect(),
        narrowness: var.iter().map(halves).collect(),
        theta,
    }))
}
