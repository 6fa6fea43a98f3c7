//! The combinations of outer values that a correlated subquery uses, and the subquery's rows for each.

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, JoinType, NullEquality, Result};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    Aggregate, BinaryExpr, Expr, Filter, Join, LogicalPlan, LogicalPlanBuilder, Operator,
    Projection, SubqueryAlias,
};

/// Columns that a form of ours adds; no one types such a name.
const MARK: &str = "\u{1}outer";

pub(super) fn named(name: &str) -> Expr {
    Expr::Column(Column::from_name(name))
}

/// Whether an expression uses the outer row.
pub(super) fn uses_outer(expr: &Expr) -> bool {
    let found = expr.exists(|e| Ok(matches!(e, Expr::OuterReferenceColumn(..))));
    found.unwrap_or(true)
}

/// The combinations of outer values that a subquery uses, under names of their own.
pub(super) struct Domain {
    pub columns: Vec<Column>,
    pub names: Vec<String>,
    plan: LogicalPlan,
}

impl Domain {
    pub fn new(input: &LogicalPlan, columns: Vec<Column>, number: usize) -> Result<Self> {
        let names: Vec<String> = (0..columns.len())
            .map(|at| format!("{MARK}{number}_{at}"))
            .collect();
        let exprs = columns.iter().zip(&names);
        let exprs = exprs.map(|(column, name)| Expr::Column(column.clone()).alias(name));
        let plan = LogicalPlanBuilder::from(input.clone())
            .project(exprs.collect::<Vec<_>>())?
            .distinct()?
            .build()?;
        Ok(Self {
            columns,
            names,
            plan,
        })
    }

    /// That the outer row has the domain's values.
    pub fn same(&self) -> impl Iterator<Item = Expr> + '_ {
        self.columns.iter().zip(&self.names).map(|(column, name)| {
            let (left, right) = (Expr::Column(column.clone()), named(name));
            let op = Operator::IsNotDistinctFrom;
            Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
        })
    }

    fn own(&self) -> Vec<Expr> {
        self.names.iter().map(|n| named(n)).collect()
    }

    /// The expression with the domain's columns in the place of the outer ones.
    fn inner(&self, expr: &Expr) -> Result<Expr> {
        let changed = expr.clone().transform_up(|e| {
            let place = match &e {
                Expr::OuterReferenceColumn(_, column) => {
                    self.columns.iter().position(|c| c == column)
                }
                _ => None,
            };
            Ok(match place.and_then(|at| self.names.get(at)) {
                Some(name) => Transformed::yes(named(name)),
                None => Transformed::no(e),
            })
        })?;
        Ok(changed.data)
    }

    fn keeping_names(&self, node: &LogicalPlan, exprs: &[Expr]) -> Result<Vec<Expr>> {
        let names = NamePreserver::new(node);
        let restored = exprs.iter().map(|expr| {
            let name = names.save(expr);
            Ok(name.restore(self.inner(expr)?))
        });
        restored.collect()
    }

    /// The subquery's rows for each combination, whose columns come first.
    pub fn carry(&self, plan: &LogicalPlan) -> Result<Option<LogicalPlan>> {
        if !any_outer(plan)? {
            return LogicalPlanBuilder::from(self.plan.clone())
                .cross_join(plan.clone())?
                .build()
                .map(Some);
        }
        match plan {
            LogicalPlan::Filter(Filter {
                predicate, input, ..
            }) => {
                let Some(input) = self.carry(input)? else {
                    return Ok(None);
                };
                let predicate = self.inner(predicate)?;
                LogicalPlanBuilder::from(input)
                    .filter(predicate)?
                    .build()
                    .map(Some)
            }
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => self.carry(&sort.input),
            LogicalPlan::Unnest(unnest) => {
                let Some(input) = self.carry(&unnest.input)? else {
                    return Ok(None);
                };
                let (columns, options) = (unnest.exec_columns.clone(), unnest.options.clone());
                LogicalPlanBuilder::from(input)
                    .unnest_columns_with_options(columns, options)?
                    .build()
                    .map(Some)
            }
            LogicalPlan::Subquery(lateral) => self.carry(&lateral.subquery),
            LogicalPlan::Join(join) if join.join_type == JoinType::Inner => self.carry_join(join),
            other => self.carry_list(other),
        }
    }

    /// A node that makes its own columns: the domain's come before them.
    fn carry_list(&self, plan: &LogicalPlan) -> Result<Option<LogicalPlan>> {
        match plan {
            LogicalPlan::Projection(Projection { expr, input, .. }) => {
                let Some(input) = self.carry(input)? else {
                    return Ok(None);
                };
                let mut exprs = self.own();
                exprs.extend(self.keeping_names(plan, expr)?);
                LogicalPlanBuilder::from(input)
                    .project(exprs)?
                    .build()
                    .map(Some)
            }
            LogicalPlan::SubqueryAlias(SubqueryAlias {
                alias,
                input,
                schema,
                ..
            }) => {
                let Some(carried) = self.carry(input)? else {
                    return Ok(None);
                };
                let mut exprs = self.own();
                let inner = carried
                    .schema()
                    .columns()
                    .into_iter()
                    .skip(self.names.len());
                exprs.extend(inner.zip(schema.fields()).map(|(column, field)| {
                    Expr::Column(column).alias_qualified(Some(alias.clone()), field.name())
                }));
                LogicalPlanBuilder::from(carried)
                    .project(exprs)?
                    .build()
                    .map(Some)
            }
            LogicalPlan::Aggregate(Aggregate {
                input,
                group_expr,
                aggr_expr,
                ..
            }) => {
                let Some(input) = self.carry(input)? else {
                    return Ok(None);
                };
                let mut groups = self.own();
                groups.extend(self.keeping_names(plan, group_expr)?);
                let aggregates = self.keeping_names(plan, aggr_expr)?;
                LogicalPlanBuilder::from(input)
                    .aggregate(groups, aggregates)?
                    .build()
                    .map(Some)
            }
            _ => Ok(None),
        }
    }

    /// A join of which the left side alone uses the outer row, or only the condition does.
    fn carry_join(&self, join: &Join) -> Result<Option<LogicalPlan>> {
        if any_outer(&join.right)? || join.null_equality != NullEquality::NullEqualsNothing {
            return Ok(None);
        }
        let Some(left) = self.carry(&join.left)? else {
            return Ok(None);
        };
        let equal = join.on.iter().map(|(a, b)| a.clone().eq(b.clone()));
        let conditions = equal.chain(join.filter.clone());
        let conditions = conditions
            .map(|c| self.inner(&c))
            .collect::<Result<Vec<_>>>()?;
        let right = join.right.as_ref().clone();
        let both = LogicalPlanBuilder::from(left);
        let both = match conditions.is_empty() {
            true => both.cross_join(right)?,
            false => both.join_on(right, JoinType::Inner, conditions)?,
        };
        both.build().map(Some)
    }
}

pub(super) fn any_outer(plan: &LogicalPlan) -> Result<bool> {
    plan.exists(|node| {
        let mut found = false;
        node.apply_expressions(|expr| {
            found |= uses_outer(expr);
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(found)
    })
}
