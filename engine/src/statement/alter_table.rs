//! `ALTER TABLE|VIEW [IF EXISTS] t RENAME TO u|OWNER TO role`, `ALTER VIEW v SET (security_barrier = …)`,
//! and for managed tables `ADD [COLUMN] [IF NOT EXISTS] c type`, `DROP [COLUMN] [IF EXISTS] c`, `RENAME
//! [COLUMN] c TO d`, `CLUSTER BY (k, …) [INTO n CHUNKS]`.
//!
//! A new column is NULL in the rows that are there, which costs nothing. Dropping and renaming a
//! column writes the table anew; older versions keep the old columns.

use arrow::datatypes::{Field, Schema};
use datafusion::sql::sqlparser::ast::{self, ObjectName as SqlName};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::create_table::column_spec;
use super::cursor::Cursor;
use super::rewrite::{self, Rewrite};
use super::role_options::{RoleName, new_owner};
use super::writing::{self, Target};
use super::{Context, Notice, Outcome, context, create_table_as, create_view, optimize};
use crate::catalog::{Change, ObjectName, Relation, RelationKind};
use crate::error::{Error, Kind, Result};
use crate::plan::Need;
use crate::table::{self, DeltaOperation, Layout, TableVersion};

#[derive(Debug, Clone)]
pub(crate) struct AlterTable {
    word: &'static str,
    if_exists: bool,
    table: SqlName,
    action: Action,
}

#[derive(Debug, Clone)]
enum Action {
    Rename(String),
    Owner(RoleName),
    /// Of a view: whether it is a security barrier.
    Barrier(bool),
    AddColumn {
        if_not_exists: bool,
        column: Box<ast::ColumnDef>,
    },
    DropColumn {
        if_exists: bool,
        column: String,
    },
    RenameColumn {
        from: String,
        to: String,
    },
    Cluster(Layout),
}

pub(super) fn parse(c: &mut Cursor) -> Result<AlterTable> {
    c.expect(&["alter"])?;
    let word = c.expect_one_of(&["table", "view"])?;
    let if_exists = c.if_exists();
    let table = c.name()?;
    let allowed: &[&'static str] = match word {
        "view" => &["rename", "owner", "set", "reset"],
        _ => &["rename", "owner", "add", "drop", "cluster"],
    };
    let action = match c.expect_one_of(allowed)? {
        "owner" => {
            c.expect(&["to"])?;
            Action::Owner(RoleName::parse(c)?)
        }
        "set" => match create_view::barrier(c)? {
            Some(barrier) => Action::Barrier(barrier),
            None => return Err(c.unexpected("(security_barrier = …)")),
        },
        "reset" => {
            c.expect_token(&Token::LParen)?;
            c.expect(&["security_barrier"])?;
            c.expect_token(&Token::RParen)?;
            Action::Barrier(false)
        }
        "rename" if c.take(&["to"]) => Action::Rename(c.identifier()?),
        "rename" => {
            c.take(&["column"]);
            let from = c.identifier()?;
            c.expect(&["to"])?;
            Action::RenameColumn {
                from,
                to: c.identifier()?,
            }
        }
        "add" => {
            c.take(&["column"]);
            Action::AddColumn {
                if_not_exists: c.if_not_exists(),
                column: Box::new(c.sql(|p| p.parse_column_def())?),
            }
        }
        "drop" => {
            c.take(&["column"]);
            Action::DropColumn {
                if_exists: c.if_exists(),
                column: c.identifier()?,
            }
        }
        _ => {
            let mut layout = Layout::default();
            create_table_as::clustered_by(c, &mut layout)?;
            Action::Cluster(layout)
        }
    };
    Ok(AlterTable {
        word,
        if_exists,
        table,
        action,
    })
}

impl AlterTable {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let tag = if self.word == "view" {
            "ALTER VIEW"
        } else {
            "ALTER TABLE"
        };
        let relation = match ctx.existing(&self.table, Need::Owner) {
            Ok((name, relation)) => {
                // As in PostgreSQL, ALTER TABLE also renames views.
                if !(self.word == "table" && matches!(self.action, Action::Rename(_))) {
                    context::expect_kind(&name, &relation.kind, self.word)?;
                }
                name
            }
            Err(e) if self.if_exists && e.kind == Kind::UndefinedTable => {
                let notice =
                    Notice::info(format!("relation {} does not exist, skipping", self.table));
                return Ok(Outcome::done(tag).with(notice));
            }
            Err(e) => return Err(e),
        };
        let outcome = Outcome::done(tag);
        match &self.action {
            Action::Rename(to) => return rename(ctx, &relation, to).map(|()| outcome),
            Action::Owner(to) => return give(ctx, &relation, to).map(|()| outcome),
            Action::Barrier(barrier) => {
                return set_barrier(ctx, &relation, *barrier).map(|()| outcome);
            }
            _ => {}
        }
        let target = writing::target(ctx, &self.table, "alter", &[Need::Owner])?;
        let skipped = match &self.action {
            Action::Rename(_) | Action::Owner(_) | Action::Barrier(_) => None,
            Action::AddColumn {
                if_not_exists,
                column,
            } => add_column(ctx, &target, column, *if_not_exists).await?,
            Action::DropColumn { if_exists, column } => {
                drop_column(ctx, &target, column, *if_exists).await?
            }
            Action::RenameColumn { from, to } => {
                rename_column(ctx, &target, from, to).await?;
                None
            }
            Action::Cluster(layout) => {
                let wanted = |base: &TableVersion| optimize::clustered(base, layout).map(Some);
                rewrite::rewrite(ctx, &target, wanted).await?;
                None
            }
        };
        Ok(match skipped {
            Some(notice) => outcome.with(Notice::info(notice)),
            None => outcome,
        })
    }
}

fn rename(ctx: &Context, from: &ObjectName, to: &str) -> Result<()> {
    let to = ObjectName {
        schema: from.schema.clone(),
        name: to.to_string(),
    };
    ctx.catalog.update(|snapshot| {
        if snapshot.relation(&to).is_some() {
            return Err(Error::new(
                Kind::DuplicateTable,
                format!("relation \"{}\" already exists", to.name),
            ));
        }
        let Some(relation) = snapshot.relation(from) else {
            return Err(Error::new(
                Kind::UndefinedTable,
                format!("relation \"{}\" does not exist", from.name),
            ));
        };
        let put = Change::PutRelation(to.clone(), Box::new(relation.as_ref().clone()));
        let views = snapshot.views_after(|object| (object == from).then(|| to.clone()));
        let moved = [Change::DropRelation(from.clone()), put];
        Ok((moved.into_iter().chain(views).collect(), ()))
    })?;
    ctx.wrote();
    Ok(())
}

fn give(ctx: &Context, name: &ObjectName, to: &RoleName) -> Result<()> {
    ctx.catalog.update(|snapshot| {
        let owner = new_owner(ctx, snapshot, to)?;
        let changes = snapshot.relation(name).map(|relation| {
            let relation = Relation {
                access: relation.access.owned_by(owner),
                ..relation.as_ref().clone()
            };
            Change::PutRelation(name.clone(), Box::new(relation))
        });
        Ok((changes.into_iter().collect(), ()))
    })?;
    ctx.wrote();
    Ok(())
}

fn set_barrier(ctx: &Context, name: &ObjectName, barrier: bool) -> Result<()> {
    ctx.catalog.update(|snapshot| {
        let changes = snapshot.relation(name).map(|relation| {
            let mut relation = relation.as_ref().clone();
            if let RelationKind::View(view) = &mut relation.kind {
                view.security_barrier = barrier;
            }
            Change::PutRelation(name.clone(), Box::new(relation))
        });
        Ok((changes.into_iter().collect(), ()))
    })?;
    ctx.wrote();
    Ok(())
}

async fn add_column(
    ctx: &Context,
    target: &Target,
    column: &ast::ColumnDef,
    if_not_exists: bool,
) -> Result<Option<String>> {
    let field = column_spec(ctx, column)?.field();
    let exists = |schema: &Schema| schema.field_with_name(field.name()).is_ok();
    let base = ctx.warehouse.latest(&target.folder).await?;
    if exists(base.schema()) && if_not_exists {
        let name = field.name();
        return Ok(Some(format!("column \"{name}\" already exists, skipping")));
    }
    rewrite::rewrite(ctx, target, |base| {
        if exists(base.schema()) {
            return Err(duplicate(field.name(), target));
        }
        if !field.is_nullable() && base.rows()? != Some(0) {
            return Err(Error::new(
                Kind::NotNullViolation,
                format!("column \"{}\" contains null values", field.name()),
            )
            .hint("A new column is NULL in the rows that are there: leave NOT NULL out."));
        }
        let fields = base.schema().fields().iter().map(|f| f.as_ref().clone());
        let schema = Schema::new(fields.chain([field.clone()]).collect::<Vec<_>>());
        let schema = table::storable_schema(&schema)?;
        Ok(Some(Rewrite {
            operation: DeltaOperation::AddColumn { fields: Vec::new() },
            sources: vec![None; schema.fields().len()],
            schema,
            files: Vec::new(),
            ..rewrite::whole(base, base.layout()?, "ALTER TABLE ADD COLUMN")?
        }))
    })
    .await?;
    Ok(None)
}

async fn drop_column(
    ctx: &Context,
    target: &Target,
    column: &str,
    if_exists: bool,
) -> Result<Option<String>> {
    let base = ctx.warehouse.latest(&target.folder).await?;
    if if_exists && base.schema().field_with_name(column).is_err() {
        return Ok(Some(format!(
            "column \"{column}\" does not exist, skipping"
        )));
    }
    rewrite::rewrite(ctx, target, |base| {
        check_free(base, target, column)?;
        if base.schema().fields().len() == 1 {
            return Err(Error::unsupported("a table without columns"));
        }
        let keep = |field: &Field| (field.name() != column).then(|| field.clone());
        let (schema, sources) = rewrite::columns_of(base.schema(), keep);
        Ok(Some(Rewrite {
            schema,
            sources,
            data_change: true,
            ..rewrite::whole(base, base.layout()?, "ALTER TABLE DROP COLUMN")?
        }))
    })
    .await?;
    Ok(None)
}

async fn rename_column(ctx: &Context, target: &Target, from: &str, to: &str) -> Result<()> {
    rewrite::rewrite(ctx, target, |base| {
        check_free(base, target, from)?;
        if base.schema().field_with_name(to).is_ok() {
            return Err(duplicate(to, target));
        }
        let renamed = |field: &Field| {
            Some(match field.name() == from {
                true => field.clone().with_name(to),
                false => field.clone(),
            })
        };
        let (schema, sources) = rewrite::columns_of(base.schema(), renamed);
        Ok(Some(Rewrite {
            schema: table::storable_schema(&schema)?,
            sources,
            data_change: true,
            ..rewrite::whole(base, base.layout()?, "ALTER TABLE RENAME COLUMN")?
        }))
    })
    .await?;
    Ok(())
}

/// The column exists and the table's layout does not stand on it.
fn check_free(base: &TableVersion, target: &Target, column: &str) -> Result<()> {
    if base.schema().field_with_name(column).is_err() {
        let names = base.schema().fields().iter().map(|f| f.name().as_str());
        return Err(Error::new(
            Kind::UndefinedColumn,
            format!(
                "column \"{column}\" of relation \"{}\" does not exist",
                target.name.name
            ),
        )
        .candidates(column, names));
    }
    let layout = base.layout()?;
    let uses = [
        &layout.clustered_by,
        &layout.partitioned_by,
        &layout.bloom_filters,
    ];
    match uses.into_iter().flatten().any(|name| name == column) {
        true => Err(Error::new(
            Kind::DependentObjects,
            format!("the table is laid out by column \"{column}\""),
        )
        .hint("Make a new table with CREATE TABLE … AS SELECT.")),
        false => Ok(()),
    }
}

fn duplicate(column: &str, target: &Target) -> Error {
    Error::new(
        Kind::DuplicateColumn,
        format!(
            "column \"{column}\" of relation \"{}\" already exists",
            target.name.name
        ),
    )
}
