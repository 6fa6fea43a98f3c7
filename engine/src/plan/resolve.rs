//! Finding and opening the relations that a statement mentions, before it is planned.
//!
//! A name is looked up along the search path; a view is planned here, with its own search path; a
//! quoted path or `read_csv(…)` becomes a table over files. What is not found is left out: the
//! planner may not need it (it may name a common table expression), and asks for the error if so.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::datasource::provider_as_source;
use datafusion::execution::SessionState;
use datafusion::logical_expr::TableSource;
use datafusion::sql::sqlparser::ast::{self, ObjectName as SqlName, TableFactor, Visit};

use super::mentioned::Mentioned;
use super::models::Models;
use super::relation::{is_special, text_of};
use super::rights::Need;
use super::tables::{self, moment, open_table};
use super::views::open_view;
use super::{Names, sample};
use crate::catalog::{CATALOG_NAME, ObjectName, PG_TEMP, Privilege, Relation, RelationKind};
use crate::error::{Error, Kind, Result};
use crate::options::Options;
use crate::source::{FileTable, Spec};
use crate::sql::literal;
use crate::table::At;

/// Functions that read files of a format: `read_csv('folder/*.csv', option => value)`.
pub const READERS: &[&str] = &[
    "read_arrow",
    "read_avro",
    "read_csv",
    "read_delta",
    "read_json",
    "read_ndjson",
    "read_parquet",
    "read_tsv",
];

/// What was opened for one statement.
#[derive(Default)]
pub(super) struct Relations {
    pub named: HashMap<TableReference, Arc<dyn TableSource>>,
    pub by_text: HashMap<String, (TableReference, Arc<dyn TableSource>)>,
    pub models: Models,
}

pub(super) type Opening<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Opens every relation of the statement. `inside` are the views being expanded, outermost first.
pub(super) fn relations<'a>(
    state: &'a SessionState,
    names: &'a Names,
    statement: &ast::Statement,
    inside: &'a [ObjectName],
) -> Opening<'a, Relations> {
    let mut mentioned = Mentioned::default();
    let _ = statement.visit(&mut mentioned);
    Box::pin(async move {
        let mut opened = Relations::default();
        for model in &mentioned.models.0 {
            opened.models.open(names, model).await?;
        }
        for relation in mentioned.relations {
            if is_special(&relation) {
                let (name, source) = open_special(state, names, &relation).await?;
                opened.by_text.insert(text_of(&relation), (name, source));
            } else if let TableFactor::Table {
                name, args: None, ..
            } = &relation
            {
                let reference = reference(name)?;
                if opened.named.contains_key(&reference) {
                    continue;
                }
                let shadowed = mentioned.ctes.contains(reference.table());
                match open_named(state, names, name, &reference, inside).await {
                    Ok(Some(source)) => drop(opened.named.insert(reference, source)),
                    Ok(None) => {}
                    Err(_) if shadowed => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(opened)
    })
}

/// An identifier as the planner sees it: lower case unless quoted.
pub(super) fn identifier(ident: &ast::Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}

/// The name as the planner will ask for it.
pub fn reference(name: &SqlName) -> Result<TableReference> {
    let parts: Option<Vec<_>> = name
        .0
        .iter()
        .map(|part| part.as_ident().map(identifier))
        .collect();
    match parts.as_deref() {
        Some([table]) => Ok(TableReference::bare(table.as_str())),
        Some([schema, table]) => Ok(TableReference::partial(schema.as_str(), table.as_str())),
        Some([catalog, schema, table]) => Ok(TableReference::full(
            catalog.as_str(),
            schema.as_str(),
            table.as_str(),
        )),
        _ => Err(Error::new(
            Kind::Syntax,
            format!("improper relation name: {name}"),
        )),
    }
}

pub(super) fn is_path(name: &SqlName) -> bool {
    matches!(name.0.as_slice(), [part] if part.as_ident().is_some_and(|i| i.quote_style == Some('\'')))
}

async fn open_named(
    state: &SessionState,
    names: &Names,
    name: &SqlName,
    reference: &TableReference,
    inside: &[ObjectName],
) -> Result<Option<Arc<dyn TableSource>>> {
    if is_path(name) {
        let table = open_files(
            state,
            names,
            vec![reference.table().to_string()],
            None,
            Options::default(),
            None,
        )
        .await?;
        return Ok(Some(provider_as_source(table)));
    }
    if let Some(given) = names.given.get(reference.table())
        && reference.schema().is_none()
    {
        return Ok(Some(provider_as_source(Arc::clone(given))));
    }
    if let Some(provider) = postgres_relation(names, reference).await? {
        return Ok(Some(provider_as_source(provider)));
    }
    if let Some((object, relation)) = find(names, reference)? {
        names.require(&object, &relation, Need::SELECT)?;
        if let RelationKind::View(view) = &relation.kind {
            let names = names.inside(view, &relation.access.owner);
            let view = open_view(state, &names, &object, view, inside).await?;
            return Ok(Some(view));
        }
        if let RelationKind::Persisted(rows) = &relation.kind {
            return Ok(Some(provider_as_source(Arc::clone(rows) as _)));
        }
        let table = open_table(state, names, &object, &relation, None).await?;
        return Ok(table.map(|table| match &relation.persisted {
            Some(rows) if rows.files == Some(table.fingerprint()) => {
                provider_as_source(Arc::clone(rows) as _)
            }
            _ => provider_as_source(table),
        }));
    }
    for schema in schemas(names, reference) {
        if let Some(provider) = names
            .virtual_tables
            .open(&schema, reference.table())
            .await?
        {
            return Ok(Some(provider_as_source(provider)));
        }
    }
    Ok(None)
}

/// As in PostgreSQL, a bare name is looked up in `pg_catalog` first; every relation there begins so.
async fn postgres_relation(
    names: &Names,
    reference: &TableReference,
) -> Result<Option<Arc<dyn TableProvider>>> {
    let table = reference.table();
    if reference.schema().is_some() || !table.starts_with("pg_") {
        return Ok(None);
    }
    names.virtual_tables.open("pg_catalog", table).await
}

/// The schemas in which a reference is looked up, in order.
fn schemas(names: &Names, reference: &TableReference) -> Vec<String> {
    if let Some(meanings) = &names.meanings {
        let meant = meanings.get(&reference.to_quoted_string());
        return meant.map(|o| o.schema.clone()).into_iter().collect();
    }
    match reference.schema() {
        Some(schema) => vec![names.snapshot.meant(schema).to_string()],
        None => names.search_path.clone(),
    }
}

/// The schema of the engine's own in which a reference is found.
pub(super) fn virtual_schema(names: &Names, reference: &TableReference) -> Option<String> {
    let known = names.virtual_tables.names();
    let is_known = |schema: &String| {
        let mut known = known.iter();
        known.any(|(s, name)| s == schema && *name == reference.table())
    };
    schemas(names, reference).into_iter().find(is_known)
}

/// The table or view that a reference names: the one that is meant, or along the search path.
pub fn find(
    names: &Names,
    reference: &TableReference,
) -> Result<Option<(ObjectName, Arc<Relation>)>> {
    if let Some(catalog) = reference.catalog().filter(|c| *c != CATALOG_NAME) {
        return Err(Error::new(
            Kind::UndefinedCatalog,
            format!("database \"{catalog}\" does not exist"),
        )
        .hint(format!("There is one, \"{CATALOG_NAME}\".")));
    }
    if let Some(meanings) = &names.meanings {
        let Some(meant) = meanings.get(&reference.to_quoted_string()) else {
            return Ok(None);
        };
        names.require_schema(&meant.schema, Privilege::Usage)?;
        let relation = names.snapshot.relation(meant);
        return Ok(relation.map(|relation| (meant.clone(), Arc::clone(relation))));
    }
    if let Some(schema) = reference.schema() {
        names.require_schema(names.snapshot.meant(schema), Privilege::Usage)?;
    }
    let table = reference.table();
    let usable = |schema: &String| names.may_in_schema(schema, Privilege::Usage);
    let searched = schemas(names, reference).into_iter().filter(usable);
    Ok(searched.into_iter().find_map(|schema| {
        let name = ObjectName {
            schema,
            name: table.to_string(),
        };
        names
            .snapshot
            .relation(&name)
            .map(|relation| (name.clone(), Arc::clone(relation)))
    }))
}

/// Opens `read_csv(…)` and its sisters, and sampled tables.
async fn open_special(
    state: &SessionState,
    names: &Names,
    relation: &TableFactor,
) -> Result<(TableReference, Arc<dyn TableSource>)> {
    let TableFactor::Table {
        name,
        args,
        sample,
        version,
        ..
    } = relation
    else {
        return Err(Error::internal("a relation without a name"));
    };
    let (reference, table) = match args {
        Some(args) => {
            let format = reader_format(name)
                .ok_or_else(|| Error::unsupported("TABLESAMPLE of a table function"))?;
            let (locations, options) = literal::reader_arguments(name, &args.args)?;
            (
                TableReference::bare(format!("read_{format}")),
                open_files(state, names, locations, Some(format), options, None).await?,
            )
        }
        None => {
            let at = version
                .as_ref()
                .map(|v| moment(state, names, v))
                .transpose()?;
            (reference(name)?, open_stored(state, names, name, at).await?)
        }
    };
    let table = match sample {
        Some(sample) => sample::sampled(&table, sample)?,
        None => table,
    };
    Ok((reference, provider_as_source(table)))
}

/// The table that is sampled, or read as it was.
async fn open_stored(
    state: &SessionState,
    names: &Names,
    name: &SqlName,
    at: Option<At>,
) -> Result<Arc<FileTable>> {
    let reference = reference(name)?;
    if is_path(name) {
        let location = vec![reference.table().to_string()];
        return open_files(state, names, location, None, Options::default(), at).await;
    }
    let Some((object, relation)) = find(names, &reference)? else {
        return Err(undefined_table(names, &reference));
    };
    names.require(&object, &relation, Need::SELECT)?;
    let table = open_table(state, names, &object, &relation, at).await?;
    table.ok_or_else(|| {
        Error::new(
            Kind::WrongObjectType,
            format!(
                "TABLESAMPLE applies to tables, and {object} is a {}",
                relation.kind.word()
            ),
        )
        .hint("Filter with random() < 0.1 instead.")
    })
}

/// `read_csv` → `csv`, for every reader function.
pub(super) fn reader_format(name: &SqlName) -> Option<&'static str> {
    let [part] = name.0.as_slice() else {
        return None;
    };
    let function = identifier(part.as_ident()?);
    READERS
        .iter()
        .find(|reader| **reader == function)?
        .strip_prefix("read_")
}

async fn open_files(
    state: &SessionState,
    names: &Names,
    locations: Vec<String>,
    format: Option<&str>,
    options: Options,
    at: Option<At>,
) -> Result<Arc<FileTable>> {
    let spec = Spec {
        locations,
        format: format.map(str::to_string),
        options,
        reach: names.reach(),
        ..Spec::default()
    };
    let definition = tables::define(state, spec).await?;
    tables::open_external(state, &definition, at, &names.reach()).await
}

/// 42P01, with the nearest names.
pub fn undefined_table(names: &Names, reference: &TableReference) -> Error {
    let error = Error::new(
        Kind::UndefinedTable,
        format!("relation \"{reference}\" does not exist"),
    );
    if let Some(schema) = reference
        .schema()
        .filter(|s| *s != PG_TEMP && !names.snapshot.schemas.contains_key(*s))
    {
        let known = names
            .snapshot
            .schemas
            .keys()
            .map(String::as_str)
            .chain(["system"]);
        if !names
            .virtual_tables
            .names()
            .iter()
            .any(|(s, _)| *s == schema)
        {
            return Error::new(
                Kind::UndefinedSchema,
                format!("schema \"{schema}\" does not exist"),
            )
            .candidates(schema, known);
        }
    }
    if reference.schema().is_none() && reference.table().contains(['/', '.']) {
        return error.hint(format!(
            "To read a file, write its path in single quotes: '{}'.",
            reference.table()
        ));
    }
    let searched = schemas(names, reference);
    let known = names
        .snapshot
        .relations()
        .filter(|(n, _)| searched.contains(&n.schema))
        .filter(|(n, relation)| names.require(n, relation, Need::Any).is_ok())
        .map(|(n, _)| n.name);
    let ours = names
        .virtual_tables
        .names()
        .into_iter()
        .filter(|(s, _)| searched.iter().any(|p| p == s));
    let known: Vec<String> = known.chain(ours.map(|(_, n)| n.to_string())).collect();
    error.candidates(reference.table(), known.iter().map(String::as_str))
}
