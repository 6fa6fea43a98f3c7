//! Relations that are not plain names: `read_csv('…', …)`, `t TABLESAMPLE …`, `t VERSION AS OF …`.
//!
//! They were opened before planning; the text of the relation, without its alias, leads to them.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::{Result, TableReference};
use datafusion::logical_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion::logical_expr::{LogicalPlanBuilder, TableSource};
use datafusion::sql::sqlparser::ast::TableFactor;

use super::models::{Models, is_of_model};
use super::resolve::Relations;

/// The relations of one statement by their text.
pub(super) struct OpenedRelations {
    by_text: HashMap<String, (TableReference, Arc<dyn TableSource>)>,
    models: Arc<Models>,
}

impl OpenedRelations {
    pub fn new(relations: &Relations, models: Arc<Models>) -> Self {
        Self {
            models,
            by_text: relations.by_text.clone(),
        }
    }
}

/// What identifies a relation: its SQL without the alias.
pub(super) fn text_of(relation: &TableFactor) -> String {
    let mut relation = relation.clone();
    if let TableFactor::Table { alias, .. } = &mut relation {
        *alias = None;
    }
    relation.to_string()
}

/// Whether a relation is ours to plan.
pub(super) fn is_special(relation: &TableFactor) -> bool {
    match relation {
        TableFactor::Table {
            sample: Some(_), ..
        }
        | TableFactor::Table {
            version: Some(_), ..
        } => true,
        TableFactor::Table {
            name,
            args: Some(_),
            ..
        } => super::resolve::reader_format(name).is_some(),
        _ => false,
    }
}

impl std::fmt::Debug for OpenedRelations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.by_text.keys()).finish()
    }
}

impl RelationPlanner for OpenedRelations {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        if is_of_model(&relation) {
            let plan = self.models.plan(&relation, context)?;
            let alias = match relation {
                TableFactor::Table { alias, .. } => alias,
                _ => None,
            };
            return Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(
                plan, alias,
            ))));
        }
        if !is_special(&relation) {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        }
        let Some((name, source)) = self.by_text.get(&text_of(&relation)) else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let alias = match relation {
            TableFactor::Table { alias, .. } => alias,
            _ => None,
        };
        let plan = LogicalPlanBuilder::scan(name.clone(), Arc::clone(source), None)?.build()?;
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(
            plan, alias,
        ))))
    }
}
