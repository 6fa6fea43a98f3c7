//! `CREATE [OR REPLACE] TABLE [IF NOT EXISTS] t [(col type, …)] WITH (location = '…', …)` and
//! `CREATE [OR REPLACE] EXTERNAL TABLE [IF NOT EXISTS] t [(col type, …)] STORED AS format
//! [PARTITIONED BY (c, …)] [OPTIONS (k v, …)] LOCATION '…'`: a table over files that we only read.
//!
//! The files are looked at now: their columns, their format and the options are checked and stored,
//! so that a later query infers nothing.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::sql::sqlparser::ast::{self, ColumnOption, ObjectName as SqlName};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::create_temporary::OnCommit;
use super::cursor::{Cursor, fold};
use super::{Body, Context, Notice, Outcome, create_table_as, with_options};
use crate::catalog::{Change, ObjectName, Relation, RelationKind, Snapshot};
use crate::error::{Error, Kind, Result};
use crate::options::{OptionValue, Options};
use crate::plan::{self, must_own};
use crate::source::{ColumnSpec, Spec};

#[derive(Debug, Clone)]
pub(crate) struct CreateTable {
    head: Head,
    partition_columns: Option<Vec<String>>,
    format: Option<String>,
    options: Options,
}

/// How every CREATE TABLE begins.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub name: SqlName,
    pub temporary: bool,
    pub on_commit: Option<OnCommit>,
    pub or_replace: bool,
    pub if_not_exists: bool,
    pub columns: Vec<ast::ColumnDef>,
}

pub(super) fn parse(c: &mut Cursor) -> Result<Body> {
    c.expect(&["create"])?;
    let or_replace = c.take(&["or", "replace"]);
    let external = c.take(&["external"]);
    c.expect(&["table"])?;
    if !external {
        return after_table(c, or_replace, false);
    }
    let mut table = CreateTable {
        head: head(c, or_replace, false)?,
        partition_columns: None,
        format: None,
        options: Options::default(),
    };
    external_clauses(c, &mut table)?;
    Ok(Body::CreateTable(table))
}

/// What follows CREATE TABLE or CREATE TEMPORARY TABLE.
pub(super) fn after_table(c: &mut Cursor, or_replace: bool, temporary: bool) -> Result<Body> {
    let head = head(c, or_replace, temporary)?;
    let options = match c.take(&["with"]) {
        true => with_options::parse(c)?,
        false => Options::default(),
    };
    if !options.entries().iter().any(|(name, _)| name == "location") {
        let table = create_table_as::parse(c, head, options)?;
        return Ok(Body::CreateTableAs(table));
    }
    Ok(Body::CreateTable(CreateTable {
        head,
        partition_columns: None,
        format: None,
        options,
    }))
}

fn head(c: &mut Cursor, or_replace: bool, temporary: bool) -> Result<Head> {
    Ok(Head {
        if_not_exists: c.if_not_exists(),
        name: c.name()?,
        columns: match c.peek() {
            Token::LParen => columns(c)?,
            _ => Vec::new(),
        },
        temporary,
        on_commit: None,
        or_replace,
    })
}

/// `int8 ARRAY` and `int8 ARRAY[3]` in the list of columns that comes next are `int8[]`.
fn spell_arrays(c: &mut Cursor) {
    let tokens = c.rest();
    let mut spelled = Vec::with_capacity(tokens.len());
    let mut depth = 0;
    let mut changed = false;
    let mut following = tokens.iter().skip(1).map(|next| &next.token);
    for (at, token) in tokens.iter().enumerate() {
        let next = following.next();
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            Token::Word(word) if word.keyword == Keyword::ARRAY && word.quote_style.is_none() => {
                changed = true;
                if next != Some(&Token::LBracket) {
                    for bracket in [Token::LBracket, Token::RBracket] {
                        spelled.push(TokenWithSpan::new(bracket, token.span));
                    }
                }
                continue;
            }
            _ => {}
        }
        spelled.push(token.clone());
        if depth == 0 {
            spelled.extend(tokens.iter().skip(at + 1).cloned());
            break;
        }
    }
    if changed {
        c.parser = crate::sql::parser(spelled);
    }
}

fn columns(c: &mut Cursor) -> Result<Vec<ast::ColumnDef>> {
    spell_arrays(c);
    // CREATE TABLE t (a, b) AS …
    let names = c.sql(|p| {
        p.maybe_parse(|p| {
            p.expect_token(&Token::LParen)?;
            let names = p.parse_comma_separated(|p| p.parse_identifier())?;
            p.expect_token(&Token::RParen)?;
            Ok(names)
        })
    })?;
    if let Some(names) = names {
        let untyped = |name| ast::ColumnDef {
            name,
            data_type: ast::DataType::Unspecified,
            options: Vec::new(),
        };
        return Ok(names.into_iter().map(untyped).collect());
    }
    let (columns, constraints) = c.sql_pair(|p| p.parse_columns())?;
    match constraints.first() {
        Some(constraint) => Err(Error::unsupported(format!("the constraint {constraint}"))),
        None => Ok(columns),
    }
}

/// The clauses of CREATE EXTERNAL TABLE, in any order.
fn external_clauses(c: &mut Cursor, table: &mut CreateTable) -> Result<()> {
    let mut entries = Vec::new();
    while !c.at_end() {
        match c.expect_one_of(&["stored", "partitioned", "options", "location", "with"])? {
            "stored" => {
                c.expect(&["as"])?;
                table.format = Some(c.identifier()?.to_lowercase());
            }
            "partitioned" => {
                c.expect(&["by"])?;
                let names = c.sql(|p| {
                    p.expect_token(&Token::LParen)?;
                    let names = p.parse_comma_separated(|p| p.parse_identifier())?;
                    p.expect_token(&Token::RParen)?;
                    Ok(names)
                })?;
                table.partition_columns = Some(names.iter().map(fold).collect());
            }
            "options" => entries.extend(hive_options(c)?),
            "location" => entries.push(("location".to_string(), locations(c)?)),
            _ => entries.extend(with_options::parse(c)?.entries().iter().cloned()),
        }
    }
    table.options = Options::new(entries)?;
    Ok(())
}

/// `'…'` or `('…', '…')`.
fn locations(c: &mut Cursor) -> Result<OptionValue> {
    if !c.take_token(&Token::LParen) {
        return Ok(OptionValue::Text(c.string()?));
    }
    let mut all = vec![OptionValue::Text(c.string()?)];
    while c.take_token(&Token::Comma) {
        all.push(OptionValue::Text(c.string()?));
    }
    c.expect_token(&Token::RParen)?;
    Ok(OptionValue::Array(all))
}

/// `(key value, …)`: keys are words or strings, with an optional prefix such as `format.`.
fn hive_options(c: &mut Cursor) -> Result<Vec<(String, OptionValue)>> {
    c.expect_token(&Token::LParen)?;
    let mut entries = Vec::new();
    while !c.take_token(&Token::RParen) {
        let key = match c.peek() {
            Token::SingleQuotedString(_) => c.string()?,
            _ => c.name()?.to_string(),
        };
        c.take_token(&Token::Eq);
        let value = c.sql(|p| p.parse_expr())?;
        let key = key.trim_start_matches("format.").to_string();
        entries.push((
            key.replace("has_header", "header"),
            crate::sql::literal::value_of(&value)?,
        ));
        if !c.take_token(&Token::Comma) {
            c.expect_token(&Token::RParen)?;
            break;
        }
    }
    Ok(entries)
}

/// What became of a CREATE TABLE in the catalog.
pub(super) enum Created {
    /// There is one already, and the statement is content with it.
    Skipped,
    /// It is there now, in the place of an older one if there was one.
    InPlaceOf(Option<Arc<Relation>>),
}

impl Head {
    /// The name that the table gets.
    pub fn new_name(&self, ctx: &Context) -> Result<ObjectName> {
        let name = ctx.new_name(&self.name, self.temporary)?;
        let temporary = ctx.catalog.snapshot().is_temporary(&name.schema);
        if temporary && !ctx.warehouse.takes_temporary() {
            return Err(
                Error::new(Kind::Io, "there is no folder for temporary tables")
                    .hint("Set quern.spill_dir to a folder that can be written."),
            );
        }
        if self.on_commit.is_some() && !temporary {
            return Err(Error::new(
                Kind::InvalidTableDefinition,
                "ON COMMIT can only be used on temporary tables",
            ));
        }
        Ok(name)
    }

    pub fn skipped(&self, name: &ObjectName) -> Outcome {
        Outcome::done("CREATE TABLE").with(Notice::info(format!(
            "relation {name} already exists, skipping"
        )))
    }

    /// Decides under the catalog's lock, because another session may have been faster.
    pub fn decide(
        &self,
        snapshot: &Snapshot,
        user: &str,
        name: &ObjectName,
        kind: RelationKind,
    ) -> Result<(Vec<Change>, Created)> {
        if self.exists(snapshot, user, name)? {
            return Ok((Vec::new(), Created::Skipped));
        }
        snapshot.schema(&name.schema)?;
        let mut relation = Relation::new(kind, user);
        relation.ends_with_transaction = self.on_commit == Some(OnCommit::Drop);
        let replaced = snapshot.relation(name).cloned();
        if let Some(replaced) = &replaced {
            relation.access = replaced.access.clone();
        }
        let change = Change::PutRelation(name.clone(), Box::new(relation));
        Ok((vec![change], Created::InPlaceOf(replaced)))
    }

    /// True when there is one already and the statement is content with it.
    pub fn exists(&self, snapshot: &Snapshot, user: &str, name: &ObjectName) -> Result<bool> {
        let Some(found) = snapshot.relation(name) else {
            return Ok(false);
        };
        if self.if_not_exists {
            return Ok(true);
        }
        if self.or_replace {
            super::context::expect_kind(name, &found.kind, "table")?;
            if !snapshot.owns(user, &found.access) {
                return Err(must_own("table", &name.name));
            }
            return Ok(false);
        }
        Err(Error::new(
            Kind::DuplicateTable,
            format!("relation \"{}\" already exists", name.name),
        )
        .hint("Say IF NOT EXISTS to keep it, or OR REPLACE to replace it."))
    }
}

impl CreateTable {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let name = self.head.new_name(ctx)?;
        if self
            .head
            .exists(&ctx.catalog.snapshot(), &ctx.variables.user, &name)?
        {
            return Ok(self.head.skipped(&name));
        }
        let definition = plan::define(&ctx.state, self.spec(ctx)?).await?;
        let kind = RelationKind::External(Box::new(definition));
        let created = ctx
            .catalog
            .update(|snapshot| self.head.decide(snapshot, &ctx.variables.user, &name, kind))?;
        let Created::InPlaceOf(replaced) = created else {
            return Ok(self.head.skipped(&name));
        };
        if let Some(RelationKind::Managed(old)) = replaced.map(|r| r.kind.clone()) {
            ctx.remove_folder(&old.folder).await;
        }
        ctx.wrote();
        Ok(Outcome::done("CREATE TABLE"))
    }

    fn spec(&self, ctx: &Context) -> Result<Spec> {
        let mut options = self.options.clone();
        let locations = options.take_texts("location")?.ok_or_else(|| {
            Error::new(Kind::Syntax, "an external table needs a location")
                .hint("Write WITH (location = 'folder/*.parquet').")
        })?;
        let format = match (&self.format, options.take_text("format")?) {
            (Some(stored_as), _) => Some(stored_as.clone()),
            (None, given) => given.map(|f| f.to_lowercase()),
        };
        let partition_columns = match options.take_texts("partition_columns")? {
            Some(names) => Some(names),
            None => self.partition_columns.clone(),
        };
        let columns = self
            .head
            .columns
            .iter()
            .map(|column| column_spec(ctx, column))
            .collect::<Result<_>>()?;
        Ok(Spec {
            locations,
            format,
            columns,
            partition_columns,
            options,
            reach: ctx.names().reach(),
        })
    }
}

pub(super) fn column_spec(ctx: &Context, column: &ast::ColumnDef) -> Result<ColumnSpec> {
    let mut nullable = true;
    for option in &column.options {
        match &option.option {
            ColumnOption::NotNull => nullable = false,
            ColumnOption::Null => {}
            other => {
                return Err(Error::unsupported(format!("{other} for a column")));
            }
        }
    }
    Ok(ColumnSpec {
        name: fold(&column.name),
        data_type: data_type(ctx, &column.data_type)?,
        nullable,
    })
}

/// The Arrow type of an SQL type, as CAST understands it.
pub(super) fn data_type(ctx: &Context, sql_type: &ast::DataType) -> Result<DataType> {
    crate::source::sql_type(&ctx.state, sql_type.clone())
}
