//! A process that creates, fills, changes and drops tables is killed at random instants. After each
//! kill every acknowledged statement is there, the one that ran is there whole or not at all, and
//! what it left on the disk is found by VACUUM.
//!
//! `QUERN_KILLS` sets how many times; the seed is printed with a failure.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::support::{command, out, temporary};

/// Enough to meet each kind of statement in its different moments.
const KILLS: u64 = 25;

/// Statements of one process; it is killed long before the last.
const STATEMENTS: usize = 60;

/// What a table must hold: its rows' number and the sum of their values.
type Tables = BTreeMap<String, (i64, i64)>;

/// A small generator (xorshift), so that a seed gives the same run anywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// A statement that fits the tables, and what they hold after it.
fn statement(random: &mut Random, tables: &mut Tables) -> String {
    let name = format!("t{}", random.below(3));
    let value = i64::try_from(random.below(1000)).unwrap();
    let Some((rows, sum)) = tables.get_mut(&name) else {
        tables.insert(name.clone(), (5, 15));
        return format!("CREATE TABLE {name} AS SELECT i AS v FROM generate_series(1, 5) s(i)");
    };
    match random.below(12) {
        0 => {
            tables.remove(&name);
            format!("DROP TABLE {name}")
        }
        1 => {
            (*rows, *sum) = (4, 10);
            format!(
                "CREATE OR REPLACE TABLE {name} CLUSTERED BY (v) INTO 2 CHUNKS AS \
                 SELECT i AS v FROM generate_series(1, 4) s(i)"
            )
        }
        2 => {
            (*rows, *sum) = (0, 0);
            format!("TRUNCATE {name}")
        }
        3 | 4 => {
            *sum += *rows;
            format!("UPDATE {name} SET v = v + 1")
        }
        5 => {
            *rows += 1;
            *sum += 5000;
            format!(
                "MERGE INTO {name} t USING (VALUES (5000)) AS s(v) ON false \
                 WHEN NOT MATCHED THEN INSERT (v) VALUES (s.v)"
            )
        }
        6 => format!("OPTIMIZE {name}"),
        _ => {
            *rows += 2;
            *sum += value + 1;
            format!("INSERT INTO {name} VALUES ({value}), (1)")
        }
    }
}

/// What the tables hold, as a new process sees them.
fn found(data_dir: &str) -> Tables {
    let names = "SELECT table_name FROM system.tables WHERE table_type = 'managed'";
    let names = csv(data_dir, names);
    let sums: Vec<_> = names
        .lines()
        .map(|t| format!("SELECT '{t}' AS t, count(*), coalesce(sum(v), 0) FROM {t}"))
        .collect();
    if sums.is_empty() {
        return Tables::new();
    }
    let rows = csv(data_dir, &sums.join(" UNION ALL "));
    let row = |line: &str| {
        let mut fields = line.split(',').map(str::to_string);
        let name = fields.next().unwrap();
        let mut number = || fields.next().unwrap().parse().unwrap();
        (name, (number(), number()))
    };
    rows.lines().map(row).collect()
}

fn csv(data_dir: &str, sql: &str) -> String {
    let all = out(&["--data-dir", data_dir, "--format", "csv", "-c", sql]);
    all.lines()
        .skip(1)
        .map(|line| format!("{line}\n"))
        .collect()
}

/// Runs statements until it is killed; gives how many were acknowledged.
fn run_and_kill(data_dir: &str, statements: &[String], after: Duration) -> usize {
    let script = statements.join(";\n") + ";\n";
    let file = Path::new(data_dir).with_extension("sql");
    std::fs::write(&file, script).unwrap();
    let mut child = command(&["--data-dir", data_dir, "-f", file.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    let reader = std::thread::spawn(move || lines.lines().map_while(Result::ok).count());
    let start = Instant::now();
    while start.elapsed() < after && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    let _ = child.kill();
    child.wait().unwrap();
    reader.join().unwrap()
}

#[test]
fn killed_writers_lose_nothing_and_leave_nothing_half_done() {
    let kills = std::env::var("QUERN_KILLS")
        .ok()
        .and_then(|n| n.parse().ok());
    let kills: u64 = kills.unwrap_or(KILLS);
    let seed = std::env::var("QUERN_SEED")
        .ok()
        .and_then(|n| n.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| u64::from(std::process::id()) * 7919 + 1);
    let folder = temporary();
    let data_dir = folder.path().join("data");
    let data_dir = data_dir.to_str().unwrap();
    let mut random = Random(seed);
    let mut tables = Tables::new();
    for kill in 0..kills {
        let mut states = vec![tables.clone()];
        let statements: Vec<_> = (0..STATEMENTS)
            .map(|_| {
                let mut next = states.last().unwrap().clone();
                let text = statement(&mut random, &mut next);
                states.push(next);
                text
            })
            .collect();
        let after = Duration::from_millis(100 + random.below(1500));
        let acknowledged = run_and_kill(data_dir, &statements, after);
        let found = found(data_dir);
        let next = states.get(acknowledged + 1);
        let whole = next == Some(&found);
        assert!(
            found == states[acknowledged] || whole,
            "seed {seed}, kill {kill}: {acknowledged} acknowledged, then {:?}: found {found:?}, expected {:?} or {next:?}",
            statements.get(acknowledged),
            states[acknowledged],
        );
        tables = found;
    }
    nothing_is_left(data_dir, &tables);
}

/// After VACUUM the disk holds the tables' chunks and nothing else.
fn nothing_is_left(data_dir: &str, tables: &Tables) {
    command(&["--data-dir", data_dir, "-c", "VACUUM RETAIN 0 HOURS"])
        .output()
        .unwrap();
    let used: BTreeSet<_> = csv(data_dir, "SELECT DISTINCT location FROM system.chunks")
        .lines()
        .map(str::to_string)
        .collect();
    let warehouse = std::fs::canonicalize(Path::new(data_dir).join("warehouse")).unwrap();
    let mut there = BTreeSet::new();
    let mut folders = 0;
    for folder in std::fs::read_dir(warehouse).unwrap() {
        folders += 1;
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.is_file() {
                there.insert(path.display().to_string());
            }
        }
    }
    assert_eq!(there, used);
    assert_eq!(folders, tables.len());
}
