//! What DataFusion's planner gets wrong, put right in the logical plan right after planning.
//!
//! - `INTERSECT ALL` and `EXCEPT ALL` count: the n-th copy of a row on the left meets the n-th on
//!   the right.
//! - The shared column of a RIGHT or FULL join with USING is the side's that is there.
//! - A scalar subquery may give no row, which is NULL, also when its column has no NULLs.
//! - Operators and casts mean what PostgreSQL means by them: [`operands`].
//! - Scans that share a name and nothing else are told apart.
//! - DISTRIBUTE BY is a partitioning by hash.
//! - Subqueries in ORDER BY are computed below the sort: [`sorted`].
//! - A boolean CASE guards its branches: none is computed where its condition does not hold.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::metadata::FieldMetadata;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{
    Column, DFSchema, DataFusionError, JoinConstraint, JoinType, NullEquality, Result,
    TableReference,
};
use datafusion::execution::SessionState;
use datafusion::functions::expr_fn::coalesce;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    Expr, ExprFunctionExt, ExprSchemable, Join, LogicalPlan, LogicalPlanBuilder, Operator,
    Partitioning, Repartition, Subquery, TableScan, TableSource, cast, lit,
};
use datafusion::sql::sqlparser::ast::{self, Visit, Visitor};

use super::{operands, sorted};
use crate::error::Error;

/// Qualified column names in a statement, as (relation, column).
#[derive(Default)]
pub(super) struct Qualified(HashSet<(String, String)>);

impl Qualified {
    pub fn of(statement: &ast::Statement) -> Self {
        let mut names = Self::default();
        let _ = statement.visit(&mut names);
        names
    }
}

impl Visitor for Qualified {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &ast::Expr) -> ControlFlow<()> {
        if let ast::Expr::CompoundIdentifier(parts) = expr
            && let [.., relation, column] = parts.as_slice()
        {
            let name = |ident: &ast::Ident| match ident.quote_style {
                Some(_) => ident.value.clone(),
                None => ident.value.to_lowercase(),
            };
            self.0.insert((name(relation), name(column)));
        }
        ControlFlow::Continue(())
    }
}

pub(super) fn correct(
    plan: LogicalPlan,
    qualified: &Qualified,
    state: &SessionState,
) -> Result<LogicalPlan> {
    let mut scans = HashMap::new();
    let corrected = plan.transform_up_with_subqueries(|node| {
        let node = expressions(node, state)?;
        match &node {
            LogicalPlan::TableScan(scan) => told_apart(scan, &mut scans),
            LogicalPlan::Join(join) if is_bag_operation(join) => {
                bag_operation(join).map(Transformed::yes)
            }
            LogicalPlan::Repartition(distribute) => {
                Ok(Transformed::yes(by_hash(distribute, state)))
            }
            LogicalPlan::Join(join) if is_using(join) => {
                using(join, qualified).map(Transformed::yes)
            }
            LogicalPlan::Sort(keys) => sorted::sort(keys),
            _ => Ok(Transformed::no(node)),
        }
    });
    corrected.map(|done| done.data)
}

/// Scans of different sources under one name (`t` and an older version of it, two calls of a function)
/// are one to DataFusion, which computes equal subqueries once: each gets a name of its own, and is
/// called by its old one.
fn told_apart(
    scan: &TableScan,
    known: &mut HashMap<TableReference, Vec<Arc<dyn TableSource>>>,
) -> Result<Transformed<LogicalPlan>> {
    let sources = known.entry(scan.table_name.clone()).or_default();
    let place = sources.iter().position(|s| Arc::ptr_eq(s, &scan.source));
    let place = place.unwrap_or_else(|| {
        sources.push(Arc::clone(&scan.source));
        sources.len() - 1
    });
    if place == 0 {
        return Ok(Transformed::no(LogicalPlan::TableScan(scan.clone())));
    }
    let name = format!("{} ({})", scan.table_name, place + 1);
    let source = Arc::clone(&scan.source);
    let plan =
        LogicalPlanBuilder::scan(TableReference::bare(name), source, scan.projection.clone())?
            .alias(scan.table_name.clone())?
            .build()?;
    Ok(Transformed::yes(plan))
}

/// DISTRIBUTE BY means that rows with equal values come into one partition, which a hash does.
fn by_hash(distribute: &Repartition, state: &SessionState) -> LogicalPlan {
    let mut distribute = distribute.clone();
    if let Partitioning::DistributeBy(expressions) = distribute.partitioning_scheme {
        let partitions = state.config().target_partitions();
        distribute.partitioning_scheme = Partitioning::Hash(expressions, partitions);
    }
    LogicalPlan::Repartition(distribute)
}

/// A semi or anti join that treats NULLs as alike comes from INTERSECT and EXCEPT only; without ALL
/// its left side is distinct.
fn is_bag_operation(join: &Join) -> bool {
    matches!(join.join_type, JoinType::LeftSemi | JoinType::LeftAnti)
        && join.null_equality == NullEquality::NullEqualsNull
        && !matches!(join.left.as_ref(), LogicalPlan::Distinct(_))
}

fn bag_operation(join: &Join) -> Result<LogicalPlan> {
    let left = numbered(&join.left)?;
    let right = numbered(&join.right)?;
    let keys = (left.schema().columns(), right.schema().columns());
    let columns = join.left.schema().columns().into_iter().map(Expr::Column);
    LogicalPlanBuilder::from(left)
        .join_detailed(
            right,
            join.join_type,
            keys,
            None,
            NullEquality::NullEqualsNull,
        )?
        .project(columns)?
        .build()
}

/// The rows, each with its number among its copies.
fn numbered(plan: &Arc<LogicalPlan>) -> Result<LogicalPlan> {
    let columns: Vec<_> = plan
        .schema()
        .columns()
        .into_iter()
        .map(Expr::Column)
        .collect();
    let number = row_number().partition_by(columns.clone()).build()?;
    let copy = Expr::Column(Column::from_name(number.schema_name().to_string())).alias("\u{1}copy");
    LogicalPlanBuilder::from(plan.as_ref().clone())
        .window([number])?
        .project(columns.into_iter().chain([copy]))?
        .build()
}

fn is_using(join: &Join) -> bool {
    join.join_constraint == JoinConstraint::Using
        && matches!(join.join_type, JoinType::Right | JoinType::Full)
}

/// Above the join, the left side's key column stands for the shared one; it gets its value.
fn using(join: &Join, qualified: &Qualified) -> Result<LogicalPlan> {
    let shared: Vec<_> = join.on.iter().filter_map(columns_of).collect();
    for (left, _) in &shared {
        let relation = left.relation.as_ref().map_or("", |r| r.table());
        if qualified
            .0
            .contains(&(relation.to_string(), left.name.clone()))
        {
            let error =
                Error::unsupported(format!("{left} beside a RIGHT or FULL JOIN with USING"))
                    .hint("Write the condition with ON.");
            return Err(DataFusionError::from(error));
        }
    }
    let schema = join.schema.as_ref();
    let columns = schema.columns().into_iter().map(|column| {
        let Some((left, right)) = shared.iter().find(|(left, _)| *left == column) else {
            return Ok(Expr::Column(column));
        };
        let own = Expr::Column(left.clone());
        let other = Expr::Column(right.clone());
        let data_type = own.get_type(schema)?;
        let value = match join.join_type {
            JoinType::Full => coalesce(vec![own, other]),
            _ => other,
        };
        let value = match value.get_type(schema)? == data_type {
            true => value,
            false => cast(value, data_type),
        };
        Ok(value.alias_qualified(column.relation, column.name))
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    LogicalPlanBuilder::from(LogicalPlan::Join(join.clone()))
        .project(columns)?
        .build()
}

fn columns_of(pair: &(Expr, Expr)) -> Option<(Column, Column)> {
    match pair {
        (Expr::Column(left), Expr::Column(right)) => Some((left.clone(), right.clone())),
        _ => None,
    }
}

/// Corrects the expressions of one node; the names of its columns stay.
pub(super) fn expressions(node: LogicalPlan, state: &SessionState) -> Result<LogicalPlan> {
    let mut schema = DFSchema::empty();
    for input in node.inputs() {
        schema.merge(input.schema());
    }
    let names = NamePreserver::new(&node);
    let node = node.map_expressions(|expr| {
        let name = names.save(&expr);
        let changed = expr.transform_up(|e| match e {
            Expr::ScalarSubquery(subquery) if lacks_null(&subquery) => {
                maybe_null(subquery).map(|s| Transformed::yes(Expr::ScalarSubquery(s)))
            }
            Expr::ScalarSubquery(subquery) if may_give_more(&subquery) => {
                only_one(subquery, state).map(|s| Transformed::yes(Expr::ScalarSubquery(s)))
            }
            Expr::Case(_) if is_guard(&e, &schema) => Ok(Transformed::yes(guarding(e))),
            other => operands::correct(other, &schema, state),
        })?;
        Ok(match changed.transformed {
            true => Transformed::yes(name.restore(changed.data)),
            false => changed,
        })
    })?;
    match node.transformed {
        true => node.data.recompute_schema(),
        false => Ok(node.data),
    }
}

/// A subquery without correlation, which may give no row, of a column that has no NULLs.
fn lacks_null(subquery: &Subquery) -> bool {
    let plan = subquery.subquery.as_ref();
    let nullable = plan
        .schema()
        .fields()
        .first()
        .is_none_or(|f| f.is_nullable());
    subquery.outer_ref_columns.is_empty() && !nullable && !gives_one_row(plan)
}

/// A subquery with correlation that nothing keeps from giving several rows.
fn may_give_more(subquery: &Subquery) -> bool {
    let plan = subquery.subquery.as_ref();
    !subquery.outer_ref_columns.is_empty()
        && !matches!(plan, LogicalPlan::Limit(_))
        && !gives_one_row(plan)
}

/// The one value of the subquery, or 21000: the optimizer wants to see that there is only one.
fn only_one(subquery: Subquery, state: &SessionState) -> Result<Subquery> {
    let plan = subquery.subquery.as_ref();
    let Some(single) = state.aggregate_functions().get("single_value") else {
        return Ok(subquery);
    };
    let Some((relation, field)) = plan.schema().iter().next() else {
        return Ok(subquery);
    };
    let column = Column::new(relation.cloned(), field.name());
    let value = single.call(vec![Expr::Column(column)]).alias("\u{1}value");
    let metadata = (!field.metadata().is_empty()).then(|| FieldMetadata::from(field.as_ref()));
    let named = Expr::Column(Column::from_name("\u{1}value"));
    let plan = LogicalPlanBuilder::from(plan.clone())
        .aggregate(Vec::<Expr>::new(), [value])?
        .project([named.alias_with_metadata(field.name(), metadata)])?
        .build()?;
    Ok(Subquery {
        subquery: Arc::new(plan),
        ..subquery
    })
}

/// An aggregate over everything gives one row, whatever its input.
fn gives_one_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::Projection(p) => gives_one_row(&p.input),
        LogicalPlan::SubqueryAlias(a) => gives_one_row(&a.input),
        LogicalPlan::EmptyRelation(e) => e.produce_one_row,
        _ => false,
    }
}

/// One row joined with the subquery's: a row of NULL when there is none, and the schema knows.
fn maybe_null(subquery: Subquery) -> Result<Subquery> {
    let columns = subquery.subquery.schema().columns();
    let plan = LogicalPlanBuilder::empty(true)
        .join_on(
            subquery.subquery.as_ref().clone(),
            JoinType::Left,
            [lit(true)],
        )?
        .project(columns.into_iter().map(Expr::Column))?
        .build()?;
    Ok(Subquery {
        subquery: Arc::new(plan),
        ..subquery
    })
}

/// A boolean CASE with a branch that can fail. The optimizer would make AND and OR of it, which do
/// not promise to leave a side out.
fn is_guard(case: &Expr, schema: &DFSchema) -> bool {
    let Expr::Case(parts) = case else {
        return false;
    };
    let mut branches = parts
        .when_then_expr
        .iter()
        .map(|(_, then)| then)
        .chain(&parts.else_expr);
    branches.any(|branch| can_fail(branch))
        && matches!(case.get_type(schema), Ok(DataType::Boolean))
}

fn can_fail(expr: &Expr) -> bool {
    let found = expr.exists(|e| {
        Ok(match e {
            Expr::BinaryExpr(binary) => matches!(
                binary.op,
                Operator::Plus
                    | Operator::Minus
                    | Operator::Multiply
                    | Operator::Divide
                    | Operator::Modulo
            ),
            Expr::Cast(_) | Expr::ScalarFunction(_) | Expr::ScalarSubquery(_) => true,
            _ => false,
        })
    });
    found.unwrap_or(true)
}

/// The CASE over numbers instead of truth values, which the optimizer leaves a CASE.
fn guarding(case: Expr) -> Expr {
    let Expr::Case(mut parts) = case else {
        return case;
    };
    let as_number = |branch: &mut Box<Expr>| {
        let inner = std::mem::take(branch.as_mut());
        **branch = cast(inner, DataType::Int8);
    };
    for (_, then) in &mut parts.when_then_expr {
        as_number(then);
    }
    if let Some(otherwise) = &mut parts.else_expr {
        as_number(otherwise);
    }
    cast(Expr::Case(parts), DataType::Boolean)
}
