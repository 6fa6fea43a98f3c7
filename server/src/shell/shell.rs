//! The shell's state, and one statement from its text to its rows.
//!
//! A statement runs on the [`Backend`]'s threads; the shell's own thread waits for its events, for
//! signals and for the progress line's next turn, and writes the rows. So a terminal that is slow to
//! read slows the query down instead of filling memory, and a query that keeps all workers busy does
//! not keep the shell from answering.

use std::future::Future;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use quern_engine::value_text::TextStyle;
use quern_engine::{Error, Kind};
use tokio::sync::mpsc::Receiver;

use super::backend::{Backend, Event};
use super::commands::refuse_terminal;
use super::output::{self, Expanded, Format, Look, Sink, Target};
use super::progress::ProgressLine;
use super::report::{self, Source};
use super::script::{Item, Script};
use super::signals::{Signal, Signals};
use super::{Problem, Stop, meta, terminal};
use crate::args::SqlArgs;

/// After this long a query that does not end after Ctrl-C deserves a word.
const PATIENCE: Duration = Duration::from_secs(1);

pub struct Shell {
    pub backend: Arc<dyn Backend>,
    pub look: Look,
    pub timing: bool,
    pub interactive: bool,
    target: Target,
    signals: Signals,
    progress: ProgressLine,
    /// Ctrl-C was pressed since the input began.
    interrupted: bool,
}

impl Shell {
    pub fn new(backend: Arc<dyn Backend>, args: &SqlArgs) -> Result<Self, Stop> {
        let target = match &args.output {
            Some(path) => Target::file(path).map_err(cannot_start)?,
            None => Target::stdout(),
        };
        if args.format.is_binary() && target.is_terminal() {
            report::error(&refuse_terminal(args.format), None);
            return Err(Stop::Usage);
        }
        Self::build(backend, args.format, target, !args.no_progress)
    }

    /// A shell of tables to standard output.
    pub fn plain(backend: Arc<dyn Backend>) -> Result<Self, Stop> {
        Self::build(backend, Format::Table, Target::stdout(), true)
    }

    fn build(
        backend: Arc<dyn Backend>,
        format: Format,
        target: Target,
        wants_progress: bool,
    ) -> Result<Self, Stop> {
        let signals = Signals::listen().map_err(|e| cannot_start(Error::from(e)))?;
        Ok(Self {
            backend,
            look: Look {
                format,
                expanded: Expanded::Off,
                style: TextStyle::default(),
                colours: terminal::stdout_colours(),
            },
            timing: false,
            interactive: false,
            target,
            signals,
            progress: ProgressLine::new(wants_progress),
            interrupted: false,
        })
    }

    /// Runs a text of statements and meta-commands, up to the first that fails.
    pub async fn run_text(&mut self, text: &str) -> Result<(), Stop> {
        let mut script = Script::default();
        for line in text.split_inclusive('\n') {
            self.run_items(script.push_line(line)).await?;
        }
        self.run_items(script.finish()).await
    }

    /// Runs what was typed at the prompt; a signal that came before is not for it.
    pub async fn run_entry(&mut self, text: &str) -> Result<(), Stop> {
        self.signals.forget();
        self.interrupted = false;
        if meta::is_bare_word(text) {
            return self.run_meta(text).await;
        }
        self.run_text(text).await
    }

    /// Runs a file of statements and meta-commands.
    pub async fn run_file(&mut self, path: &Path) -> Result<(), Stop> {
        let text = std::fs::read_to_string(path).map_err(|e| {
            let message = format!("cannot read \"{}\": {e}", path.display());
            report::error(&Error::new(Kind::Io, message), None);
            Stop::Failed
        })?;
        // A line that only tells the system who runs the file.
        let text = match text.strip_prefix("#!") {
            Some(rest) => format!("--{rest}"),
            None => text,
        };
        self.run_text(&text).await
    }

    /// Runs lines as they come.
    pub async fn run_lines(
        &mut self,
        mut lines: Receiver<std::io::Result<String>>,
    ) -> Result<(), Stop> {
        let mut script = Script::default();
        while let Some(line) = self.watch(lines.recv()).await? {
            if self.interrupted {
                return Err(self.stopped());
            }
            let line = line.map_err(|e| {
                let message = format!("cannot read standard input: {e}");
                report::error(&Error::new(Kind::Io, message), None);
                Stop::Failed
            })?;
            self.run_items(script.push_line(&line)).await?;
        }
        self.run_items(script.finish()).await
    }

    async fn run_items(&mut self, items: impl IntoIterator<Item = Item>) -> Result<(), Stop> {
        for item in items {
            match item {
                Item::Statement { text, first_line } => {
                    self.run_statement(&text, first_line).await?;
                }
                Item::Meta(line) => self.run_meta(&line).await?,
            }
        }
        Ok(())
    }

    /// Runs one statement; an error is reported at its place in the text.
    pub async fn run_statement(&mut self, text: &str, first_line: usize) -> Result<(), Stop> {
        if self.interrupted {
            return Err(self.stopped());
        }
        let started = Instant::now();
        self.progress.start();
        let result = self.execute(text).await;
        self.progress.clear();
        let result = result.and_then(|()| Ok(self.target.flush()?));
        let result = result.map_err(|problem| self.report(problem, Source { text, first_line }));
        if self.timing && result != Err(Stop::Quit) {
            let ms = started.elapsed().as_secs_f64() * 1e3;
            report::say(&format!("Time: {ms:.3} ms\n"));
        }
        result
    }

    async fn execute(&mut self, text: &str) -> Result<(), Problem> {
        let mut running = self.backend.start(text.to_string());
        let mut sink = None;
        while let Some(event) = self.watch(running.events.recv()).await? {
            match event? {
                Event::Batch(batch) => self.write_batch(&mut sink, &batch)?,
                event => {
                    self.progress.clear();
                    self.take(event, &mut sink)?;
                }
            }
        }
        let ended = self.watch(running.task).await?;
        // A panic in it is a defect of ours, told as one.
        ended.map_err(|e| Error::internal(format!("the query ended unexpectedly: {e}")))?;
        Ok(())
    }

    fn take(&mut self, event: Event, sink: &mut Option<Box<dyn Sink>>) -> Result<(), Problem> {
        match event {
            Event::Notice(notice) => report::notice(&notice),
            // Ctrl-C may have come before the query could be cancelled.
            Event::Columns(_) if self.interrupted => {
                let message = "canceling statement due to user request";
                return Err(Error::new(Kind::Cancelled, message).into());
            }
            Event::Columns(columns) => *sink = Some(self.open_sink(columns)?),
            Event::RowsEnd => {
                if let Some(sink) = sink.take() {
                    sink.finish()?;
                }
            }
            Event::Done(tag) if self.look.format == Format::Table => {
                writeln!(self.target, "{tag}")?;
            }
            Event::Copied(bytes) => self.target.write_all(&bytes)?,
            Event::Done(_) | Event::Batch(_) => {}
        }
        Ok(())
    }

    fn open_sink(&mut self, columns: SchemaRef) -> Result<Box<dyn Sink>, Problem> {
        if self.look.format.is_binary() && self.target.is_terminal() {
            return Err(refuse_terminal(self.look.format).into());
        }
        self.look.style = TextStyle::new(&self.backend.timezone());
        let sink = output::open(&self.look, columns, self.target.clone())?;
        self.target.forget_written();
        Ok(sink)
    }

    fn write_batch(
        &mut self,
        sink: &mut Option<Box<dyn Sink>>,
        batch: &RecordBatch,
    ) -> Result<(), Problem> {
        if self.target.is_terminal() {
            self.progress.clear();
        }
        if let Some(sink) = sink {
            sink.batch(batch)?;
        }
        if self.target.is_terminal() && self.target.has_written() {
            self.progress.pause();
        }
        Ok(())
    }

    /// Waits for `work`, and meanwhile for signals and the progress line. The first Ctrl-C cancels
    /// the statement; a second one gives up on it, and so does a script that waited long enough.
    async fn watch<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Stop> {
        let mut work = pin!(work);
        let mut cancelling = false;
        let mut patience_over = false;
        let mut patience = pin!(tokio::time::sleep(PATIENCE));
        loop {
            tokio::select! {
                // Signals first: rows that are always ready must not keep them waiting.
                biased;
                signal = self.signals.next() => {
                    self.backend.cancel();
                    self.interrupted = true;
                    if signal == Signal::Terminate {
                        return Err(Stop::Terminated);
                    }
                    if std::mem::replace(&mut cancelling, true) {
                        return Err(Stop::Interrupted);
                    }
                    patience.as_mut().reset(tokio::time::Instant::now() + PATIENCE);
                    self.progress.clear();
                    if std::io::stderr().is_terminal() {
                        // What follows does not stand behind the terminal's `^C`.
                        report::say("\n");
                    }
                }
                result = &mut work => return Ok(result),
                () = &mut patience, if cancelling && !patience_over => {
                    if !self.interactive {
                        return Err(Stop::Interrupted);
                    }
                    patience_over = true;
                    report::say("Cancelling. Press Ctrl-C again to leave without waiting.\n");
                }
                () = self.progress.tick(), if !cancelling => {
                    if let Some(progress) = self.backend.progress() {
                        self.progress.draw(&progress, self.backend.memory_limit_bytes());
                    }
                }
            }
        }
    }

    /// Tells the user about a problem, unless it is none of theirs.
    fn report(&mut self, problem: Problem, source: Source) -> Stop {
        match problem {
            Problem::Stop(stop) => stop,
            Problem::Output(e) if e.kind() == std::io::ErrorKind::BrokenPipe => {
                self.backend.cancel();
                Stop::Quit
            }
            Problem::Output(e) => {
                self.backend.cancel();
                let message = format!("cannot write the rows: {e}");
                report::error(&Error::new(Kind::Io, message), None);
                Stop::Failed
            }
            Problem::Engine(error) => {
                report::error(&error, Some(source));
                if self.interrupted && error.kind == Kind::Cancelled {
                    self.stopped()
                } else {
                    Stop::Failed
                }
            }
        }
    }

    /// How Ctrl-C ends what runs: at a prompt, the next entry follows.
    fn stopped(&self) -> Stop {
        if self.interactive {
            Stop::Failed
        } else {
            Stop::Interrupted
        }
    }

    /// From now on rows go to the file, or to standard output.
    pub fn set_output(&mut self, path: Option<&Path>) -> Result<(), Stop> {
        self.target = match path.map(Target::file) {
            Some(Ok(target)) => target,
            Some(Err(error)) => {
                report::error(&error, None);
                return Err(Stop::Failed);
            }
            None => Target::stdout(),
        };
        Ok(())
    }

    /// Makes the output file what was written to it; called when everything succeeded.
    pub fn commit_output(&mut self) -> Result<(), Stop> {
        self.target.commit().map_err(|problem| {
            self.report(
                problem,
                Source {
                    text: "",
                    first_line: 1,
                },
            )
        })
    }
}

fn cannot_start(error: Error) -> Stop {
    report::error(&error, None);
    Stop::CannotStart
}
