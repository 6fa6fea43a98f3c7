//! The extended protocol: statements that are parsed once, bound to values, and run in portals.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::ScalarValue;
use pgwire::messages::PgWireBackendMessage as Reply;
use pgwire::messages::data::{NoData, ParameterDescription};
use pgwire::messages::extendedquery::{
    BindComplete, CloseComplete, ParseComplete, PortalSuspended,
};
use pgwire::messages::response::EmptyQueryResponse;
use quern_engine::{Error, Kind, Prepared, Result, TransactionState};
use tokio::io::AsyncWrite;

use super::connection::Connection;
use super::error;
use super::message::{Bind, Target, violation};
use super::output::Sent;
use super::portal::{self, Extent, OpenRows};
use super::types::{Format, TextStyle, arrow_type_of, oid, parameter, pg_type_of};

/// What a session keeps between messages; the unnamed statement and portal are "".
#[derive(Default)]
pub struct Extended {
    statements: HashMap<String, Arc<Parsed>>,
    portals: HashMap<String, Portal>,
    skipping: bool,
}

/// A statement of Parse.
struct Parsed {
    /// `None` for a text without a statement.
    prepared: Option<Arc<Prepared>>,
    parameter_oids: Vec<u32>,
}

struct Portal {
    statement: Arc<Parsed>,
    values: Vec<ScalarValue>,
    formats: Vec<Format>,
    state: State,
}

enum State {
    Bound,
    Open(Box<OpenRows>),
    Over,
}

impl Extended {
    pub fn is_skipping(&self) -> bool {
        self.skipping
    }

    pub fn skip_to_sync(&mut self) {
        self.skipping = true;
    }

    pub fn forget_unnamed(&mut self) {
        self.statements.remove("");
        self.portals.remove("");
    }

    /// Portals live as long as their transaction.
    pub fn synced(&mut self, state: TransactionState) {
        self.skipping = false;
        if state == TransactionState::Idle {
            self.portals.clear();
        }
    }
}

fn no_statement(name: &str) -> Error {
    let message = match name {
        "" => "unnamed prepared statement does not exist".to_string(),
        name => format!("prepared statement \"{name}\" does not exist"),
    };
    Error::new(Kind::UndefinedStatement, message)
}

fn no_portal(name: &str) -> Error {
    Error::new(
        Kind::UndefinedCursor,
        format!("portal \"{name}\" does not exist"),
    )
}

impl<W: AsyncWrite + Unpin + Send> Connection<W> {
    pub(super) async fn parse(
        &mut self,
        name: String,
        text: &str,
        declared: Vec<u32>,
    ) -> Sent<Result<()>> {
        // Whatever comes of it, the unnamed statement is another one now.
        self.extended.statements.remove("");
        let parsed = match self.prepare(&name, text, declared).await {
            Ok(parsed) => parsed,
            Err(error) => return Ok(Err(error)),
        };
        self.extended.statements.insert(name, Arc::new(parsed));
        self.output.put(Reply::ParseComplete(ParseComplete::new()));
        Ok(Ok(()))
    }

    async fn prepare(&mut self, name: &str, text: &str, declared: Vec<u32>) -> Result<Parsed> {
        let mut statements = self.session.parse(text)?;
        let Some(statement) = statements.pop() else {
            return Ok(Parsed {
                prepared: None,
                parameter_oids: declared,
            });
        };
        if !statements.is_empty() {
            return Err(Error::new(
                Kind::Syntax,
                "cannot insert multiple commands into a prepared statement",
            ));
        }
        if matches!(
            self.session.transaction_state(),
            TransactionState::Failed { .. }
        ) {
            self.session.admit(&statement)?;
        }
        let types: Vec<_> = declared
            .iter()
            .map(|oid| arrow_type_of(*oid).unwrap_or(DataType::Null))
            .collect();
        self.begin_progress();
        let session = Arc::clone(&self.session);
        let prepared = self.unless_gone(session.prepare(statement, &types)).await?;
        let prepared = match name {
            "" => Arc::new(prepared),
            name => self.session.keep(name, prepared)?,
        };
        Ok(self.parsed(prepared, &declared))
    }

    /// A statement with the types of its parameters: those that were declared, else the inferred.
    fn parsed(&self, prepared: Arc<Prepared>, declared: &[u32]) -> Parsed {
        let style = self.text_style();
        let oids = prepared.parameters.iter().enumerate().map(|(at, wanted)| {
            let given = declared.get(at).filter(|oid| **oid != 0);
            let inferred = || parameter_oid(wanted, &style);
            given.copied().unwrap_or_else(inferred)
        });
        Parsed {
            parameter_oids: oids.collect(),
            prepared: Some(prepared),
        }
    }

    /// The statement of that name, be it Parse's or PREPARE's.
    fn statement(&mut self, name: &str) -> Result<Arc<Parsed>> {
        let known = self.extended.statements.get(name).map(Arc::clone);
        let of_session = match name {
            "" => None,
            name => self.session.kept(name),
        };
        match (known, of_session) {
            (Some(known), None) if name.is_empty() || known.prepared.is_none() => Ok(known),
            (Some(known), Some(kept)) if known.is(&kept) => Ok(known),
            (_, Some(kept)) => {
                let parsed = Arc::new(self.parsed(kept, &[]));
                let statements = &mut self.extended.statements;
                statements.insert(name.to_string(), Arc::clone(&parsed));
                Ok(parsed)
            }
            (_, None) => Err(no_statement(name)),
        }
    }

    pub(super) fn bind(&mut self, bind: Bind) -> Result<()> {
        let statement = self.statement(&bind.statement)?;
        if !bind.portal.is_empty() && self.extended.portals.contains_key(&bind.portal) {
            return Err(Error::new(
                Kind::DuplicateCursor,
                format!("cursor \"{}\" already exists", bind.portal),
            ));
        }
        if let Some(prepared) = &statement.prepared {
            self.session.admit(prepared.statement())?;
        }
        let values = values(&statement, &bind, &self.text_style())?;
        let columns = statement.columns();
        let formats = formats(&bind.result_formats, columns)?;
        let portal = Portal {
            statement,
            values,
            formats,
            state: State::Bound,
        };
        self.extended.portals.insert(bind.portal, portal);
        self.output.put(Reply::BindComplete(BindComplete::new()));
        Ok(())
    }

    pub(super) fn describe(&mut self, target: &Target) -> Result<()> {
        let (statement, formats, parameters) = match target {
            Target::Statement(name) => {
                let statement = self.statement(name)?;
                let formats = vec![Format::Text; statement.columns()];
                let oids = statement.parameter_oids.clone();
                (statement, formats, Some(oids))
            }
            Target::Portal(name) => {
                let Some(portal) = self.extended.portals.get(name) else {
                    return self.describe_cursor(name);
                };
                (Arc::clone(&portal.statement), portal.formats.clone(), None)
            }
        };
        let columns = statement.prepared.as_ref().and_then(|p| p.columns.clone());
        let style = self.text_style();
        let rows = columns.map(|columns| portal::describe(&columns, &formats, &style));
        if let Some(oids) = parameters {
            let message = ParameterDescription::new(oids);
            self.output.put(Reply::ParameterDescription(message));
        }
        self.output.put(match rows {
            Some(rows) => Reply::RowDescription(rows),
            None => Reply::NoData(NoData::new()),
        });
        Ok(())
    }

    /// A cursor of DECLARE is described like a portal.
    fn describe_cursor(&mut self, name: &str) -> Result<()> {
        let columns = self.session.cursor(name).ok_or_else(|| no_portal(name))?;
        let formats = vec![Format::Text; columns.fields().len()];
        let rows = portal::describe(&columns, &formats, &self.text_style());
        self.output.put(Reply::RowDescription(rows));
        Ok(())
    }

    pub(super) async fn execute(&mut self, name: &str, max_rows: i32) -> Sent<Result<()>> {
        let Some(mut portal) = self.extended.portals.remove(name) else {
            return Ok(Err(no_portal(name)));
        };
        self.begin_progress();
        let result = self.execute_portal(&mut portal, name, max_rows).await?;
        if result.is_err() {
            portal.state = State::Over;
        }
        self.extended.portals.insert(name.to_string(), portal);
        Ok(result)
    }

    async fn execute_portal(
        &mut self,
        portal: &mut Portal,
        name: &str,
        max_rows: i32,
    ) -> Sent<Result<()>> {
        if matches!(portal.state, State::Bound) {
            match self.start(portal).await? {
                Ok(Some(rows)) => portal.state = State::Open(Box::new(rows)),
                Ok(None) => {
                    portal.state = State::Over;
                    return Ok(Ok(()));
                }
                Err(error) => return Ok(Err(error)),
            }
        }
        let State::Open(rows) = &mut portal.state else {
            return Ok(Err(Error::new(
                Kind::WrongState,
                format!("portal \"{name}\" cannot be run"),
            )));
        };
        let limit = u64::try_from(max_rows).ok().filter(|limit| *limit > 0);
        match self.send_rows(rows, limit).await? {
            Ok(Extent::Suspended) => self
                .output
                .put(Reply::PortalSuspended(PortalSuspended::new())),
            Ok(Extent::Complete) => self.finish_rows(rows),
            Err(error) => return Ok(Err(error)),
        }
        Ok(Ok(()))
    }

    /// Runs the statement of a portal; `None` when there are no rows to send.
    async fn start(&mut self, portal: &mut Portal) -> Sent<Result<Option<OpenRows>>> {
        let Some(prepared) = &portal.statement.prepared else {
            self.output
                .put(Reply::EmptyQueryResponse(EmptyQueryResponse::new()));
            return Ok(Ok(None));
        };
        let values = std::mem::take(&mut portal.values);
        let session = Arc::clone(&self.session);
        let outcome = self
            .unless_gone(session.execute_prepared(prepared, values))
            .await;
        let mut outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => return Ok(Err(error)),
        };
        self.notices(&outcome.notices);
        if let Some(copy) = outcome.copy.take() {
            let copied = self.copy(copy, outcome.rows.take()).await?;
            return Ok(copied.map(|()| None));
        }
        if let (Some(rows), Some(told)) = (&outcome.rows, &prepared.columns)
            && !same_types(&rows.schema(), told)
        {
            return Ok(Err(Error::new(Kind::Unsupported, error::CHANGED_PLAN)
                .hint("Prepare it again: what it reads has other columns now.")));
        }
        Ok(match outcome.rows.take() {
            Some(rows) => {
                OpenRows::new(rows, outcome.tag, &portal.formats, &self.text_style()).map(Some)
            }
            None => {
                self.done(&outcome);
                Ok(None)
            }
        })
    }

    pub(super) fn close(&mut self, target: &Target) -> Result<()> {
        match target {
            Target::Statement(name) => {
                self.extended.statements.remove(name);
                self.session.forget(name);
            }
            Target::Portal(name) => drop(self.extended.portals.remove(name)),
        }
        self.output.put(Reply::CloseComplete(CloseComplete::new()));
        Ok(())
    }
}

impl Parsed {
    fn is(&self, prepared: &Arc<Prepared>) -> bool {
        self.prepared
            .as_ref()
            .is_some_and(|own| Arc::ptr_eq(own, prepared))
    }

    fn columns(&self) -> usize {
        let columns = self.prepared.as_ref().and_then(|p| p.columns.as_ref());
        columns.map_or(0, |columns| columns.fields().len())
    }
}

/// The type that a client is told for a parameter. Only casts to `oid` ask for unsigned ones.
fn parameter_oid(wanted: &DataType, style: &TextStyle) -> u32 {
    match wanted {
        DataType::UInt32 => oid::OID,
        DataType::List(item) if *item.data_type() == DataType::UInt32 => oid::OID_ARRAY,
        wanted => pg_type_of(&Field::new("", wanted.clone(), true), style).oid,
    }
}

/// Whether clients that were told of one can read the other.
fn same_types(rows: &Schema, told: &Schema) -> bool {
    let types = |schema: &Schema| -> Vec<DataType> {
        let fields = schema.fields().iter();
        fields.map(|f| f.data_type().clone()).collect()
    };
    types(rows) == types(told)
}

/// The values of a Bind, of the types that the statement wants.
fn values(statement: &Parsed, bind: &Bind, style: &TextStyle) -> Result<Vec<ScalarValue>> {
    let oids = &statement.parameter_oids;
    let given = bind.parameters.len();
    if given != oids.len() {
        return Err(violation(format!(
            "bind message supplies {given} parameters, but prepared statement \"{}\" requires {}",
            bind.statement,
            oids.len()
        )));
    }
    let formats = match formats(&bind.parameter_formats, given) {
        Ok(formats) => formats,
        Err(_) => {
            return Err(violation(format!(
                "bind message has {} parameter formats but {given} parameters",
                bind.parameter_formats.len()
            )));
        }
    };
    let wanted = statement.prepared.iter().flat_map(|p| &p.parameters);
    let given = bind.parameters.iter().zip(formats).zip(oids).zip(wanted);
    given
        .map(|(((value, format), oid), wanted)| {
            parameter(*oid, format, value.as_deref(), wanted, style)
        })
        .collect()
}

/// None is text, one is for all, else one each.
fn formats(codes: &[i16], count: usize) -> Result<Vec<Format>> {
    let read = |code: &i16| match code {
        0 => Ok(Format::Text),
        1 => Ok(Format::Binary),
        other => Err(Error::new(
            Kind::InvalidParameterValue,
            format!("unsupported format code: {other}"),
        )),
    };
    match codes {
        [] => Ok(vec![Format::Text; count]),
        [one] => Ok(vec![read(one)?; count]),
        codes if codes.len() == count => codes.iter().map(read).collect(),
        codes => Err(violation(format!(
            "bind message has {} result formats but query has {count} columns",
            codes.len()
        ))),
    }
}
