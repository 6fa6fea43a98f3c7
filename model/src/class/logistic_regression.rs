//! `LogisticRegression`: of two classes by the logistic function, of more by softmax.
//!
//! It minimises `C Σ w_i loss_i + ½ Σ β²`, as scikit-learn: the intercepts are not penalised. Of more
//! than two classes, coefficients and intercepts sum to zero over the classes, which does not change
//! probabilities.

use super::class_weight::{CLASS_WEIGHT, ClassWeight};
use super::glm::{self, Model, Plan};
use super::{Class, Purpose, Training};
use crate::elementary::logistic;
use crate::error::{Error, Result};
use crate::fitted::Fitted;
use crate::parameter::{Domain, NOT_NEGATIVE, POSITIVE, Parameter, Value, parameter};
use crate::predict::{Predictor, largest, linear, softmax};
use crate::rows::Rows;
use crate::statistic::glm::{Evaluation, Loss};
use crate::statistic::profile::Group;
use crate::train::Setup;

pub static CLASS: Class = Class {
    name: "LogisticRegression",
    purpose: Purpose::Classification,
    about: "Classification by linear functions of the features, with probabilities.",
    parameters: PARAMETERS,
    training: Training::Chunks(|setup| {
        Ok(Box::new(glm::Training::new(Logistic::new(setup.clone())?)))
    }),
    missing: false,
    predictor,
};

static PARAMETERS: &[Parameter] = &[
    parameter(
        "penalty",
        Domain::Choice(&["l2", "none"]),
        Value::text("l2"),
        "The penalty on coefficients.",
    ),
    parameter(
        "C",
        Domain::Either(&[POSITIVE, Domain::Choice(&["inf"])]),
        Value::Number(1.0),
        "The inverse of the penalty's strength; 'inf' is no penalty.",
    ),
    parameter(
        "l1_ratio",
        Domain::Number {
            min: 0.0,
            max: 0.0,
            open: false,
        },
        Value::Number(0.0),
        "The share of the penalty that is on absolute values.",
    ),
    parameter(
        "dual",
        Domain::Only(false),
        Value::Bool(false),
        "Whether the dual problem is solved.",
    ),
    parameter(
        "tol",
        NOT_NEGATIVE,
        Value::Number(1e-4),
        "How close to the minimum training ends; at least as close as in scikit-learn.",
    ),
    parameter(
        "fit_intercept",
        Domain::Bool,
        Value::Bool(true),
        "Whether there is an intercept.",
    ),
    parameter(
        "intercept_scaling",
        Domain::Ignored,
        Value::Number(1.0),
        "Without effect: intercepts are not penalised.",
    ),
    CLASS_WEIGHT,
    parameter(
        "random_state",
        Domain::Ignored,
        Value::Null,
        "Without effect: there is no chance in it.",
    ),
    parameter(
        "solver",
        Domain::Ignored,
        Value::text("lbfgs"),
        "Without effect: Newton's method, or L-BFGS for more than 2000 coefficients.",
    ),
    parameter(
        "max_iter",
        Domain::Whole { min: 0.0 },
        Value::Number(100.0),
        "The largest number of iterations.",
    ),
    parameter(
        "warm_start",
        Domain::Only(false),
        Value::Bool(false),
        "Whether training goes on from an earlier model.",
    ),
];

struct Logistic {
    setup: Setup,
    class_weight: ClassWeight,
}

impl Logistic {
    fn new(setup: Setup) -> Result<Self> {
        let class_weight = ClassWeight::of(CLASS.name, &setup)?;
        Ok(Self {
            setup,
            class_weight,
        })
    }

    fn penalty(&self) -> f64 {
        let parameters = &self.setup.parameters;
        match (parameters.word("penalty"), parameters.get("C").as_number()) {
            ("l2", Some(c)) => c.recip(),
            _ => 0.0,
        }
    }
}

impl Model for Logistic {
    fn name(&self) -> &'static str {
        CLASS.name
    }

    fn classes(&self) -> usize {
        self.setup.labels.len().max(1)
    }

    fn features(&self) -> usize {
        self.setup.features.len()
    }

    fn intercept(&self) -> bool {
        self.setup.parameters.flag("fit_intercept")
    }

    fn tol(&self) -> f64 {
        self.setup.parameters.number("tol").unwrap_or(1e-4)
    }

    fn max_iter(&self) -> usize {
        self.setup.parameters.count("max_iter").unwrap_or(100)
    }

    fn plan(&mut self, groups: &[Group], _: &crate::state::State) -> Result<Plan> {
        let weights: Vec<f64> = groups.iter().map(|group| group.weight.value()).collect();
        let present = weights.iter().filter(|weight| **weight > 0.0).count();
        if present < 2 {
            return Err(Error::rows(
                "the target has one class only; classification needs two",
            ));
        }
        let class_weights = self.class_weight.of_labels(&weights);
        let weighty = |(at, weight): (usize, &f64)| *weight * class_weights.get(at).unwrap_or(&1.0);
        if weights.iter().enumerate().map(weighty).sum::<f64>() <= 0.0 {
            return Err(Error::rows("all rows have a weight of 0"));
        }
        let classes = self.classes();
        Ok(Plan {
            loss: match classes {
                2 => Loss::Logistic,
                classes => Loss::Softmax { classes },
            },
            class_weights,
            penalty: self.penalty(),
            start: 0.0,
        })
    }

    fn describe(&self, fitted: Fitted, at_end: &Evaluation) -> Fitted {
        let fitted = fitted
            .with_fact("log_loss", at_end.plain_loss)
            .with_fact("accuracy", at_end.accuracy);
        match at_end.accuracy == 1.0 && at_end.plain_loss < 1e-6 {
            true => fitted.warn(
                "the features separate the classes perfectly: coefficients are as large as the \
                 penalty and max_iter let them be; a smaller C gives a model that is less sure",
            ),
            false => fitted,
        }
    }
}

#[derive(Debug)]
struct Scores {
    coefficients: Vec<Vec<f64>>,
    intercepts: Vec<f64>,
}

impl Scores {
    fn of(&self, rows: &Rows<'_>) -> Vec<Vec<f64>> {
        let outputs = self.coefficients.iter().zip(&self.intercepts);
        outputs
            .map(|(coefficients, start)| linear(rows, coefficients, *start))
            .collect()
    }
}

impl Predictor for Scores {
    fn predict(&self, rows: &Rows<'_>) -> Vec<f64> {
        let mut scores = self.of(rows);
        if scores.len() > 1 {
            return largest(&scores, rows.count);
        }
        let mut scores = scores.pop().unwrap_or_default();
        scores.iter_mut().for_each(|s| *s = f64::from(*s > 0.0));
        scores
    }

    fn probabilities(&self, rows: &Rows<'_>) -> Option<Vec<Vec<f64>>> {
        let mut scores = self.of(rows);
        if scores.len() > 1 {
            softmax(&mut scores);
            return Some(scores);
        }
        let mut second = scores.pop()?;
        let first = pulp::Arch::new().dispatch(|| {
            second.iter_mut().for_each(|s| *s = logistic(*s));
            second.iter().map(|p| 1.0 - p).collect()
        });
        Some(vec![first, second])
    }
}

fn predictor(fitted: &Fitted, setup: &Setup) -> Result<Box<dyn Predictor>> {
    let outputs = match setup.labels.len() {
        2 => 1,
        classes => classes,
    };
    let coefficients = fitted.matrix("coef", setup.features.len())?;
    if coefficients.len() != outputs {
        return Err(Error::corrupt(
            "the model's coefficients do not fit its classes",
        ));
    }
    Ok(Box::new(Scores {
        coefficients,
        intercepts: fitted.vector("intercept", Some(outputs))?,
    }))
}
