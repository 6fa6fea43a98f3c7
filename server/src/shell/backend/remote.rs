//! A server: a session there for the user, and one more where the shell asks for itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::buffer::Buffer;
use arrow::ipc::reader::StreamDecoder;
use bytes::Bytes;
use parking_lot::Mutex;
use quern_engine::execution::Progress;
use quern_engine::{Error, Kind, Notice};
use tokio::runtime::Handle;

use super::{Backend, Event, Events, Running};
use crate::postgres::client::{self, Answer, Client, Config, Key};
use crate::postgres::{ARROW_STREAM, ToldProgress};

/// Without an answer for so long, an attempt to connect has failed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a COPY FROM STDIN fails.
const NO_ROWS: &str = "the shell sends no rows; name a file of the server, or use \\copy of psql";

pub struct Remote {
    config: Arc<Config>,
    session: Arc<Connection>,
    /// Made when it is needed first.
    aside: Arc<Connection>,
    workers: Handle,
}

/// A session that is made again when it was lost.
#[derive(Default)]
struct Connection {
    /// Held by the statement that runs.
    client: tokio::sync::Mutex<Option<Client>>,
    /// What the server said last; held for a look only.
    told: Mutex<Told>,
}

#[derive(Clone, Default)]
struct Told {
    key: Key,
    timezone: String,
    search_path: String,
    is_encrypted: bool,
    was_connected: bool,
    /// Of the statement that runs, and when that was.
    progress: Option<(ToldProgress, Instant)>,
}

impl Remote {
    /// Connects. Must be called inside the runtime on which connections are served.
    pub async fn connect(config: Config) -> Result<Self, Error> {
        let remote = Self {
            config: Arc::new(config),
            session: Arc::default(),
            aside: Arc::default(),
            workers: Handle::current(),
        };
        let client = connect(&remote.config).await?;
        remote.session.tell(&client);
        *remote.session.client.lock().await = Some(client);
        Ok(remote)
    }

    fn start_on(&self, connection: &Arc<Connection>, sql: String) -> Running {
        let (connection, config) = (Arc::clone(connection), Arc::clone(&self.config));
        Running::spawn(&self.workers, |events| async move {
            connection.run(&config, &sql, &events).await
        })
    }
}

impl Backend for Remote {
    fn start(&self, sql: String) -> Running {
        self.start_on(&self.session, sql)
    }

    fn start_aside(&self, sql: String) -> Running {
        self.start_on(&self.aside, sql)
    }

    fn cancel(&self) {
        let config = Arc::clone(&self.config);
        let key = self.session.told.lock().key.clone();
        self.workers.spawn(async move {
            // That it fails is seen by the statement that goes on.
            let _ = client::cancel(&config, &key).await;
        });
    }

    fn progress(&self) -> Option<Progress> {
        let (told, at) = self.session.told.lock().progress.clone()?;
        let mut progress = told.progress();
        progress.elapsed += at.elapsed();
        Some(progress)
    }

    fn memory_limit_bytes(&self) -> Option<u64> {
        let (told, _) = self.session.told.lock().progress.clone()?;
        Some(told.memory_limit_bytes)
    }

    fn timezone(&self) -> String {
        self.session.told.lock().timezone.clone()
    }

    fn search_path(&self) -> Vec<String> {
        let told = self.session.told.lock();
        let names = told.search_path.split(',');
        let plain = names.map(|n| n.trim().trim_matches('"').replace("\"\"", "\""));
        plain.collect()
    }

    fn describe(&self) -> String {
        let (config, told) = (&self.config, self.session.told.lock().clone());
        format!(
            "Quern, on {}, port {}{}\n\
             Database: {}\n\
             User:     {}\n\
             Schema:   {}\n\
             Process:  {}\n",
            config.host,
            config.port,
            if told.is_encrypted { ", encrypted" } else { "" },
            config.database,
            config.user,
            told.search_path,
            told.key.process_id,
        )
    }
}

async fn connect(config: &Config) -> Result<Client, Error> {
    let late = |_| {
        let message = format!("{} does not answer on port {}", config.host, config.port);
        Error::new(Kind::Connection, message)
    };
    let connecting = tokio::time::timeout(CONNECT_TIMEOUT, Client::connect(config));
    connecting.await.map_err(late)?
}

impl Connection {
    /// Notes what the server said of itself.
    fn tell(&self, client: &Client) {
        let parameter = |name| client.parameter(name).unwrap_or_default().to_string();
        *self.told.lock() = Told {
            key: client.key().clone(),
            timezone: parameter("TimeZone"),
            search_path: parameter("search_path"),
            is_encrypted: client.is_encrypted(),
            was_connected: true,
            progress: None,
        };
    }

    /// Runs statements. The connection is kept only when the server is ready for more.
    async fn run(&self, config: &Config, sql: &str, events: &Events) -> Result<(), Error> {
        client::check(sql)?;
        let mut place = self.client.lock().await;
        self.told.lock().progress = None;
        let mut client = match place.take() {
            Some(client) => client,
            None => {
                let client = connect(config).await?;
                let was_connected = self.told.lock().was_connected;
                self.tell(&client);
                if was_connected {
                    let lost = "the connection was lost and made again: settings, prepared \
                                statements and an open transaction of the session are gone";
                    let _ = events.send(Ok(Event::Notice(Notice::warning(lost)))).await;
                }
                client
            }
        };
        client.query(sql).await?;
        let mut answers = Answers::new(events);
        loop {
            let answer = tokio::select! {
                answer = client.next() => answer?,
                () = events.closed(), if answers.listens => {
                    // Whoever asked has left: end the statement, and read up to its end.
                    answers.listens = false;
                    client::cancel(config, client.key()).await?;
                    continue;
                }
            };
            match answer {
                Answer::Ready => break,
                Answer::Progress(told) => {
                    self.told.lock().progress = Some((told, Instant::now()));
                }
                Answer::CopyIn => client.refuse_copy(NO_ROWS).await?,
                answer => answers.take(answer).await?,
            }
        }
        self.tell(&client);
        *place = Some(client);
        Ok(())
    }
}

/// Answers of the server on their way to be events.
struct Answers<'a> {
    events: &'a Events,
    listens: bool,
    data: Data,
}

/// What the messages of COPY carry now.
enum Data {
    /// There are none.
    Nothing,
    /// Rows, and whether their columns were told.
    Rows(StreamDecoder, bool),
    /// The lines of a COPY.
    Lines,
}

impl<'a> Answers<'a> {
    fn new(events: &'a Events) -> Self {
        Self {
            events,
            listens: true,
            data: Data::Nothing,
        }
    }

    async fn send(&mut self, event: Result<Event, Error>) {
        self.listens = self.listens && self.events.send(event).await.is_ok();
    }

    async fn take(&mut self, answer: Answer) -> Result<(), Error> {
        match answer {
            Answer::Notice(notice) => self.send(Ok(Event::Notice(notice))).await,
            Answer::Failed(error) => {
                self.data = Data::Nothing;
                self.send(Err(error)).await;
            }
            Answer::Complete(tag) => match std::mem::replace(&mut self.data, Data::Nothing) {
                Data::Nothing => self.send(Ok(Event::Done(tag))).await,
                Data::Rows(..) | Data::Lines => {}
            },
            Answer::CopyOut(ARROW_STREAM) => self.data = Data::Rows(StreamDecoder::new(), false),
            Answer::CopyOut(_) => self.data = Data::Lines,
            Answer::CopyData(bytes) => self.take_data(bytes).await?,
            Answer::CopyDone if matches!(self.data, Data::Rows(..)) => {
                self.send(Ok(Event::RowsEnd)).await;
            }
            Answer::TextRows => {
                return Err(Error::new(
                    Kind::ProtocolViolation,
                    "the server sends rows that are not Arrow",
                ));
            }
            _ => {}
        }
        Ok(())
    }

    async fn take_data(&mut self, bytes: Bytes) -> Result<(), Error> {
        let mut new = Vec::new();
        match &mut self.data {
            Data::Rows(decoder, is_told) => {
                let mut buffer = Buffer::from(bytes);
                while !buffer.is_empty() {
                    let batch = decoder.decode(&mut buffer)?;
                    if let Some(schema) = decoder.schema().filter(|_| !*is_told) {
                        *is_told = true;
                        new.push(Event::Columns(schema));
                    }
                    new.extend(batch.map(Event::Batch));
                }
            }
            Data::Lines => new.push(Event::Copied(bytes)),
            Data::Nothing => {}
        }
        for event in new {
            self.send(Ok(event)).await;
        }
        Ok(())
    }
}
