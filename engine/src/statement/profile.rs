//! Figures on the columns of a relation, in one scan: what SUMMARIZE and ANALYZE share.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::{Column, ExprSchema, ScalarValue};
use datafusion::functions_aggregate::expr_fn::{
    approx_distinct, approx_percentile_cont, avg, count, max, min, stddev,
};
use datafusion::logical_expr::{
    Expr, LogicalPlan, LogicalPlanBuilder, cast as cast_expr, col, lit,
};

use super::Context;
use crate::error::{Error, Result};
use crate::plan;
use crate::sql::type_name;

/// Figures on one column.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    pub name: String,
    pub data_type: DataType,
    pub rows: i64,
    pub count: i64,
    /// `None` where the type has no equality or order.
    pub distinct: Option<i64>,
    pub mean: Option<f64>,
    pub std: Option<f64>,
    pub min: Option<String>,
    pub max: Option<String>,
    /// 25 %, 50 %, 75 %.
    pub quartiles: [Option<f64>; 3],
}

const QUARTILES: [f64; 3] = [0.25, 0.5, 0.75];

/// The aggregates of one column: the same number for each, so that the answer can be cut again.
const FIGURES: usize = 9;

/// Scans the plan once.
pub(super) async fn profile(
    ctx: &Context,
    plan: LogicalPlan,
    columns: Vec<Column>,
) -> Result<Vec<Profile>> {
    let schema = Arc::clone(plan.schema());
    let mut aggregates = vec![count(lit(1)).alias("rows")];
    for (at, column) in columns.iter().enumerate() {
        let data_type = schema.field_from_column(column)?.data_type();
        let figures = figures(col(column.clone()), data_type);
        aggregates.extend(
            figures
                .into_iter()
                .enumerate()
                .map(|(f, expr)| expr.alias(format!("c{at}_{f}"))),
        );
    }
    // Constants stand for figures that a type has not: they are projected, not aggregated.
    let (constants, computed): (Vec<_>, Vec<_>) = aggregates.iter().cloned().partition(is_constant);
    let plan = LogicalPlanBuilder::from(plan).aggregate(Vec::<Expr>::new(), computed)?;
    let names = aggregates.iter().map(|a| match constants.contains(a) {
        true => a.clone(),
        false => col(Column::from_name(a.schema_name().to_string())),
    });
    let plan = plan.project(names.collect::<Vec<_>>())?.build()?;
    let stream = ctx.stream(&plan).await?;
    let batches = datafusion::physical_plan::common::collect(stream).await?;
    let answer = batches
        .iter()
        .find(|b| b.num_rows() > 0)
        .ok_or_else(|| Error::internal("an aggregate without a row"))?;
    let rows = integer(answer.column(0))?.unwrap_or_default();
    columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let data_type = schema.field_from_column(column)?.data_type().clone();
            let from = 1 + at * FIGURES;
            let figures = answer
                .columns()
                .get(from..from + FIGURES)
                .unwrap_or_default();
            read(
                plan::shown_name(&column.name).to_string(),
                data_type,
                rows,
                figures,
            )
        })
        .collect()
}

fn is_constant(expr: &Expr) -> bool {
    matches!(expr, Expr::Alias(alias) if matches!(alias.expr.as_ref(), Expr::Literal(..)))
}

/// count, distinct, mean, std, min, max and the quartiles, NULL where the type has none.
fn figures(column: Expr, data_type: &DataType) -> Vec<Expr> {
    let none = || lit(ScalarValue::Float64(None));
    let number = data_type.is_numeric();
    let simple = !data_type.is_nested();
    let float = || cast_expr(column.clone(), DataType::Float64);
    let text = |expr: Expr| cast_expr(expr, DataType::Utf8);
    let ordered = simple && !matches!(data_type, DataType::Null);
    let mut figures = vec![
        count(column.clone()),
        if simple && distinct_is_known(data_type) {
            approx_distinct(column.clone())
        } else {
            none()
        },
        if number { avg(float()) } else { none() },
        if number { stddev(float()) } else { none() },
        if ordered {
            text(min(column.clone()))
        } else {
            none()
        },
        if ordered {
            text(max(column.clone()))
        } else {
            none()
        },
    ];
    figures.extend(QUARTILES.map(|q| {
        if number {
            approx_percentile_cont(float().sort(true, false), lit(q), None)
        } else {
            none()
        }
    }));
    figures
}

/// The types that `approx_distinct` takes.
fn distinct_is_known(data_type: &DataType) -> bool {
    data_type.is_integer()
        || matches!(
            data_type,
            DataType::Utf8
                | DataType::LargeUtf8
                | DataType::Utf8View
                | DataType::Binary
                | DataType::LargeBinary
                | DataType::Date32
                | DataType::Date64
                | DataType::Timestamp(..)
                | DataType::Time32(_)
                | DataType::Time64(_)
        )
}

fn read(name: String, data_type: DataType, rows: i64, figures: &[ArrayRef]) -> Result<Profile> {
    let [count, distinct, mean, std, min, max, q1, q2, q3] = figures else {
        return Err(Error::internal("an aggregate lacks columns"));
    };
    Ok(Profile {
        name,
        data_type,
        rows,
        count: integer(count)?.unwrap_or_default(),
        distinct: integer(distinct)?,
        mean: float(mean)?,
        std: float(std)?,
        min: text(min)?,
        max: text(max)?,
        quartiles: [float(q1)?, float(q2)?, float(q3)?],
    })
}

fn integer(array: &ArrayRef) -> Result<Option<i64>> {
    let array = cast(array, &DataType::Int64)?;
    let array = array.as_any().downcast_ref::<Int64Array>();
    Ok(array.filter(|a| a.is_valid(0)).map(|a| a.value(0)))
}

fn float(array: &ArrayRef) -> Result<Option<f64>> {
    let array = cast(array, &DataType::Float64)?;
    let array = array.as_any().downcast_ref::<Float64Array>();
    Ok(array.filter(|a| a.is_valid(0)).map(|a| a.value(0)))
}

fn text(array: &ArrayRef) -> Result<Option<String>> {
    let array = cast(array, &DataType::Utf8)?;
    let array = array.as_any().downcast_ref::<StringArray>();
    Ok(array
        .filter(|a| a.is_valid(0))
        .map(|a| a.value(0).to_string()))
}

pub(super) fn reply_schema() -> SchemaRef {
    let field = |name: &str, data_type| Field::new(name, data_type, true);
    Arc::new(Schema::new(vec![
        field("column_name", DataType::Utf8),
        field("data_type", DataType::Utf8),
        field("count", DataType::Int64),
        field("nulls", DataType::Int64),
        field("distinct", DataType::Int64),
        field("mean", DataType::Float64),
        field("std", DataType::Float64),
        field("min", DataType::Utf8),
        field("25%", DataType::Float64),
        field("50%", DataType::Float64),
        field("75%", DataType::Float64),
        field("max", DataType::Utf8),
    ]))
}

pub(super) fn reply(profiles: &[Profile]) -> Result<RecordBatch> {
    let texts = |of: fn(&Profile) -> Option<String>| -> ArrayRef {
        Arc::new(profiles.iter().map(of).collect::<StringArray>())
    };
    let integers = |of: fn(&Profile) -> Option<i64>| -> ArrayRef {
        Arc::new(profiles.iter().map(of).collect::<Int64Array>())
    };
    let floats = |of: fn(&Profile) -> Option<f64>| -> ArrayRef {
        Arc::new(profiles.iter().map(of).collect::<Float64Array>())
    };
    let columns = vec![
        texts(|p| Some(p.name.clone())),
        texts(|p| Some(type_name(&p.data_type))),
        integers(|p| Some(p.count)),
        integers(|p| Some(p.rows - p.count)),
        integers(|p| p.distinct),
        floats(|p| p.mean),
        floats(|p| p.std),
        texts(|p| p.min.clone()),
        floats(|p| p.quartiles[0]),
        floats(|p| p.quartiles[1]),
        floats(|p| p.quartiles[2]),
        texts(|p| p.max.clone()),
    ];
    Ok(RecordBatch::try_new(reply_schema(), columns)?)
}
