//! `$1`, `$2`, …: what types they have, and their values while a statement runs.
//!
//! A statement that writes is described by running it up to the point where it has planned its
//! query ([`Parameters::Asked`]): what is described is what will be run.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, DataFusionError, ParamValues, ScalarValue};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::sql::sqlparser::ast;
use parking_lot::Mutex;

use super::{Context, create_table};
use crate::error::{Error, Kind, Result};
use crate::plan;
use crate::sql::array_text;

/// What the parameters of a running statement stand for.
#[derive(Debug, Clone, Default)]
pub enum Parameters {
    /// There are none.
    #[default]
    None,
    Values(Arc<[ScalarValue]>),
    /// Nobody knows yet: their types are wanted.
    Asked(Arc<Asked>),
}

#[derive(Debug)]
pub struct Asked {
    declared: Vec<DataType>,
    found: Mutex<Option<Vec<DataType>>>,
}

impl Parameters {
    /// None where they are not known.
    pub(super) fn values(&self) -> &[ScalarValue] {
        match self {
            Parameters::Values(values) => values,
            Parameters::None | Parameters::Asked(_) => &[],
        }
    }

    /// The plan of a query of the statement, with values in place of its parameters.
    pub(super) fn apply(
        &self,
        ctx: &Context,
        plan: LogicalPlan,
        query: &ast::Query,
    ) -> Result<LogicalPlan> {
        match self {
            Parameters::None => bind(plan, &[]),
            Parameters::Values(values) => bind(plan, values),
            Parameters::Asked(asked) => {
                let found = types(ctx, &plan, query, &asked.declared)?;
                *asked.found.lock() = Some(found);
                Err(Error::internal("the statement was described, not run"))
            }
        }
    }
}

/// The types of the parameters of a statement that `run` runs.
pub(super) async fn asked<T>(
    ctx: &Context,
    declared: &[DataType],
    run: impl AsyncFnOnce(Context) -> Result<T>,
) -> Result<Vec<DataType>> {
    let asked = Arc::new(Asked {
        declared: declared.to_vec(),
        found: Mutex::new(None),
    });
    let mut asking = ctx.clone();
    asking.parameters = Parameters::Asked(Arc::clone(&asked));
    let result = run(asking).await;
    let found = asked.found.lock().take();
    match (found, result) {
        (Some(types), _) => Ok(types),
        (None, Ok(_)) => Ok(declared.to_vec()),
        (None, Err(error)) => Err(error),
    }
}

/// The plan with its parameters' values.
pub(super) fn bind(plan: LogicalPlan, values: &[ScalarValue]) -> Result<LogicalPlan> {
    let wanted = count(&plan)?;
    if values.len() < wanted {
        return Err(Error::new(
            Kind::UndefinedParameter,
            format!("there is no parameter ${}", values.len() + 1),
        )
        .hint("PREPARE the statement and give the values with EXECUTE."));
    }
    if wanted == 0 {
        return Ok(plan);
    }
    Ok(plan.with_param_values(ParamValues::from(values.to_vec()))?)
}

pub(super) fn count(plan: &LogicalPlan) -> Result<usize> {
    let names = plan.get_parameter_names()?;
    let mut numbers = names.iter().map(|name| {
        name.trim_start_matches('$')
            .parse::<usize>()
            .ok()
            .filter(|n| (1..=MAX_PARAMETERS).contains(n))
            .ok_or_else(|| {
                Error::new(Kind::Syntax, format!("\"{name}\" is not a parameter"))
                    .hint("Parameters are $1, $2, ….")
            })
    });
    numbers.try_fold(0, |most, number| Ok(most.max(number?)))
}

/// As many as the wire protocol can name.
const MAX_PARAMETERS: usize = 65_535;

/// Types that are tried for a parameter whose use does not tell its type, as PostgreSQL does: text
/// unless the expression around it takes none.
const GUESSES: [DataType; 5] = [
    DataType::Utf8,
    DataType::Int64,
    DataType::Float64,
    DataType::Boolean,
    DataType::Date32,
];

/// The types of a query's parameters: those that the client declares, else those that they are
/// cast to, else those that their use asks for.
pub(super) fn types(
    ctx: &Context,
    plan: &LogicalPlan,
    query: &ast::Query,
    declared: &[DataType],
) -> Result<Vec<DataType>> {
    let inferred = plan.get_parameter_types()?;
    let casts = casts(ctx, query);
    let arrays = arrays(query);
    let searched = searched(plan)?;
    let count = count(plan)?.max(declared.len());
    let mut known: Vec<Option<DataType>> = (0..count)
        .map(|at| {
            let inferred = || inferred.get(&format!("${}", at + 1)).cloned().flatten();
            declared
                .get(at)
                .filter(|t| **t != DataType::Null)
                .cloned()
                .or_else(|| casts.get(&(at + 1)).cloned())
                .or_else(|| searched.get(&(at + 1)).cloned())
                .or_else(inferred)
        })
        .collect();
    for at in 0..count {
        if known[at].is_some() {
            continue;
        }
        let guesses = match arrays.contains(&(at + 1)) {
            true => array_guesses(),
            false => GUESSES.to_vec(),
        };
        let fits = guesses.iter().find(|guess| {
            let types = known.iter().enumerate().map(|(i, t)| {
                if i == at {
                    (*guess).clone()
                } else {
                    t.clone().unwrap_or(DataType::Null)
                }
            });
            plans_with(ctx, plan, types)
        });
        known[at] = Some(fits.cloned().unwrap_or(DataType::Utf8));
    }
    Ok(known
        .into_iter()
        .map(|t| t.unwrap_or(DataType::Utf8))
        .collect())
}

/// The types that parameters are cast to, as in `$1::date`; the first cast counts.
fn casts(ctx: &Context, query: &ast::Query) -> HashMap<usize, DataType> {
    let mut found = HashMap::new();
    let _ = ast::visit_expressions(query, |expr| {
        if let ast::Expr::Cast {
            expr, data_type, ..
        } = expr
            && let Some(number) = number(expr)
            && let Ok(data_type) = create_table::data_type(ctx, &plan::spelled(data_type))
        {
            found.entry(number).or_insert(data_type);
        }
        ControlFlow::<()>::Continue(())
    });
    found
}

/// The parameters that stand for arrays: those of `= ANY($1)` and its kin.
fn arrays(query: &ast::Query) -> HashSet<usize> {
    let mut found = HashSet::new();
    let _ = ast::visit_expressions(query, |expr| {
        if let ast::Expr::AnyOp { right, .. } | ast::Expr::AllOp { right, .. } = expr {
            found.extend(number(right));
        }
        ControlFlow::<()>::Continue(())
    });
    found
}

/// The arrays in which a value of a known type is looked for: `$1` is `int[]` in `id = ANY($1)`.
fn searched(plan: &LogicalPlan) -> Result<HashMap<usize, DataType>> {
    let mut found = HashMap::new();
    plan.apply_with_subqueries(|node| {
        let mut schema = DFSchema::empty();
        for input in node.inputs() {
            schema.merge(input.schema());
        }
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Expr::ScalarFunction(function) = expr
                    && function.name() == "array_has"
                    && let [Expr::Placeholder(array), item] = function.args.as_slice()
                    && let Some(number) = array.id.strip_prefix('$').and_then(|n| n.parse().ok())
                    && let Ok(item) = item.get_type(&schema)
                    && item != DataType::Null
                {
                    let list = DataType::List(Arc::new(Field::new_list_field(item, true)));
                    found.entry(number).or_insert(list);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found)
}

fn array_guesses() -> Vec<DataType> {
    let list = |item| DataType::List(Arc::new(Field::new_list_field(item, true)));
    GUESSES.into_iter().map(list).collect()
}

/// n, if the expression is `$n`.
pub(super) fn number(expr: &ast::Expr) -> Option<usize> {
    match expr {
        ast::Expr::Nested(inner) => number(inner),
        ast::Expr::Value(value) => match &value.value {
            ast::Value::Placeholder(name) => name.strip_prefix('$')?.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the plan's types fit together when the parameters have these types.
fn plans_with(ctx: &Context, plan: &LogicalPlan, types: impl Iterator<Item = DataType>) -> bool {
    let nulls: Result<Vec<_>, _> = types.map(|t| ScalarValue::try_from(&t)).collect();
    let Ok(nulls) = nulls else { return false };
    let bound = plan.clone().with_param_values(ParamValues::from(nulls));
    bound.is_ok_and(|bound| ctx.state.optimize(&bound).is_ok())
}

/// Casts values to the parameters' types.
pub(crate) fn cast_values(
    types: &[DataType],
    values: Vec<ScalarValue>,
) -> Result<Vec<ScalarValue>> {
    if values.len() != types.len() {
        return Err(Error::new(
            Kind::Syntax,
            format!(
                "wrong number of parameters: {} expected, {} given",
                types.len(),
                values.len()
            ),
        ));
    }
    let pairs = values.into_iter().zip(types).enumerate();
    pairs
        .map(|(at, (value, wanted))| {
            cast(&value, wanted).map_err(|e| {
                let error = Error::from(e);
                Error {
                    message: format!("parameter ${}: {}", at + 1, error.message),
                    ..error
                }
            })
        })
        .collect()
}

/// A text stands for an array as PostgreSQL writes it: `{1,2}`.
fn cast(value: &ScalarValue, wanted: &DataType) -> Result<ScalarValue, DataFusionError> {
    let items = match (wanted, value.try_as_str().flatten()) {
        (DataType::List(_), Some(text)) => array_text::items(text),
        _ => None,
    };
    match items {
        Some(items) => {
            let items: Vec<_> = items.into_iter().map(ScalarValue::Utf8).collect();
            let list = ScalarValue::new_list_nullable(&items, &DataType::Utf8);
            ScalarValue::List(list).cast_to(wanted)
        }
        None => value.cast_to(wanted),
    }
}
