//! Hostile files: whatever the bytes, a query gives rows or an error that is not ours to blame. It
//! does not panic, does not go on for ever, and CSV means the same however it is cut into chunks.
//!
//! The cases follow from a seed. `QUERN_FUZZ_CASES` sets how many there are of each kind, and
//! `QUERN_FUZZ_SEED` where they start.

use std::path::{Path, PathBuf};
use std::time::Duration;

use quern_engine::{Error, Session};

use crate::support;

const DEFAULT_CASES: u64 = 25;
/// A case that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(30);
/// Rows that a mutated file may claim to have before the query is ended.
const ROWS: usize = 100_000;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Runs a case for each seed.
fn each(name: &str, mut case: impl AsyncFnMut(&Session, &mut Random, &Path) + Send) {
    let folder = tempfile::tempdir().unwrap();
    let session = support::session();
    let (first, cases) = (
        number("QUERN_FUZZ_SEED", 1),
        number("QUERN_FUZZ_CASES", DEFAULT_CASES),
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(quern_sql_tests::STACK_BYTES)
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mut run = || {
        for seed in first..first + cases {
            let mut random = Random::new(seed);
            let work = std::panic::AssertUnwindSafe(|| {
                runtime.block_on(case(&session, &mut random, folder.path()))
            });
            if std::panic::catch_unwind(work).is_err() {
                let kept = std::env::temp_dir().join(format!("quern-fuzz-{name}-{seed}"));
                let _ = std::fs::rename(folder.path(), &kept);
                panic!(
                    "{name}, QUERN_FUZZ_SEED={seed} QUERN_FUZZ_CASES=1; see {}",
                    kept.display()
                );
            }
        }
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(quern_sql_tests::STACK_BYTES);
        thread
            .spawn_scoped(scope, &mut run)
            .unwrap()
            .join()
            .unwrap();
    });
}

/// A small generator of numbers, the same everywhere.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())].clone()
    }
}

type Rows = Result<Vec<Vec<String>>, Error>;

/// The rows, in an order that does not depend on threads; a defect of ours fails the test.
async fn rows(session: &Session, sql: &str) -> Rows {
    let reading = async {
        let statement = session.parse(sql)?.remove(0);
        support::run(session, &statement).await
    };
    let found = tokio::time::timeout(PATIENCE, reading).await;
    match found.unwrap_or_else(|_| panic!("hangs: {sql}")) {
        Ok(table) => {
            let mut rows = table.rows;
            rows.sort();
            Ok(rows)
        }
        Err(error) => {
            assert_ne!(error.sqlstate(), "XX000", "{sql}: {error:?}");
            Err(error)
        }
    }
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn seed_file(name: &str) -> Vec<u8> {
    std::fs::read(support::root().join("sql-tests/data").join(name)).unwrap()
}

/// Changes some bytes: single ones, runs, numbers that look like lengths, the end.
fn mutated(mut bytes: Vec<u8>, random: &mut Random) -> Vec<u8> {
    for _ in 0..=random.below(6) {
        if bytes.is_empty() {
            return bytes;
        }
        let at = match random.below(3) {
            // Headers and footers are where the structure is.
            0 => random.below(bytes.len().min(64)),
            1 => bytes.len() - 1 - random.below(bytes.len().min(200)),
            _ => random.below(bytes.len()),
        };
        match random.below(7) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.pick(&[0, 1, 0x7F, 0x80, 0xFE, 0xFF]),
            2 => bytes.truncate(at),
            3 => {
                let end = (at + random.below(40)).min(bytes.len());
                bytes.drain(at..end);
            }
            4 => {
                let end = (at + random.below(40)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, copy);
            }
            5 => {
                let value = random.pick(&[u32::MAX, i32::MAX as u32, 1 << 30, 0]);
                for (place, byte) in bytes[at..].iter_mut().zip(value.to_le_bytes()) {
                    *place = byte;
                }
            }
            _ => {
                let noise: Vec<u8> = (0..random.below(20)).map(|_| random.next() as u8).collect();
                bytes.splice(at..at, noise);
            }
        }
    }
    bytes
}

async fn read_mutated(session: &Session, random: &mut Random, folder: &Path, seeds: &[&str]) {
    let seed = random.pick(seeds);
    let name = seed.rsplit('/').next().unwrap();
    let path = write(folder, name, &mutated(seed_file(seed), random));
    let _ = rows(
        session,
        &format!("SELECT * FROM '{}' LIMIT {ROWS}", path.display()),
    )
    .await;
}

#[test]
fn parquet_files() {
    each("parquet", async |session, random, folder| {
        let seeds = ["deliveries.parquet", "docs/shipments.parquet"];
        read_mutated(session, random, folder, &seeds).await;
    });
}

#[test]
fn arrow_files() {
    each("arrow", async |session, random, folder| {
        read_mutated(session, random, folder, &["deliveries.arrow"]).await;
    });
}

#[test]
fn avro_files() {
    each("avro", async |session, random, folder| {
        read_mutated(session, random, folder, &["deliveries.avro"]).await;
    });
}

#[test]
fn compressed_files() {
    each("compressed", async |session, random, folder| {
        let seeds = ["gz", "bz2", "xz", "zst"].map(|e| format!("text/parts.csv.{e}"));
        let seeds: Vec<&str> = seeds.iter().map(String::as_str).collect();
        read_mutated(session, random, folder, &seeds).await;
    });
}

#[test]
fn json_files() {
    let seeds = [
        "deliveries.json",
        "deliveries.ndjson",
        "docs/people.ndjson",
        "text/dirty.ndjson",
        "text/dirty.json",
        "text/utf16.ndjson",
    ];
    each("json", async |session, random, folder| {
        let seed = random.pick(&seeds);
        let name = seed.rsplit('/').next().unwrap();
        let path = write(folder, name, &mutated(seed_file(seed), random));
        let bad_rows = random.pick(&["error", "skip", "null"]);
        let options = format!(
            "'{}', bad_rows => '{bad_rows}', max_line_size => '1MiB'",
            path.display()
        );
        let whole = rows(
            session,
            &format!("SELECT * FROM read_json({options}, blocksize => 0)"),
        )
        .await;
        let cut = rows(
            session,
            &format!("SELECT * FROM read_json({options}, blocksize => 50)"),
        )
        .await;
        // An object that goes on beyond its line can be cut in two.
        if let (Ok(whole), Ok(cut)) = (whole, cut)
            && bad_rows == "error"
        {
            assert_eq!(whole, cut, "{}", path.display());
        }
    });
}

/// Text in which everything that means something in CSV is frequent.
fn noise(random: &mut Random) -> Vec<u8> {
    let parts: [&[u8]; 16] = [
        b",",
        b",",
        b"\n",
        b"\n",
        b"\r\n",
        b"\r",
        b"\"",
        b"\"\"",
        b"a",
        b"12",
        b" ",
        b"#",
        b"\\",
        b"\xC3\xA9",
        b"\xFF",
        b"\0",
    ];
    let frequent = 9 + random.below(8);
    let mut text = Vec::new();
    for _ in 0..random.below(120) {
        text.extend_from_slice(parts[random.below(frequent)]);
    }
    text
}

fn csv_options(random: &mut Random) -> String {
    let mut options = String::new();
    let mut add = |random: &mut Random, n: usize, option: &str| {
        if random.one_in(n) {
            options += ", ";
            options += option;
        }
    };
    add(random, 3, "header => FALSE");
    add(random, 4, "null_padding => TRUE");
    add(random, 6, "quote => ''");
    add(random, 6, "escape => '\\'");
    add(random, 6, "comment => '#'");
    add(random, 8, "max_line_size => 20");
    options + random.pick(&["", "", ", bad_rows => 'skip'", ", bad_rows => 'null'"])
}

/// A CSV file means the same whether it is read whole or in chunks; a cut that turned out wrong is
/// an error that says so.
async fn same_in_chunks(session: &Session, path: &Path, options: &str, block: usize) -> Rows {
    let sql = |more: &str| {
        format!(
            "SELECT * FROM read_csv('{}'{options}{more})",
            path.display()
        )
    };
    let whole = rows(session, &sql(", blocksize => 0")).await;
    let chunks = rows(session, &sql(&format!(", blocksize => {block}"))).await;
    match (&whole, &chunks) {
        (Ok(whole), Ok(chunks)) => assert_eq!(whole, chunks, "{options} in blocks of {block}"),
        (Ok(_), Err(error)) => assert!(
            error.message.contains("when the file was cut"),
            "{options} in blocks of {block}: {error:?}"
        ),
        (Err(whole), Err(chunks)) => assert_eq!(whole.kind, chunks.kind),
        (Err(error), Ok(_)) => panic!("{options} in blocks of {block} only: {error:?}"),
    }
    whole
}

#[test]
fn csv_noise() {
    each("csv_noise", async |session, random, folder| {
        let path = write(folder, "noise.csv", &noise(random));
        let (options, block) = (csv_options(random), 1 + random.below(40));
        let _ = same_in_chunks(session, &path, &options, block).await;
    });
}

#[test]
fn csv_files() {
    let seeds = [
        "text/dirty.csv",
        "text/returns.csv",
        "text/lone_return.csv",
        "text/utf16le.csv",
        "text/latin1.csv",
        "quotes.csv",
        "ragged.csv",
        "empties.csv",
        "deliveries.csv",
    ];
    each("csv", async |session, random, folder| {
        let seed = random.pick(&seeds);
        let path = write(folder, "mutated.csv", &mutated(seed_file(seed), random));
        let (mut options, block) = (csv_options(random), 10 + random.below(100));
        options += random.pick(&[
            "",
            ", encoding => 'latin-1'",
            ", encoding => 'windows-1252'",
        ]);
        let _ = same_in_chunks(session, &path, &options, block).await;
    });
}

/// A table and the text of it, with as many quotes as it needs and some more.
fn well_formed(random: &mut Random) -> (Vec<Vec<String>>, String) {
    let columns = 2 + random.below(4);
    let cells = [
        "a",
        "b c",
        "x,y",
        "say \"hi\"",
        "two\nlines",
        "r\rn\r\n",
        "é😀",
        "#",
        "'",
        "\"",
        "long text",
    ];
    let line_end = random.pick(&["\n", "\r\n"]);
    let quoting = 1 + random.below(4);
    let row = |random: &mut Random| -> Vec<String> {
        (0..columns)
            .map(|_| random.pick(&cells).to_string())
            .collect()
    };
    let rows: Vec<Vec<String>> = (0..random.below(60)).map(|_| row(random)).collect();
    let names: Vec<String> = (0..columns).map(|n| format!("c{n}")).collect();
    let mut text = names.join(",") + line_end;
    for (at, row) in rows.iter().enumerate() {
        let fields: Vec<String> = row
            .iter()
            .map(
                |cell| match cell.contains(['"', ',', '\n', '\r']) || random.one_in(quoting) {
                    true => format!("\"{}\"", cell.replace('"', "\"\"")),
                    false => cell.clone(),
                },
            )
            .collect();
        text += &fields.join(",");
        if at + 1 < rows.len() || random.one_in(2) {
            text += line_end;
        }
    }
    (rows, text)
}

#[test]
fn csv_that_is_well_formed() {
    each("csv_model", async |session, random, folder| {
        let (mut expected, text) = well_formed(random);
        let path = write(folder, "model.csv", text.as_bytes());
        let block = 1 + random.below(200);
        let found = same_in_chunks(session, &path, "", block).await.unwrap();
        let escape = |cell: &mut String| {
            *cell = cell
                .replace('\\', "\\\\")
                .replace('\n', "\\n")
                .replace('\r', "\\r");
        };
        expected.iter_mut().flatten().for_each(escape);
        expected.sort();
        assert_eq!(found, expected);
    });
}
