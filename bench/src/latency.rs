//! The time before the first row: `SELECT 1` whole, and the planning of larger queries.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use quern_engine::{Result, Session};

pub async fn run(
    session: &Session,
    folder: &Path,
    rounds: usize,
    out: &mut impl Write,
) -> Result<()> {
    let mut times = Vec::new();
    for _ in 0..rounds.max(1) {
        let started = Instant::now();
        if let Some(rows) = session.sql("SELECT 1").await?.rows {
            rows.collect().await?;
        }
        times.push(started.elapsed().as_secs_f64());
    }
    writeln!(out, "select_1_ms\t{:.3}", median(&mut times) * 1e3)?;
    for (name, sql) in super::queries::read(folder)? {
        let mut times = Vec::new();
        for _ in 0..rounds.max(1) {
            let started = Instant::now();
            // Everything up to the first poll: parsing, opening the tables, planning.
            drop(session.sql(&sql).await?);
            times.push(started.elapsed().as_secs_f64());
        }
        writeln!(out, "plan_{name}_ms\t{:.3}", median(&mut times) * 1e3)?;
    }
    Ok(())
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}
