//! Tests of the PostgreSQL server: each serves an engine of its own on a free port.

mod conversation;
mod copy;
mod ending;
mod hostile;
#[cfg(target_os = "linux")]
mod load;
mod progress;
mod security;

pub use security::certificate;

use std::sync::Arc;

use quern_engine::{Engine, Settings};
use quern_server::postgres::{Authentication, Server};
use quern_server::tls::Tls;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_postgres::{Client, NoTls};

pub struct Served {
    pub server: Arc<Server>,
    pub engine: Engine,
    pub port: u16,
}

/// A server that lets everybody in.
pub async fn serve() -> Served {
    serve_with(&[], Authentication::Trust, None).await
}

pub async fn serve_with(
    settings: &[(&str, &str)],
    authentication: Authentication,
    tls: Option<Tls>,
) -> Served {
    let mut given = Settings::default();
    for (name, value) in settings {
        given.set_at_start(name, value).unwrap();
    }
    let engine = Engine::open(given).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = Server::new(engine.clone(), authentication, tls);
    let serving = Arc::clone(&server);
    tokio::spawn(async move { serving.serve(listener).await });
    Served {
        server,
        engine,
        port,
    }
}

impl Served {
    pub async fn connect(&self) -> Client {
        self.connect_as("user=quern").await.unwrap()
    }

    pub async fn connect_as(&self, config: &str) -> Result<Client, tokio_postgres::Error> {
        let config = format!("host=127.0.0.1 port={} {config}", self.port);
        let (client, connection) = tokio_postgres::connect(&config, NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    pub async fn raw(&self) -> Raw {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        Raw(stream)
    }

    /// Waits until no statement runs.
    pub async fn wait_until_idle(&self) {
        let runs = || {
            let queries = self.engine.registry().queries();
            queries.iter().any(|q| !q.progress().state.is_over())
        };
        while runs() {
            tokio::task::yield_now().await;
        }
    }
}

/// A client that sends what it likes.
pub struct Raw(pub TcpStream);

impl Raw {
    pub async fn send(&mut self, kind: u8, body: &[u8]) {
        let length = (body.len() as u32 + 4).to_be_bytes();
        let message = [&[kind], length.as_slice(), body].concat();
        // The server may have closed the connection already.
        let _ = self.0.write_all(&message).await;
    }

    /// Begins a session and reads up to ReadyForQuery.
    pub async fn start(&mut self, parameters: &[(&str, &str)]) {
        self.send_startup(parameters).await;
        self.until_ready().await;
    }

    pub async fn send_startup(&mut self, parameters: &[(&str, &str)]) {
        let mut body = (3_u32 << 16).to_be_bytes().to_vec();
        for (name, value) in parameters {
            body.extend_from_slice(format!("{name}\0{value}\0").as_bytes());
        }
        body.push(0);
        let length = (body.len() as u32 + 4).to_be_bytes();
        self.0
            .write_all(&[&length, body.as_slice()].concat())
            .await
            .unwrap();
    }

    /// The next message: its type and body; `None` when the server has closed the connection.
    pub async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.0.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let mut body = vec![0; length as usize - 4];
        self.0.read_exact(&mut body).await.ok()?;
        Some((head[0], body))
    }

    /// The types of the messages up to ReadyForQuery, whose status comes last.
    pub async fn until_ready(&mut self) -> String {
        let mut kinds = String::new();
        loop {
            let (kind, body) = self.next().await.expect("the server closed the connection");
            kinds.push(char::from(kind));
            if kind == b'Z' {
                kinds.push(char::from(body[0]));
                return kinds;
            }
        }
    }

    pub async fn query(&mut self, text: &str) -> String {
        self.send(b'Q', format!("{text}\0").as_bytes()).await;
        self.until_ready().await
    }
}

/// SQLSTATE and message of what must be an error of the server.
pub fn refused<T>(result: Result<T, tokio_postgres::Error>) -> (String, String) {
    match result {
        Ok(_) => panic!("an error was expected"),
        Err(error) => {
            let error = error.as_db_error().expect("an error of the server");
            (error.code().code().to_string(), error.message().to_string())
        }
    }
}
