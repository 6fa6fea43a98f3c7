//! Timing whole queries, and writing their answers for comparison.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use futures::StreamExt;
use quern_engine::{Result, Session};

/// A table for each file or folder of the data folder, named after it.
pub async fn create_tables(session: &Session, data: &Path) -> Result<()> {
    for path in sorted(data)? {
        let Some(name) = path
            .file_name()
            .and_then(|n| n.to_str())
            .and_then(|n| n.split('.').next())
        else {
            continue;
        };
        let location = path.display().to_string().replace('\'', "''");
        session
            .sql(&format!(
                "CREATE TABLE {name} WITH (location = '{location}')"
            ))
            .await?;
    }
    Ok(())
}

/// The query files of a folder as (name, text).
pub fn read(folder: &Path) -> Result<Vec<(String, String)>> {
    let files = sorted(folder)?
        .into_iter()
        .filter(|p| p.extension().is_some_and(|e| e == "sql"));
    files
        .map(|path| {
            let name = path
                .file_stem()
                .map(|n| n.to_string_lossy().into_owned())
                .unwrap_or_default();
            Ok((name, std::fs::read_to_string(&path)?))
        })
        .collect()
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = std::fs::read_dir(folder)?
        .map(|e| Ok(e?.path()))
        .collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

pub async fn run(
    session: &Session,
    folder: &Path,
    rounds: usize,
    answers: Option<&Path>,
    out: &mut impl Write,
) -> Result<()> {
    let mut total = 0.0;
    for (name, sql) in read(folder)? {
        let mut best = f64::INFINITY;
        for round in 0..rounds.max(1) {
            let file = answers
                .filter(|_| round == 0)
                .map(|folder| folder.join(format!("{name}.csv")));
            let started = Instant::now();
            drain(session, &sql, file.as_deref()).await?;
            best = best.min(started.elapsed().as_secs_f64());
        }
        let Some(progress) = session.current_query().map(|q| q.progress()) else {
            continue;
        };
        let (rows, memory, spilled) =
            (progress.rows, progress.memory_bytes, progress.spilled_bytes);
        writeln!(out, "{name}\t{best:.4}\t{rows}\t{memory}\t{spilled}")?;
        total += best;
    }
    Ok(writeln!(out, "total\t{total:.4}")?)
}

async fn drain(session: &Session, sql: &str, answer: Option<&Path>) -> Result<()> {
    let Some(mut rows) = session.sql(sql).await?.rows else {
        return Ok(());
    };
    let mut writer = match answer {
        Some(path) => Some(arrow::csv::Writer::new(File::create(path)?)),
        None => None,
    };
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        if let Some(writer) = &mut writer {
            writer.write(&batch)?;
        }
    }
    Ok(())
}
