//! Limits on a plan before it is optimized, which recurses over it many times.
//!
//! A short text can make a huge plan: common table expressions and views that use each other twice
//! double it at each step. The tree is counted as the optimizer will walk it, with views expanded,
//! and no further than the limits.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::common::tree_node::{TreeNodeRecursion, TreeNodeVisitor};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::{self, Visit, Visitor};

use super::barrier::Barrier;
use super::expansion;
use crate::error::{Error, Kind};
use crate::sql::guard::{MAX_COLUMNS, too_many_columns};

/// Operators from the result to the furthest table.
const MAX_DEPTH: usize = 1000;

/// Common table expressions that use each other in a row.
const MAX_CHAIN: usize = 250;

/// Operators in all.
const MAX_OPERATORS: usize = 50_000;

/// Views inside of views.
pub(super) const MAX_VIEWS: usize = 100;

/// Refuses common table expressions that use each other so often that their plan could not be made.
pub(super) fn admit(statement: &ast::Statement) -> Result<(), Error> {
    match statement.visit(&mut Expansion) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(refused("has too many parts")),
    }
}

struct Expansion;

impl Visitor for Expansion {
    type Break = ();

    fn pre_visit_query(&mut self, query: &ast::Query) -> ControlFlow<()> {
        let Some(with) = &query.with else {
            return ControlFlow::Continue(());
        };
        let mut sizes = HashMap::new();
        for cte in &with.cte_tables {
            let mut used = Used {
                sizes: &sizes,
                total: 1,
                depth: 1,
            };
            let _ = cte.query.visit(&mut used);
            let (total, depth) = (used.total, used.depth);
            if total > MAX_OPERATORS || depth > MAX_CHAIN {
                return ControlFlow::Break(());
            }
            sizes.insert(cte.alias.name.value.to_lowercase(), (total, depth));
        }
        ControlFlow::Continue(())
    }
}

/// Adds up the expressions that a query uses: their number, and how many use each other in a row.
struct Used<'a> {
    sizes: &'a HashMap<String, (usize, usize)>,
    total: usize,
    depth: usize,
}

impl Visitor for Used<'_> {
    type Break = ();

    fn pre_visit_relation(&mut self, relation: &ast::ObjectName) -> ControlFlow<()> {
        if let [part] = relation.0.as_slice()
            && let Some(name) = part.as_ident()
            && let Some((total, depth)) = self.sizes.get(&name.value.to_lowercase())
        {
            self.total = self.total.saturating_add(*total);
            self.depth = self.depth.max(depth + 1);
        }
        ControlFlow::Continue(())
    }
}

/// Refuses a plan that is too deep, too large or too wide.
pub(super) fn check(plan: &LogicalPlan) -> Result<()> {
    if plan.schema().fields().len() > MAX_COLUMNS {
        return Err(too_many_columns().into());
    }
    let mut size = Size {
        depth: 0,
        operators: 0,
    };
    plan.visit_with_subqueries(&mut size)?;
    Ok(())
}

pub(super) fn refused(what: &str) -> Error {
    Error::new(Kind::TooComplex, format!("the query {what}"))
        .hint("Common table expressions and views are expanded wherever they are used: use them less often, or store their result.")
}

struct Size {
    depth: usize,
    operators: usize,
}

impl Size {
    /// The plan of a view takes the place of its scan.
    fn add_view(&mut self, plan: &LogicalPlan) -> Result<(), DataFusionError> {
        let LogicalPlan::TableScan(scan) = plan else {
            return Ok(());
        };
        let plan = scan.source.get_logical_plan();
        let plan = plan.map(Cow::into_owned);
        let Some(view) = plan.or_else(|| Barrier::plan_of(&scan.source)) else {
            return Ok(());
        };
        let mut inside = Size { ..*self };
        view.visit_with_subqueries(&mut inside)?;
        self.operators = inside.operators;
        Ok(())
    }
}

impl<'n> TreeNodeVisitor<'n> for Size {
    type Node = LogicalPlan;

    fn f_down(&mut self, plan: &'n LogicalPlan) -> Result<TreeNodeRecursion, DataFusionError> {
        self.depth += 1;
        self.operators += 1;
        if self.depth > MAX_DEPTH {
            return Err(refused("has too many steps one after the other").into());
        }
        if self.operators > MAX_OPERATORS {
            return Err(refused("has too many parts").into());
        }
        expansion::check(plan)?;
        self.add_view(plan)?;
        Ok(TreeNodeRecursion::Continue)
    }

    fn f_up(&mut self, _: &'n LogicalPlan) -> Result<TreeNodeRecursion, DataFusionError> {
        self.depth -= 1;
        Ok(TreeNodeRecursion::Continue)
    }
}
