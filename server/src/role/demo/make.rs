//! Making the data, watched: a line for each table that is complete, and how far it all is.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use quern_engine::settings::format_bytes;
use tokio::time::{MissedTickBehavior, interval};

use super::folder::{DataFolder, unusable};
use super::say::Voice;
use super::scale::Scale;
use super::work::{Made, Progress, Work};
use super::{failed, unheard};
use crate::shell::{Signals, Stop, report};

const REDRAW: Duration = Duration::from_millis(100);

/// Makes what is not there yet.
pub async fn data(
    folder: &DataFolder,
    scale: Scale,
    threads: usize,
    voice: &mut Voice,
) -> Result<(), Stop> {
    let path = folder.path().display();
    if folder.is_complete(scale) {
        let size = format_bytes(folder.bytes());
        let text = format!("The sample data is there already: {path}, {size}.");
        return voice.lines(&text).map_err(|e| unheard(&e));
    }
    // From here on an interrupt stops the work instead of the process.
    let signals = Signals::listen().map_err(|e| failed(&e.into()))?;
    folder.start_over().map_err(|e| failed(&e))?;
    let text = format!("Making sample data in {path}\n");
    voice.lines(&text).map_err(|e| unheard(&e))?;
    let started = Instant::now();
    let files = make(folder, Work::of(scale), threads, voice, signals).await?;
    folder.complete(scale, files).map_err(|e| failed(&e))?;
    let text = format!(
        "\nMade {} in {:.1} s.",
        format_bytes(folder.bytes()),
        started.elapsed().as_secs_f64()
    );
    voice.lines(&text).map_err(|e| unheard(&e))
}

async fn make(
    folder: &DataFolder,
    work: Work,
    threads: usize,
    voice: &mut Voice,
    mut signals: Signals,
) -> Result<Vec<Made>, Stop> {
    let work = Arc::new(work);
    let progress = Arc::new(Progress::of(&work));
    let mut report = Report::new(&work);
    let path = folder.path().to_path_buf();
    let mut task = {
        let (work, progress) = (Arc::clone(&work), Arc::clone(&progress));
        tokio::task::spawn_blocking(move || work.run(&path, threads, &progress))
    };
    let mut ticks = interval(REDRAW);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let result = loop {
        tokio::select! {
            result = &mut task => break result,
            _ = signals.next() => progress.stop(),
            _ = ticks.tick() => {
                if let Err(error) = report.tables(&work, &progress, voice) {
                    progress.stop();
                    let _ = task.await;
                    return Err(unheard(&error));
                }
                report.draw(&progress);
            }
        }
    };
    report.clear();
    let result = result.unwrap_or_else(|e| Err(io::Error::other(e)));
    let files = result.map_err(|e| stopped(folder, &e))?;
    report
        .tables(&work, &progress, voice)
        .map_err(|e| unheard(&e))?;
    Ok(files)
}

fn stopped(folder: &DataFolder, error: &io::Error) -> Stop {
    match error.kind() {
        io::ErrorKind::Interrupted => {
            report::say("Interrupted. The next run starts the data again.\n");
            Stop::Interrupted
        }
        _ => failed(&unusable(folder.path(), error)),
    }
}

/// What was told of the progress.
struct Report {
    told: Vec<bool>,
    total_rows: u64,
    started: Instant,
    /// A line that is drawn over again; on a terminal only.
    draws: bool,
}

impl Report {
    fn new(work: &Work) -> Self {
        Self {
            told: vec![false; work.tables.len()],
            total_rows: work.tables.iter().map(|t| t.rows).sum(),
            started: Instant::now(),
            draws: io::stderr().is_terminal(),
        }
    }

    /// A line for each table that was completed since.
    fn tables(&mut self, work: &Work, progress: &Progress, voice: &mut Voice) -> io::Result<()> {
        for (at, told) in self.told.iter_mut().enumerate() {
            let Some((rows, bytes)) = progress.done(at).filter(|_| !*told) else {
                continue;
            };
            *told = true;
            if self.draws {
                report::say("\r\x1b[K");
            }
            let label = work.tables.get(at).map_or("", |t| t.label);
            voice.lines(&format!(
                "  {label:<14}{rows:>12} rows {:>12}",
                format_bytes(bytes)
            ))?;
        }
        Ok(())
    }

    fn draw(&self, progress: &Progress) {
        if !self.draws {
            return;
        }
        let done = progress.rows() as f64 / self.total_rows.max(1) as f64;
        let line = format!(
            "\r  {:3.0} %, {:.0} s\x1b[K",
            (done * 100.0).min(100.0),
            self.started.elapsed().as_secs_f64()
        );
        let mut stderr = io::stderr().lock();
        let _ = stderr.write_all(line.as_bytes());
        let _ = stderr.flush();
    }

    fn clear(&self) {
        if self.draws {
            report::say("\r\x1b[K");
        }
    }
}
