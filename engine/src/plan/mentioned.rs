//! What a statement mentions that has to be opened before it is planned.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{self, TableFactor, Visitor};

use super::from_function;
use super::models::NamedModels;
use super::resolve::identifier;

/// The relations and the common table expressions of a statement.
#[derive(Default)]
pub(super) struct Mentioned {
    pub relations: Vec<TableFactor>,
    pub ctes: HashSet<String>,
    pub models: NamedModels,
}

impl Visitor for Mentioned {
    type Break = ();

    fn pre_visit_query(&mut self, query: &ast::Query) -> ControlFlow<()> {
        let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
        self.ctes
            .extend(ctes.map(|cte| identifier(&cte.alias.name)));
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &ast::Expr) -> ControlFlow<()> {
        self.models.of_expression(expr);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, relation: &TableFactor) -> ControlFlow<()> {
        if matches!(relation, TableFactor::Table { .. }) {
            self.models.of_relation(relation);
            let stands_for = from_function::relation(relation);
            self.relations
                .push(stands_for.unwrap_or_else(|| relation.clone()));
        }
        ControlFlow::Continue(())
    }
}
