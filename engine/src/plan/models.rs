//! Models in queries: `PREDICT(MODEL m, query)` as a relation, `predict('m', a, b)` as a function.
//!
//! The models that a statement names are opened before planning; which version a name means is
//! decided then. A prediction is a projection over the query, so that optimizers see through it.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::common::{Column, DFSchema, Result as PlanResult};
use datafusion::logical_expr::planner::RelationPlannerContext;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, ScalarUDF};
use datafusion::sql::sqlparser::ast::{
    self, BinaryOperator, FunctionArg, FunctionArgExpr, FunctionArguments, Ident,
    ObjectName as SqlName, TableFactor, Value, VisitMut, VisitorMut,
};
use quern_model::class::Purpose;

use super::model_functions::{self, Asked};
use super::resolve::{find, reference, undefined_table};
use super::{Names, Need, shown_name};
use crate::catalog::{ObjectName, RelationKind};
use crate::error::{Error, Kind, Result};
use crate::model::{Answer, Trained, What};
use crate::sql::model_syntax::{self, ModelName};

/// The name of the column that PREDICT adds.
const OUTPUT: &str = "target";

/// A model that a statement names.
#[derive(Debug, Clone)]
pub struct Opened {
    pub name: ObjectName,
    pub version: u32,
    pub trained: Arc<Trained>,
}

impl Opened {
    /// As plans show it.
    pub(super) fn shown(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

/// Opens a model with the rights of the user.
pub async fn open_model(names: &Names, model: &ModelName) -> Result<Opened> {
    let reference = reference(&model.sql_name())?;
    let Some((name, relation)) = find(names, &reference)? else {
        return Err(undefined_model(
            names,
            &reference.to_string(),
            undefined_table(names, &reference),
        ));
    };
    names.require(&name, &relation, Need::SELECT)?;
    let RelationKind::Model(versions) = &relation.kind else {
        return Err(Error::new(
            Kind::WrongObjectType,
            format!("\"{}\" is not a model", name.name),
        )
        .hint(format!("It is a {}.", relation.kind.word())));
    };
    let version = versions.get(&name.name, model.version)?;
    Ok(Opened {
        trained: names.warehouse.models().get(&version.file).await?,
        version: version.version,
        name,
    })
}

/// 42704 with the names of models that are alike.
fn undefined_model(names: &Names, wanted: &str, plain: Error) -> Error {
    if plain.kind != Kind::UndefinedTable {
        return plain;
    }
    let models = names.snapshot.relations().filter(|(name, relation)| {
        matches!(relation.kind, RelationKind::Model(_))
            && names.require(name, relation, Need::Any).is_ok()
    });
    let known: Vec<String> = models.map(|(name, _)| name.name).collect();
    Error::new(
        Kind::UndefinedObject,
        format!("model \"{wanted}\" does not exist"),
    )
    .candidates(wanted, known.iter().map(String::as_str))
}

/// The models of one statement, by the text of the argument that names them.
#[derive(Debug, Default, Clone)]
pub(super) struct Models {
    opened: HashMap<String, Opened>,
    /// Functions that calls of `predict('m', …)` were turned into.
    functions: HashMap<String, Arc<ScalarUDF>>,
}

/// Whether a relation is a function of a model.
pub(super) fn is_of_model(relation: &TableFactor) -> bool {
    arguments(relation).is_some_and(|(name, _)| model_syntax::FUNCTIONS.contains(&name.as_str()))
}

fn arguments(relation: &TableFactor) -> Option<(String, &[FunctionArg])> {
    match relation {
        TableFactor::Table {
            name,
            args: Some(args),
            ..
        } => match name.0.as_slice() {
            [part] => Some((part.as_ident()?.value.to_lowercase(), &args.args)),
            _ => None,
        },
        _ => None,
    }
}

pub(super) fn expression(argument: &FunctionArg) -> Option<&ast::Expr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    }
}

/// The model that an argument names, as `MODEL m` or as text.
pub(super) fn named(argument: &ast::Expr) -> Option<ModelName> {
    match argument {
        ast::Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => model_syntax::model_named(text),
            _ => None,
        },
        other => model_syntax::model_name(other),
    }
}

impl Models {
    /// Opens the models that a relation or a function of the statement names.
    pub async fn open(&mut self, names: &Names, argument: &ast::Expr) -> Result<()> {
        let text = argument.to_string();
        if !self.opened.contains_key(&text)
            && let Some(model) = named(argument)
        {
            self.opened.insert(text, open_model(names, &model).await?);
        }
        Ok(())
    }

    pub fn function(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        self.functions.get(name).cloned()
    }

    /// Turns calls of `predict('m', …)` and its sisters into calls of functions that are the models.
    pub fn translate(&mut self, statement: &mut ast::Statement) {
        let _ = statement.visit(&mut Calls { models: self });
    }

    /// Plans `PREDICT(…)`.
    pub fn plan(
        &self,
        relation: &TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> PlanResult<LogicalPlan> {
        let (function, arguments) =
            arguments(relation).ok_or_else(|| Error::internal("a relation without arguments"))?;
        let (model, rest) = self.model(&function, arguments)?;
        if let Some(asked) = Asked::of(&function) {
            return model_functions::plan(asked, &function, model, rest, context);
        }
        let mut rest = rest.iter().peekable();
        let query = rest
            .peek()
            .and_then(|argument| expression(argument))
            .and_then(model_syntax::query)
            .cloned();
        if query.is_some() {
            rest.next();
        }
        let options = Options::of(&function, rest)?;
        let Some(query) = query else {
            return Err(Error::new(
                Kind::Syntax,
                format!("{} needs a query", function.to_uppercase()),
            )
            .hint("Write PREDICT(MODEL m, SELECT …) or PREDICT(MODEL m, TABLE t).")
            .into());
        };
        let input = context.plan(TableFactor::Derived {
            lateral: false,
            subquery: Box::new(query),
            alias: None,
            sample: None,
        })?;
        predict(model, input, &options)
    }

    fn model<'a>(
        &self,
        function: &str,
        arguments: &'a [FunctionArg],
    ) -> Result<(&Opened, &'a [FunctionArg])> {
        let found = arguments.split_first().and_then(|(first, rest)| {
            let model = self.opened.get(&expression(first)?.to_string())?;
            Some((model, rest))
        });
        found.ok_or_else(|| {
            Error::new(
                Kind::Syntax,
                format!(
                    "the first argument of {} is a model",
                    function.to_uppercase()
                ),
            )
            .hint("Write MODEL and its name, as in PREDICT(MODEL m, SELECT …).")
        })
    }
}

/// The models that a statement names, as arguments of relations and functions.
#[derive(Default)]
pub(super) struct NamedModels(pub Vec<ast::Expr>);

impl NamedModels {
    pub fn of_relation(&mut self, relation: &TableFactor) {
        if let Some((name, arguments)) = arguments(relation)
            && model_syntax::FUNCTIONS.contains(&name.as_str())
        {
            self.0
                .extend(arguments.first().and_then(expression).cloned());
        }
    }

    pub fn of_expression(&mut self, expr: &ast::Expr) {
        if let ast::Expr::Function(function) = expr
            && let Some((_, argument)) = call(function)
        {
            self.0.push(argument.clone());
        }
    }
}

/// What a call of `predict('m', …)` asks, and the argument that names the model.
fn call(function: &ast::Function) -> Option<(What, &ast::Expr)> {
    let [part] = function.name.0.as_slice() else {
        return None;
    };
    let what = match part.as_ident()?.value.to_lowercase().as_str() {
        "predict" => What::Prediction,
        "predict_proba" => What::Probabilities,
        "transform" => What::Transformation,
        _ => return None,
    };
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    let first = list.args.first().and_then(expression)?;
    named(first).map(|_| (what, first))
}

struct Calls<'a> {
    models: &'a mut Models,
}

impl VisitorMut for Calls<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut ast::Expr) -> ControlFlow<()> {
        let ast::Expr::Function(function) = expr else {
            return ControlFlow::Continue(());
        };
        let Some((what, argument)) = call(function) else {
            return ControlFlow::Continue(());
        };
        let Some(model) = self.models.opened.get(&argument.to_string()) else {
            return ControlFlow::Continue(());
        };
        // No name that a user can write.
        let name = format!("\u{2}{what:?} {}", model.shown());
        let answer = Answer::function(model.shown(), Arc::clone(&model.trained), what);
        self.models.functions.insert(name.clone(), Arc::new(answer));
        function.name = SqlName(vec![ast::ObjectNamePart::Identifier(Ident::with_quote(
            '"', name,
        ))]);
        if let FunctionArguments::List(list) = &mut function.args {
            list.args.remove(0);
        }
        ControlFlow::Continue(())
    }
}

/// The options of PREDICT.
struct Options {
    output_column: String,
    probabilities: bool,
}

impl Options {
    fn of<'a>(function: &str, arguments: impl Iterator<Item = &'a FunctionArg>) -> Result<Self> {
        let mut options = Self {
            output_column: OUTPUT.to_string(),
            probabilities: false,
        };
        for argument in arguments {
            let (name, value) = option(argument).ok_or_else(|| {
                Error::new(
                    Kind::Syntax,
                    format!(
                        "improper argument of {}: {argument}",
                        function.to_uppercase()
                    ),
                )
                .hint("Options are written name = value, behind the query.")
            })?;
            match (name.as_str(), value) {
                ("output_column", Value::SingleQuotedString(text)) if !text.is_empty() => {
                    options.output_column = text.clone();
                }
                ("probabilities", Value::Boolean(flag)) => options.probabilities = *flag,
                ("output_column" | "probabilities", value) => {
                    return Err(Error::new(
                        Kind::InvalidParameterValue,
                        format!("invalid value for option \"{name}\": {value}"),
                    ));
                }
                _ => {
                    return Err(Error::new(
                        Kind::UndefinedObject,
                        format!("PREDICT has no option \"{name}\""),
                    )
                    .candidates(&name, model_syntax::OPTIONS.iter().copied()));
                }
            }
        }
        Ok(options)
    }
}

/// `name = value` or `name => value`.
fn option(argument: &FunctionArg) -> Option<(String, &Value)> {
    let (name, value) = match argument {
        FunctionArg::Named {
            name,
            arg: FunctionArgExpr::Expr(value),
            ..
        } => (name, value),
        FunctionArg::ExprNamed {
            name: ast::Expr::Identifier(name),
            arg: FunctionArgExpr::Expr(value),
            ..
        } => (name, value),
        FunctionArg::Unnamed(FunctionArgExpr::Expr(ast::Expr::BinaryOp {
            left,
            op: BinaryOperator::Eq,
            right,
        })) => match left.as_ref() {
            ast::Expr::Identifier(name) => (name, right.as_ref()),
            _ => return None,
        },
        _ => return None,
    };
    match value {
        ast::Expr::Value(value) => Some((name.value.to_lowercase(), &value.value)),
        _ => None,
    }
}

/// The rows of `input` with what the model says of them.
fn predict(model: &Opened, input: LogicalPlan, options: &Options) -> PlanResult<LogicalPlan> {
    let features = features(model, input.schema())?;
    let answer = |what| {
        let columns = features.iter().cloned().map(Expr::Column).collect();
        Answer::of(model.shown(), Arc::clone(&model.trained), what, columns)
    };
    let output = &options.output_column;
    let trained = &model.trained.model;
    let mut answers = match trained.class.purpose {
        Purpose::Transformation => {
            let names = trained.outputs().into_iter().enumerate();
            names
                .map(|(at, name)| answer(What::Transformed(at)).alias(name))
                .collect()
        }
        _ => vec![answer(What::Prediction).alias(output.clone())],
    };
    if options.probabilities {
        let labels = trained.labels().iter().enumerate();
        answers.extend(
            labels.map(|(at, label)| {
                answer(What::Probability(at)).alias(format!("{output}_{label}"))
            }),
        );
    }
    let taken = |name: &str| {
        input
            .schema()
            .fields()
            .iter()
            .any(|f| shown_name(f.name()) == name)
    };
    if let Some(name) = answers
        .iter()
        .map(|a| a.schema_name().to_string())
        .find(|name| taken(name))
    {
        return Err(Error::new(
            Kind::DuplicateColumn,
            format!("the query of PREDICT has a column \"{name}\" already"),
        )
        .hint("Choose another name: PREDICT(MODEL m, SELECT …, output_column = 'prediction').")
        .into());
    }
    let columns = input.schema().columns().into_iter().map(Expr::Column);
    let all: Vec<Expr> = columns.chain(answers).collect();
    LogicalPlanBuilder::from(input).project(all)?.build()
}

/// The column of a name, in any case where none has it as it is.
pub(super) fn column_named(schema: &DFSchema, name: &str) -> Option<Column> {
    let mut columns = schema.columns();
    let named = |column: &Column| shown_name(&column.name) == name;
    let alike = |column: &Column| shown_name(&column.name).eq_ignore_ascii_case(name);
    let at = columns.iter().position(named);
    let at = at.or_else(|| columns.iter().position(alike))?;
    Some(columns.swap_remove(at))
}

/// The columns that are the model's features, by name.
pub(super) fn features(model: &Opened, schema: &DFSchema) -> Result<Vec<Column>> {
    let find = |name: &str| column_named(schema, name);
    let wanted = &model.trained.model.definition.encoding.columns;
    let missing: Vec<&str> = wanted
        .iter()
        .map(|c| c.name.as_str())
        .filter(|name| find(name).is_none())
        .collect();
    if missing.is_empty() {
        return Ok(wanted
            .iter()
            .filter_map(|column| find(&column.name))
            .collect());
    }
    let quoted: Vec<_> = missing.iter().map(|name| format!("\"{name}\"")).collect();
    let all: Vec<_> = wanted
        .iter()
        .map(|column| format!("{} {}", column.name, column.sql_type))
        .collect();
    Err(Error::new(
        Kind::UndefinedColumn,
        format!(
            "the query lacks features of model {}: {}",
            model.name,
            quoted.join(", ")
        ),
    )
    .hint(format!(
        "The model takes columns of these names: {}.",
        all.join(", ")
    )))
}
