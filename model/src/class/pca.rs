//! `PCA`: principal components, in one scan.
//!
//! The components are the eigenvectors of the covariance matrix of the centred moments, which are
//! kept in twice the precision of `f64`; each has its entry of largest magnitude positive, as
//! scikit-learn's `svd_flip(u_based_decision=False)` has it. Outputs are `pca0`, `pca1` and so on.
//! The solvers that `svd_solver` names give the same or an approximation of it, so any is accepted.

use pulp::Arch;

use super::{Class, Purpose, Training};
use crate::error::{Error, Kind, Result};
use crate::fitted::{Array, Fitted};
use crate::parameter::{COUNT, Domain, Parameter, Value, parameter};
use crate::predict::Predictor;
use crate::rows::Rows;
use crate::statistic::moments::Centred;
use crate::statistic::{Collected, Moments, Statistic, Task};
use crate::train::{Setup, Step, Trainer, only};

pub static CLASS: Class = Class {
    name: "PCA",
    purpose: Purpose::Transformation,
    about: "Principal components: the directions along which the features vary most.",
    parameters: PARAMETERS,
    training: Training::Chunks(|setup| {
        let features = setup.features.len();
        match features {
            0 => Err(Error::rows("there are no features to learn from")),
            1..=FEATURES => Ok(Box::new(Pca(setup.clone()))),
            _ => Err(Error::new(
                Kind::Limit,
                format!("PCA takes at most {FEATURES} features, and there are {features}"),
            )),
        }
    }),
    missing: false,
    predictor,
};

/// The time for the eigenvectors grows with the cube.
const FEATURES: usize = 4096;

static PARAMETERS: &[Parameter] = &[
    parameter(
        "n_components",
        Domain::Either(&[
            COUNT,
            Domain::Number {
                min: 0.0,
                max: 1.0,
                open: true,
            },
        ]),
        Value::Null,
        "How many components; below 1, the share of the variance that they explain together. NULL is all.",
    ),
    parameter(
        "whiten",
        Domain::Bool,
        Value::Bool(false),
        "Whether the outputs have variance 1.",
    ),
    parameter(
        "svd_solver",
        Domain::Choice(&["auto", "full", "covariance_eigh", "arpack", "randomized"]),
        Value::text("auto"),
        "Without effect: the components are exact.",
    ),
    ignored("tol"),
    ignored("iterated_power"),
    ignored("n_oversamples"),
    ignored("power_iteration_normalizer"),
    ignored("random_state"),
];

const fn ignored(name: &'static str) -> Parameter {
    parameter(
        name,
        Domain::Ignored,
        Value::Null,
        "Without effect: the components are exact.",
    )
}

struct Pca(Setup);

impl Trainer for Pca {
    fn tasks(&mut self) -> Vec<Task> {
        vec![Task::of_all(Statistic::Moments(Moments {
            features: self.0.features.len(),
            target: false,
        }))]
    }

    fn take(&mut self, collected: Collected) -> Result<Step> {
        let moments = Centred::of(&only(collected)?, true);
        if moments.rows < 2 {
            return Err(Error::rows(format!(
                "PCA needs at least 2 rows, and there are {}",
                moments.rows
            )));
        }
        Step::done(self.fit(&moments)?)
    }
}

impl Pca {
    fn fit(&self, moments: &Centred) -> Result<Fitted> {
        let features = self.0.features.len();
        let freedom = moments.weight.value() - 1.0;
        let eigen = moments.products.eigen()?;
        // There are no more directions than rows.
        let most = features.min(moments.rows as usize);
        let squares: Vec<f64> = eigen.values[..most].iter().map(|v| v.max(0.0)).collect();
        let variances: Vec<f64> = squares.iter().map(|square| square / freedom).collect();
        let total = variances.iter().sum::<f64>();
        let ratio = |variance: &f64| if total > 0.0 { variance / total } else { 0.0 };
        let ratios: Vec<f64> = variances.iter().map(ratio).collect();
        let count = self.components(&ratios)?;
        let (kept, noise) = variances.split_at(count);
        let noise_variance = noise.iter().sum::<f64>() / noise.len().max(1) as f64;
        let vectors = eigen.vectors[..count].concat();
        let means = moments.means.iter().map(|mean| mean.value());
        Ok(Fitted::default()
            .with("components", Array::matrix(features, vectors))
            .with("explained_variance", Array::vector(kept.to_vec()))
            .with(
                "explained_variance_ratio",
                Array::vector(ratios[..count].to_vec()),
            )
            .with(
                "singular_values",
                Array::vector(squares[..count].iter().map(|s| s.sqrt()).collect()),
            )
            .with("mean", Array::vector(means.collect()))
            .with("noise_variance", Array::scalar(noise_variance)))
    }

    /// How many components to keep of those that explain these shares of the variance.
    fn components(&self, ratios: &[f64]) -> Result<usize> {
        let wanted = self.0.parameters.get("n_components");
        match wanted.as_number() {
            None => Ok(ratios.len()),
            Some(share) if share < 1.0 => {
                let mut so_far = 0.0;
                let below = ratios.iter().take_while(|ratio| {
                    so_far += **ratio;
                    so_far <= share
                });
                Ok((below.count() + 1).min(ratios.len()))
            }
            Some(count) if count as usize <= ratios.len() => Ok(count as usize),
            Some(_) => Err(Error::rows(format!(
                "{wanted} components need at least as many rows and features, and the fewer of \
                 both are {}",
                ratios.len()
            ))),
        }
    }
}

fn predictor(fitted: &Fitted, setup: &Setup) -> Result<Box<dyn Predictor>> {
    let components = fitted.matrix("components", setup.features.len())?;
    let variances = fitted.vector("explained_variance", Some(components.len()))?;
    let scale = |variance: &f64| match setup.parameters.flag("whiten") {
        // As scikit-learn: directions without variance do not end in infinities.
        true => variance.max(0.0).sqrt().max(f64::EPSILON),
        false => 1.0,
    };
    Ok(Box::new(Projection {
        means: fitted.vector("mean", Some(setup.features.len()))?,
        scales: variances.iter().map(scale).collect(),
        components,
    }))
}

/// Deviations from the means, along each component, over its scale.
#[derive(Debug)]
struct Projection {
    means: Vec<f64>,
    components: Vec<Vec<f64>>,
    scales: Vec<f64>,
}

/// Rows that are projected together: their columns stay in the first cache.
const BLOCK: usize = 256;

impl Predictor for Projection {
    fn transform(&self, rows: &Rows<'_>) -> Option<Vec<Vec<f64>>> {
        let mut out = vec![vec![0.0; rows.count]; self.components.len()];
        let arch = Arch::new();
        for from in (0..rows.count).step_by(BLOCK) {
            let block = from..(from + BLOCK).min(rows.count);
            for ((component, scale), out) in self.components.iter().zip(&self.scales).zip(&mut out)
            {
                let out = &mut out[block.clone()];
                arch.dispatch(
                    #[inline(always)]
                    || {
                        let along = component.iter().zip(&self.means).zip(rows.features);
                        for ((weight, mean), feature) in along {
                            let pairs = out.iter_mut().zip(&feature[block.clone()]);
                            pairs.for_each(|(out, value)| *out += (value - mean) * weight);
                        }
                        out.iter_mut().for_each(|value| *value /= scale);
                    },
                );
            }
        }
        Some(out)
    }

    fn outputs(&self, _: &[String]) -> Vec<String> {
        (0..self.components.len())
            .map(|at| format!("pca{at}"))
            .collect()
    }
}
