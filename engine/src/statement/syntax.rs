//! Which grammar a statement has: our own by its leading words, else sqlparser's.

use super::cursor::Cursor;
use super::{
    Body, alter_model, alter_role, alter_schema, alter_table, analyze, cancel_query, close, copy,
    create_experiment, create_model, create_role, create_schema, create_table, create_temporary,
    create_view, deallocate, declare, delete, describe, describe_model, discard, drop_experiment,
    drop_model, drop_role, drop_schema, drop_table, execute, explain, export_model, fetch, grant,
    import_model, insert, merge, optimize, persist, prepare, query, reset, revoke, set,
    show_chunks, show_columns, show_create_table, show_experiments, show_functions, show_history,
    show_models, show_queries, show_schemas, show_setting, show_tables, summarize, transaction,
    truncate, unlisten, unpersist, update, use_schema, vacuum,
};
use crate::error::Result;

pub(super) fn parse(c: &mut Cursor) -> Result<Body> {
    let words = c.leading_words::<4>();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match definition(c, &words)? {
        Some(body) => Ok(body),
        None => other(c, &words),
    }
}

/// Statements that make, change and drop objects, or say who may use them.
fn definition(c: &mut Cursor, words: &[&str]) -> Result<Option<Body>> {
    Ok(Some(match words {
        ["alter", "user" | "role", ..] => Body::AlterRole(alter_role::parse(c)?),
        ["alter", "model", ..] => Body::AlterModel(alter_model::parse(c)?),
        ["alter", "schema", ..] => Body::AlterSchema(alter_schema::parse(c)?),
        ["alter", "table" | "view", ..] => Body::AlterTable(alter_table::parse(c)?),
        ["create", "user" | "role", ..] => Body::CreateRole(create_role::parse(c)?),
        ["create", "experiment", ..] | ["create", "or", "replace", "experiment"] => {
            Body::CreateExperiment(create_experiment::parse(c)?)
        }
        ["create", "model", ..] | ["create", "or", "replace", "model"] => {
            Body::CreateModel(create_model::parse(c)?)
        }
        ["create", "schema", ..] | ["create", "or", "replace", "schema"] => {
            Body::CreateSchema(create_schema::parse(c)?)
        }
        ["create", "table" | "external", ..]
        | ["create", "or", "replace", "table" | "external"] => create_table::parse(c)?,
        ["create", "temp" | "temporary" | "local" | "global", ..]
        | [
            "create",
            "or",
            "replace",
            "temp" | "temporary" | "local" | "global",
        ] => create_temporary::parse(c)?,
        ["create", "view", ..] | ["create", "or", "replace", "view"] => {
            Body::CreateView(create_view::parse(c)?)
        }
        ["drop", "user" | "role", ..] => Body::DropRole(drop_role::parse(c)?),
        ["drop", "experiment", ..] => Body::DropModel(drop_experiment::parse(c)?),
        ["drop", "model", ..] => Body::DropModel(drop_model::parse(c)?),
        ["drop", "schema", ..] => Body::DropSchema(drop_schema::parse(c)?),
        ["drop", "table" | "view", ..] => Body::DropTable(drop_table::parse(c)?),
        ["grant", ..] => Body::Grant(grant::parse(c)?),
        ["revoke", ..] => Body::Revoke(revoke::parse(c)?),
        _ => return Ok(None),
    }))
}

fn other(c: &mut Cursor, words: &[&str]) -> Result<Body> {
    Ok(match words {
        ["analyze", ..] => Body::Analyze(analyze::parse(c)?),
        ["cancel", "query", ..] => Body::CancelQuery(cancel_query::parse(c)?),
        ["close", ..] => Body::Close(close::parse(c)?),
        ["copy", ..] => Body::Copy(copy::parse(c)?),
        ["deallocate", ..] => Body::Deallocate(deallocate::parse(c)?),
        ["declare", ..] => Body::Declare(declare::parse(c)?),
        ["delete", ..] => Body::Delete(Box::new(delete::parse(c)?)),
        ["desc" | "describe", "model", word, ..] if !word.is_empty() => {
            Body::DescribeModel(describe_model::parse(c)?)
        }
        ["desc" | "describe", ..] => Body::Describe(describe::parse(c)?),
        ["discard", ..] => Body::Discard(discard::parse(c)?),
        ["execute", ..] => Body::Execute(execute::parse(c)?),
        ["explain", ..] => explain::parse(c)?,
        ["export", "model", ..] => Body::ExportModel(export_model::parse(c)?),
        ["fetch" | "move", ..] => Body::Fetch(fetch::parse(c)?),
        ["import", "model", ..] | ["import", "or", "replace", "model"] => {
            Body::ImportModel(import_model::parse(c)?)
        }
        ["insert", ..] => Body::Insert(insert::parse(c)?),
        ["merge", ..] => Body::Merge(Box::new(merge::parse(c)?)),
        ["optimize", ..] => Body::Optimize(optimize::parse(c)?),
        ["persist", ..] => Body::Persist(persist::parse(c)?),
        ["prepare", ..] => Body::Prepare(prepare::parse(c)?),
        ["reset", ..] => Body::Reset(reset::parse(c)?),
        ["set", ..] => Body::Set(set::parse(c)?),
        ["show", "chunks", ..] => Body::ShowChunks(show_chunks::parse(c)?),
        ["show", "columns", ..] => Body::ShowColumns(show_columns::parse(c)?),
        ["show", "create", ..] => Body::ShowCreateTable(show_create_table::parse(c)?),
        ["show", "experiments", ..] => Body::ShowModels(show_experiments::parse(c)?),
        ["show", "functions", ..] => Body::ShowFunctions(show_functions::parse(c)?),
        ["show", "history", ..] => Body::ShowHistory(show_history::parse(c)?),
        ["show", "models", ..] => Body::ShowModels(show_models::parse(c)?),
        ["show", "queries", ..] => Body::ShowQueries(show_queries::parse(c)?),
        ["show", "schemas", ..] => Body::ShowSchemas(show_schemas::parse(c)?),
        ["show", "tables", ..] => Body::ShowTables(show_tables::parse(c)?),
        ["show", ..] => Body::ShowSetting(show_setting::parse(c)?),
        ["summarize", ..] => Body::Summarize(summarize::parse(c)?),
        [
            "begin" | "start" | "commit" | "end" | "rollback" | "abort" | "savepoint" | "release",
            ..,
        ] => Body::Transaction(transaction::parse(c)?),
        ["truncate", ..] => Body::Truncate(truncate::parse(c)?),
        ["unlisten", ..] => Body::Unlisten(unlisten::parse(c)?),
        ["unpersist", ..] => Body::Unpersist(unpersist::parse(c)?),
        ["update", ..] => Body::Update(Box::new(update::parse(c)?)),
        ["use", ..] => Body::UseSchema(use_schema::parse(c)?),
        ["vacuum", ..] => Body::Vacuum(vacuum::parse(c)?),
        _ => Body::Query(query::parse(c)?),
    })
}
