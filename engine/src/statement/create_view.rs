//! `CREATE [OR REPLACE] VIEW [IF NOT EXISTS] v [(column, …)] [WITH (security_barrier)] AS query`: a
//! stored query.
//!
//! The text is stored and planned anew at each use; what its names mean is stored with it. It is planned
//! once here, so that a view that cannot work is refused.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{self, ObjectName as SqlName};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::cursor::{Cursor, fold};
use super::{Context, Notice, Outcome, context, with_options};
use crate::catalog::{Change, ObjectName, PG_TEMP, Relation, RelationKind, Snapshot, View};
use crate::error::{Error, Kind, Result};
use crate::plan;

#[derive(Debug, Clone)]
pub(crate) struct CreateView {
    name: SqlName,
    temporary: bool,
    or_replace: bool,
    if_not_exists: bool,
    columns: Vec<String>,
    security_barrier: bool,
    query: Box<ast::Query>,
}

pub(super) fn parse(c: &mut Cursor) -> Result<CreateView> {
    c.expect(&["create"])?;
    let or_replace = c.take(&["or", "replace"]);
    c.expect(&["view"])?;
    after_view(c, or_replace, false)
}

/// What follows CREATE VIEW or CREATE TEMPORARY VIEW.
pub(super) fn after_view(c: &mut Cursor, or_replace: bool, temporary: bool) -> Result<CreateView> {
    let if_not_exists = c.if_not_exists();
    let name = c.name()?;
    let columns = if c.take_token(&Token::LParen) {
        let names = c.sql(|p| p.parse_comma_separated(|p| p.parse_identifier()))?;
        c.expect_token(&Token::RParen)?;
        names.iter().map(fold).collect()
    } else {
        Vec::new()
    };
    let security_barrier = match c.take(&["with"]) {
        true => barrier(c)?.unwrap_or_default(),
        false => false,
    };
    c.expect(&["as"])?;
    Ok(CreateView {
        name,
        temporary,
        or_replace,
        if_not_exists,
        columns,
        security_barrier,
        query: c.query()?,
    })
}

/// The options of a view, `(security_barrier = true)`: whether it is to be one, if they say so.
pub(super) fn barrier(c: &mut Cursor) -> Result<Option<bool>> {
    let mut options = with_options::parse(c)?;
    let barrier = options.take_boolean("security_barrier")?;
    options.finish()?;
    Ok(barrier)
}

impl CreateView {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let mut names = ctx.names();
        let reads_temporary = plan::reads_temporary(&names, &self.query);
        let name = ctx.new_name(&self.name, self.temporary || reads_temporary)?;
        let temporary = ctx.catalog.snapshot().is_temporary(&name.schema);
        if !temporary {
            // Another session has other temporary tables.
            let snapshot = Arc::clone(&names.snapshot);
            let lasts = |schema: &String| !snapshot.is_temporary(schema) && schema != PG_TEMP;
            names.search_path.retain(lasts);
        }
        self.check(ctx).await?;
        let view = View {
            sql: self.query.to_string(),
            columns: self.columns.clone(),
            meanings: Some(plan::meanings(&names, &self.query)?),
            search_path: names.search_path,
            security_barrier: self.security_barrier,
        };
        let created = ctx
            .catalog
            .update(|snapshot| self.decide(snapshot, &ctx.variables.user, &name, view))?;
        if !created {
            let notice = Notice::info(format!("relation {name} already exists, skipping"));
            return Ok(Outcome::done("CREATE VIEW").with(notice));
        }
        ctx.wrote();
        let outcome = Outcome::done("CREATE VIEW");
        Ok(match reads_temporary && !self.temporary {
            true => outcome.with(Notice::info(format!(
                "view \"{}\" will be a temporary view",
                name.name
            ))),
            false => outcome,
        })
    }

    /// The query must plan, take no parameters, and have distinct column names.
    async fn check(&self, ctx: &Context) -> Result<()> {
        let plan = plan::renamed(ctx.plan(&self.query).await?, &self.columns)?;
        if !plan.get_parameter_names()?.is_empty() {
            return Err(Error::new(
                Kind::UndefinedParameter,
                "a view cannot have parameters",
            ));
        }
        let mut seen = std::collections::HashSet::new();
        for field in plan.schema().fields() {
            let name = plan::shown_name(field.name());
            if !seen.insert(name) {
                return Err(Error::new(
                    Kind::DuplicateColumn,
                    format!("column \"{name}\" specified more than once"),
                )
                .hint("Name the columns: CREATE VIEW v (a, b) AS …."));
            }
        }
        Ok(())
    }

    fn decide(
        &self,
        snapshot: &Snapshot,
        user: &str,
        name: &ObjectName,
        view: View,
    ) -> Result<(Vec<Change>, bool)> {
        if let Some(found) = snapshot.relation(name) {
            if self.if_not_exists {
                return Ok((Vec::new(), false));
            }
            if !self.or_replace {
                return Err(Error::new(
                    Kind::DuplicateTable,
                    format!("relation \"{}\" already exists", name.name),
                )
                .hint("Say IF NOT EXISTS to keep it, or OR REPLACE to replace it."));
            }
            context::expect_kind(name, &found.kind, "view")?;
            if !snapshot.owns(user, &found.access) {
                return Err(plan::must_own("view", &name.name));
            }
        }
        snapshot.schema(&name.schema)?;
        let mut relation = Relation::new(RelationKind::View(view), user);
        if let Some(found) = snapshot.relation(name) {
            relation.access = found.access.clone();
        }
        Ok((
            vec![Change::PutRelation(name.clone(), Box::new(relation))],
            true,
        ))
    }
}
