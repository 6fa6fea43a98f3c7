//! Making the files: which there are, who writes them, and how far it is.
//!
//! Threads take files from a list, the longest work first. A file is written under a temporary name
//! and renamed when it is complete; when one fails or the user interrupts, all stop and the
//! temporary files are removed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use super::scale::Scale;
use super::shipments::{self, Year};
use super::tpch;

/// One table of the demo: a folder of files.
#[derive(Debug, Clone)]
pub struct TableFiles {
    pub label: &'static str,
    /// About how many rows will be written.
    pub rows: u64,
}

/// One file to make.
#[derive(Debug, Clone)]
struct Job {
    /// Index of its table.
    table: usize,
    /// Below the data folder.
    path: PathBuf,
    content: Content,
    /// Relative to other jobs.
    cost: u64,
}

#[derive(Debug, Clone, Copy)]
enum Content {
    Tsv(Year),
    Parquet(Year),
    Tpch(tpch::Table, i32),
}

/// All files of a scale.
#[derive(Debug)]
pub struct Work {
    pub tables: Vec<TableFiles>,
    jobs: Vec<Job>,
    scale_factor: f64,
}

/// The folders that [`Work`] writes, all that a rebuild may remove.
pub const FOLDERS: &[&str] = &["shipments_tsv", "shipments", "tpch"];

impl Work {
    pub fn of(scale: Scale) -> Self {
        let mut work = Self {
            tables: Vec::new(),
            jobs: Vec::new(),
            scale_factor: scale.tpch(),
        };
        work.add_shipments(scale.shipment_rows());
        work.add_tpch();
        work.jobs.sort_by_key(|job| std::cmp::Reverse(job.cost));
        work
    }

    fn add_shipments(&mut self, rows: u64) {
        let years = shipments::years(rows);
        self.tables.push(TableFiles {
            label: "shipments_tsv",
            rows,
        });
        for year in &years {
            self.jobs.push(Job {
                table: 0,
                path: format!("shipments_tsv/{}.tsv.gz", year.year).into(),
                content: Content::Tsv(*year),
                cost: year.rows * 3,
            });
        }
        self.tables.push(TableFiles {
            label: "shipments",
            rows,
        });
        for year in years {
            self.jobs.push(Job {
                table: 1,
                path: format!("shipments/year={}/part-1.parquet", year.year).into(),
                content: Content::Parquet(year),
                cost: year.rows * 2,
            });
        }
    }

    fn add_tpch(&mut self) {
        for table in tpch::TABLES {
            let rows = table.rows(self.scale_factor);
            let files = table.files();
            for part in 1..=files {
                self.jobs.push(Job {
                    table: self.tables.len(),
                    path: format!("tpch/{}/part-{part}.parquet", table.name()).into(),
                    content: Content::Tpch(*table, part),
                    cost: rows * 12 / u64::from(files.unsigned_abs().max(1)),
                });
            }
            self.tables.push(TableFiles {
                label: table.name(),
                rows,
            });
        }
    }

    /// Makes every file that is missing below `folder`, and gives each file with its size.
    pub fn run(&self, folder: &Path, threads: usize, progress: &Progress) -> io::Result<Vec<Made>> {
        let next = AtomicUsize::new(0);
        let made = Mutex::new(Vec::new());
        let worker = || -> io::Result<()> {
            while let Some(job) = self.jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                let result = self.make(job, folder, progress);
                progress.stop_if_failed(&result);
                let bytes = result?;
                progress.file_done(job.table, bytes);
                let file = Made {
                    path: job.path.display().to_string(),
                    bytes,
                };
                made.lock().map_err(|_| interrupted())?.push(file);
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(worker)).collect();
            let results: Vec<_> = workers.into_iter().map(|w| w.join()).collect();
            first_failure(results)
        })?;
        made.into_inner().map_err(|_| interrupted())
    }

    fn make(&self, job: &Job, folder: &Path, progress: &Progress) -> io::Result<u64> {
        let path = folder.join(&job.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let unfinished = Unfinished::new(&path)?;
        let watch = Watch {
            progress,
            table: job.table,
        };
        let file = unfinished.file.try_clone()?;
        match job.content {
            Content::Tsv(year) => shipments::write_tsv(file, year, &watch)?,
            Content::Parquet(year) => shipments::write_parquet(file, year, &watch)?,
            Content::Tpch(table, part) => table.write(file, self.scale_factor, part, &watch)?,
        }
        unfinished.finish(&path)
    }
}

/// A failure that says more than that the user interrupted comes first.
fn first_failure(results: Vec<std::thread::Result<io::Result<()>>>) -> io::Result<()> {
    let mut failures: Vec<io::Error> = results
        .into_iter()
        .filter_map(|result| match result {
            Ok(result) => result.err(),
            Err(_) => Some(io::Error::other("a thread that writes data failed")),
        })
        .collect();
    failures.sort_by_key(|e| e.kind() == io::ErrorKind::Interrupted);
    match failures.into_iter().next() {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

fn interrupted() -> io::Error {
    io::Error::new(io::ErrorKind::Interrupted, "interrupted")
}

/// A complete file: its path below the data folder, and its size.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Made {
    pub path: String,
    pub bytes: u64,
}

/// A file under its temporary name, removed unless it is finished.
struct Unfinished {
    file: File,
    path: PathBuf,
}

impl Unfinished {
    fn new(path: &Path) -> io::Result<Self> {
        let path = path.with_extension("unfinished");
        Ok(Self {
            file: File::create(&path)?,
            path,
        })
    }

    fn finish(self, path: &Path) -> io::Result<u64> {
        let bytes = self.file.metadata()?.len();
        fs::rename(&self.path, path)?;
        Ok(bytes)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After a rename there is nothing left to remove.
        let _ = fs::remove_file(&self.path);
    }
}

/// How far the work is, seen by all threads.
#[derive(Debug)]
pub struct Progress {
    tables: Vec<TableProgress>,
    stop: AtomicBool,
}

#[derive(Debug, Default)]
struct TableProgress {
    rows: AtomicU64,
    bytes: AtomicU64,
    files_left: AtomicUsize,
}

impl Progress {
    pub fn of(work: &Work) -> Self {
        let tables = (0..work.tables.len()).map(|table| TableProgress {
            files_left: AtomicUsize::new(work.jobs.iter().filter(|j| j.table == table).count()),
            ..TableProgress::default()
        });
        Self {
            tables: tables.collect(),
            stop: AtomicBool::new(false),
        }
    }

    /// Rows written so far, of all tables.
    pub fn rows(&self) -> u64 {
        self.tables
            .iter()
            .map(|t| t.rows.load(Ordering::Relaxed))
            .sum()
    }

    /// Rows and bytes of a table that is complete.
    pub fn done(&self, table: usize) -> Option<(u64, u64)> {
        let table = self.tables.get(table)?;
        (table.files_left.load(Ordering::Acquire) == 0).then(|| {
            (
                table.rows.load(Ordering::Relaxed),
                table.bytes.load(Ordering::Relaxed),
            )
        })
    }

    /// Makes all threads stop soon.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    fn stop_if_failed(&self, result: &io::Result<u64>) {
        if result.is_err() {
            self.stop();
        }
    }

    fn file_done(&self, table: usize, bytes: u64) {
        if let Some(table) = self.tables.get(table) {
            table.bytes.fetch_add(bytes, Ordering::Relaxed);
            table.files_left.fetch_sub(1, Ordering::Release);
        }
    }
}

/// What the writer of a file reports to.
pub struct Watch<'a> {
    progress: &'a Progress,
    table: usize,
}

impl Watch<'_> {
    /// Counts rows; an error when the work is to stop.
    pub fn add(&self, rows: usize) -> io::Result<()> {
        if let Some(table) = self.progress.tables.get(self.table) {
            table.rows.fetch_add(rows as u64, Ordering::Relaxed);
        }
        match self.progress.stop.load(Ordering::Relaxed) {
            true => Err(interrupted()),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_stopped_run_leaves_no_unfinished_file() {
        let folder = tempfile::tempdir().unwrap();
        let work = Work::of(Scale::Tiny);
        let progress = Progress::of(&work);
        progress.stop();
        let error = work.run(folder.path(), 2, &progress).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Interrupted);
        let mut left = Vec::new();
        let mut open = vec![folder.path().to_path_buf()];
        while let Some(next) = open.pop() {
            for entry in fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path)
                } else {
                    left.push(path)
                }
            }
        }
        assert_eq!(left, Vec::<PathBuf>::new());
    }
}
