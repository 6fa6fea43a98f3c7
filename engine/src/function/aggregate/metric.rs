//! Metrics of predictions: `r2_score(truth, prediction)`, `accuracy(label, predicted)`, `roc_auc(positive,
//! score)` and their sisters, each with a weight as a further argument.
//!
//! The sums are [`quern_model::metric`]'s, so the order of rows and parts does not show. Rows with a NULL
//! among the arguments do not count; NaN and infinite numbers are errors, as they are in scikit-learn.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::{and, cast, filter, is_not_null};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Result as PlanResult, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, Signature, Volatility,
};
use quern_model::metric::{self, Argument, METRICS};
use quern_model::sum::Sum;

use crate::error::{Error, Kind, Result};
use crate::function::define::document;
use crate::function::types::sql_name;

const SECTION: &str = "Metrics of Predictions";

#[derive(Debug)]
pub(crate) struct Metric {
    name: &'static str,
    aliases: Vec<String>,
    signature: Signature,
    documentation: Documentation,
}

/// The function of a metric.
pub(crate) fn function(name: &str) -> Result<AggregateUDF> {
    let metric = METRICS.iter().find(|metric| metric.name == name);
    let metric = metric.ok_or_else(|| Error::internal(format!("there is no metric {name}")))?;
    Ok(AggregateUDF::new_from_impl(Metric::of(metric)))
}

impl Metric {
    /// A function for each name.
    pub(crate) fn all() -> Vec<AggregateUDF> {
        let first = |at: usize| METRICS[..at].iter().all(|m| m.name != METRICS[at].name);
        let named = (0..METRICS.len()).filter(|at| first(*at));
        named
            .map(|at| AggregateUDF::new_from_impl(Self::of(&METRICS[at])))
            .collect()
    }

    fn of(metric: &metric::Metric) -> Self {
        let words: Vec<_> = metric.arguments.iter().map(|a| word(*a)).collect();
        let syntax = format!("{}({} [, weight])", metric.name, words.join(", "));
        Self {
            name: metric.name,
            aliases: metric.aliases.iter().map(|a| a.to_string()).collect(),
            signature: Signature::user_defined(Volatility::Immutable),
            documentation: document(SECTION, metric.about, &syntax),
        }
    }

    /// The metric of so many arguments, and whether the last is a weight.
    fn overload(&self, arguments: usize) -> Result<(&'static metric::Metric, bool)> {
        let exact = metric::find(self.name, arguments).map(|m| (m, false));
        let weighted = || metric::find(self.name, arguments.checked_sub(1)?).map(|m| (m, true));
        exact.or_else(weighted).ok_or_else(|| {
            let message = format!(
                "no function matches: {} with {arguments} arguments",
                self.name
            );
            Error::new(Kind::UndefinedFunction, message)
                .hint(format!("Write {}.", self.documentation.syntax_example))
        })
    }
}

fn word(argument: Argument) -> &'static str {
    match argument {
        Argument::Value => "value",
        Argument::Prediction => "prediction",
        Argument::Label => "label",
        Argument::PredictedLabel => "predicted_label",
        Argument::Positive => "is_positive",
        Argument::Probability => "probability",
        Argument::OwnProbability => "probability_of_label",
        Argument::Score => "score",
    }
}

impl PartialEq for Metric {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Metric {}

impl Hash for Metric {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// The type in which two labels are compared.
fn common(left: &DataType, right: &DataType) -> Option<DataType> {
    Some(match (left, right) {
        (DataType::Null, DataType::Null) => DataType::Utf8View,
        (DataType::Null, other) | (other, DataType::Null) => common(other, other)?,
        (DataType::Dictionary(_, value), other) | (other, DataType::Dictionary(_, value)) => {
            common(value, other)?
        }
        (a, b) if a.is_integer() && b.is_integer() => DataType::Int64,
        (a, b) if a.is_numeric() && b.is_numeric() => DataType::Float64,
        (a, b) if a.is_string() && b.is_string() => DataType::Utf8View,
        (a, b) if a == b && !a.is_nested() && !a.is_binary() => a.clone(),
        _ => return None,
    })
}

impl AggregateUDFImpl for Metric {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> PlanResult<Vec<DataType>> {
        let (metric, _) = self.overload(given.len())?;
        let labels = match (metric.is_of_labels(), given) {
            (true, [left, right, ..]) => common(left, right),
            _ => None,
        };
        let typed = given.iter().enumerate().map(|(at, found)| {
            let argument = metric.arguments.get(at);
            match argument {
                Some(Argument::Label | Argument::PredictedLabel) => labels.clone(),
                Some(Argument::Positive) if *found == DataType::Boolean => Some(DataType::Boolean),
                _ if found.is_numeric() || found.is_null() => Some(DataType::Float64),
                _ => None,
            }
        });
        let typed: Option<Vec<DataType>> = typed.collect();
        typed.ok_or_else(|| {
            let types: Vec<_> = given.iter().map(sql_name).collect();
            let message = format!("no function matches: {}({})", self.name, types.join(", "));
            Error::new(Kind::UndefinedFunction, message)
                .hint(format!("Write {}.", self.documentation.syntax_example))
                .into()
        })
    }

    fn return_type(&self, _: &[DataType]) -> PlanResult<DataType> {
        Ok(DataType::Float64)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> PlanResult<Vec<FieldRef>> {
        let name = format_state_name(args.name, "state");
        Ok(vec![Field::new(name, DataType::Binary, false).into()])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> PlanResult<Box<dyn Accumulator>> {
        if args.is_distinct {
            return Err(Error::unsupported(format!("{}(DISTINCT …)", self.name)).into());
        }
        let (metric, weighted) = self.overload(args.exprs.len())?;
        Ok(Box::new(Collected {
            metric,
            weighted,
            state: metric.start(),
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

#[derive(Debug)]
struct Collected {
    metric: &'static metric::Metric,
    weighted: bool,
    state: metric::Accumulator,
}

impl Collected {
    fn update(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = without_nulls(values)?;
        let (arguments, weight) = match (self.weighted, values.split_last()) {
            (true, Some((weight, arguments))) => (arguments, Some(self.weights(weight)?)),
            _ => (values.as_ref(), None),
        };
        let weight = weight.as_deref();
        match arguments {
            [label, predicted] if self.metric.is_of_labels() && !is_float(label) => {
                self.pairs(label, predicted, weight)
            }
            _ => {
                let numbers = arguments.iter().map(|column| self.numbers(column));
                let numbers = numbers.collect::<Result<Vec<_>>>()?;
                let columns: Vec<&[f64]> = numbers.iter().map(Vec::as_slice).collect();
                Ok(self.metric.update(&mut self.state, &columns, weight)?)
            }
        }
    }

    /// Labels of any type, by their text.
    fn pairs(
        &mut self,
        label: &ArrayRef,
        predicted: &ArrayRef,
        weight: Option<&[f64]>,
    ) -> Result<()> {
        let text = |column| cast(column, &DataType::Utf8);
        let (label, predicted) = (text(label)?, text(predicted)?);
        let pairs = label
            .as_string::<i32>()
            .iter()
            .zip(predicted.as_string::<i32>());
        let mut seen: HashMap<_, Sum> = HashMap::new();
        for (row, pair) in pairs.enumerate() {
            let weight = weight.and_then(|w| w.get(row)).copied();
            seen.entry(pair).or_default().add(weight.unwrap_or(1.0));
        }
        for ((label, predicted), weight) in seen {
            let (label, predicted) = (label.unwrap_or_default(), predicted.unwrap_or_default());
            self.state.add_pair(label, predicted, weight)?;
        }
        Ok(())
    }

    fn numbers(&self, column: &ArrayRef) -> Result<Vec<f64>> {
        let column = cast(column, &DataType::Float64)?;
        let values = column.as_primitive::<Float64Type>().values();
        match values.iter().find(|value| !value.is_finite()) {
            Some(value) => Err(self.refused(&format!("finite numbers; a row has {value}"))),
            None => Ok(values.to_vec()),
        }
    }

    fn weights(&self, column: &ArrayRef) -> Result<Vec<f64>> {
        let weights = self.numbers(column)?;
        match weights.iter().find(|weight| **weight < 0.0) {
            Some(weight) => Err(self.refused(&format!("weights of 0 or more; a row has {weight}"))),
            None => Ok(weights),
        }
    }

    fn refused(&self, needs: &str) -> Error {
        Error::new(
            Kind::InvalidRows,
            format!("{} needs {needs}", self.metric.name),
        )
    }
}

fn is_float(column: &ArrayRef) -> bool {
    *column.data_type() == DataType::Float64
}

/// The rows in which nothing is NULL.
fn without_nulls(values: &[ArrayRef]) -> Result<Cow<'_, [ArrayRef]>> {
    if values.iter().all(|column| column.logical_null_count() == 0) {
        return Ok(Cow::Borrowed(values));
    }
    let rows = values.first().map_or(0, |column| column.len());
    let mut counts = BooleanArray::from(vec![true; rows]);
    for column in values {
        counts = and(&counts, &is_not_null(column)?)?;
    }
    let kept = values.iter().map(|column| filter(column, &counts));
    Ok(kept.collect::<std::result::Result<_, _>>()?)
}

impl Accumulator for Collected {
    fn update_batch(&mut self, values: &[ArrayRef]) -> PlanResult<()> {
        Ok(self.update(values)?)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> PlanResult<()> {
        let states = states.first().and_then(|s| s.as_binary_opt::<i32>());
        let states =
            states.ok_or_else(|| Error::internal("the state of a metric is not binary"))?;
        for state in states.iter().flatten() {
            let other = metric::Accumulator::from_bytes(state).map_err(Error::from)?;
            self.state.merge(&other).map_err(Error::from)?;
        }
        Ok(())
    }

    fn state(&mut self) -> PlanResult<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Binary(Some(self.state.to_bytes()))])
    }

    fn evaluate(&mut self) -> PlanResult<ScalarValue> {
        let found = self.metric.finish(&mut self.state).map_err(Error::from)?;
        Ok(ScalarValue::Float64(found))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.state.size()
    }
}
