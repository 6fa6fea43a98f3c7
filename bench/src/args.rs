//! The command line of the benchmark.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use quern_engine::{Result, Settings};

#[derive(Parser)]
#[command(
    version,
    about = "Runs query files in process and prints how long they took"
)]
pub struct Args {
    /// Folder with one Parquet file or folder for each table.
    #[arg(long)]
    pub data: PathBuf,
    #[arg(long, default_value_t = 2)]
    pub threads: usize,
    /// For instance 256MiB.
    #[arg(long)]
    pub memory_limit: Option<String>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Runs each `*.sql` of a folder; prints name, best seconds, rows, peak memory, spilled bytes.
    Queries {
        folder: PathBuf,
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        /// Writes each answer to `name.csv` in this folder.
        #[arg(long)]
        answers: Option<PathBuf>,
    },
    /// Prints the median time of `SELECT 1` and of planning each query.
    Latency {
        folder: PathBuf,
        #[arg(long, default_value_t = 50)]
        rounds: usize,
    },
}

impl Args {
    pub fn settings(&self) -> Result<Settings> {
        let mut settings = Settings::default();
        settings.set_at_start("quern.threads", &self.threads.to_string())?;
        if let Some(limit) = &self.memory_limit {
            settings.set_at_start("quern.memory_limit", limit)?;
        }
        Ok(settings)
    }
}
