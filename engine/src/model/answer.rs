//! The scalar function that a model is: columns of features in, an answer for each row out.
//!
//! It is made for one model when a statement is planned, so a running query never sees another
//! version. In plans it reads `predict(m@3, …)`.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, FixedSizeListArray};
use arrow::datatypes::{DataType, Field};
use datafusion::common::{Result as PlanResult, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use quern_model::feature::{Form, is_number};
use serde::{Deserialize, Serialize};

use super::Trained;
use crate::error::{Error, Kind, Result};

/// What is asked of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum What {
    /// The answer, in the type of the target.
    Prediction,
    /// A list with the probability of each label, in the labels' order.
    Probabilities,
    /// The probability of one label.
    Probability(usize),
    /// A list with what a transformation makes of the features.
    Transformation,
    /// One of the columns that a transformation makes.
    Transformed(usize),
}

impl What {
    fn function(self) -> &'static str {
        match self {
            What::Prediction => "predict",
            What::Probabilities | What::Probability(_) => "predict_proba",
            What::Transformation | What::Transformed(_) => "transform",
        }
    }
}

#[derive(Debug)]
pub struct Answer {
    /// The model as a statement names it, with its version.
    name: String,
    trained: Arc<Trained>,
    what: What,
    signature: Signature,
}

impl Answer {
    pub fn function(name: String, trained: Arc<Trained>, what: What) -> ScalarUDF {
        ScalarUDF::new_from_impl(Self {
            name: match what {
                What::Probability(at) | What::Transformed(at) => {
                    format!("{}({name}, {at})", what.function())
                }
                _ => format!("{}({name})", what.function()),
            },
            trained,
            what,
            signature: Signature::variadic_any(Volatility::Immutable),
        })
    }

    /// The function as it was in another process, under its whole name there.
    pub(crate) fn again(name: String, trained: Arc<Trained>, what: What) -> ScalarUDF {
        ScalarUDF::new_from_impl(Self {
            name,
            trained,
            what,
            signature: Signature::variadic_any(Volatility::Immutable),
        })
    }

    pub(crate) fn model(&self) -> (&Arc<Trained>, What) {
        (&self.trained, self.what)
    }

    /// The answers for columns that have the features' names.
    pub fn of(name: String, trained: Arc<Trained>, what: What, columns: Vec<Expr>) -> Expr {
        Self::function(name, trained, what).call(columns)
    }

    fn answers(&self, columns: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let model = &self.trained.model;
        let all = match self.what {
            What::Prediction => {
                return Ok(model.predict(columns, rows, &self.trained.target_type)?);
            }
            What::Probabilities | What::Probability(_) => model.probabilities(columns, rows)?,
            What::Transformation | What::Transformed(_) => model.transform(columns, rows)?,
        };
        match self.what {
            What::Probability(at) | What::Transformed(at) => {
                let column = all.into_iter().nth(at);
                column.ok_or_else(|| Error::internal("a model has fewer outputs than planned"))
            }
            _ => lists(&all, rows),
        }
    }
}

/// A list for each row with its values of all columns.
fn lists(columns: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
    let width = i32::try_from(columns.len()).map_err(Error::internal)?;
    let item = Arc::new(Field::new_list_field(DataType::Float64, true));
    let mut values = arrow::array::Float64Builder::with_capacity(rows * columns.len());
    let columns: Vec<_> = columns
        .iter()
        .map(|c| c.as_primitive::<arrow::datatypes::Float64Type>())
        .collect();
    for row in 0..rows {
        for column in &columns {
            values.append_option(column.is_valid(row).then(|| column.value(row)));
        }
    }
    let nulls = columns.first().and_then(|column| column.nulls().cloned());
    let list =
        FixedSizeListArray::try_new(Arc::clone(&item), width, Arc::new(values.finish()), nulls)?;
    Ok(arrow::compute::cast(&list, &DataType::List(item))?)
}

impl PartialEq for Answer {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.trained.file == other.trained.file
            && self.what == other.what
    }
}

impl Eq for Answer {}

impl Hash for Answer {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.name, &self.trained.file, self.what).hash(state);
    }
}

impl ScalarUDFImpl for Answer {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Fails where the columns cannot be the features.
    fn return_type(&self, given: &[DataType]) -> PlanResult<DataType> {
        let columns = &self.trained.model.definition.encoding.columns;
        if given.len() != columns.len() {
            let names: Vec<_> = columns.iter().map(|c| c.name.as_str()).collect();
            let message = format!(
                "the model takes {} features, not {}",
                columns.len(),
                given.len()
            );
            let list = format!("They are, in this order: {}.", names.join(", "));
            return Err(Error::new(Kind::UndefinedFunction, message)
                .hint(list)
                .into());
        }
        for (column, found) in columns.iter().zip(given) {
            let fits = match column.form {
                Form::Number => is_number(found) || *found == DataType::Null,
                Form::Categories(_) => !found.is_nested(),
            };
            if !fits {
                let shown = crate::sql::type_name(found);
                let message = format!(
                    "feature \"{}\" is {} in the model and {shown} here",
                    column.name, column.sql_type
                );
                return Err(Error::new(Kind::TypeMismatch, message).into());
            }
        }
        Ok(match self.what {
            What::Prediction => self.trained.model.answer_type(&self.trained.target_type),
            What::Probability(_) | What::Transformed(_) => DataType::Float64,
            What::Probabilities | What::Transformation => {
                DataType::new_list(DataType::Float64, true)
            }
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> PlanResult<ColumnarValue> {
        let scalars = args
            .args
            .iter()
            .all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if scalars { 1 } else { args.number_rows };
        let columns = args.args.iter().map(|arg| arg.to_array(rows));
        let columns = columns.collect::<PlanResult<Vec<_>>>()?;
        let answers = self.answers(&columns, rows)?;
        Ok(match scalars {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&answers, 0)?),
            false => ColumnarValue::Array(answers),
        })
    }
}
