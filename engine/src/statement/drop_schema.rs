//! `DROP SCHEMA [IF EXISTS] s [CASCADE|RESTRICT]`: a schema with content needs CASCADE.

use super::cursor::Cursor;
use super::{Context, Notice, Outcome, context};
use crate::catalog::{Change, DEFAULT_SCHEMA, RelationKind, Snapshot};
use crate::error::{Error, Kind, Result};
use crate::plan::must_own;

#[derive(Debug, Clone)]
pub(crate) struct DropSchema {
    name: String,
    if_exists: bool,
    cascade: bool,
}

pub(super) fn parse(c: &mut Cursor) -> Result<DropSchema> {
    c.expect(&["drop", "schema"])?;
    let if_exists = c.if_exists();
    let name = c.identifier()?;
    let cascade = c.take(&["cascade"]);
    if !cascade {
        c.take(&["restrict"]);
    }
    Ok(DropSchema {
        name,
        if_exists,
        cascade,
    })
}

/// Folders of tables, and files of models.
type Files = (Vec<String>, Vec<String>);

impl DropSchema {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        if self.name == DEFAULT_SCHEMA
            || context::is_reserved_schema(&self.name)
            || ctx.catalog.snapshot().is_temporary(&self.name)
        {
            return Err(Error::new(
                Kind::Privilege,
                format!("schema \"{}\" cannot be dropped", self.name),
            ));
        }
        let dropped = ctx.catalog.update(|snapshot| self.decide(ctx, snapshot))?;
        ctx.wrote();
        let outcome = Outcome::done("DROP SCHEMA");
        if let Some((folders, models)) = dropped {
            for folder in &folders {
                ctx.remove_folder(folder).await;
            }
            ctx.remove_models(models).await;
            return Ok(outcome);
        }
        Ok(outcome.with(Notice::info(format!(
            "schema \"{}\" does not exist, skipping",
            self.name
        ))))
    }

    /// The folders of managed tables and the files of models that go with it; `None` when there is
    /// no such schema.
    fn decide(&self, ctx: &Context, snapshot: &Snapshot) -> Result<(Vec<Change>, Option<Files>)> {
        let schema = match snapshot.schema(&self.name) {
            Ok(schema) => schema,
            Err(_) if self.if_exists => return Ok((Vec::new(), None)),
            Err(error) => return Err(error),
        };
        if !snapshot.owns(&ctx.variables.user, &schema.access) {
            return Err(must_own("schema", &self.name));
        }
        if !self.cascade && !schema.relations.is_empty() {
            let names: Vec<_> = schema
                .relations
                .keys()
                .take(5)
                .map(String::as_str)
                .collect();
            return Err(Error::new(
                Kind::DependentObjects,
                format!("schema \"{}\" is not empty", self.name),
            )
            .detail(format!(
                "It holds {} ({} in all).",
                names.join(", "),
                schema.relations.len()
            ))
            .hint("Say CASCADE to drop its content too."));
        }
        let folders = schema.relations.values().filter_map(|r| match &r.kind {
            RelationKind::Managed(managed) => Some(managed.folder.clone()),
            _ => None,
        });
        let models = schema.relations.values().filter_map(|r| match &r.kind {
            RelationKind::Model(model) => Some(model.versions.iter().map(|v| v.file.clone())),
            _ => None,
        });
        let files = (folders.collect(), models.flatten().collect());
        Ok((vec![Change::DropSchema(self.name.clone())], Some(files)))
    }
}
