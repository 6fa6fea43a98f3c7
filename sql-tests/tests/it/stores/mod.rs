//! Tables over object stores: S3 by a server over a folder, the others by small servers of our own.

mod clouds;
mod faults;
mod http;
mod s3;
mod secrets;
mod server;
mod warehouse;
mod writers;

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use parquet::arrow::ArrowWriter;
use quern_engine::{Error, Session};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tokio::net::TcpListener;

use crate::support;

/// An S3 server on this machine, whose buckets are folders.
pub struct S3 {
    folder: tempfile::TempDir,
    pub address: String,
}

impl S3 {
    /// A server that takes the key `reader` with the secret `open-sesame`.
    pub async fn start() -> Self {
        Self::with_key(Some(("reader", "open-sesame"))).await
    }

    pub async fn with_key(key: Option<(&str, &str)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
        if let Some((key, secret)) = key {
            service.set_auth(SimpleAuth::from_single(key, secret));
        }
        let service = service.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    let http = Builder::new(TokioExecutor::new());
                    let _ = http.serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Self { folder, address }
    }

    pub fn path(&self, key: &str) -> PathBuf {
        self.folder.path().join(key)
    }

    /// Puts a file at `bucket/key`.
    pub fn put(&self, key: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// The options that reach this server.
    pub fn options(&self) -> String {
        options(&self.address)
    }
}

/// The options that reach a server at an address.
pub fn options(address: &str) -> String {
    format!(
        "aws_endpoint = 'http://{address}', aws_access_key_id = 'reader', aws_secret_access_key = 'open-sesame'"
    )
}

/// Rows as lines `a|b`.
pub async fn rows(session: &Session, sql: &str) -> Vec<String> {
    match try_rows(session, sql).await {
        Ok(rows) => rows,
        Err(error) => panic!("{sql}: {error:?}"),
    }
}

pub async fn try_rows(session: &Session, sql: &str) -> Result<Vec<String>, Error> {
    let mut lines = Vec::new();
    for statement in session.parse(sql)? {
        let table = support::run(session, &statement).await?;
        lines = table.rows.iter().map(|row| row.join("|")).collect();
    }
    Ok(lines)
}

pub async fn error(session: &Session, sql: &str) -> Error {
    match try_rows(session, sql).await {
        Ok(rows) => panic!("{sql}: {rows:?}"),
        Err(error) => error,
    }
}

pub fn table() -> RecordBatch {
    let number: Int64Array = (1..=3).collect();
    let name = StringArray::from(vec!["a", "b", "c"]);
    RecordBatch::try_from_iter([("n", Arc::new(number) as _), ("name", Arc::new(name) as _)])
        .unwrap()
}

pub fn parquet() -> Vec<u8> {
    parquet_file(&table())
}

/// A file with the one value in the column `n`.
pub fn parquet_of(n: i64) -> Vec<u8> {
    let column: Int64Array = [n].into_iter().collect();
    parquet_file(&RecordBatch::try_from_iter([("n", Arc::new(column) as _)]).unwrap())
}

fn parquet_file(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}
