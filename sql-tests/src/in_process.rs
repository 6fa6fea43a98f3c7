//! The shortest way: sessions of an engine in this process.

use async_trait::async_trait;
use quern_engine::{Engine, Session, SessionOptions, Settings};

use crate::column::Column;
use crate::value;
use crate::way::{Connection, Failure, Reply, Server, Way};

#[derive(Debug)]
pub struct InProcess;

#[async_trait]
impl Way for InProcess {
    fn name(&self) -> &'static str {
        "in_process"
    }

    async fn start(&self) -> Result<Box<dyn Server>, Failure> {
        Ok(Box::new(Engine::open(settings()?)?))
    }
}

/// Plans, and rows without an ORDER BY, are the same on every machine.
pub fn settings() -> Result<Settings, Failure> {
    let mut settings = Settings::default();
    settings.set_at_start("quern.threads", "2")?;
    settings.set_at_start("quern.memory_limit", "1GiB")?;
    Ok(settings)
}

#[async_trait]
impl Server for Engine {
    async fn connect(&self) -> Result<Box<dyn Connection>, Failure> {
        Ok(Box::new(self.session(SessionOptions::local())))
    }
}

#[async_trait]
impl Connection for Session {
    async fn run(&mut self, sql: &str) -> Result<Reply, Failure> {
        let outcome = self.sql(sql).await?;
        let Some(rows) = outcome.rows else {
            return Ok(Reply::Done {
                affected_rows: outcome.affected_rows.unwrap_or(0),
            });
        };
        let schema = rows.schema();
        let batches = rows.collect().await?;
        let settings = self.settings();
        Ok(Reply::Rows {
            columns: schema
                .fields()
                .iter()
                .map(|f| Column::of(f.data_type()))
                .collect(),
            rows: batches
                .iter()
                .flat_map(|batch| value::rows(batch, settings.timezone()))
                .collect(),
        })
    }
}
