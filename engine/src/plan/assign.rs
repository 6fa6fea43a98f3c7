//! Making a query's columns those of the table that they are written to: their order, types, names.

use std::collections::HashMap;

use arrow::datatypes::{DataType, Field};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit};
use datafusion::scalar::ScalarValue;

use super::correct;
use crate::error::{Error, Kind, Result};
use crate::sql::type_name;

/// Where the value of a column comes from.
pub type Source = Option<usize>;

/// The rows of `plan` as columns `fields`: `sources` says which of the plan's columns each is; one
/// without a source is NULL. Values are cast as an assignment does.
pub fn assigned(
    state: &SessionState,
    plan: LogicalPlan,
    fields: &[&Field],
    sources: &[Source],
) -> Result<LogicalPlan> {
    // Only coercion makes the types true: a CASE, for instance, has that of its widest branch.
    let plan = state
        .analyzer()
        .execute_and_check(plan, state.config_options(), |_, _| {})?;
    let found = plan.schema().columns();
    let types: Vec<DataType> = plan
        .schema()
        .fields()
        .iter()
        .map(|f| f.data_type().clone())
        .collect();
    // Several columns of a query may have one name, so they are numbered first.
    let numbered: HashMap<usize, String> = (0..found.len())
        .map(|at| (at, format!("\u{2}{at}")))
        .collect();
    let columns = found.into_iter().enumerate();
    let columns = columns.map(|(at, column)| Expr::Column(column).alias(&numbered[&at]));
    let columns: Vec<_> = columns.collect();
    let plan = LogicalPlanBuilder::from(plan).project(columns)?.build()?;
    let values = fields.iter().zip(sources).map(|(field, source)| {
        let value = match source {
            Some(at) => {
                let found = types.get(*at).unwrap_or(&DataType::Null);
                check(found, field)?;
                let column =
                    Expr::Column(datafusion::common::Column::from_name(format!("\u{2}{at}")));
                match found == field.data_type() {
                    true => column,
                    false => cast(column, field.data_type().clone()),
                }
            }
            None => lit(ScalarValue::try_from(field.data_type())?),
        };
        Ok(value.alias(field.name()))
    });
    let values = values.collect::<Result<Vec<_>>>()?;
    let node = LogicalPlanBuilder::from(plan).project(values)?.build()?;
    Ok(correct::expressions(node, state)?)
}

/// Whether a value of one type may be assigned to a column of another at all.
fn check(found: &DataType, field: &Field) -> Result<()> {
    let wanted = field.data_type();
    let nested = |t: &DataType| t.is_nested();
    let time = |t: &DataType| matches!(t, DataType::Date32 | DataType::Timestamp(..));
    let number = |t: &DataType| t.is_numeric();
    let text = |t: &DataType| {
        matches!(
            t,
            DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 | DataType::Null
        )
    };
    let fits = found == wanted
        || text(found)
        || text(wanted)
        || (number(found) && number(wanted))
        || (time(found) && time(wanted))
        || (nested(found) && nested(wanted))
        || matches!(
            (found, wanted),
            (
                DataType::Binary
                    | DataType::LargeBinary
                    | DataType::BinaryView
                    | DataType::FixedSizeBinary(_),
                DataType::BinaryView
            ) | (DataType::Dictionary(..), _)
                | (DataType::Boolean, DataType::Boolean)
        );
    match fits {
        true => Ok(()),
        false => Err(Error::new(
            Kind::TypeMismatch,
            format!(
                "column \"{}\" is of type {} but expression is of type {}",
                field.name(),
                type_name(wanted),
                type_name(found)
            ),
        )
        .hint("You will need to rewrite or cast the expression.")),
    }
}
