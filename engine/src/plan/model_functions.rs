//! Relations that say how good a model is on the rows of a query: `ml_evaluate(MODEL m, query)` and its
//! sisters. Each is a plan over what PREDICT says of the rows, so that it spills and is cancelled like
//! any query; rows whose target or answer is NULL do not count.

use arrow::datatypes::DataType;
use datafusion::common::{Result as PlanResult, ScalarValue, UnnestOptions};
use datafusion::functions_aggregate::expr_fn::{count, stddev_pop, sum};
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::functions_nested::expr_fn::{array_element, make_array};
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::planner::RelationPlannerContext;
use datafusion::logical_expr::{
    Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, WindowFunctionDefinition, cast, ident,
    lit, when,
};
use datafusion::sql::sqlparser::ast::{FunctionArg, TableFactor};
use quern_model::class::Purpose;
use quern_model::feature::Form;

use super::model_tables::{self, lacks};
use super::models::{Opened, column_named, expression, features};
use crate::error::{Error, Kind, Result};
use crate::function::metric;
use crate::model::{Answer, What};
use crate::sql::model_syntax;

/// What is asked of a model, besides PREDICT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Weights,
    Centroids,
    TrainingInfo,
    Evaluate,
    ConfusionMatrix,
    RocCurve,
    FeatureImportance,
}

impl Asked {
    pub fn of(function: &str) -> Option<Self> {
        Some(match function {
            "ml_weights" => Self::Weights,
            "ml_centroids" => Self::Centroids,
            "ml_training_info" => Self::TrainingInfo,
            "ml_evaluate" => Self::Evaluate,
            "ml_confusion_matrix" => Self::ConfusionMatrix,
            "ml_roc_curve" => Self::RocCurve,
            "ml_feature_importance" => Self::FeatureImportance,
            _ => return None,
        })
    }

    fn needs_query(self) -> bool {
        !matches!(self, Self::Weights | Self::Centroids | Self::TrainingInfo)
    }
}

/// Plans `function(MODEL m [, query])`; `rest` is what follows the model.
pub(super) fn plan(
    asked: Asked,
    function: &str,
    model: &Opened,
    rest: &[FunctionArg],
    context: &mut dyn RelationPlannerContext,
) -> PlanResult<LogicalPlan> {
    let query = match (asked.needs_query(), rest) {
        (true, [query]) => expression(query).and_then(model_syntax::query).cloned(),
        (false, []) => {
            return Ok(match asked {
                Asked::Weights => model_tables::weights_table(model)?,
                Asked::Centroids => model_tables::centroids_table(model)?,
                _ => model_tables::training_table(model)?,
            });
        }
        _ => None,
    };
    let Some(query) = query else {
        let (takes, how) = match asked.needs_query() {
            true => ("a model and a query", "(MODEL m, SELECT …)"),
            false => ("a model", "(MODEL m)"),
        };
        let message = format!("{} takes {takes}", function.to_uppercase());
        let error = Error::new(Kind::Syntax, message).hint(format!("Write {function}{how}."));
        return Err(error.into());
    };
    let input = context.plan(TableFactor::Derived {
        lateral: false,
        subquery: Box::new(query),
        alias: None,
        sample: None,
    })?;
    match asked {
        Asked::FeatureImportance => feature_importance(model, input),
        Asked::Evaluate => evaluate(model, input),
        Asked::ConfusionMatrix => confusion_matrix(model, input),
        _ => roc_curve(model, input),
    }
}

const TRUTH: &str = "truth";
const ANSWER: &str = "answer";
const PROBABILITIES: &str = "probabilities";

/// What the rows have for a target and what the model says of them.
fn answered(
    model: &Opened,
    input: LogicalPlan,
    what: &str,
    probabilities: bool,
) -> PlanResult<LogicalPlan> {
    let trained = &model.trained.model;
    let Some(target) = &trained.definition.target else {
        return Err(lacks(model, what).into());
    };
    let Some(truth) = column_named(input.schema(), &target.name) else {
        let message = format!(
            "the query lacks the target \"{}\" of model {}",
            target.name, model.name
        );
        return Err(Error::new(Kind::UndefinedColumn, message).into());
    };
    let features = features(model, input.schema())?;
    let answer = |what| {
        let columns = features.iter().cloned().map(Expr::Column).collect();
        Answer::of(model.shown(), model.trained.clone(), what, columns)
    };
    let mut columns = vec![
        Expr::Column(truth).alias(TRUTH),
        answer(What::Prediction).alias(ANSWER),
    ];
    if probabilities {
        columns.push(answer(What::Probabilities).alias(PROBABILITIES));
    }
    LogicalPlanBuilder::from(input)
        .project(columns)?
        .filter(ident(TRUTH).is_not_null().and(ident(ANSWER).is_not_null()))?
        .build()
}

/// The label of a number in the target's type.
fn label(model: &Opened, at: usize) -> Expr {
    let text = lit(model.trained.model.labels()[at].clone());
    cast(text, model.trained.target_type.clone())
}

/// The probability that a row has the label of a number.
fn probability(at: usize) -> Expr {
    array_element(ident(PROBABILITIES), lit(at as i64 + 1))
}

/// The probability that was given to the row's own label; 0 for a label that the model does not know.
fn own_probability(model: &Opened) -> PlanResult<Expr> {
    let labels = model.trained.model.labels();
    let mut own = when(lit(false), lit(ScalarValue::Float64(None)));
    for at in 0..labels.len() {
        own = own.when(ident(TRUTH).eq(label(model, at)), probability(at));
    }
    own.otherwise(lit(0.0))
}

/// Two labels: the second is positive.
fn is_binary(model: &Opened) -> bool {
    model.trained.model.labels().len() == 2
}

/// One row with the metrics that fit the model's purpose.
fn evaluate(model: &Opened, input: LogicalPlan) -> PlanResult<LogicalPlan> {
    let trained = &model.trained.model;
    let probabilities = trained.has_probabilities();
    let rows = answered(model, input, "target to compare with", probabilities)?;
    let mut metrics = vec![count(lit(1)).alias("rows")];
    let mut say = |name: &str, function: &str, arguments: Vec<Expr>| -> Result<()> {
        metrics.push(metric(function)?.call(arguments).alias(name));
        Ok(())
    };
    let pair = || vec![ident(TRUTH), ident(ANSWER)];
    if trained.class.purpose == Purpose::Classification {
        say("accuracy", "accuracy_score", pair())?;
        say("balanced_accuracy", "balanced_accuracy_score", pair())?;
        let of = |name: &str| match is_binary(model) {
            true => format!("{name}_score"),
            false => format!("{name}_macro"),
        };
        for name in ["precision", "recall", "f1"] {
            say(name, &of(name), pair())?;
        }
        if probabilities {
            say("log_loss", "log_loss", vec![own_probability(model)?])?;
        }
        if probabilities && is_binary(model) {
            let positive = ident(TRUTH).eq(label(model, 1));
            say("roc_auc", "roc_auc_score", vec![positive, probability(1)])?;
        }
    } else {
        for name in [
            "r2_score",
            "explained_variance_score",
            "mean_squared_error",
            "root_mean_squared_error",
            "mean_absolute_error",
            "max_error",
        ] {
            say(name.trim_end_matches("_score"), name, pair())?;
        }
    }
    LogicalPlanBuilder::from(rows)
        .aggregate(Vec::<Expr>::new(), metrics)?
        .build()
}

fn must_classify(model: &Opened, what: &str) -> Result<()> {
    match model.trained.model.class.purpose {
        Purpose::Classification => Ok(()),
        _ => Err(lacks(model, what)),
    }
}

/// How many rows have each pair of a label and an answer.
fn confusion_matrix(model: &Opened, input: LogicalPlan) -> PlanResult<LogicalPlan> {
    must_classify(model, "labels to confuse")?;
    let pair = [ident(TRUTH), ident(ANSWER)];
    let rows = answered(model, input, "labels to confuse", false)?;
    LogicalPlanBuilder::from(rows)
        .aggregate(pair.clone(), vec![count(lit(1)).alias("rows")])?
        .sort(pair.clone().map(|column| column.sort(true, false)))?
        .project(vec![
            ident(TRUTH).alias("label"),
            ident(ANSWER).alias("predicted_label"),
            ident("rows"),
        ])?
        .build()
}

fn window_sum(name: &str) -> Expr {
    let sum = WindowFunctionDefinition::AggregateUDF(sum_udaf());
    WindowFunction::new(sum, vec![ident(name)]).into()
}

/// For each threshold, how many rows are said to be positive and are, and how many are not.
fn roc_curve(model: &Opened, input: LogicalPlan) -> PlanResult<LogicalPlan> {
    must_classify(model, "curve")?;
    let trained = &model.trained.model;
    if !is_binary(model) {
        let message = format!(
            "a ROC curve is of two labels; model \"{}\" has {}",
            model.name.name,
            trained.labels().len()
        );
        return Err(Error::new(Kind::Unsupported, message).into());
    }
    if !trained.has_probabilities() {
        return Err(lacks(model, "probabilities").into());
    }
    let rows = answered(model, input, "curve", true)?;
    let is_positive = || ident(TRUTH).eq(label(model, 1));
    let one_if = |condition: Expr| when(condition, lit(1i64)).otherwise(lit(0i64));
    let whole = |expr: Expr| cast(expr, DataType::Int64);
    let at_least = |name: &str| {
        window_sum(name)
            .order_by(vec![ident("threshold").sort(false, false)])
            .build()
    };
    let all = |name: &str| window_sum(name).partition_by(vec![]).build();
    let counted = LogicalPlanBuilder::from(rows)
        .project(vec![
            probability(1).alias("threshold"),
            one_if(is_positive())?.alias("p"),
            one_if(is_positive().is_not_true())?.alias("n"),
        ])?
        .aggregate(
            vec![ident("threshold")],
            vec![sum(ident("p")).alias("p"), sum(ident("n")).alias("n")],
        )?
        .build()?;
    let (found, false_alarms) = (at_least("p")?, at_least("n")?);
    let (positives, negatives) = (all("p")?, all("n")?);
    let named = |sum: &Expr| ident(sum.schema_name().to_string());
    let share = |part: &Expr, of: &Expr| {
        cast(named(part), DataType::Float64) / cast(named(of), DataType::Float64)
    };
    let columns = vec![
        ident("threshold"),
        share(&found, &positives).alias("true_positive_rate"),
        share(&false_alarms, &negatives).alias("false_positive_rate"),
        whole(named(&found)).alias("true_positives"),
        whole(named(&false_alarms)).alias("false_positives"),
    ];
    let sums = [found, false_alarms, positives, negatives];
    LogicalPlanBuilder::from(LogicalPlanBuilder::window_plan(counted, sums)?)
        .project(columns)?
        .sort(vec![ident("threshold").sort(false, false)])?
        .build()
}

/// How much the answers vary with each feature alone: the standard deviation over the rows of what it
/// adds to them. Of a model with several outputs, the mean over these.
fn feature_importance(model: &Opened, input: LogicalPlan) -> PlanResult<LogicalPlan> {
    let outputs = model_tables::weights(model)?;
    if model.trained.model.class.purpose == Purpose::Transformation {
        return Err(lacks(model, "feature importance").into());
    }
    let columns = features(model, input.schema())?;
    let encoded = &model.trained.model.definition.encoding.columns;
    let mut first = 0;
    let mut deviations = Vec::new();
    for (feature, column) in encoded.iter().zip(columns) {
        let value = Expr::Column(column);
        let mut mean = lit(0.0);
        for output in &outputs {
            let weights = output.weights.get(first..first + feature.width());
            let weights = weights.ok_or_else(|| Error::internal("a weight is missing"))?;
            let added = match &feature.form {
                Form::Number => value.clone() * lit(weights[0] / feature.scale),
                Form::Categories(categories) => {
                    let text = cast(value.clone(), DataType::Utf8);
                    let mut added = when(value.clone().is_null(), lit(ScalarValue::Float64(None)));
                    for (category, weight) in categories.iter().zip(weights) {
                        added = added.when(text.clone().eq(lit(category.clone())), lit(*weight));
                    }
                    added.otherwise(lit(0.0))?
                }
            };
            mean = mean + stddev_pop(added) / lit(outputs.len() as f64);
        }
        first += feature.width();
        deviations.push(mean.alias(feature.name.clone()));
    }
    let names = encoded.iter().map(|feature| lit(feature.name.clone()));
    let values = encoded.iter().map(|feature| ident(feature.name.clone()));
    LogicalPlanBuilder::from(input)
        .aggregate(Vec::<Expr>::new(), deviations)?
        .project(vec![
            make_array(names.collect()).alias("feature"),
            make_array(values.collect()).alias("importance"),
        ])?
        .unnest_columns_with_options(
            vec!["feature".into(), "importance".into()],
            UnnestOptions::default(),
        )?
        .build()
}
