//! How large expressions become when they are simplified: `coalesce(a, b)` becomes `CASE WHEN a IS NOT
//! NULL THEN a ELSE b END`, so that each level of nesting doubles its first argument.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::error::{Error, Kind};

/// Nodes of one expression after that.
const MAX_NODES: usize = 20_000;

/// Refuses a step of a plan whose expressions would become too large.
pub(super) fn check(plan: &LogicalPlan) -> Result<()> {
    plan.apply_expressions(|expr| match nodes(expr)? {
        ..=MAX_NODES => Ok(TreeNodeRecursion::Continue),
        _ => {
            let message = "the query has an expression that becomes too large";
            let hint =
                "coalesce, ifnull and BETWEEN repeat their first argument: nest them less deeply.";
            Err(Error::new(Kind::TooComplex, message).hint(hint).into())
        }
    })?;
    Ok(())
}

fn nodes(expr: &Expr) -> Result<usize, DataFusionError> {
    let mut of_children = Vec::new();
    // Expressions are nested no deeper than the parser allows.
    expr.apply_children(|child| {
        of_children.push(nodes(child)?);
        Ok(TreeNodeRecursion::Continue)
    })?;
    let repeated = match expr {
        Expr::ScalarFunction(call) => match call.func.name() {
            "coalesce" | "nvl" | "nvl2" => of_children.len().saturating_sub(1),
            _ => 0,
        },
        Expr::Between(_) => 1,
        _ => 0,
    };
    let again = of_children.iter().take(repeated);
    let all = of_children.iter().chain(again);
    Ok(all.fold(1, |sum, nodes| usize::saturating_add(sum, *nodes)))
}
