//! Searches for the parameters that do best in a cross-validation, as scikit-learn's
//! `GridSearchCV`, `RandomizedSearchCV` and `HalvingGridSearchCV` do them.
//!
//! # How a statement runs one
//!
//! ```text
//! CREATE EXPERIMENT e WITH (
//!     model_class = 'Ridge', target_column = 'y', fit_intercept = true,   -- class and setup
//!     experiment_class = 'GridSearchCV',                                  -- search::find
//!     experiment_kwargs = (cv = 5, scoring = 'r2'),                       -- Method::parameters
//!     tune_parameters = (alpha = ARRAY[0.1, 1, 10])                       -- tuned
//! ) AS (SELECT …)
//! ```
//!
//! 1. `let method = search::find("GridSearchCV")?;`
//! 2. `let (options, ignored) = method.parameters(&experiment_kwargs)?;` checks them against
//!    [`Method::parameters`], with the error texts of any class.
//! 3. `let mut search = method.start(&options, class, &setup, &tuned)?;`. The `setup` holds the
//!    parameters that are the same for all candidates; `tuned` names those that are searched, each
//!    with a [`Value::List`] of values, or for `RandomizedSearchCV` a range as a [`Value::Map`]:
//!    `(low = 0.01, high = 100, log = true)`.
//! 4. A search is a [`Trainer`]. Rows of every scan need draws and [`Trainer::folds`] folds, either
//!    drawn or from a column of whole numbers from 0 on, of which there must be `cv` different ones.
//!    - Where the class trains by chunks: `train::run(&mut search, scan)`, or the engine's own loop of
//!      `tasks` and `take`, as for a model. It gives the winner, trained on all rows.
//!    - Where the class trains in memory: `search.in_memory(&owned)` with all rows (and their folds
//!      and draws), up to the limit of the class.
//! 5. `let outcome = search.outcome()?;` has scikit-learn's `cv_results_` as columns, the winner's
//!    place in them, and its parameters: those, in `setup.parameters`, belong to the winner.
//!
//! # What is scanned
//!
//! Models of a quadratic loss (least squares, ridge, lasso, elastic net) follow from the moments of
//! each fold: one scan for all candidates and folds, and the refit. Others are trained side by side,
//! sharing scans; then a scan scores them, and the winner is trained on all rows.

mod candidate;
mod driver;
mod lockstep;
mod memory;
pub mod moments;
mod schedule;
pub mod score;
mod table;

use crate::class::Class;
use crate::error::{Error, Kind, Result};
use crate::parameter::{COUNT, Domain, Parameter, Parameters, SEED, Value, nearest, parameter};
use crate::train::Setup;
pub use driver::Search;

/// A way of searching.
#[derive(Debug)]
pub struct Method {
    pub name: &'static str,
    /// A sentence for the documentation.
    pub about: &'static str,
    /// What `experiment_kwargs` may say.
    pub parameters: &'static [Parameter],
    way: Way,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Grid,
    Random,
    Halving,
}

/// Every way of searching, in alphabetical order.
pub static METHODS: &[&Method] = &[&GRID, &HALVING, &RANDOM];

static GRID: Method = Method {
    name: "GridSearchCV",
    about: "Every combination of the values.",
    parameters: &[CV, SCORING, REFIT, TRAIN_SCORE, ERROR_SCORE],
    way: Way::Grid,
};

static RANDOM: Method = Method {
    name: "RandomizedSearchCV",
    about: "Some combinations of the values, or of draws from ranges.",
    parameters: &[
        parameter(
            "n_iter",
            COUNT,
            Value::Number(10.0),
            "How many combinations are tried.",
        ),
        RANDOM_STATE,
        CV,
        SCORING,
        REFIT,
        TRAIN_SCORE,
        ERROR_SCORE,
    ],
    way: Way::Random,
};

static HALVING: Method = Method {
    name: "HalvingGridSearchCV",
    about: "Every combination on a few rows, then the best of them on more, and so on.",
    parameters: &[
        parameter(
            "factor",
            Domain::Number {
                min: 1.0,
                max: 1e6,
                open: true,
            },
            Value::Number(3.0),
            "One in so many candidates goes on, to so many times the rows.",
        ),
        parameter(
            "resource",
            Domain::Choice(&["n_samples"]),
            Value::text("n_samples"),
            "What grows: the rows.",
        ),
        parameter(
            "max_resources",
            Domain::Either(&[Domain::Choice(&["auto"]), COUNT]),
            Value::text("auto"),
            "The most rows that a candidate gets; 'auto' is all.",
        ),
        parameter(
            "min_resources",
            Domain::Either(&[Domain::Choice(&["exhaust", "smallest"]), COUNT]),
            Value::text("exhaust"),
            "The rows of the first round; 'exhaust' has the last one use as many as it may.",
        ),
        parameter(
            "aggressive_elimination",
            Domain::Bool,
            Value::Bool(false),
            "Whether the first rounds are repeated until few enough candidates are left.",
        ),
        RANDOM_STATE,
        CV,
        SCORING,
        REFIT,
        TRAIN_SCORE,
        ERROR_SCORE,
    ],
    way: Way::Halving,
};

const CV: Parameter = parameter(
    "cv",
    Domain::Whole { min: 2.0 },
    Value::Number(5.0),
    "The number of folds.",
);
const SCORING: Parameter = parameter(
    "scoring",
    Domain::Choice(score::NAMES),
    Value::Null,
    "The metric; NULL is r2 of regressions and accuracy of classifications.",
);
const REFIT: Parameter = parameter(
    "refit",
    Domain::Only(true),
    Value::Bool(true),
    "Whether the winner is trained on all rows.",
);
const TRAIN_SCORE: Parameter = parameter(
    "return_train_score",
    Domain::Only(false),
    Value::Bool(false),
    "Whether candidates are also scored on the rows that they learned from.",
);
const ERROR_SCORE: Parameter = parameter(
    "error_score",
    Domain::Choice(&["nan", "raise"]),
    Value::text("nan"),
    "The score of a candidate that cannot be trained, unless that fails the search.",
);
const RANDOM_STATE: Parameter = parameter("random_state", SEED, Value::Null, "The seed of chance.");

/// The way of searching of a name as scripts write it: any dotted path before it does not count.
pub fn find(name: &str) -> Result<&'static Method> {
    let short = name.rsplit('.').next().unwrap_or(name);
    let mut methods = METHODS.iter().copied();
    if let Some(found) = methods.find(|method| method.name.eq_ignore_ascii_case(short)) {
        return Ok(found);
    }
    let names: Vec<&str> = METHODS.iter().map(|method| method.name).collect();
    let list = names.join(", ");
    let hint = match nearest(short, names.iter().copied()) {
        Some(near) => format!("Did you mean \"{near}\"? There are: {list}."),
        None => format!("There are: {list}."),
    };
    let message = format!("there is no experiment class \"{name}\"");
    Err(Error::new(Kind::Undefined, message).hint(hint))
}

impl Method {
    /// The parameters with those given, and the names of those given in vain.
    pub fn parameters(&self, given: &[(String, Value)]) -> Result<(Parameters, Vec<String>)> {
        Parameters::check(self.name, self.parameters, given)
    }

    /// A search over `tuned` parameters of a class, from checked `options` of this method.
    pub fn start(
        &self,
        options: &Parameters,
        class: &'static Class,
        setup: &Setup,
        tuned: &[(String, Value)],
    ) -> Result<Search> {
        Search::of(self, options, class, setup, tuned)
    }
}

/// More folds than these are refused: each has states of its own.
const FOLD_LIMIT: f64 = 1000.0;

/// The number of folds that a parameter `cv` says; `None` where it is NULL.
pub fn folds(parameters: &Parameters) -> Result<Option<u32>> {
    match parameters.get("cv").as_number() {
        Some(folds) if folds > FOLD_LIMIT => {
            let message =
                format!("{folds} folds are more than there may be, which is {FOLD_LIMIT}");
            Err(Error::new(Kind::Limit, message).hint("Five or ten are usual."))
        }
        folds => Ok(folds.map(|folds| folds as u32)),
    }
}

impl Method {
    /// The columns of the outcome of a search, without its scores.
    pub fn columns(
        &self,
        options: &Parameters,
        class: &'static Class,
        parameters: &Parameters,
        tuned: &[(String, Value)],
    ) -> Result<Vec<(String, Column)>> {
        let (candidates, _) = candidate::candidates(self, options, class, parameters, tuned)?;
        let folds = folds(options)?.unwrap_or(0) as usize;
        let tried = candidates.into_iter().map(|candidate| table::Tried {
            candidate,
            scores: vec![f64::NAN; folds],
            round: (self.way == Way::Halving).then_some((0, 0)),
        });
        Ok(table::columns(&tried.collect::<Vec<_>>()))
    }
}

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// scikit-learn's `cv_results_` without its times: `param_*`, `params`, `split0_test_score` and
    /// on, `mean_test_score`, `std_test_score`, `rank_test_score`; before them, of a halving search,
    /// `iter` and `n_resources`.
    pub columns: Vec<(String, Column)>,
    /// The row of the winner.
    pub best: usize,
    pub best_score: f64,
    /// The values of the winner's searched parameters.
    pub best_parameters: Vec<(String, Value)>,
    /// All parameters of the winner.
    pub parameters: Parameters,
    /// Sentences for the one who searched.
    pub warnings: Vec<String>,
}

/// A column of [`Outcome`]; all have the same length. Scores that are unknown are NaN.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    Whole(Vec<i64>),
    Number(Vec<Option<f64>>),
    Flag(Vec<Option<bool>>),
    Text(Vec<Option<String>>),
}
