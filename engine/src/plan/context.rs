//! What DataFusion's planner may ask for: the opened relations, and the session's functions.

use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::TableFunctionArgs;
use datafusion::catalog::cte_worktable::CteWorkTable;
use datafusion::common::config::ConfigOptions;
use datafusion::common::{DFSchema, Result, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::execution::SessionState;
use datafusion::logical_expr::planner::{ContextProvider, ExprPlanner, RelationPlanner};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    AggregateUDF, Expr, HigherOrderUDF, ScalarUDF, TableSource, WindowUDF,
};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;

use super::Names;
use super::models::Models;
use super::relation::OpenedRelations;
use super::resolve::{Relations, undefined_table};
use crate::error::{Error, Kind};

pub(super) struct PlanContext<'a> {
    state: &'a SessionState,
    names: &'a Names,
    relations: &'a Relations,
    relation_planners: Vec<Arc<dyn RelationPlanner>>,
    models: Arc<Models>,
}

impl<'a> PlanContext<'a> {
    pub fn new(
        state: &'a SessionState,
        names: &'a Names,
        relations: &'a Relations,
        models: Models,
    ) -> Self {
        let models = Arc::new(models);
        let ours: Arc<dyn RelationPlanner> =
            Arc::new(OpenedRelations::new(relations, Arc::clone(&models)));
        let relation_planners = std::iter::once(ours)
            .chain(state.relation_planners().iter().cloned())
            .collect();
        Self {
            state,
            names,
            relations,
            relation_planners,
            models,
        }
    }
}

/// A number as the bigint that DataFusion's series are of.
fn wide(number: Expr) -> Expr {
    match &number {
        Expr::Literal(value, metadata) if value.data_type().is_integer() => value
            .cast_to(&DataType::Int64)
            .map_or(number.clone(), |v| Expr::Literal(v, metadata.clone())),
        _ => number,
    }
}

impl ContextProvider for PlanContext<'_> {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        match self.relations.named.get(&name) {
            Some(source) => Ok(Arc::clone(source)),
            None => Err(undefined_table(self.names, &name).into()),
        }
    }

    fn get_table_function_source(
        &self,
        name: &str,
        args: Vec<Expr>,
    ) -> Result<Arc<dyn TableSource>> {
        let name = name.to_lowercase();
        let functions = self.state.table_functions();
        let Some(function) = functions.get(&name) else {
            return Err(Error::new(
                Kind::UndefinedFunction,
                format!("table function {name} does not exist"),
            )
            .candidates(&name, functions.keys().map(String::as_str))
            .into());
        };
        let context = SimplifyContext::builder()
            .with_config_options(Arc::clone(self.state.config_options()))
            .with_query_execution_start_time(
                self.state.execution_props().query_execution_start_time,
            )
            .build();
        let simplifier = ExprSimplifier::new(context);
        let schema = DFSchema::empty();
        let args = args
            .into_iter()
            .map(|arg| {
                simplifier
                    .coerce(arg, &schema)
                    .and_then(|e| simplifier.simplify(e))
                    .map(|e| {
                        if name == "generate_series" {
                            wide(e)
                        } else {
                            e
                        }
                    })
            })
            .collect::<Result<Vec<_>>>()?;
        let provider =
            function.create_table_provider_with_args(TableFunctionArgs::new(&args, self.state))?;
        Ok(provider_as_source(provider))
    }

    fn create_cte_work_table(&self, name: &str, schema: SchemaRef) -> Result<Arc<dyn TableSource>> {
        Ok(provider_as_source(Arc::new(CteWorkTable::new(
            name, schema,
        ))))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        self.state.expr_planners()
    }

    fn get_relation_planners(&self) -> &[Arc<dyn RelationPlanner>] {
        &self.relation_planners
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        let known = self.state.scalar_functions().get(name).cloned();
        known.or_else(|| self.models.function(name))
    }

    fn get_higher_order_meta(&self, name: &str) -> Option<Arc<HigherOrderUDF>> {
        self.state.higher_order_functions().get(name).cloned()
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        self.state.aggregate_functions().get(name).cloned()
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        self.state.window_functions().get(name).cloned()
    }

    fn get_variable_type(&self, _names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        self.state.config_options()
    }

    fn udf_names(&self) -> Vec<String> {
        self.state.scalar_functions().keys().cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        self.state
            .higher_order_functions()
            .keys()
            .cloned()
            .collect()
    }

    fn udaf_names(&self) -> Vec<String> {
        self.state.aggregate_functions().keys().cloned().collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        self.state.window_functions().keys().cloned().collect()
    }
}
