//! `SELECT …`, `WITH …`, `VALUES …`, `TABLE t`: whatever gives rows by the planner.
//!
//! A query with parameters is planned with the types that their uses ask for; a value given at
//! execution is cast to that type, so that the rows have the columns that were described.

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast;

use super::cursor::Cursor;
use super::{Context, Outcome};
use crate::error::{Error, Kind, Result};
use crate::plan;

#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub query: Box<ast::Query>,
}

pub(super) fn parse(c: &mut Cursor) -> Result<Query> {
    let [word] = c.leading_words::<1>();
    if word == "table" {
        c.expect(&["table"])?;
        let query = super::summarize::whole_table(&c.name()?)?;
        return Ok(Query { query });
    }
    match c.sql(|p| p.parse_statement())? {
        ast::Statement::Query(query) => refuse_into(&query).map(|()| Query { query }),
        other => Err(unsupported(&other)),
    }
}

/// `SELECT … INTO t` creates a table in PostgreSQL.
fn refuse_into(query: &ast::Query) -> Result<()> {
    match query.body.as_ref() {
        ast::SetExpr::Select(select) if select.into.is_some() => {
            Err(Error::unsupported("SELECT INTO").hint("Write CREATE VIEW … AS SELECT …."))
        }
        _ => Ok(()),
    }
}

/// A statement that the parser knows and the engine does not do.
fn unsupported(statement: &ast::Statement) -> Error {
    let text = statement.to_string();
    let words: Vec<_> = text
        .split_whitespace()
        .take_while(|w| w.chars().all(|c| c.is_ascii_uppercase()))
        .take(2)
        .collect();
    Error::unsupported(if words.is_empty() {
        "this statement".to_string()
    } else {
        words.join(" ")
    })
}

impl Query {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        self.run_with(ctx, Vec::new()).await
    }

    /// Runs the query with values for `$1`, `$2`, ….
    pub async fn run_with(&self, ctx: &Context, values: Vec<ScalarValue>) -> Result<Outcome> {
        let plan = ctx.plan(&self.query).await?;
        let plan = bind(plan, values)?;
        Ok(Outcome::rows("SELECT", ctx.rows(&plan).await?))
    }

    pub async fn columns(&self, ctx: &Context) -> Result<SchemaRef> {
        Ok(self.describe(ctx, &[]).await?.1)
    }

    /// The types of the parameters and the columns. `declared` are types that the user gave.
    pub async fn describe(
        &self,
        ctx: &Context,
        declared: &[DataType],
    ) -> Result<(Vec<DataType>, SchemaRef)> {
        let plan = ctx.plan(&self.query).await?;
        let types = parameter_types(ctx, &plan, declared)?;
        let nulls = types
            .iter()
            .map(ScalarValue::try_from)
            .collect::<Result<Vec<_>, _>>()?;
        let plan = ctx.state.optimize(&bind(plan, nulls)?)?;
        Ok((types, plan::shown(plan.schema().inner())))
    }
}

fn bind(plan: LogicalPlan, values: Vec<ScalarValue>) -> Result<LogicalPlan> {
    let wanted = count_parameters(&plan)?;
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
    Ok(plan.with_param_values(ParamValues::from(values))?)
}

fn count_parameters(plan: &LogicalPlan) -> Result<usize> {
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

fn parameter_types(
    ctx: &Context,
    plan: &LogicalPlan,
    declared: &[DataType],
) -> Result<Vec<DataType>> {
    let inferred = plan.get_parameter_types()?;
    let count = count_parameters(plan)?.max(declared.len());
    let mut known: Vec<Option<DataType>> = (0..count)
        .map(|at| {
            let inferred = || inferred.get(&format!("${}", at + 1)).cloned().flatten();
            declared
                .get(at)
                .filter(|t| **t != DataType::Null)
                .cloned()
                .or_else(inferred)
        })
        .collect();
    for at in 0..count {
        if known[at].is_some() {
            continue;
        }
        let fits = GUESSES.iter().find(|guess| {
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
            value.cast_to(wanted).map_err(|e| {
                let error = Error::from(e);
                Error {
                    message: format!("parameter ${}: {}", at + 1, error.message),
                    ..error
                }
            })
        })
        .collect()
}
