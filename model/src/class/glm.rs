//! How generalised linear models are trained: a scan for means and spreads of the features, then
//! scans for Newton's steps, or, where there are too many unknowns for a Hessian, for L-BFGS.
//!
//! The objective is the mean loss of the rows and an L2 penalty on the coefficients, not on intercepts.
//! Features are centred (where there is an intercept) and scaled to a spread of 1, and the penalty is
//! adjusted to that, so that the minimum is that of the raw features.

use crate::error::{Error, Kind, Result};
use crate::fitted::{Array, Fitted};
use crate::solve::{Found, Method, Minimizer, Seen, Symmetric};
use crate::statistic::glm::{Evaluation, Glm, Loss};
use crate::statistic::profile::Group;
use crate::statistic::{Collected, Profile, Statistic, Task};
use crate::sum::Sum;
use crate::train::{Step, Trainer, only};

/// Up to so many unknowns there is a Hessian.
const NEWTON_LIMIT: usize = 2000;
/// More make the states of a scan too large.
const LIMIT: usize = 1 << 20;

/// What a class asks for, once it knows the rows' profile.
#[derive(Debug)]
pub(super) struct Plan {
    pub loss: Loss,
    /// Weights of classes; empty where they count alike.
    pub class_weights: Vec<f64>,
    /// The penalty of all rows: half of it times the sum of the squared coefficients.
    pub penalty: f64,
    /// Where the intercepts start.
    pub start: f64,
}

/// A class of these models.
pub(super) trait Model: Send {
    fn name(&self) -> &'static str;
    /// Classes of the target, or 0 where it is a number.
    fn classes(&self) -> usize;
    fn features(&self) -> usize;
    fn intercept(&self) -> bool;
    fn tol(&self) -> f64;
    fn max_iter(&self) -> usize;
    /// Checks the rows; the state is that of the profile.
    fn plan(&mut self, groups: &[Group], state: &crate::state::State) -> Result<Plan>;
    /// Adds what is known of the fit.
    fn describe(&self, fitted: Fitted, at_end: &Evaluation) -> Fitted;
}

pub(super) struct Training<M> {
    model: M,
    newton_limit: usize,
    minimizer: Option<(Plan, Glm, Minimizer)>,
}

impl<M: Model> Training<M> {
    pub fn new(model: M) -> Self {
        Self {
            model,
            newton_limit: NEWTON_LIMIT,
            minimizer: None,
        }
    }

    fn profile(&self) -> Profile {
        Profile {
            features: self.model.features(),
            classes: self.model.classes(),
        }
    }

    fn begin(&mut self, collected: Collected) -> Result<Step> {
        let profile = self.profile();
        let state = only(collected)?;
        let groups = profile.groups_of(&state);
        let all = Group::all(&groups);
        if all.weight.value() <= 0.0 {
            return Err(Error::rows("there are no rows to learn from"));
        }
        let plan = self.model.plan(&groups, &state)?;
        let (features, intercept) = (self.model.features(), self.model.intercept());
        let (centres, squares) = match intercept {
            true => (all.means(), all.variances()),
            false => (vec![0.0; features], all.mean_squares()),
        };
        // A feature of one value becomes 0 and stays without effect.
        let scale = |square: &f64| match *square > 0.0 {
            true => square.sqrt().recip(),
            false => 0.0,
        };
        let width = features + usize::from(intercept);
        let unknowns = width.saturating_mul(plan.loss.outputs());
        if unknowns > LIMIT {
            let message = format!(
                "{} takes at most {LIMIT} coefficients; there are {unknowns}",
                self.model.name()
            );
            return Err(Error::new(Kind::Limit, message));
        }
        let mut glm = Glm {
            loss: plan.loss,
            intercept,
            centres,
            scales: squares.iter().map(scale).collect(),
            class_weights: plan.class_weights.clone(),
            point: Vec::new(),
            along: Vec::new(),
            steps: Vec::new(),
            hessian: false,
        };
        let mut start = vec![0.0; unknowns];
        if intercept {
            let intercepts = start.iter_mut().skip(features).step_by(width);
            intercepts.for_each(|at| *at = plan.start);
        }
        let tol = self.model.tol();
        let newton = unknowns <= self.newton_limit;
        let method = match newton {
            // Stricter than scikit-learn, whose coefficients have two or three digits by default:
            // the last steps of Newton's method cost one scan.
            true => Method::Newton {
                fall: (tol * tol * 1e-10).max(1e-22),
            },
            false => Method::QuasiNewton {
                gradient: (tol * 1e-4).max(1e-13),
            },
        };
        glm.hessian = newton;
        let weight = plan.weight(&groups);
        let penalties = plan.penalties(&glm, weight);
        // The curvature of each loss is at most a quarter, or a half, where it has a bound.
        let bound = penalties.iter().map(|p| p + 0.5).collect();
        let minimizer = Minimizer::new(start, bound, method, self.model.max_iter());
        self.minimizer = Some((plan, glm, minimizer));
        Ok(Step::again("means and variances"))
    }
}

impl Plan {
    fn weight(&self, groups: &[Group]) -> f64 {
        let weight_of = |at: usize| self.class_weights.get(at).copied().unwrap_or(1.0);
        let weights = groups.iter().enumerate();
        let weights = weights.map(|(at, group)| group.weight.value() * weight_of(at));
        weights.sum()
    }

    /// For each unknown, the penalty on half its square, as a mean over the rows.
    fn penalties(&self, glm: &Glm, weight: f64) -> Vec<f64> {
        let each = glm.scales.iter().map(|s| self.penalty / weight * s * s);
        let mut row: Vec<f64> = each.collect();
        row.resize(glm.width(), 0.0);
        row.repeat(self.loss.outputs())
    }

    /// The mean loss with its penalty.
    fn objective(&self, glm: &Glm, seen: &Evaluation) -> Seen {
        let weight = seen.weight;
        let penalties = self.penalties(glm, weight);
        let penalty_at = |step: f64| {
            let along = |at: usize| glm.along.get(at).map_or(0.0, |d| step * d);
            let unknowns = glm.point.iter().zip(&penalties).enumerate();
            let squares = unknowns.map(|(at, (b, p))| p * (b + along(at)).powi(2));
            0.5 * squares.sum::<f64>()
        };
        let others = seen.others.iter().zip(&glm.steps);
        let unknowns = glm.point.iter().zip(&penalties);
        let gradient = seen.gradient.iter().zip(unknowns);
        Seen {
            value: seen.loss / weight + penalty_at(0.0),
            gradient: gradient.map(|(g, (b, p))| g / weight + p * b).collect(),
            others: others.map(|(l, s)| l / weight + penalty_at(*s)).collect(),
            hessian: seen
                .hessian
                .as_ref()
                .map(|hessian| self.regular(glm, hessian, &penalties, weight)),
        }
    }

    /// The Hessian of the objective. Adding the same to the coefficients of all classes changes no
    /// probability of softmax; what is added here keeps their sum where it is.
    fn regular(&self, glm: &Glm, loss: &Symmetric, penalties: &[f64], weight: f64) -> Symmetric {
        let size = loss.size();
        let mut hessian = Symmetric::zero(size);
        for row in 0..size {
            for column in 0..=row {
                let value = loss.at(row, column).value() / weight;
                *hessian.at_mut(row, column) = Sum::from(value);
            }
            let own = hessian.at_mut(row, row);
            own.add(penalties[row]);
            // Of a feature without effect.
            if own.value() == 0.0 {
                *own = Sum::from(1.0);
            }
        }
        let (outputs, width) = (self.loss.outputs(), glm.width());
        if outputs > 1 {
            for at in 0..width {
                let of = |class: usize| hessian.at(class * width + at, class * width + at).value();
                let mean = (0..outputs).map(of).sum::<f64>() / (outputs * outputs) as f64;
                for row in 0..outputs {
                    for column in 0..=row {
                        hessian
                            .at_mut(row * width + at, column * width + at)
                            .add(mean);
                    }
                }
            }
        }
        hessian
    }
}

impl<M: Model> Trainer for Training<M> {
    fn scans_again(&self) -> bool {
        true
    }

    fn tasks(&mut self) -> Vec<Task> {
        let Some((_, glm, minimizer)) = &mut self.minimizer else {
            return vec![Task::of_all(Statistic::Profile(self.profile()))];
        };
        glm.point = minimizer.point().to_vec();
        (glm.along, glm.steps) = minimizer.back();
        vec![Task::of_all(Statistic::Glm(glm.clone()))]
    }

    fn take(&mut self, collected: Collected) -> Result<Step> {
        let Some((plan, glm, minimizer)) = &mut self.minimizer else {
            return self.begin(collected);
        };
        let evaluation = glm.evaluation(&only(collected)?);
        let seen = plan.objective(glm, &evaluation);
        let loss = seen.value;
        let found = minimizer.take(seen);
        if found == Found::Again {
            return Ok(Step::falling("loss", loss));
        }
        let iterations = minimizer.iterations;
        let mut fitted = raw(glm, minimizer.point()).with_fact("n_iter", iterations as f64);
        let name = self.model.name();
        match found {
            Found::NotYet => {
                fitted = fitted.warn(format!(
                    "{name} did not converge within max_iter = {iterations} iterations"
                ));
            }
            Found::Stuck => {
                fitted = fitted.warn(format!(
                    "{name} stopped after {iterations} iterations: no step lowers its loss any more"
                ));
            }
            Found::Again | Found::Minimum => {}
        }
        Step::done(self.model.describe(fitted, &evaluation))
    }
}

/// Coefficients and intercepts for the raw features.
fn raw(glm: &Glm, point: &[f64]) -> Fitted {
    let (features, width) = (glm.centres.len(), glm.width().max(1));
    let (mut coefficients, mut intercepts) = (Vec::new(), Vec::new());
    let scales = glm.scales.iter().zip(&glm.centres);
    for output in point.chunks_exact(width) {
        let mut intercept = match glm.intercept {
            true => Sum::from(output[features]),
            false => Sum::ZERO,
        };
        for (value, (scale, centre)) in output.iter().zip(scales.clone()) {
            let coefficient = value * scale;
            intercept.add_product(-coefficient, *centre);
            coefficients.push(coefficient);
        }
        intercepts.push(intercept.value());
    }
    // Without features and intercept there is nothing to find.
    intercepts.resize(glm.loss.outputs(), 0.0);
    let coefficients = match glm.loss {
        Loss::Poisson => Array::vector(coefficients),
        _ => Array {
            shape: vec![glm.loss.outputs(), features],
            data: coefficients,
        },
    };
    Fitted::default()
        .with("coef", coefficients)
        .with("intercept", Array::vector(intercepts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{Owned, mix, unit};
    use crate::train;

    /// Rows of features with offsets, and a target that depends on them but not only on them.
    fn rows(features: usize, target: impl Fn(f64, u64) -> f64) -> Owned {
        let draw = |row: usize, at: usize| unit(mix(mix(row as u64) ^ at as u64)) - 0.5;
        let column = |at: usize| {
            let values =
                (0..300).map(move |row| 100.0 * at as f64 + draw(row, at) * (1 + at) as f64);
            values.collect()
        };
        let sum = |row: usize| {
            (0..features)
                .map(|at| draw(row, at) * (at % 3) as f64)
                .sum()
        };
        Owned {
            features: (0..features).map(column).collect(),
            target: (0..300)
                .map(|row| target(sum(row), mix(!(row as u64))))
                .collect(),
            count: 300,
            ..Owned::default()
        }
    }

    fn fit(model: impl Model, rows: &Owned, newton_limit: usize) -> Fitted {
        let mut trainer = Training {
            newton_limit,
            ..Training::new(model)
        };
        let fitted = train::run(&mut trainer, |tasks| {
            let mut collected = Collected::start(tasks);
            rows.view(|rows| collected.update(tasks, rows));
            Ok(collected)
        });
        fitted.unwrap()
    }

    struct Plain {
        loss: Loss,
        features: usize,
    }

    impl Model for Plain {
        fn name(&self) -> &'static str {
            "Plain"
        }

        fn classes(&self) -> usize {
            match self.loss {
                Loss::Poisson => 0,
                Loss::Logistic => 2,
                Loss::Softmax { classes } => classes,
            }
        }

        fn features(&self) -> usize {
            self.features
        }

        fn intercept(&self) -> bool {
            true
        }

        fn tol(&self) -> f64 {
            1e-6
        }

        fn max_iter(&self) -> usize {
            500
        }

        fn plan(&mut self, _: &[Group], _: &crate::state::State) -> Result<Plan> {
            Ok(Plan {
                loss: self.loss,
                class_weights: Vec::new(),
                penalty: 1.0,
                start: 0.0,
            })
        }

        fn describe(&self, fitted: Fitted, _: &Evaluation) -> Fitted {
            fitted
        }
    }

    #[test]
    fn many_unknowns_have_the_same_minimum() {
        for loss in [Loss::Logistic, Loss::Softmax { classes: 3 }, Loss::Poisson] {
            let features = 9;
            let rows = rows(features, |sum, draw| {
                let noisy = sum + 4.0 * (unit(draw) - 0.5);
                match loss {
                    Loss::Logistic => f64::from(noisy > 0.0),
                    Loss::Softmax { .. } => f64::from(noisy > -1.0) + f64::from(noisy > 1.0),
                    Loss::Poisson => noisy.exp().round(),
                }
            });
            let newton = fit(Plain { loss, features }, &rows, NEWTON_LIMIT);
            let quasi = fit(Plain { loss, features }, &rows, 0);
            assert_eq!(quasi.facts.warnings, Vec::<String>::new());
            assert!(quasi.facts.numbers["n_iter"] > newton.facts.numbers["n_iter"]);
            for name in ["coef", "intercept"] {
                let pairs = newton.arrays[name]
                    .data
                    .iter()
                    .zip(&quasi.arrays[name].data);
                let largest = newton.arrays[name]
                    .data
                    .iter()
                    .fold(0.0f64, |a, b| a.max(b.abs()));
                for (a, b) in pairs {
                    assert!((a - b).abs() <= 1e-7 * largest, "{loss:?} {name}: {a} {b}");
                }
            }
        }
    }
}
