//! One session's conversation: messages in, answers out, one after another.
//!
//! A task reads messages ahead, a few at most, so that a client that goes away or cancels is
//! noticed while its statement runs. After an error of the extended protocol messages are skipped
//! up to the next Sync.

use std::future::Future;
use std::sync::Arc;

use pgwire::messages::PgWireBackendMessage as Reply;
use pgwire::messages::response::{CommandComplete, ReadyForQuery, TransactionStatus};
use quern_engine::{Error, Kind, Notice, Result, Session, TransactionState};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::extended::Extended;
use super::message::{Frame, FrameReader, Message, violation};
use super::output::{Gone, Output, Sent};
use super::parameters::Told;
use super::progress_notices::ProgressNotices;
use super::types::TextStyle;

/// Messages that wait while a statement runs.
const AHEAD_MESSAGES: usize = 16;

pub struct Connection<W> {
    pub(super) session: Arc<Session>,
    pub(super) output: Output<W>,
    pub(super) extended: Extended,
    pub(super) progress: ProgressNotices,
    /// Rows of the simple protocol are Arrow, not text.
    pub(super) sends_arrow: bool,
    /// Of all queries, to be told.
    pub(super) memory_limit_bytes: u64,
    inbox: mpsc::Receiver<Result<Frame>>,
    /// The client is gone.
    gone: CancellationToken,
    /// The server is being shut down: end at the next pause.
    shutdown: CancellationToken,
    told: Told,
    /// An answer is complete: the client waits for it.
    due: bool,
}

/// Whether the conversation goes on after a message.
#[derive(PartialEq, Eq)]
enum Next {
    Go,
    Ended,
}

impl<W: AsyncWrite + Unpin + Send> Connection<W> {
    /// Takes the client's messages from now on.
    pub fn new(
        session: Arc<Session>,
        input: FrameReader<impl AsyncRead + Unpin + Send + 'static>,
        output: Output<W>,
        shutdown: CancellationToken,
    ) -> Self {
        let (sender, inbox) = mpsc::channel(AHEAD_MESSAGES);
        let gone = CancellationToken::new();
        tokio::spawn(read_ahead(input, sender, gone.clone()));
        Self {
            session,
            output,
            extended: Extended::default(),
            progress: ProgressNotices::default(),
            sends_arrow: false,
            memory_limit_bytes: 0,
            inbox,
            gone,
            shutdown,
            told: Told::default(),
            due: false,
        }
    }

    /// Answers until the client or the server ends it.
    pub async fn run(mut self) {
        self.ready();
        while let Ok(Next::Go) = self.step().await {}
        // What is left to say, unless nobody listens.
        self.output.close().await;
    }

    async fn step(&mut self) -> Sent<Next> {
        // As in PostgreSQL, what belongs to one Sync is sent at once.
        if self.due && self.inbox.is_empty() {
            self.due = false;
            self.output.flush().await?;
        }
        let frame = match self.next_frame().await {
            Ok(Some(frame)) => frame,
            Ok(None) => return Err(Gone),
            Err(error) => {
                self.output.error(&error, "FATAL");
                return Ok(Next::Ended);
            }
        };
        if !matches!(frame.message, Ok(Message::Terminate))
            && let Err(error) = self.session.check_user()
        {
            self.output.error(&error, "FATAL");
            return Ok(Next::Ended);
        }
        let in_query = frame.kind == b'Q';
        match frame.message {
            _ if self.extended.is_skipping() && !matches!(frame.kind, b'S' | b'X') => {}
            Ok(Message::Terminate) => return Ok(Next::Ended),
            Ok(Message::Query(text)) => self.query(&text).await?,
            Ok(message) => self.extended_message(message).await?,
            Err(error) if in_query => {
                self.fail(error);
                self.ready();
            }
            Err(error) => {
                self.fail(error);
                self.extended.skip_to_sync();
            }
        }
        Ok(Next::Go)
    }

    /// The next message, or why there is to be none.
    async fn next_frame(&mut self) -> Result<Option<Frame>> {
        let idle = self.idle_limit();
        let idle_for = async {
            match &idle {
                Some((limit, _)) => tokio::time::sleep(*limit).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            frame = self.inbox.recv() => frame.transpose(),
            () = self.shutdown.cancelled() => Err(Error::new(
                Kind::Shutdown,
                "terminating connection due to administrator command",
            )),
            () = idle_for => match idle {
                Some((_, error)) => Err(error),
                None => Ok(None),
            },
        }
    }

    fn idle_limit(&self) -> Option<(std::time::Duration, Error)> {
        let in_transaction = self.session.transaction_state() != TransactionState::Idle;
        let limit = self.session.settings().idle_timeout(in_transaction)?;
        let error = match in_transaction {
            true => Error::new(
                Kind::IdleTransaction,
                "terminating connection due to idle-in-transaction timeout",
            ),
            false => Error::new(
                Kind::IdleSession,
                "terminating connection due to idle-session timeout",
            ),
        };
        Some((limit, error))
    }

    async fn extended_message(&mut self, message: Message) -> Sent {
        let result = match message {
            Message::Sync => {
                self.sync();
                return Ok(());
            }
            Message::Flush => {
                self.output.flush().await?;
                return Ok(());
            }
            Message::Parse { name, text, types } => self.parse(name, &text, types).await?,
            Message::Bind(bind) => self.bind(bind),
            Message::Describe(target) => self.describe(&target),
            Message::Execute { portal, max_rows } => self.execute(&portal, max_rows).await?,
            Message::Close(target) => self.close(&target),
            Message::FunctionCall => {
                self.fail(Error::unsupported("the function call protocol"));
                self.ready();
                return Ok(());
            }
            // What is left of a COPY that failed.
            Message::CopyData(_) | Message::CopyDone | Message::CopyFail(_) => return Ok(()),
            Message::Password(_) => {
                let error = violation("a password was not asked for");
                self.output.error(&error, "FATAL");
                return Err(Gone);
            }
            Message::Query(_) | Message::Terminate => return Ok(()),
        };
        if let Err(error) = result {
            self.fail(error);
            self.extended.skip_to_sync();
        }
        Ok(())
    }

    fn sync(&mut self) {
        self.extended.synced(self.session.transaction_state());
        self.ready();
    }

    /// The next message of a COPY.
    pub(super) async fn next_of_copy(&mut self) -> Sent<Result<Message>> {
        self.output.flush().await?;
        match self.inbox.recv().await {
            Some(Ok(frame)) => Ok(frame.message),
            Some(Err(error)) => {
                self.output.error(&error, "FATAL");
                Err(Gone)
            }
            None => Err(Gone),
        }
    }

    /// Tells the client of an error; an open transaction fails with it.
    pub(super) fn fail(&mut self, error: Error) {
        let error = self.session.failed(error);
        self.output.error(&error, "ERROR");
        self.due = true;
    }

    /// Ends the answer to a Query or a Sync.
    pub(super) fn ready(&mut self) {
        self.tell_parameters();
        let status = match self.session.transaction_state() {
            TransactionState::Idle => TransactionStatus::Idle,
            TransactionState::Open { .. } => TransactionStatus::Transaction,
            TransactionState::Failed { .. } => TransactionStatus::Error,
        };
        self.output
            .put(Reply::ReadyForQuery(ReadyForQuery::new(status)));
        self.due = true;
    }

    fn tell_parameters(&mut self) {
        for message in self.told.news(self.session.settings()) {
            self.output.put(message);
        }
    }

    pub(super) fn notices(&mut self, notices: &[Notice]) {
        if notices.is_empty() {
            return;
        }
        let settings = self.session.settings();
        let wanted = settings.get("client_min_messages").unwrap_or_default();
        let shown = |notice: &&Notice| match wanted {
            "error" => false,
            "warning" => notice.severity == "WARNING",
            _ => true,
        };
        notices
            .iter()
            .filter(shown)
            .for_each(|n| self.output.notice(n));
    }

    /// How values read, by the session's settings.
    pub(super) fn text_style(&self) -> TextStyle {
        TextStyle::of(&self.session.settings())
    }

    pub(super) fn complete(&mut self, tag: String) {
        self.output
            .put(Reply::CommandComplete(CommandComplete::new(tag)));
    }

    /// A statement begins, or goes on after its client paused it.
    pub(super) fn begin_progress(&mut self) {
        self.progress.begin(&self.session.settings());
    }

    /// Waits for work of the session, which is cancelled when the client goes away, and tells of
    /// its progress.
    pub(super) async fn unless_gone<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                result = &mut work => return result,
                () = self.gone.cancelled() => {
                    self.session.cancel();
                    return work.await;
                }
                () = self.progress.due() => self.tell_progress().await,
            }
        }
    }
}

/// Reads messages until the client is gone or makes no sense.
async fn read_ahead(
    mut input: FrameReader<impl AsyncRead + Unpin>,
    inbox: mpsc::Sender<Result<Frame>>,
    gone: CancellationToken,
) {
    loop {
        let frame = tokio::select! {
            frame = input.next() => frame,
            () = inbox.closed() => return,
        };
        let (frame, ended) = match frame {
            Ok(Some(frame)) => {
                let ended = frame.kind == b'X';
                (Ok(frame), ended)
            }
            Ok(None) => break,
            Err(error) => (Err(error), true),
        };
        if inbox.send(frame).await.is_err() || ended {
            return;
        }
    }
    gone.cancel();
}
