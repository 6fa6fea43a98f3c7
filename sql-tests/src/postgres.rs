//! The ways over a socket: `quern serve` in this process, and a client that speaks to it.
//!
//! [`Protocol::Simple`] sends statements as a text and gets rows as text; [`Protocol::Extended`]
//! sends them as a driver does, with Parse, Describe, Bind and Execute, and gets binary rows where
//! the type's binary form can be read back.

mod value;
mod wire;

use async_trait::async_trait;
use quern_engine::{ADMINISTRATOR, Engine};
use quern_server::postgres as server;
use sqllogictest::ColumnTypeValidator;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::column::Column;
use crate::in_process;
use crate::way::{Connection, Failure, Reply, Server, Way};
use wire::{Answer, Field, Wire};

/// Structs read as in the shell, as JSON, not as PostgreSQL's rows.
const OPTIONS: &str = "-cquern.struct_as=json";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Simple,
    Extended,
}

#[derive(Debug)]
pub struct Postgres(pub Protocol);

#[async_trait]
impl Way for Postgres {
    fn name(&self) -> &'static str {
        match self.0 {
            Protocol::Simple => "postgres",
            Protocol::Extended => "postgres_extended",
        }
    }

    fn column_validator(&self) -> ColumnTypeValidator<Column> {
        |actual, expected| actual.len() == expected.len() && actual.iter().zip(expected).all(passes)
    }

    async fn start(&self) -> Result<Box<dyn Server>, Failure> {
        let engine = Engine::open(in_process::settings()?)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let server = server::Server::new(engine, server::Authentication::Trust, None);
        let serving = tokio::spawn(async move { server.serve(listener).await });
        Ok(Box::new(Served {
            protocol: self.0,
            port,
            serving,
        }))
    }
}

/// A column without a type is text on the wire, 64 bits without a sign are numeric.
fn passes((actual, expected): (&Column, &Column)) -> bool {
    let widened = [
        (Column::Text, Column::Unknown),
        (Column::Real, Column::Integer),
    ];
    actual == expected || widened.contains(&(*actual, *expected))
}

struct Served {
    protocol: Protocol,
    port: u16,
    serving: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

#[async_trait]
impl Server for Served {
    async fn connect(&self) -> Result<Box<dyn Connection>, Failure> {
        Ok(Box::new(Client {
            wire: Wire::connect(self.port, ADMINISTRATOR, OPTIONS).await?,
            protocol: self.protocol,
        }))
    }
}

struct Client {
    wire: Wire,
    protocol: Protocol,
}

#[async_trait]
impl Connection for Client {
    async fn run(&mut self, sql: &str) -> Result<Reply, Failure> {
        let answer = match self.protocol {
            Protocol::Simple => {
                self.wire.message(b'Q', &[sql.as_bytes(), b"\0"]);
                self.wire.answer().await?
            }
            Protocol::Extended => self.extended(sql).await?,
        };
        self.reply(answer)
    }
}

impl Client {
    async fn extended(&mut self, sql: &str) -> Result<Answer, Failure> {
        self.wire.message(b'P', &[b"\0", sql.as_bytes(), b"\0\0\0"]);
        self.wire.message(b'D', &[b"S\0"]);
        self.wire.message(b'S', &[]);
        let described = self.wire.answer().await?;
        if described.error.is_some() {
            return Ok(described);
        }
        let told = described.fields.unwrap_or_default();
        let formats = told
            .iter()
            .map(|field| i16::from(value::read_as(field).is_some()));
        let formats: Vec<u8> = formats.flat_map(i16::to_be_bytes).collect();
        let count = (told.len() as i16).to_be_bytes();
        self.wire
            .message(b'B', &[b"\0\0\0\0\0\0", &count, &formats]);
        self.wire.message(b'D', &[b"P\0"]);
        self.wire.message(b'E', &[b"\0\0\0\0\0"]);
        self.wire.message(b'S', &[]);
        Ok(self.wire.answer().await?)
    }

    fn reply(&self, answer: Answer) -> Result<Reply, Failure> {
        if let Some(failure) = answer.error {
            return Err(failure);
        }
        let Some(fields) = answer.fields else {
            return Ok(Reply::Done {
                affected_rows: affected_rows(&answer.tag),
            });
        };
        let row = |row: Vec<Option<Vec<u8>>>| {
            let values = fields.iter().zip(&row);
            let text = |(field, bytes): (&Field, &Option<Vec<u8>>)| {
                value::text(field, bytes.as_deref(), &self.wire.timezone)
            };
            values.map(text).collect()
        };
        Ok(Reply::Rows {
            columns: fields
                .iter()
                .map(|field| value::column(field.oid))
                .collect(),
            rows: answer
                .rows
                .into_iter()
                .map(row)
                .collect::<Result<_, Failure>>()?,
        })
    }
}

/// The number that a command tag ends with.
fn affected_rows(tag: &str) -> u64 {
    let last = tag.rsplit(' ').next();
    last.and_then(|number| number.parse().ok()).unwrap_or(0)
}
