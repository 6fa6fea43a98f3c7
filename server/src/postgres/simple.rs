//! The simple protocol: a text of statements, answered one by one, with rows as text.

use std::sync::Arc;

use pgwire::messages::PgWireBackendMessage as Reply;
use pgwire::messages::response::EmptyQueryResponse;
use quern_engine::{Outcome, Result, Statement};
use tokio::io::AsyncWrite;

use super::connection::Connection;
use super::output::Sent;
use super::portal::{self, OpenRows};
use super::types::Format;

impl<W: AsyncWrite + Unpin + Send> Connection<W> {
    pub(super) async fn query(&mut self, text: &str) -> Sent {
        self.extended.forget_unnamed();
        match self.session.parse(text) {
            Err(error) => self.fail(error),
            Ok(statements) if statements.is_empty() => self
                .output
                .put(Reply::EmptyQueryResponse(EmptyQueryResponse::new())),
            Ok(statements) => {
                for statement in &statements {
                    if let Err(error) = self.run_statement(statement).await? {
                        self.fail(error);
                        break;
                    }
                }
            }
        }
        self.extended.synced(self.session.transaction_state());
        self.ready();
        Ok(())
    }

    async fn run_statement(&mut self, statement: &Statement) -> Sent<Result<()>> {
        self.begin_progress();
        let session = Arc::clone(&self.session);
        match self.telling(session.execute(statement)).await? {
            Ok(outcome) => self.answer(outcome).await,
            Err(error) => Ok(Err(error)),
        }
    }

    /// Sends what a statement gives, with the description of its rows.
    async fn answer(&mut self, mut outcome: Outcome) -> Sent<Result<()>> {
        self.notices(&outcome.notices);
        if let Some(copy) = outcome.copy.take() {
            return self.copy(copy, outcome.rows.take()).await;
        }
        let Some(rows) = outcome.rows.take() else {
            self.done(&outcome);
            return Ok(Ok(()));
        };
        if self.sends_arrow {
            return self.send_arrow(rows, outcome.tag).await;
        }
        let formats = vec![Format::Text; rows.schema().fields().len()];
        let style = self.text_style();
        let description = portal::describe(&rows.schema(), &formats, &style);
        let mut rows = match OpenRows::new(rows, outcome.tag, &formats, &style) {
            Ok(rows) => rows,
            Err(error) => return Ok(Err(error)),
        };
        self.output.put(Reply::RowDescription(description));
        match self.send_rows(&mut rows, None).await? {
            Ok(_) => {
                self.finish_rows(&rows);
                Ok(Ok(()))
            }
            Err(error) => Ok(Err(error)),
        }
    }
}
